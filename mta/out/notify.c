#include "mta/out/notify.h"

#include <string.h>

#include "mta/mail/header.h"

enum {
    NOTIFY_HEADER = 64 * 1024, /* octets of the original header looked at */
    NOTIFY_MAX =
        4 * 1024 * 1024, /* octets of a whole notification: 1,000 recipients and a header */
};

/* The start of the content that is header, at most NOTIFY_HEADER octets of it. A content that
 * cannot be read is reported without. */
static void read_header(struct body *body, struct buf *out)
{
    struct header_scan scan;
    char *p;
    size_t room = buf_reserve(out, NOTIFY_HEADER, &p);
    long n = body ? body_read(body, 0, p, room) : -1;

    if (n <= 0)
        return;
    header_scan_init(&scan);
    header_scan_feed(&scan, slice_make(p, (size_t)n));
    buf_commit(out, scan.length < (uint64_t)n ? scan.length : (size_t)n);
}

static bool write_body(const struct config *config, const struct message *m,
                       const struct message *note, struct dsn d, struct buf *out)
{
    struct buf header;
    bool ok;

    buf_init(&header, NOTIFY_HEADER);
    read_header(m->body, &header);
    d.hostname = config->hostname;
    d.id = m->id;
    d.dsn_id = note->id;
    d.sender = m->sender;
    d.arrival_ms = m->arrival_ms;
    d.expires_ms = m->arrival_ms + config->delivery.expire_ms;
    d.original_headers = buf_slice(&header);
    d.smtputf8 = (m->flags & MESSAGE_SMTPUTF8) != 0;
    ok = dsn_write(&d, out);
    buf_free(&header);
    return ok;
}

static struct message *new_message(const struct message *m, int64_t now_ms)
{
    struct message *note;
    char domain[HOSTNAME_MAX];

    if (!m->sender[0] || !message_domain_of(slice_of(m->sender), domain))
        return NULL;
    note = message_new();
    message_make_id(note->id);
    note->arrival_ms = now_ms;
    note->flags = MESSAGE_DSN;
    if (m->flags & MESSAGE_SMTPUTF8)
        note->flags |= MESSAGE_SMTPUTF8 | MESSAGE_8BIT;
    (void)message_add_rcpt(note, slice_of(m->sender), slice_of(domain));
    note->rcpts[0].next_ms = now_ms;
    return note;
}

struct message *notify_make(const struct config *config, const struct message *m,
                            enum dsn_kind kind, const struct dsn_rcpt *rcpts, size_t n,
                            int64_t now_ms)
{
    struct message *note = new_message(m, now_ms);
    struct dsn d = {.kind = kind, .rcpts = rcpts, .n_rcpts = n, .now_ms = now_ms};
    struct buf out;

    if (!note)
        return NULL;
    buf_init(&out, NOTIFY_MAX);
    if (write_body(config, m, note, d, &out)) {
        note->body = body_of_memory(buf_slice(&out));
        note->size = out.n;
    } else {
        message_free(&note);
    }
    buf_free(&out);
    return note;
}
