/* The end of data and dot-stuffing against a reference that works on the whole input at once. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mta/smtp/dot.h"
#include "tests/smtp/talk.h"

static const char alphabet[] = {'\r', '\n', '.', '\0', 'x'};
static const char tail[] = "\r\n.\r\nMAIL FROM:<evil@x>\r\n.\r\n";

struct result {
    char content[256];
    size_t n, consumed;
    bool bare, nul, ended;
};

static void emit(struct result *r, char c)
{
    r->content[r->n++] = c;
}

/* The reference: the first CRLF . CRLF ends, where the data begins as if after CRLF; what is before
 * it is content, less every dot behind a CRLF. */
static struct result reference(struct slice in, bool convert)
{
    struct result r = {0};
    char all[256] = "\r\n";
    memcpy(all + 2, in.p, in.n);
    const char *end = memmem(all, in.n + 2, "\r\n.\r\n", 5);
    cr_assert(end);
    r.ended = true;
    r.consumed = (size_t)(end - all) + 5 - 2;
    for (const char *p = all + 2; p < end + 2; p++) {
        bool cr = *p == '\r' && p[1] != '\n', lf = *p == '\n' && p[-1] != '\r';
        if (*p == '.' && p[-1] == '\n' && p[-2] == '\r')
            continue;
        r.nul = r.nul || *p == '\0';
        r.bare = r.bare || ((cr || lf) && !convert);
        if ((cr || lf) && convert)
            emit(&r, '\r');
        emit(&r, cr && convert ? '\n' : *p);
    }
    return r;
}

static struct result decode(struct slice in, bool convert, size_t way)
{
    struct result r = {0};
    struct dot_reader reader;
    struct buf out;

    buf_init(&out, sizeof(r.content));
    dot_reader_init(&reader, convert);
    while (r.consumed < in.n && !reader.ended)
        r.consumed += dot_reader_feed(&reader, talk_piece(in, way, r.consumed), &out);
    r.n = out.n;
    memcpy(r.content, buf_slice(&out).p, out.n);
    r.bare = reader.bare;
    r.nul = reader.nul;
    r.ended = reader.ended;
    buf_free(&out);
    return r;
}

static bool same(const struct result *a, const struct result *b)
{
    return a->n == b->n && a->consumed == b->consumed && a->bare == b->bare && a->nul == b->nul &&
           a->ended == b->ended && memcmp(a->content, b->content, a->n) == 0;
}

/* Calls f with every string of length 1–6 over the alphabet. */
static size_t each_string(void (*f)(struct slice s))
{
    size_t count = 0, total = 5;

    for (size_t n = 1; n <= 6; n++, total *= 5) {
        for (size_t number = 0; number < total; number++, count++) {
            char s[6];
            size_t rest = number;
            for (size_t i = 0; i < n; i++, rest /= 5)
                s[i] = alphabet[rest % 5];
            f(slice_make(s, n));
        }
    }
    return count;
}

static void check_reader(struct slice s)
{
    char text[64];
    memcpy(text, s.p, s.n);
    memcpy(text + s.n, tail, sizeof(tail) - 1);
    struct slice in = slice_make(text, s.n + sizeof(tail) - 1);

    for (int convert = 0; convert < 2; convert++) {
        struct result want = reference(in, convert);
        for (size_t way = 0; way < talk_cuts(s.n + 6); way++) {
            struct result got = decode(in, convert, way);
            cr_assert(same(&want, &got), "string %zu octets, convert %d, way %zu", s.n, convert,
                      way);
        }
    }
}

Test(dot, every_short_string_as_the_reference)
{
    cr_assert_eq(each_string(check_reader), 19530);
    CHECK_LEAKS();
}

static void encode(struct slice s, size_t way, size_t room, struct buf *wire)
{
    struct dot_writer w;
    struct buf out;
    size_t done = 0;
    bool ended = false;

    buf_init(&out, room);
    dot_writer_init(&w);
    while (!ended) {
        done += dot_writer_feed(&w, talk_piece(s, way, done), &out);
        ended = done == s.n && dot_writer_end(&w, &out);
        cr_assert(buf_append(wire, buf_slice(&out)));
        buf_clear(&out);
    }
    buf_free(&out);
}

static void check_round_trip(struct slice s)
{
    bool whole = s.n >= 2 && s.p[s.n - 2] == '\r' && s.p[s.n - 1] == '\n';

    for (size_t way = 0; way < talk_cuts(s.n); way++) {
        struct buf wire;
        buf_init(&wire, 256);
        encode(s, way, way % 2 ? 5 : 64, &wire);
        struct result r = decode(buf_slice(&wire), false, 0);
        cr_assert(r.ended && r.consumed == wire.n && r.n == s.n + (whole ? 0 : 2));
        cr_assert(memcmp(r.content, s.p, s.n) == 0);
        buf_free(&wire);
    }
}

Test(dot, writer_and_reader_agree_on_every_short_string)
{
    each_string(check_round_trip);
    CHECK_LEAKS();
}

Test(dot, writer_table)
{
    // clang-format off
    static const struct {
        const char *name, *content, *wire;
    } rows[] = {
        {"empty", "", ".\r\n"},
        {"one line", "a\r\n", "a\r\n.\r\n"},
        {"no end of line", "a", "a\r\n.\r\n"},
        {"a lone dot", ".\r\n", "..\r\n.\r\n"},
        {"dots", "..x\r\n.\r\na.b\r\n", "...x\r\n..\r\na.b\r\n.\r\n"},
        {"no line for SMTP", "a\n.b\r\n", "a\n.b\r\n.\r\n"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf wire;
        buf_init(&wire, 256);
        encode(slice_of(rows[i].content), 0, 64, &wire);
        cr_expect_str_eq(buf_cstr(&wire), rows[i].wire, "%s", rows[i].name);
        buf_free(&wire);
    }
}

/* A long message whose dots sit at the edges of common buffers, through outputs of several sizes.
 */
Test(dot, edges_of_buffers)
{
    static const size_t edges[] = {4095, 4096, 8191, 16383, 16384, 65535};
    enum { N = 70000 };
    char *text = base_alloc(N);

    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t room = 64; room <= LIMIT_BODY_CHUNK; room *= 4) {
            memset(text, 'x', N);
            memcpy(text + edges[i] - 2, "\r\n.\r\n", 5);
            struct dot_reader r;
            struct buf out;
            buf_init(&out, room);
            dot_reader_init(&r, false);
            size_t used = 0, decoded = 0;
            while (used < N && !r.ended) {
                size_t n = N - used < 4096 ? N - used : 4096;
                used += dot_reader_feed(&r, slice_make(text + used, n), &out);
                decoded += out.n;
                buf_clear(&out);
            }
            cr_expect(r.ended && used == edges[i] + 3 && decoded == edges[i], "%zu in %zu",
                      edges[i], room);
            buf_free(&out);
        }
    }
    free(text);
    CHECK_LEAKS();
}
