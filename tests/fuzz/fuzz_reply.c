/* A server's replies, whole and in pieces: the same replies, the same end. Then what is made of one: a
 * status that a log, a queue and a reply of ours can hold, and the capabilities of EHLO. The first
 * octet says how the pieces fall. */
#include <string.h>

#include "config/base/limits.h"
#include "mta/smtp/capability.h"
#include "mta/smtp/reply.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 1 << 20, PIECE = 32 };

/* ---- what one reply is worth ---- */

static void check_status(const struct status *st, uint16_t code)
{
    REQUIRE(st->code == code && st->from_peer && !has_control(slice_of(st->text)));
    REQUIRE(st->esc.cls == code / 100 && st->esc.subject < 1000 && st->esc.detail < 1000);
    REQUIRE(status_ok(st) == (code / 100 == 2));
}

/* Ours from it is one line, and read as one reply with that code. */
static void check_written(const struct status *st)
{
    struct reply_reader reader;
    struct reply again;
    struct buf line;

    buf_init(&line, ROOM);
    reply_reader_init(&reader);
    REQUIRE(reply_write(&line, st, true) && has_strict_lines(buf_slice(&line)));
    REQUIRE(reply_reader_feed(&reader, &line, &again) == REPLY_OK && line.n == 0);
    REQUIRE(again.code == st->code && again.lines == 1);
    reply_reader_free(&reader);
    buf_free(&line);
}

static bool same_capabilities(const struct capabilities *a, const struct capabilities *b)
{
    return a->mask == b->mask && a->mechanisms == b->mechanisms && a->max_size == b->max_size &&
           a->mail_max == b->mail_max && a->rcpt_max == b->rcpt_max &&
           a->rcpt_domain_max == b->rcpt_domain_max;
}

/* Neither case nor words that nobody knows change what is offered. */
static void check_capabilities(const struct reply *r)
{
    static const uint64_t most = 999999; /* RFC 9422: six digits */
    struct capabilities caps = capabilities_parse(r->text), again;
    struct buf text;

    REQUIRE(!caps.mechanisms || (caps.mask & CAP_AUTH));
    REQUIRE(!caps.max_size || (caps.mask & CAP_SIZE));
    REQUIRE((caps.mask & CAP_LIMITS) || !(caps.mail_max || caps.rcpt_max || caps.rcpt_domain_max));
    REQUIRE(caps.mail_max <= most && caps.rcpt_max <= most && caps.rcpt_domain_max <= most);
    buf_init(&text, ROOM);
    for (size_t i = 0; i < r->text.n; i++)
        REQUIRE(buf_append_byte(&text, ascii_lower(r->text.p[i])));
    REQUIRE(buf_append(&text, SLICE("\nXUNKNOWN SIZE 5 STARTTLS")));
    again = capabilities_parse(buf_slice(&text));
    REQUIRE(same_capabilities(&caps, &again));
    buf_free(&text);
}

static void check_reply(const struct reply *r)
{
    size_t ends = 0;

    REQUIRE(r->code >= 200 && r->code <= 559 && r->code / 10 % 10 <= 5 && r->lines > 0);
    REQUIRE(r->text.n <= LIMIT_REPLY);
    for (size_t i = 0; i < r->text.n; i++) {
        REQUIRE(r->text.p[i] != '\0');
        ends += r->text.p[i] == '\n';
    }
    REQUIRE(ends == r->lines - 1);
    struct status st = status_from_reply(r->code, r->text);
    if (r->code / 100 != 3)
        check_status(&st, r->code);
    check_written(&st);
    check_capabilities(r);
}

/* ---- the stream ---- */

/* Writes down each reply and how the stream stands behind it. False: nothing can follow. */
static bool take_replies(struct reply_reader *reader, struct buf *in, struct buf *said, bool look)
{
    enum reply_result result;
    struct reply r;

    while ((result = reply_reader_feed(reader, in, &r)) == REPLY_OK) {
        if (look)
            check_reply(&r);
        REQUIRE(buf_printf(said, "%u %zu ", r.code, r.lines) && buf_append(said, r.text) &&
                buf_append_byte(said, '\0'));
    }
    return result == REPLY_MORE;
}

static void read_all(struct slice stream, uint32_t seed, struct buf *said)
{
    struct reply_reader reader;
    bool open = true;
    struct buf in;

    buf_init(&in, ROOM);
    reply_reader_init(&reader);
    while (stream.n && open) {
        struct slice piece = seed ? take_piece(&stream, &seed, PIECE) : take(&stream, stream.n);
        REQUIRE(buf_append(&in, piece));
        open = take_replies(&reader, &in, said, !seed);
    }
    REQUIRE(open || !take_replies(&reader, &in, said, false)); /* malformed for good */
    REQUIRE(buf_printf(said, open ? "open" : "malformed"));
    reply_reader_free(&reader);
    buf_free(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    uint32_t seed = take_u8(&in) + 1u;
    struct buf whole, split;

    buf_init(&whole, 4 * ROOM);
    buf_init(&split, 4 * ROOM);
    read_all(in, 0, &whole);
    read_all(in, seed, &split);
    REQUIRE(slice_eq(buf_slice(&whole), buf_slice(&split)));
    buf_free(&whole);
    buf_free(&split);
    return 0;
}
