#include <criterion/criterion.h>
#include <string.h>

#include "mta/smtp/reply.h"
#include "tests/smtp/talk.h"

Test(reply, written)
{
    struct status custom = status_make(CAUSE_OK, "Ok: queued as \xc3\xbc\r\nX");
    struct status ready = status_make(CAUSE_OK, "go on");
    ready.code = 354;
    // clang-format off
    struct {
        const char *name;
        struct status st;
        bool enhanced;
        const char *want;
    } rows[] = {
        {"enhanced", status_of(CAUSE_SENDER_OK), true, "250 2.1.0 Ok\r\n"},
        {"plain", status_of(CAUSE_SENDER_OK), false, "250 Ok\r\n"},
        {"3yz has no enhanced code", ready, true, "354 go on\r\n"},
        {"relay", status_of(CAUSE_RELAY_DENIED), true, "554 5.7.1 Relay access denied\r\n"},
        {"only ASCII, one line", custom, true, "250 2.0.0 Ok: queued as ????X\r\n"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 512);
        cr_expect(reply_write(&out, &rows[i].st, rows[i].enhanced));
        cr_expect_str_eq(buf_cstr(&out), rows[i].want, "%s", rows[i].name);
        buf_free(&out);
    }
    struct buf small;
    buf_init(&small, 5);
    cr_expect_not(reply_write(&small, &rows[0].st, true), "does not fit");
    cr_expect_eq(small.n, 0);
    buf_free(&small);
}

struct row {
    const char *name;
    struct slice in;
    enum reply_result result;
    unsigned code;
    const char *text;
    size_t lines;
};

#define IN(text)                                                                                   \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

// clang-format off
static const struct row rows[] = {
    {"one line", IN("250 Ok\r\n"), REPLY_OK, 250, "Ok", 1},
    {"code alone", IN("250\r\n"), REPLY_OK, 250, "", 1},
    {"code and a blank", IN("250 \r\n"), REPLY_OK, 250, "", 1},
    {"two lines", IN("250-a b\r\n250 c\r\n"), REPLY_OK, 250, "a b\nc", 2},
    {"empty middle", IN("250-\r\n250-\r\n250\r\n"), REPLY_OK, 250, "\n\n", 3},
    {"8-bit and control text", IN("550 \xff\x1b[2J%n\t\r\n"), REPLY_OK, 550, "\xff\x1b[2J%n\t", 1},
    {"CR inside", IN("550 a\rb\r\n"), REPLY_OK, 550, "a\rb", 1},
    {"lowest", IN("200 x\r\n"), REPLY_OK, 200, "x", 1},
    {"highest", IN("559 x\r\n"), REPLY_OK, 559, "x", 1},
    {"incomplete line", IN("250 Ok\r"), REPLY_MORE, 0, "", 0},
    {"incomplete reply", IN("250-a\r\n"), REPLY_MORE, 0, "", 0},
    {"000", IN("000 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"199", IN("199 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"299", IN("299 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"600", IN("600 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"999", IN("999 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"two digits", IN("25\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"two digits and text", IN("25 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"four digits", IN("2500\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"minus first", IN("-250 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"colon", IN("250:x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"tab", IN("250\tx\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"blank first", IN(" 250 x\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"empty line", IN("\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"bare LF", IN("250 Ok\n"), REPLY_MALFORMED, 0, "", 0},
    {"LF first", IN("\n"), REPLY_MALFORMED, 0, "", 0},
    {"NUL", IN("250 a\0b\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"mixed codes", IN("250-a\r\n550 b\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"short last line", IN("250-a\r\n25\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"no code in the middle", IN("250-a\r\nb\r\n250 c\r\n"), REPLY_MALFORMED, 0, "", 0},
    {"HTTP", IN("HTTP/1.1 400 Bad Request\r\n"), REPLY_MALFORMED, 0, "", 0},
};
// clang-format on

static void check(const struct row *row, size_t way)
{
    struct reply_reader r;
    struct reply reply = {0};
    struct buf in;
    enum reply_result result = REPLY_MORE;

    buf_init(&in, LIMIT_SESSION_IN);
    reply_reader_init(&r);
    for (size_t done = 0; done < row->in.n && result == REPLY_MORE;) {
        struct slice piece = talk_piece(row->in, way, done);
        cr_assert(buf_append(&in, piece));
        done += piece.n;
        result = reply_reader_feed(&r, &in, &reply);
    }
    cr_expect_eq(result, row->result, "%s, way %zu: %d", row->name, way, result);
    if (result == REPLY_OK && row->result == REPLY_OK) {
        cr_expect_eq(reply.code, row->code, "%s", row->name);
        cr_expect(slice_eq(reply.text, slice_of(row->text)), "%s, way %zu", row->name, way);
        cr_expect_eq(reply.lines, row->lines, "%s", row->name);
        cr_expect_eq(in.n, 0, "%s", row->name);
    }
    if (result == REPLY_MALFORMED) {
        buf_clear(&in);
        cr_assert(buf_append(&in, SLICE("250 Ok\r\n")));
        cr_expect_eq(reply_reader_feed(&r, &in, &reply), REPLY_MALFORMED, "%s: always", row->name);
    }
    reply_reader_free(&r);
    buf_free(&in);
}

Test(reply, read)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t way = 0; way < talk_cuts(rows[i].in.n); way++)
            check(&rows[i], way);
    CHECK_LEAKS();
}

Test(reply, one_after_the_other)
{
    struct reply_reader r;
    struct reply reply;
    struct buf in;

    buf_init(&in, 1024);
    reply_reader_init(&r);
    cr_assert(buf_append(&in, SLICE("250-a\r\n250 b\r\n550 c\r\n")));
    cr_assert_eq(reply_reader_feed(&r, &in, &reply), REPLY_OK);
    cr_expect(slice_eq(reply.text, SLICE("a\nb")));
    cr_assert_eq(reply_reader_feed(&r, &in, &reply), REPLY_OK);
    cr_expect(reply.code == 550 && reply.lines == 1 && slice_eq(reply.text, SLICE("c")));
    cr_assert_eq(reply_reader_feed(&r, &in, &reply), REPLY_MORE);
    reply_reader_free(&r);
    buf_free(&in);
    CHECK_LEAKS();
}

/* An endless line and an endless reply end at their limits, however they come. */
static enum reply_result flood(struct slice piece, size_t *out_octets)
{
    struct reply_reader r;
    struct reply reply;
    struct buf in;
    enum reply_result result = REPLY_MORE;

    buf_init(&in, LIMIT_SESSION_IN);
    reply_reader_init(&r);
    for (*out_octets = 0; *out_octets < 1 << 20 && result == REPLY_MORE; *out_octets += piece.n) {
        cr_assert(buf_append(&in, piece));
        result = reply_reader_feed(&r, &in, &reply);
    }
    reply_reader_free(&r);
    buf_free(&in);
    return result;
}

Test(reply, bounded)
{
    size_t octets;

    cr_expect_eq(flood(SLICE("2"), &octets), REPLY_MALFORMED);
    cr_expect_eq(octets, LIMIT_REPLY_LINE);
    cr_expect_eq(flood(SLICE("250-x\r\n"), &octets), REPLY_MALFORMED);
    cr_expect_leq(octets, LIMIT_REPLY + 7);
    CHECK_LEAKS();
}
