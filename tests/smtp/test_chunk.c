/* The content of chunks against a reference that works on the whole message at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "mta/smtp/chunk.h"
#include "tests/smtp/talk.h"

enum { LONGEST = 6 };

struct result {
    char content[4 * LONGEST];
    size_t n;
    bool bare, nul;
};

static void emit(struct result *r, char c)
{
    r->content[r->n++] = c;
}

static struct result reference(struct slice in, bool convert)
{
    struct result r = {0};

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        bool cr = c == '\r' && !(i + 1 < in.n && in.p[i + 1] == '\n');
        bool lf = c == '\n' && !(i > 0 && in.p[i - 1] == '\r');
        r.bare = r.bare || ((cr || lf) && !convert);
        r.nul = r.nul || c == '\0';
        if ((cr || lf) && convert)
            emit(&r, '\r');
        emit(&r, cr && convert ? '\n' : c);
    }
    return r;
}

static struct result decode(struct slice in, bool convert, size_t way, size_t room)
{
    struct result r = {0};
    struct chunk_reader reader;
    struct buf out;

    buf_init(&out, room);
    chunk_reader_init(&reader, convert);
    for (size_t used = 0, some; used < in.n; used += some) {
        some = chunk_reader_feed(&reader, talk_piece(in, way, used), &out);
        memcpy(r.content + r.n, buf_slice(&out).p, out.n);
        r.n += out.n;
        buf_clear(&out);
    }
    chunk_reader_end(&reader, &out);
    if (out.n)
        memcpy(r.content + r.n, buf_slice(&out).p, out.n);
    r.n += out.n;
    r.bare = reader.bare;
    r.nul = reader.nul;
    buf_free(&out);
    return r;
}

static void check(struct slice in)
{
    for (int convert = 0; convert < 2; convert++) {
        struct result want = reference(in, convert);
        for (size_t way = 0; way < talk_cuts(in.n); way++) {
            struct result got = decode(in, convert, way, way % 2 ? 4 : 64);
            cr_assert(got.n == want.n && memcmp(got.content, want.content, got.n) == 0 &&
                          got.bare == want.bare && got.nul == want.nul,
                      "%.*s, way %zu", (int)in.n, in.p, way);
        }
    }
}

/* Every message of up to six octets, however it is cut into chunks and segments. */
Test(chunk, all_short_messages)
{
    static const char alphabet[] = {'\r', '\n', '.', '\0', 'x'};
    size_t total = 1;

    for (size_t n = 0; n <= LONGEST; n++, total *= sizeof(alphabet)) {
        for (size_t number = 0; number < total; number++) {
            char s[LONGEST + 1];
            size_t rest = number;
            for (size_t i = 0; i < n; i++, rest /= sizeof(alphabet))
                s[i] = alphabet[rest % sizeof(alphabet)];
            check(slice_make(s, n));
        }
    }
    CHECK_LEAKS();
}

Test(chunk, arguments)
{
    // clang-format off
    static const struct {
        const char *text;
        bool ok;
        uint64_t size;
        bool last;
    } rows[] = {
        {"0", true, 0, false},
        {"86400", true, 86400, false},
        {"0 LAST", true, 0, true},
        {"0005 last", true, 5, true},
        {"18446744073709551615 LAST", true, UINT64_MAX, true},
        {"18446744073709551616", false, 0, false},
        {"", false, 0, false},
        {"LAST", false, 0, false},
        {" LAST", false, 0, false},
        {"5LAST", false, 0, false},
        {"5 LASTX", false, 0, false},
        {"5  LAST", false, 0, false},
        {"5 FOO", false, 0, false},
        {"-1", false, 0, false},
        {"1e3", false, 0, false},
        {"0x10", false, 0, false},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t size = 0;
        bool last, ok = chunk_parse(slice_of(rows[i].text), &size, &last);
        cr_expect_eq(ok, rows[i].ok, "\"%s\"", rows[i].text);
        cr_expect(!ok || (size == rows[i].size && last == rows[i].last), "\"%s\"", rows[i].text);
    }
}
