/* The part of a notification that people read: what happened to each recipient, whose fault it is
 * and what would mend it, from the table of causes. Pure. */
#include <stdio.h>

#include "config/base/clock.h"
#include "mta/mail/dsn_parts.h"

/* What a notification of each kind says of all its recipients; the second line ends in the time until
 * which delivery is tried. */
static const char *const opening[][2] = {
    [DSN_FAILED] = {"could not be delivered to the recipients below. It is not tried again."},
    [DSN_DELAYED] = {"has not yet been delivered to the recipients below. You need not do",
                     "anything: delivery is tried until"},
    [DSN_SUCCESS] = {"was passed on to the recipients below, of which you asked to be told."},
};

static void write_introduction(struct dsn_out *o, const struct dsn *d)
{
    char date[CLOCK_TEXT_MAX];

    dsn_line(o, "This is the mail relay at %s.", d->hostname);
    dsn_line(o, "%s", "");
    dsn_line(o, "Your message, which arrived here on %s,", clock_rfc5322(d->arrival_ms, date));
    dsn_line(o, "%s", opening[d->kind][0]);
    if (d->kind == DSN_DELAYED)
        dsn_line(o, "%s %s.", opening[d->kind][1], clock_rfc5322(d->expires_ms, date));
}

static void write_answer(struct dsn_out *o, const struct dsn_rcpt *r)
{
    char lead[64], esc[16];

    if (r->remote[0])
        dsn_folded(o, "    Server: ", "        ", slice_of(r->remote));
    if (r->status.from_peer)
        (void)snprintf(lead, sizeof(lead), "    It answered: %u ", r->status.code);
    else
        (void)snprintf(lead, sizeof(lead), "    What happened: ");
    dsn_folded(o, lead, "        ", slice_of(r->status.text));
    dsn_line(o, "    Status code: %s", esc_text(r->status.esc, esc));
}

static void write_success(struct dsn_out *o, const struct dsn_rcpt *r)
{
    if (r->delivered) {
        dsn_line(o, "    It is in the recipient's mailbox.");
        return;
    }
    dsn_line(o, "    That server does not tell of deliveries: unless this one fails, no further");
    dsn_line(o, "    report will come.");
}

static void write_blame(struct dsn_out *o, const struct dsn_rcpt *r)
{
    const struct cause_info *told = cause_info(r->because == CAUSE_OK ? r->status.cause : r->because);

    if (told->fault != FAULT_NONE)
        dsn_line(o, "    It lies with: %s", fault_words(told->fault));
    if (told->remedy[0])
        dsn_folded(o, "    What would mend it: ", "        ", slice_of(told->remedy));
}

static void write_rcpt(struct dsn_out *o, const struct dsn *d, const struct dsn_rcpt *r)
{
    dsn_line(o, "%s", "");
    dsn_address(o, "Recipient: <", r->address, ">");
    write_answer(o, r);
    if (d->kind == DSN_SUCCESS)
        write_success(o, r);
    else
        write_blame(o, r);
}

void dsn_explain(struct dsn_out *o, const struct dsn *d)
{
    write_introduction(o, d);
    for (size_t i = 0; i < d->n_rcpts; i++)
        write_rcpt(o, d, &d->rcpts[i]);
    dsn_line(o, "%s", "");
    if (d->left_out) {
        dsn_folded(o, "", "", slice_of(d->left_out));
        dsn_line(o, "%s", "");
    }
    dsn_line(o, "The operator of this relay can be asked at <postmaster@%s>; please", d->hostname);
    dsn_line(o, "quote the queue id %s.", d->id);
}
