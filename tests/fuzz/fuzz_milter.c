/* A mail filter's stream, in pieces, and what its changes make of a header: no two fields of one, no end
 * of the header before its end, no bare CR or LF. */
#include "mta/milter/field.h"
#include "mta/milter/head.h"
#include "mta/milter/lines.h"
#include "mta/milter/reply.h"
#include "tests/fuzz/bytes.h"

static const char message[] = "Received: ours\r\nA: 1\r\n 2\r\nB:\r\n\r\nbody\r\n";
enum { OWN = 16 };

static bool is_one_field(struct slice text)
{
    struct milter_head h;
    size_t end;

    REQUIRE(milter_head_split(&h, text, 0, &end) == MILTER_SPLIT_OK);
    bool one = h.n == 1 && end == text.n;
    milter_head_free(&h);
    return one;
}

static void no_bare_ends(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        REQUIRE(text.p[i] != '\0');
        REQUIRE(text.p[i] != '\r' || (i + 1 < text.n && text.p[i + 1] == '\n'));
        REQUIRE(text.p[i] != '\n' || (i > 0 && text.p[i - 1] == '\r'));
    }
}

static void change(struct milter_head *h, const struct milter_reply *r)
{
    struct buf field;

    buf_init(&field, 1 << 20);
    if (milter_field_make(r->name, r->text, r->index & 1, &field)) {
        struct slice text = buf_slice(&field);
        REQUIRE(is_one_field(text));
        no_bare_ends(text);
        if (r->kind == MILTER_INSERT_HEADER)
            milter_head_insert(h, r->index, text, r->name.n);
        else
            milter_head_change(h, r->name, r->index, r->text.n ? text : SLICE(""));
    }
    buf_free(&field);
}

static void replace(struct milter_lines *l, struct slice part)
{
    char text[64];
    struct buf out;

    while (part.n && !l->bad) {
        buf_init(&out, sizeof(text));
        part = slice_skip(part, milter_lines_feed(l, part, &out));
        if (!l->bad)
            no_bare_ends(buf_slice(&out));
        buf_free(&out);
    }
}

static void use(struct milter_head *h, struct milter_lines *l, const struct milter_reply *r)
{
    if (r->name.n)
        change(h, r);
    if (r->kind == MILTER_REPLACE_BODY)
        replace(l, r->text);
    if (r->kind != MILTER_REPLY)
        return;
    REQUIRE(r->code >= 400 && r->code <= 559 && (!r->esc.cls || r->esc.cls == r->code / 100));
    for (const char *p = r->words; *p; p++)
        REQUIRE((uint8_t)*p >= ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size};
    struct milter_head h;
    struct milter_lines l = {0};
    struct milter_options o;
    struct milter_packet p;
    struct milter_reply r;
    size_t end;

    REQUIRE(milter_head_split(&h, slice_of(message), OWN, &end) == MILTER_SPLIT_OK);
    while (milter_packet_next(in, &p) == MILTER_PACKET) {
        REQUIRE(p.octets <= in.n);
        if (!milter_options_parse(&p, &o))
            REQUIRE(!(o.actions & ~(uint32_t)MILTER_ACTIONS) && o.version <= MILTER_VERSION);
        if (milter_reply_parse(&p, &r))
            use(&h, &l, &r);
        in = slice_skip(in, p.octets);
    }
    REQUIRE(h.n && h.fields[0].p && (h.fields[0].ours || h.n > 1));
    milter_head_free(&h);
    return 0;
}
