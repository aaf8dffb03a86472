/* Delivery status notifications: multipart/report (RFC 6522) of a text for people,
 * message/delivery-status (RFC 3464 §2) and the header of the message reported on. With SMTPUTF8
 * the parts have the types of RFC 6533. The text says whose fault it is and what would mend it,
 * from the table of causes. Pure. */
#include "mta/mail/dsn.h"

#include <stdio.h>
#include <string.h>

#include "config/base/clock.h"
#include "mta/mail/dsn_text.h"

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 §5.1.1 */

/* A boundary that occurs nowhere in the header quoted. The other parts are lines of our own, and
 * foreign text never starts one. */
static void choose_boundary(const struct dsn *d, char boundary[BOUNDARY_MAX])
{
    unsigned k = 0;

    do {
        (void)snprintf(boundary, BOUNDARY_MAX, "=_report_%.20s_%u", d->dsn_id, k++);
    } while (d->original_headers.n &&
             memmem(d->original_headers.p, d->original_headers.n, boundary, strlen(boundary)));
}

static void write_header(struct dsn_out *o, const struct dsn *d, const char *boundary)
{
    char date[CLOCK_TEXT_MAX];

    dsn_line(o, "Date: %s", clock_rfc5322(d->now_ms, date));
    dsn_line(o, "From: Mail Delivery System <MAILER-DAEMON@%s>", d->hostname);
    dsn_address(o, "To: <", d->sender, ">");
    dsn_line(o, "Subject: %s",
             d->kind == DSN_FAILED ? "Undelivered mail returned to sender"
                                   : "Delayed mail, delivery is still being tried");
    dsn_line(o, "Message-ID: <%s@%s>", d->dsn_id, d->hostname);
    dsn_line(o, "Auto-Submitted: auto-replied");
    dsn_line(o, "MIME-Version: 1.0");
    dsn_line(o, "Content-Type: multipart/report; report-type=delivery-status;");
    dsn_line(o, "\tboundary=\"%s\"", boundary);
    if (d->smtputf8)
        dsn_line(o, "Content-Transfer-Encoding: 8bit");
    dsn_line(o, "%s", "");
    dsn_line(o, "This is a delivery report in several parts (MIME).");
    dsn_line(o, "%s", "");
}

static void begin_part(struct dsn_out *o, const char *boundary, const char *description,
                       const char *type)
{
    dsn_line(o, "--%s", boundary);
    dsn_line(o, "Content-Description: %s", description);
    dsn_line(o, "Content-Type: %s", type);
    if (o->utf8)
        dsn_line(o, "Content-Transfer-Encoding: 8bit");
    dsn_line(o, "%s", "");
}

static void write_introduction(struct dsn_out *o, const struct dsn *d)
{
    char date[CLOCK_TEXT_MAX];

    dsn_line(o, "This is the mail relay at %s.", d->hostname);
    dsn_line(o, "%s", "");
    dsn_line(o, "Your message, which arrived here on %s,", clock_rfc5322(d->arrival_ms, date));
    if (d->kind == DSN_FAILED) {
        dsn_line(o, "could not be delivered to the recipients below. It is not tried again.");
        return;
    }
    dsn_line(o, "has not yet been delivered to the recipients below. You need not do");
    dsn_line(o, "anything: delivery is tried until %s.", clock_rfc5322(d->expires_ms, date));
}

static const struct cause_info *cause_told(const struct dsn_rcpt *r)
{
    return cause_info(r->because == CAUSE_OK ? r->status.cause : r->because);
}

static void explain_rcpt(struct dsn_out *o, const struct dsn_rcpt *r)
{
    const struct cause_info *told = cause_told(r);
    char lead[64], esc[16];

    dsn_line(o, "%s", "");
    dsn_address(o, "Recipient: <", r->address, ">");
    if (r->remote[0])
        dsn_folded(o, "    Server: ", "        ", slice_of(r->remote));
    if (r->status.from_peer)
        (void)snprintf(lead, sizeof(lead), "    It answered: %u ", r->status.code);
    else
        (void)snprintf(lead, sizeof(lead), "    What happened: ");
    dsn_folded(o, lead, "        ", slice_of(r->status.text));
    dsn_line(o, "    Status code: %s", esc_text(r->status.esc, esc));
    if (told->fault != FAULT_NONE)
        dsn_line(o, "    It lies with: %s", fault_words(told->fault));
    if (told->remedy[0])
        dsn_folded(o, "    What would mend it: ", "        ", slice_of(told->remedy));
}

