/* Messages and recipients in a short time, at MAIL and RCPT. Putting off is 450: a mail server comes
 * back, a spammer's tool seldom does. Who has logged in is counted like all others: a stolen password
 * is the usual way to send much. */
#include "mta/in/admission.h"
#include "mta/in/session_private.h"

static enum stage_result take(struct in_session *s, enum rate_kind kind, enum cause cause,
                              enum counter_id counter, struct status *st)
{
    const struct listener_config *l = s->listener;

    if (admission_exempt(l, &s->peer.ip) ||
        rates_take(&s->rates, &l->limits, kind, loop_now_ms(s->worker->loop)))
        return STAGE_NEXT;
    counter_add(counter, 1);
    *st = status_of(cause);
    return STAGE_REFUSE;
}

enum stage_result stage_message_rate(struct in_session *s, struct status *st)
{
    return take(s, RATE_MESSAGES, CAUSE_MESSAGE_RATE, COUNTER_smtpd_rate_messages, st);
}

enum stage_result stage_recipient_rate(struct in_session *s, struct status *st)
{
    return take(s, RATE_RECIPIENTS, CAUSE_RECIPIENT_RATE, COUNTER_smtpd_rate_recipients, st);
}
