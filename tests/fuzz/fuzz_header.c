/* The header scan, whole, in pieces and octet by octet, against a reader that looks at whole lines. The
 * first octet says how the pieces fall. */
#include <string.h>

#include "mta/mail/header.h"
#include "tests/fuzz/bytes.h"

enum { PIECE = 24 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void check_same(const struct header_scan *a, const struct header_scan *b)
{
    REQUIRE(a->hops == b->hops && a->has_date == b->has_date && a->ended == b->ended &&
            a->has_message_id == b->has_message_id && a->length == b->length &&
            a->tls_required == b->tls_required);
    REQUIRE(header_scan_tls_optional(a) == header_scan_tls_optional(b));
}

/* ---- the reference ---- */

struct header {
    unsigned hops, tls_required, says_no;
    bool has_date, has_message_id, ended;
    size_t length;
};

/* A line with its LF, or the last one without. */
static struct slice line_at(struct slice in, size_t at)
{
    struct slice left = slice_skip(in, at);
    return slice_head(left, slice_find(left, '\n') + 1);
}

/* The field at `at` with its continuations. */
static struct slice field_at(struct slice in, size_t at)
{
    size_t n = line_at(in, at).n;

    while (at + n < in.n && is_blank(in.p[at + n]) && in.p[at + n - 1] == '\n')
        n += line_at(in, at + n).n;
    return slice_head(slice_skip(in, at), n);
}

/* "No" alone, in any case, with white space before it and CRLF behind it (RFC 8689 §3). */
static bool is_no(struct slice value)
{
    while (value.n && (is_blank(value.p[0]) || value.p[0] == '\r' || value.p[0] == '\n'))
        value = slice_skip(value, 1);
    return slice_caseeq(value, SLICE("no\r\n")) || slice_caseeq(value, SLICE("no\r"));
}

static void take_field(struct header *h, struct slice name, struct slice value, bool spaced)
{
    h->hops += slice_caseeq(name, SLICE("received"));
    h->has_date |= slice_caseeq(name, SLICE("date"));
    h->has_message_id |= slice_caseeq(name, SLICE("message-id"));
    if (!slice_caseeq(name, SLICE("tls-required")))
        return;
    h->tls_required++;
    h->says_no += !spaced && is_no(value);
}

/* False: no field begins here. incomplete: its name may still go on. */
static bool read_field(struct header *h, struct slice field, bool *incomplete)
{
    size_t n = 0, colon;

    while (n < field.n && field.p[n] > ' ' && field.p[n] < 0x7f && field.p[n] != ':')
        n++;
    for (colon = n; colon < field.n && is_blank(field.p[colon]); colon++)
        ;
    *incomplete = colon == field.n;
    if (n == 0 || (!*incomplete && field.p[colon] != ':'))
        return false;
    if (!*incomplete)
        take_field(h, slice_head(field, n), slice_skip(field, colon + 1), colon > n);
    return true;
}

static struct header read_whole(struct slice in)
{
    struct header h = {0};
    bool incomplete = false;

    while (h.length < in.n && !h.ended && !incomplete) {
        struct slice field = field_at(in, h.length);
        bool empty = field.p[0] == '\n' || slice_starts(field, SLICE("\r\n"));
        bool cr = field.n == 1 && field.p[0] == '\r';
        if (empty || cr) {
            h.length += field.p[0] == '\r' && !cr ? 2 : 1;
            h.ended = empty;
            break;
        }
        h.ended = !read_field(&h, field, &incomplete);
        h.length += h.ended ? 0 : field.n;
    }
    return h;
}

static void check_reference(const struct header_scan *s, struct slice in)
{
    struct header h = read_whole(in);

    REQUIRE(s->hops == h.hops && s->has_date == h.has_date && s->ended == h.ended &&
            s->has_message_id == h.has_message_id && s->tls_required == h.tls_required);
    REQUIRE(s->length == h.length);
    REQUIRE(header_scan_tls_optional(s) == (h.tls_required == 1 && h.says_no == 1));
}

static struct header_scan scan(struct slice in, uint32_t seed, size_t most)
{
    struct header_scan h;

    header_scan_init(&h);
    while (in.n)
        header_scan_feed(&h, seed ? take_piece(&in, &seed, most) : take(&in, in.n));
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    uint32_t seed = take_u8(&in) + 1u;
    struct header_scan whole = scan(in, 0, 0), split = scan(in, seed, PIECE), single = scan(in, seed, 1);

    REQUIRE(whole.length <= in.n);
    check_same(&whole, &split);
    check_same(&whole, &single);
    check_reference(&whole, in);
    return 0;
}