static void write_explanation(struct dsn_out *o, const struct dsn *d, const char *boundary)
{
    begin_part(o, boundary, "Notification",
               o->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii");
    write_introduction(o, d);
    for (size_t i = 0; i < d->n_rcpts; i++)
        explain_rcpt(o, &d->rcpts[i]);
    dsn_line(o, "%s", "");
    dsn_line(o, "The operator of this relay can be asked at <postmaster@%s>; please", d->hostname);
    dsn_line(o, "quote the queue id %s.", d->id);
    dsn_line(o, "%s", "");
}

/* "mx.example[192.0.2.1]:25" → "mx.example"; "[192.0.2.1]:25" → "[192.0.2.1]". */
static struct slice mta_name(const char *remote)
{
    struct slice s = slice_of(remote);
    size_t bracket = slice_find(s, '[');

    if (bracket > 0)
        return slice_head(s, bracket);
    bracket = slice_find(s, ']');
    return bracket < s.n ? slice_head(s, bracket + 1) : s;
}

/* RFC 3464 §2.3.3, §2.3.4: "failed" is for good, class 5, and "delayed" is temporary, class 4; a class
 * that would contradict the action is made to fit. */
static struct esc fitting_esc(const struct dsn *d, struct esc esc)
{
    esc.cls = d->kind == DSN_FAILED ? 5 : 4;
    return esc;
}

static void write_rcpt_fields(struct dsn_out *o, const struct dsn *d, const struct dsn_rcpt *r)
{
    char text[CLOCK_TEXT_MAX], esc[16], lead[64];

    dsn_line(o, "%s", "");
    dsn_address(o, o->utf8 ? "Final-Recipient: utf-8; " : "Final-Recipient: rfc822; ", r->address,
                "");
    dsn_line(o, "Action: %s", d->kind == DSN_FAILED ? "failed" : "delayed");
    dsn_line(o, "Status: %s", esc_text(fitting_esc(d, r->status.esc), esc));
    if (r->remote[0])
        dsn_folded(o, "Remote-MTA: dns; ", " ", mta_name(r->remote));
    if (r->status.from_peer)
        (void)snprintf(lead, sizeof(lead), "Diagnostic-Code: smtp; %u ", r->status.code);
    else
        (void)snprintf(lead, sizeof(lead), "Diagnostic-Code: x-danelaw; ");
    dsn_folded(o, lead, " ", slice_of(r->status.text));
    dsn_line(o, "Last-Attempt-Date: %s", clock_rfc5322(d->now_ms, text));
    if (d->kind == DSN_DELAYED)
        dsn_line(o, "Will-Retry-Until: %s", clock_rfc5322(d->expires_ms, text));
}

static void write_status(struct dsn_out *o, const struct dsn *d, const char *boundary)
{
    char date[CLOCK_TEXT_MAX];

    begin_part(o, boundary, "Delivery report",
               o->utf8 ? "message/global-delivery-status" : "message/delivery-status");
    dsn_line(o, "Reporting-MTA: dns; %s", d->hostname);
    dsn_line(o, "X-Danelaw-Queue-ID: %s", d->id);
    dsn_line(o, "Arrival-Date: %s", clock_rfc5322(d->arrival_ms, date));
    for (size_t i = 0; i < d->n_rcpts; i++)
        write_rcpt_fields(o, d, &d->rcpts[i]);
    dsn_line(o, "%s", "");
}

static void write_original(struct dsn_out *o, const struct dsn *d, const char *boundary)
{
    begin_part(o, boundary, "Header of the message reported on",
               o->utf8 ? "message/global-headers" : "text/rfc822-headers");
    dsn_headers(o, d->original_headers);
    dsn_line(o, "%s", "");
    dsn_line(o, "--%s--", boundary);
}

bool dsn_write(const struct dsn *d, struct buf *out)
{
    struct dsn_out o = {.out = out, .utf8 = d->smtputf8, .ok = true};
    char boundary[BOUNDARY_MAX];

    choose_boundary(d, boundary);
    write_header(&o, d, boundary);
    write_explanation(&o, d, boundary);
    write_status(&o, d, boundary);
    write_original(&o, d, boundary);
    return o.ok;
}
