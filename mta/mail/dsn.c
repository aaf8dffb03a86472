/* Delivery status notifications: multipart/report (RFC 6522) of a text for people, the fields of
 * RFC 3464, and the message reported on or its header.
 *
 * Each part is written first and labelled then, by what is in it: the types of RFC 6533 §4 and 8bit
 * only where an octet needs them. So a notification that could be plain ASCII always is, and what
 * cannot be says so, whatever the next hop makes of it.
 *
 *   what is in it            part 2                          part 3, header    part 3, all of it
 *   -----------------------  ------------------------------  ----------------  -----------------
 *   ASCII                    message/delivery-status         text/rfc822-h.    message/rfc822
 *   UTF-8, with SMTPUTF8     message/global-delivery-status  message/global-h. message/global
 *
 * Pure. */
#include "mta/mail/dsn.h"

#include <stdio.h>
#include <string.h>

#include "config/base/clock.h"
#include "mta/mail/dsn_parts.h"

enum { BOUNDARY_MAX = 70, PARTS = 3 }; /* RFC 2046 §5.1.1 */

struct part {
    const char *description, *type;
    struct buf body;
    bool eight_bit;
};

static bool has_eight_bit(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return true;
    return false;
}

bool dsn_may_return(struct slice content)
{
    for (size_t i = 0; i < content.n; i++) {
        char c = content.p[i];
        if (c == '\0' || (c == '\n' && (i == 0 || content.p[i - 1] != '\r')) ||
            (c == '\r' && (i + 1 == content.n || content.p[i + 1] != '\n')))
            return false;
    }
    return true;
}

/* ---- the parts ---- */

static bool finish_part(struct part *p, const struct dsn_out *o)
{
    p->eight_bit = has_eight_bit(buf_slice(&p->body));
    return o->ok;
}

static bool make_explanation(const struct dsn *d, struct part *p)
{
    struct dsn_out o = {.out = &p->body, .utf8 = d->utf8, .ok = true};

    dsn_explain(&o, d);
    (void)finish_part(p, &o);
    p->description = "Notification";
    p->type = p->eight_bit ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii";
    return o.ok;
}

/* RFC 3464 §2.1: 7bit. Only a notification that goes by SMTPUTF8 has the other type. */
static bool make_status(const struct dsn *d, struct part *p)
{
    struct dsn_out o = {.out = &p->body, .utf8 = d->smtputf8, .ok = true};

    dsn_status(&o, d);
    (void)finish_part(p, &o);
    p->description = "Delivery report";
    p->type = p->eight_bit ? "message/global-delivery-status" : "message/delivery-status";
    return o.ok;
}

static bool make_original(const struct dsn *d, struct part *p)
{
    struct dsn_out o = {.out = &p->body, .utf8 = d->utf8, .ok = true};
    bool global = d->utf8 && has_eight_bit(d->original_headers);

    if (d->original.n) {
        o.ok = buf_append(&p->body, d->original);
        p->description = "The message reported on";
        p->type = global ? "message/global" : "message/rfc822";
        return finish_part(p, &o);
    }
    dsn_headers(&o, d->original_headers);
    (void)finish_part(p, &o);
    p->description = "Header of the message reported on";
    p->type = global ? "message/global-headers" : "text/rfc822-headers";
    return o.ok;
}

/* ---- the whole ---- */

/* A boundary that occurs in none of the parts: none of them can end early. */
static void choose_boundary(const struct dsn *d, const struct part *parts, char boundary[BOUNDARY_MAX])
{
    unsigned k = 0;
    bool taken;

    do {
        taken = false;
        (void)snprintf(boundary, BOUNDARY_MAX, "=_report_%.20s_%u", d->dsn_id, k++);
        for (size_t i = 0; i < PARTS; i++) {
            struct slice s = buf_slice(&parts[i].body);
            taken |= s.n && memmem(s.p, s.n, boundary, strlen(boundary)) != NULL;
        }
    } while (taken);
}

static const char *subject_of(enum dsn_kind kind)
{
    static const char *const subjects[] = {
        [DSN_FAILED] = "Undelivered mail returned to sender",
        [DSN_DELAYED] = "Delayed mail, delivery is still being tried",
        [DSN_SUCCESS] = "Mail was passed on to its recipients",
    };

    return subjects[kind];
}

static void write_header(struct dsn_out *o, const struct dsn *d, const char *boundary, bool eight_bit)
{
    char date[CLOCK_TEXT_MAX];

    dsn_line(o, "Date: %s", clock_rfc5322(d->now_ms, date));
    dsn_line(o, "From: Mail Delivery System <MAILER-DAEMON@%s>", d->hostname);
    dsn_address(o, "To: <", d->sender, ">");
    dsn_line(o, "Subject: %s", subject_of(d->kind));
    dsn_line(o, "Message-ID: <%s@%s>", d->dsn_id, d->hostname);
    dsn_line(o, "Auto-Submitted: auto-replied");
    if (d->tls_optional)
        dsn_line(o, "TLS-Required: No");
    dsn_line(o, "MIME-Version: 1.0");
    dsn_line(o, "Content-Type: multipart/report; report-type=delivery-status;");
    dsn_line(o, "\tboundary=\"%s\"", boundary);
    if (eight_bit)
        dsn_line(o, "Content-Transfer-Encoding: 8bit");
    dsn_line(o, "%s", "");
    dsn_line(o, "This is a delivery report in several parts (MIME).");
}

/* The CRLF before a boundary is the boundary's (RFC 2046 §5.1.1): a part keeps its last octet. */
static void write_part(struct dsn_out *o, const struct part *p, const char *boundary)
{
    dsn_line(o, "\r\n--%s", boundary);
    dsn_line(o, "Content-Description: %s", p->description);
    dsn_line(o, "Content-Type: %s", p->type);
    if (p->eight_bit)
        dsn_line(o, "Content-Transfer-Encoding: 8bit");
    dsn_line(o, "%s", "");
    o->ok = o->ok && buf_append(o->out, buf_slice(&p->body));
}

static void write_all(struct dsn_out *o, const struct dsn *d, const struct part *parts, bool eight_bit)
{
    char boundary[BOUNDARY_MAX];

    choose_boundary(d, parts, boundary);
    write_header(o, d, boundary, eight_bit);
    for (size_t i = 0; i < PARTS; i++)
        write_part(o, &parts[i], boundary);
    dsn_line(o, "\r\n--%s--", boundary);
}

bool dsn_write(const struct dsn *d, struct buf *out, bool *out_eight_bit)
{
    struct dsn_out o = {.out = out, .utf8 = d->smtputf8, .ok = true};
    struct part parts[PARTS] = {0};
    bool eight_bit = false; /* in a part: what stands in the header needs no label */

    for (size_t i = 0; i < PARTS; i++)
        buf_init(&parts[i].body, out->max);
    o.ok = make_explanation(d, &parts[0]) && make_status(d, &parts[1]) && make_original(d, &parts[2]);
    for (size_t i = 0; i < PARTS; i++)
        eight_bit |= parts[i].eight_bit;
    if (o.ok)
        write_all(&o, d, parts, eight_bit);
    for (size_t i = 0; i < PARTS; i++)
        buf_free(&parts[i].body);
    *out_eight_bit = has_eight_bit(buf_slice(out));
    return o.ok;
}
