/* Header fields: their text on both ways, their list and its changes; new bodies. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "mta/milter/field.h"
#include "mta/milter/head.h"
#include "mta/milter/lines.h"
#include "tests/smtp/talk.h"

#define D(text) {text, sizeof(text) - 1}

Test(field, value_for_a_filter)
{
    // clang-format off
    static const struct {
        const char *rest, *value, *with_space;
    } rows[] = {
        {" a\r\n", "a", " a"},
        {"  a \r\n", " a ", "  a "},
        {"\ta\r\n", "\ta", "\ta"},
        {"a\r\n", "a", "a"},
        {"\r\n", "", ""},
        {" \r\n", "", " "},
        {" a\r\n\tb\r\n c\r\n", "a\n\tb\n c", " a\n\tb\n c"},
        {"\r\n a\r\n", "\n a", "\n a"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 100);
        cr_expect(milter_field_value(slice_of(rows[i].rest), false, &out));
        cr_expect_str_eq(buf_cstr(&out), rows[i].value);
        buf_clear(&out);
        cr_expect(milter_field_value(slice_of(rows[i].rest), true, &out));
        cr_expect_str_eq(buf_cstr(&out), rows[i].with_space);
        buf_free(&out);
    }
}

Test(field, made_by_a_filter)
{
    // clang-format off
    static const struct {
        struct slice name, value;
        const char *want; /* NULL: refused */
    } rows[] = {
        {D("X-A"), D("v"), "X-A: v\r\n"},
        {D("X-A"), D(""), "X-A: \r\n"},
        {D("X"), D("a\n\tb\n c"), "X: a\r\n\tb\r\n c\r\n"},
        {D("X"), D("a\r\n\tb"), "X: a\r\n\tb\r\n"},
        {D("X"), D("n\303\266"), "X: n\303\266\r\n"},
        {D("X"), D("a\nBcc: b"), NULL},
        {D("X"), D("a\r\nBcc: b"), NULL},
        {D("X"), D("a\n\nbody"), NULL},
        {D("X"), D("a\n"), NULL},
        {D("X"), D("a\r\n"), NULL},
        {D("X"), D("a\rb"), NULL},
        {D("X"), D("a\r\tb"), NULL},
        {D("X"), D("a\r"), NULL},
        {D("X"), D("a\0b"), NULL},
        {D(""), D("v"), NULL},
        {D("X:"), D("v"), NULL},
        {D("X Y"), D("v"), NULL},
        {D("X\r\nY"), D("v"), NULL},
        {D("\303\266"), D("v"), NULL},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 100);
        bool ok = milter_field_make(rows[i].name, rows[i].value, false, &out);
        cr_expect_eq(ok, rows[i].want != NULL, "row %zu", i);
        if (ok)
            cr_expect_str_eq(buf_cstr(&out), rows[i].want);
        buf_free(&out);
    }
    struct buf out;
    buf_init(&out, 100);
    cr_expect(milter_field_make(SLICE("X"), SLICE("v"), true, &out));
    cr_expect_str_eq(buf_cstr(&out), "X:v\r\n", "the value brings its blank");
    buf_free(&out);
    buf_init(&out, 5);
    cr_expect_not(milter_field_make(SLICE("X"), SLICE("v"), false, &out), "does not fit");
    buf_free(&out);
}

static const char message[] = "Received: ours\r\n\tfolded\r\n"
                              "Received: theirs\r\n"
                              "Subject : a\r\n"
                              " b\r\n"
                              "X: 1\r\n"
                              "x: 2\r\n"
                              "\r\n"
                              "body: text\r\n";
enum { OWN = 25 };

static void join(const struct milter_head *h, struct buf *out)
{
    for (size_t i = 0; i < h->n; i++)
        cr_assert(buf_append(out, slice_make(h->fields[i].p, h->fields[i].n)));
}

Test(head, split)
{
    struct milter_head h;
    size_t end = 0;
    struct buf all;

    cr_assert_eq(milter_head_split(&h, slice_of(message), OWN, &end), MILTER_SPLIT_OK);
    cr_assert_eq(h.n, 5);
    cr_expect(h.fields[0].ours && !h.fields[1].ours && !h.fields[4].ours);
    cr_expect(slice_eq(milter_field_name(&h.fields[2]), SLICE("Subject")));
    cr_expect(slice_eq(milter_field_rest(&h.fields[2]), SLICE(" a\r\n b\r\n")));
    cr_expect(slice_eq(slice_skip(slice_of(message), end), SLICE("\r\nbody: text\r\n")));
    buf_init(&all, 1000);
    join(&h, &all);
    cr_expect(slice_eq(buf_slice(&all), slice_head(slice_of(message), end)));
    buf_free(&all);
    milter_head_free(&h);
}

