/* The content of DATA and of BDAT against a reader of the whole, and in pieces into small buffers: the
 * same content, the same verdict, the same end. What is accepted has lines that end in CRLF and
 * nothing else; what is written for DATA is read back.
 *
 *   first octet: bit 0 convert, bit 1 BDAT; second: pieces */
#include <string.h>

#include "mta/smtp/chunk.h"
#include "mta/smtp/dot.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 1 << 20, SMALL = 16 };

struct result {
    struct buf content;
    size_t consumed;
    bool bare, nul, ended;
};

static void result_init(struct result *r)
{
    *r = (struct result){0};
    buf_init(&r->content, ROOM);
}

static void check_same(const struct result *a, const struct result *b)
{
    REQUIRE(slice_eq(buf_slice(&a->content), buf_slice(&b->content)));
    REQUIRE(a->ended == b->ended && a->nul == b->nul && a->bare == b->bare);
    REQUIRE(!a->ended || a->consumed == b->consumed);
}

static void put(struct result *r, struct slice s)
{
    REQUIRE(buf_append(&r->content, s));
}

/* ---- the reference ---- */

/* Octets up to where CRLF . CRLF ends the data; what is before it begins as if behind a CRLF. */
static bool find_end(struct slice in, size_t *out_content, size_t *out_all)
{
    const char *end = in.n ? memmem(in.p, in.n, "\r\n.\r\n", 5) : NULL;

    if (slice_starts(in, SLICE(".\r\n"))) {
        *out_content = 0;
        *out_all = 3;
        return true;
    }
    if (!end)
        return false;
    *out_content = (size_t)(end - in.p) + 2;
    *out_all = *out_content + 3;
    return true;
}

static void read_whole(struct slice in, bool convert, bool dots, struct result *r)
{
    bool line_start = true;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        bool pair = c == '\r' && i + 1 < in.n && in.p[i + 1] == '\n';
        bool bare = !pair && (c == '\r' || c == '\n');
        if (!(dots && line_start && c == '.'))
            put(r, pair || (bare && convert) ? SLICE("\r\n") : slice_make(&c, 1));
        r->bare |= bare && !convert;
        r->nul |= c == '\0';
        line_start = pair;
        i += pair;
    }
}

/* ---- DATA ---- */

static void read_dots(struct slice in, bool convert, uint32_t seed, struct result *r)
{
    struct dot_reader reader;
    struct buf out;
    size_t most = seed ? SMALL : in.n + 1;

    buf_init(&out, seed ? SMALL : ROOM);
    dot_reader_init(&reader, convert);
    while (in.n && !reader.ended) {
        struct slice piece = seed ? take_piece(&in, &seed, most) : take(&in, in.n);
        while (piece.n && !reader.ended) {
            size_t n = dot_reader_feed(&reader, piece, &out);
            REQUIRE(n || out.n);
            r->consumed += n;
            piece = slice_skip(piece, n);
            put(r, buf_slice(&out));
            buf_clear(&out);
        }
    }
    r->bare = reader.bare;
    r->nul = reader.nul;
    r->ended = reader.ended;
    buf_free(&out);
}

static void write_dots(struct slice content, uint32_t seed, struct buf *wire)
{
    struct dot_writer w;
    struct buf out;
    bool ended = false;

    buf_init(&out, SMALL);
    dot_writer_init(&w);
    while (!ended) {
        struct slice left = content, piece = take_piece(&left, &seed, SMALL);
        content = slice_skip(content, dot_writer_feed(&w, piece, &out));
        ended = content.n == 0 && dot_writer_end(&w, &out);
        REQUIRE(buf_append(wire, buf_slice(&out)));
        buf_clear(&out);
    }
    buf_free(&out);
}

/* What goes out by DATA comes in as it was, but for the line end that DATA cannot do without. */
static void check_writer(struct slice content, uint32_t seed)
{
    bool whole = content.n >= 2 && slice_eq(slice_skip(content, content.n - 2), SLICE("\r\n"));
    struct result back;
    struct buf wire;

    buf_init(&wire, ROOM);
    result_init(&back);
    write_dots(content, seed, &wire);
    read_dots(buf_slice(&wire), false, 0, &back);
    struct slice got = buf_slice(&back.content);
    REQUIRE(back.ended && back.consumed == wire.n);
    REQUIRE(slice_starts(got, content) && got.n == content.n + (whole || !content.n ? 0 : 2));
    buf_free(&back.content);
    buf_free(&wire);
}

static void check_data(struct slice in, bool convert, uint32_t seed)
{
    struct result want, whole, split;
    size_t n;

    result_init(&want);
    result_init(&whole);
    result_init(&split);
    read_dots(in, convert, 0, &whole);
    read_dots(in, convert, seed, &split);
    check_same(&whole, &split);
    want.ended = find_end(in, &n, &want.consumed);
    REQUIRE(want.ended == whole.ended);
    if (want.ended) {
        read_whole(slice_head(in, n), convert, true, &want);
        check_same(&want, &whole);
        if (!whole.bare && !whole.nul)
            REQUIRE(has_strict_lines(buf_slice(&whole.content)));
    }
    buf_free(&want.content);
    buf_free(&whole.content);
    buf_free(&split.content);
}

/* ---- BDAT ---- */

static void read_chunks(struct slice in, bool convert, uint32_t seed, struct result *r)
{
    struct chunk_reader reader;
    struct buf out;

    buf_init(&out, seed ? SMALL : ROOM);
    chunk_reader_init(&reader, convert);
    while (in.n) {
        struct slice piece = seed ? take_piece(&in, &seed, SMALL) : take(&in, in.n);
        while (piece.n) {
            size_t n = chunk_reader_feed(&reader, piece, &out);
            REQUIRE(n || out.n);
            piece = slice_skip(piece, n);
            put(r, buf_slice(&out));
            buf_clear(&out);
        }
    }
    chunk_reader_end(&reader, &out);
    put(r, buf_slice(&out));
    r->bare = reader.bare;
    r->nul = reader.nul;
    r->ended = true;
    buf_free(&out);
}

static void check_chunks(struct slice in, bool convert, uint32_t seed)
{
    struct result want, whole, split;

    result_init(&want);
    result_init(&whole);
    result_init(&split);
    want.ended = true;
    read_whole(in, convert, false, &want);
    read_chunks(in, convert, 0, &whole);
    read_chunks(in, convert, seed, &split);
    check_same(&want, &whole);
    check_same(&want, &split);
    if (!whole.bare && !whole.nul) {
        REQUIRE(has_strict_lines(buf_slice(&whole.content)));
        check_writer(buf_slice(&whole.content), seed);
    }
    buf_free(&want.content);
    buf_free(&whole.content);
    buf_free(&split.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    unsigned how = take_u8(&in);
    uint32_t seed = take_u8(&in) + 1u;

    (how & 2 ? check_chunks : check_data)(in, how & 1, seed);
    return 0;
}
