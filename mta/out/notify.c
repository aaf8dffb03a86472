#include "mta/out/notify.h"

#include <stdio.h>
#include <string.h>

#include "config/base/limits.h"
#include "mta/mail/header.h"

enum {
    NOTIFY_HEADER = 64 * 1024, /* octets of the original header looked at */
    NOTIFY_MAX = 8 * 1024 * 1024, /* octets of a whole notification: 1,000 recipients of at most 4 KiB, and
                                     what is returned */
    LEFT_OUT_MAX = 160,
};

bool notify_is_wanted(unsigned notify, enum dsn_kind kind)
{
    static const unsigned asked[] = {[DSN_FAILED] = NOTIFY_FAILURE,
                                     [DSN_DELAYED] = NOTIFY_DELAY,
                                     [DSN_SUCCESS] = NOTIFY_SUCCESS};

    return notify ? (notify & asked[kind]) != 0 : kind != DSN_SUCCESS;
}

/* ---- what of the message comes back ---- */

struct returned {
    struct buf content;  /* the start of the message */
    size_t header;       /* octets of it that are header */
    bool whole;          /* it is the message, not only its start */
    char left_out[LEFT_OUT_MAX]; /* why not, if that was asked for */
};

/* RFC 8689 §5: RET=FULL is disregarded. RFC 3461 §4.3, §6.2: only failures bring back more than the
 * header, and a message too long does not. */
static bool may_be_whole(const struct message *m, enum dsn_kind kind, struct returned *r)
{
    if (kind != DSN_FAILED || m->ret != DSN_RET_FULL)
        return false;
    if (m->flags & MESSAGE_REQUIRETLS)
        (void)snprintf(r->left_out, sizeof(r->left_out), "Only the header of your message is returned: it "
                       "was to travel with REQUIRETLS.");
    else if (body_size(m->body) > LIMIT_DSN_RETURNED)
        (void)snprintf(r->left_out, sizeof(r->left_out), "Only the header of your message is returned: the "
                       "whole is larger than %d octets.", LIMIT_DSN_RETURNED);
    return !r->left_out[0];
}

/* Up to n octets; what cannot be read is reported without. */
static bool read_start(struct body *body, size_t n, struct buf *out)
{
    char *p;
    long got = 1;

    while (got > 0 && out->n < n) {
        size_t room = buf_reserve(out, n - out->n, &p);
        got = body_read(body, out->n, p, room);
        buf_commit(out, got > 0 ? (size_t)got : 0);
    }
    return got >= 0;
}

static void read_original(const struct message *m, enum dsn_kind kind, struct returned *r)
{
    struct header_scan scan;

    *r = (struct returned){.left_out = ""};
    r->whole = m->body && may_be_whole(m, kind, r);
    buf_init(&r->content, r->whole ? LIMIT_DSN_RETURNED : NOTIFY_HEADER);
    if (!m->body || !read_start(m->body, r->content.max, &r->content))
        buf_clear(&r->content);
    if (r->whole && (r->content.n != body_size(m->body) || !dsn_may_return(buf_slice(&r->content)))) {
        r->whole = false;
        (void)snprintf(r->left_out, sizeof(r->left_out), "Only the header of your message is returned: the "
                       "whole cannot stand inside another message.");
    }
    header_scan_init(&scan);
    header_scan_feed(&scan, buf_slice(&r->content));
    r->header = scan.length < r->content.n ? (size_t)scan.length : r->content.n;
}

/* ---- the message that tells it ---- */

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
}

/* SMTPUTF8 is asked of the way back only if the sender's own address needs it. */
static struct dsn describe(const struct config *config, const struct message *m,
                           const struct message *note, const struct returned *r)
{
    return (struct dsn){.hostname = config->hostname,
                        .id = m->id,
                        .dsn_id = note->id,
                        .sender = m->sender,
                        .envid = m->envid,
                        .arrival_ms = m->arrival_ms,
                        .now_ms = note->arrival_ms,
                        .expires_ms = m->arrival_ms + config->delivery.expire_ms,
                        .original_headers = slice_head(buf_slice(&r->content), r->header),
                        .original = r->whole ? buf_slice(&r->content) : slice_of(""),
                        .left_out = r->left_out[0] ? r->left_out : NULL,
                        .utf8 = (m->flags & MESSAGE_SMTPUTF8) != 0,
                        .smtputf8 = (note->flags & MESSAGE_SMTPUTF8) != 0,
                        .tls_optional = (note->flags & MESSAGE_TLS_OPTIONAL) != 0};
}

static bool write_body(const struct dsn *d, struct message *note)
{
    struct buf out;
    bool eight_bit, ok;

    buf_init(&out, NOTIFY_MAX);
    ok = dsn_write(d, &out, &eight_bit);
    if (ok) {
        note->body = body_of_memory(buf_slice(&out));
        note->size = out.n;
        note->flags |= eight_bit ? MESSAGE_8BIT : 0;
    }
    buf_free(&out);
    return ok;
}

/* RFC 3461 §6.1: NOTIFY=NEVER, and neither RET nor the envelope id of what it is about. */
static struct message *new_message(const struct message *m, int64_t now_ms)
{
    struct message *note;
    char domain[HOSTNAME_MAX];

    if (!m->sender[0] || !message_domain_of(slice_of(m->sender), domain))
        return NULL;
    note = message_new();
    message_make_id(note->id);
    note->arrival_ms = now_ms;
    note->flags = MESSAGE_DSN | (m->flags & (MESSAGE_REQUIRETLS | MESSAGE_TLS_OPTIONAL));
    if ((m->flags & MESSAGE_SMTPUTF8) && !is_ascii(m->sender))
        note->flags |= MESSAGE_SMTPUTF8;
    (void)message_add_rcpt(note, slice_of(m->sender), slice_of(domain));
    note->rcpts[0].next_ms = now_ms;
    note->rcpts[0].notify = NOTIFY_NEVER;
    return note;
}

struct message *notify_make(const struct config *config, const struct message *m,
                            enum dsn_kind kind, const struct dsn_rcpt *rcpts, size_t n,
                            int64_t now_ms)
{
    struct message *note = new_message(m, now_ms);
    struct returned r;
    struct dsn d;

    if (!note)
        return NULL;
    read_original(m, kind, &r);
    d = describe(config, m, note, &r);
    d.kind = kind;
    d.rcpts = rcpts;
    d.n_rcpts = n;
    if (!write_body(&d, note))
        message_free(&note);
    buf_free(&r.content);
    return note;
}
