/* The machine-readable part: fields of RFC 3464 §2.2, §2.3, with what RFC 3461 §6.3 demands of a
 * message that came by SMTP. Pure. */
#include <stdio.h>

#include "config/base/clock.h"
#include "mta/mail/dsn_parts.h"

/* RFC 3464 §2.3.3, §2.3.4: "failed" is for good, class 5, "delayed" temporary, class 4; a class that
 * would contradict the action is made to fit. */
static const uint8_t class_of_kind[] = {[DSN_FAILED] = 5, [DSN_DELAYED] = 4, [DSN_SUCCESS] = 2};

static const char *action_of(const struct dsn *d, const struct dsn_rcpt *r)
{
    static const char *const names[] = {
        [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_SUCCESS] = "relayed"};

    return d->kind == DSN_SUCCESS && r->delivered ? "delivered" : names[d->kind];
}

static bool is_atom(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return s.n > 0;
}

/* RFC 3461 §6.3 (d): as ORCPT had it, without its xtext. The door lets nothing pass that is not of the
 * form type;address; "unknown" is what RFC 3464 §2.3.1 has for the rest. */
static void write_original_recipient(struct dsn_out *o, const char *orcpt)
{
    struct slice all = slice_of(orcpt), type = slice_head(all, slice_find(all, ';'));
    bool typed = type.n < all.n && is_atom(type);

    dsn_typed_address(o, "Original-Recipient: ", typed ? type : SLICE("unknown"),
                      typed ? slice_skip(all, type.n + 1) : all);
}

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
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

/* Of type smtp only if a server said it (RFC 3461 §6.3 (i), §9.2). */
static void write_diagnostic(struct dsn_out *o, const struct status *st)
{
    char lead[64];

    if (st->from_peer)
        (void)snprintf(lead, sizeof(lead), "Diagnostic-Code: smtp; %u ", st->code);
    else
        (void)snprintf(lead, sizeof(lead), "Diagnostic-Code: x-danelaw; ");
    dsn_folded(o, lead, " ", slice_of(st->text));
}

static void write_rcpt_fields(struct dsn_out *o, const struct dsn *d, const struct dsn_rcpt *r)
{
    char text[CLOCK_TEXT_MAX];
    struct esc esc = r->status.esc;

    esc.cls = class_of_kind[d->kind];
    dsn_line(o, "%s", "");
    if (r->orcpt)
        write_original_recipient(o, r->orcpt);
    dsn_typed_address(o, "Final-Recipient: ", is_ascii(r->address) ? SLICE("rfc822") : SLICE("utf-8"),
                      slice_of(r->address));
    dsn_line(o, "Action: %s", action_of(d, r));
    dsn_line(o, "Status: %s", esc_text(esc, text));
    if (r->remote[0])
        dsn_folded(o, "Remote-MTA: dns; ", " ", mta_name(r->remote));
    write_diagnostic(o, &r->status);
    dsn_line(o, "Last-Attempt-Date: %s", clock_rfc5322(d->now_ms, text));
    if (d->kind == DSN_DELAYED)
        dsn_line(o, "Will-Retry-Until: %s", clock_rfc5322(d->expires_ms, text));
}

void dsn_status(struct dsn_out *o, const struct dsn *d)
{
    char date[CLOCK_TEXT_MAX];

    if (d->envid)
        dsn_address(o, "Original-Envelope-Id: ", d->envid, "");
    dsn_line(o, "Reporting-MTA: dns; %s", d->hostname);
    dsn_line(o, "X-Danelaw-Queue-ID: %s", d->id);
    dsn_line(o, "Arrival-Date: %s", clock_rfc5322(d->arrival_ms, date));
    for (size_t i = 0; i < d->n_rcpts; i++)
        write_rcpt_fields(o, d, &d->rcpts[i]);
}
