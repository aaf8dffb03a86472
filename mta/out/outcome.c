/* status of the attempt      lifetime       outcome    state      status kept
 * -------------------------  -------------  ---------  ---------
 * ----------------------------------- done                       any            sent delivered  the
 * reply final                      any            bounced    bounced    the reply or our words
 * temporary                  not over       deferred   queued     the reply or our words
 * temporary                  over           expired    bounced    EXPIRED 5.4.7: "…: last reason"
 *
 * A failed DANE check is temporary (RFC 7672 §2.2); it ends only with the message's lifetime. */
#include "mta/out/outcome.h"

const char *outcome_name(enum outcome_kind kind)
{
    static const char *const names[] = {[OUTCOME_SENT] = "sent",
                                        [OUTCOME_DEFERRED] = "deferred",
                                        [OUTCOME_BOUNCED] = "bounced",
                                        [OUTCOME_EXPIRED] = "expired"};

    return names[kind];
}

static struct status expired(const struct status *last)
{
    if (last->from_peer)
        return status_make(CAUSE_EXPIRED, "%s: %u %.300s", cause_info(CAUSE_EXPIRED)->words,
                           last->code, last->text);
    return status_make(CAUSE_EXPIRED, "%s: %.300s", cause_info(CAUSE_EXPIRED)->words, last->text);
}

static void decide_retry(const struct outcome_input *in, struct outcome *out)
{
    struct retry_decision d =
        retry_decide(&in->rule, in->arrival_ms, in->now_ms, in->attempts, in->warned, in->random);

    out->kind = d.expired ? OUTCOME_EXPIRED : OUTCOME_DEFERRED;
    out->state = d.expired ? RCPT_BOUNCED : RCPT_QUEUED;
    out->warn = !d.expired && d.warn;
    out->next_ms = d.expired ? 0 : d.next_ms;
    if (d.expired)
        out->status = expired(&in->status);
}

struct outcome outcome_decide(const struct outcome_input *in)
{
    struct outcome out = {.status = in->status, .because = in->status.cause};

    switch (status_disposition(&in->status)) {
    case DISP_DONE:
        out.kind = OUTCOME_SENT;
        out.state = RCPT_DELIVERED;
        break;
    case DISP_BOUNCE:
        out.kind = OUTCOME_BOUNCED;
        out.state = RCPT_BOUNCED;
        break;
    case DISP_RETRY:
        decide_retry(in, &out);
        break;
    }
    return out;
}