Test(head, ends_where_no_field_is)
{
    // clang-format off
    static const struct { const char *text; size_t n, end; } rows[] = {
        {"", 0, 0}, {"\r\n", 0, 0}, {"a: b\r\n", 1, 6}, {"a: b\r\nno field\r\nc: d\r\n", 1, 6},
        {" a: b\r\n", 0, 0}, {": b\r\n", 0, 0}, {"a:\r\n", 1, 4}, {"a\t:\r\n", 1, 5},
        {"a b: c\r\n", 0, 0}, {"a: b\r\n \r\n\r\n", 1, 9}, {"a", 0, 0}, {"a:", 1, 2},
        {"From x Mon\r\na: b\r\n", 0, 0}, {"\303\266: x\r\n", 0, 0},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct milter_head h;
        size_t end = 99;
        cr_assert_eq(milter_head_split(&h, slice_of(rows[i].text), 0, &end), MILTER_SPLIT_OK);
        cr_expect_eq(h.n, rows[i].n, "%s", rows[i].text);
        cr_expect_eq(end, rows[i].end, "%s", rows[i].text);
        milter_head_free(&h);
    }
}

Test(head, too_many_fields)
{
    struct buf text;
    struct milter_head h;
    size_t end;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < LIMIT_MILTER_FIELDS; i++)
        cr_assert(buf_append(&text, SLICE("a:\r\n")));
    cr_expect_eq(milter_head_split(&h, buf_slice(&text), 0, &end), MILTER_SPLIT_OK);
    milter_head_free(&h);
    cr_assert(buf_append(&text, SLICE("a:\r\n")));
    cr_expect_eq(milter_head_split(&h, buf_slice(&text), 0, &end), MILTER_SPLIT_FIELDS);
    milter_head_free(&h);
    buf_free(&text);
    CHECK_LEAKS();
}

/* The first letters of the fields' values show the order. Ours is 'o', then t a 1 2. */
static void order(const struct milter_head *h, char *out)
{
    for (size_t i = 0; i < h->n; i++)
        *out++ = slice_trim(milter_field_rest(&h->fields[i])).p[0];
    *out = '\0';
}

Test(head, changes)
{
    // clang-format off
    static const struct {
        char what; /* i insert, m change */
        size_t index;
        const char *name, *text, *want;
    } rows[] = {
        {'i', 0, "N", "N: n\r\n", "nota12"},
        {'i', 1, "N", "N: n\r\n", "onta12"}, /* where a signature goes: behind ours */
        {'i', 5, "N", "N: n\r\n", "ota12n"},
        {'i', 99, "N", "N: n\r\n", "ota12n"},
        {'m', 1, "received", "Received: n\r\n", "ona12"}, /* ours is not counted */
        {'m', 1, "Received", "", "oa12"},
        {'m', 2, "Received", "Received: n\r\n", "ota12n"},
        {'m', 2, "Received", "", "ota12"},
        {'m', 2, "X", "X: n\r\n", "ota1n"},
        {'m', 0, "X", "X: n\r\n", "otan2"},
        {'m', 1, "X", "", "ota2"},
        {'m', 1, "Nobody", "Nobody: n\r\n", "ota12n"},
        {'m', 1, "Nobody", "", "ota12"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct milter_head h;
        size_t end, index = rows[i].index;
        struct slice text = slice_of(rows[i].text);
        char got[20];
        cr_assert_eq(milter_head_split(&h, slice_of(message), OWN, &end), MILTER_SPLIT_OK);
        if (rows[i].what == 'i')
            milter_head_insert(&h, index, text, strlen(rows[i].name));
        else
            milter_head_change(&h, slice_of(rows[i].name), index, text);
        order(&h, got);
        cr_expect_str_eq(got, rows[i].want, "row %zu: %s", i, got);
        milter_head_free(&h);
    }
    CHECK_LEAKS();
}

Test(lines, at_every_split)
{
    // clang-format off
    static const struct {
        struct slice in;
        const char *want; /* NULL: refused */
    } rows[] = {
        {D("a\r\nb\r\n"), "a\r\nb\r\n"}, {D("a\nb\n"), "a\r\nb\r\n"},
        {D("a\nb"), "a\r\nb\r\n"}, {D(""), ""}, {D("\n\n"), "\r\n\r\n"},
        {D("\r\n.\r\n"), "\r\n.\r\n"}, {D("a\rb"), NULL}, {D("a\r\r\n"), NULL},
        {D("a\r"), NULL}, {D("a\0b"), NULL}, {D("\303\266"), "\303\266\r\n"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t way = 0; way < talk_cuts(rows[i].in.n); way++) {
            struct milter_lines l = {0};
            struct buf out;
            buf_init(&out, 100);
            for (size_t done = 0; done < rows[i].in.n && !l.bad;) {
                struct slice piece = talk_piece(rows[i].in, way, done);
                done += milter_lines_feed(&l, piece, &out);
            }
            struct slice end = milter_lines_end(&l);
            cr_expect_eq(l.bad, rows[i].want == NULL, "row %zu way %zu", i, way);
            cr_assert(buf_append(&out, end));
            if (!l.bad)
                cr_expect_str_eq(buf_cstr(&out), rows[i].want, "row %zu way %zu", i, way);
            buf_free(&out);
        }
    }
    struct milter_lines l = {0};
    struct buf out;
    buf_init(&out, 3);
    cr_expect_eq(milter_lines_feed(&l, SLICE("ab\n"), &out), 2, "only what fits");
    cr_expect_not(l.eight_bit);
    buf_clear(&out);
    cr_expect_eq(milter_lines_feed(&l, SLICE("\377\n"), &out), 2);
    cr_expect(l.eight_bit);
    buf_free(&out);
}
