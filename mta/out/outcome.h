/* What becomes of a recipient after an attempt. Pure; time and randomness are arguments. Private to
 * mta/out. */
#ifndef DANELAW_OUT_OUTCOME_H
#define DANELAW_OUT_OUTCOME_H

#include "config/base/status.h"
#include "queue/message.h"
#include "queue/retry.h"

enum outcome_kind { OUTCOME_SENT, OUTCOME_DEFERRED, OUTCOME_BOUNCED, OUTCOME_EXPIRED };

struct outcome {
    enum outcome_kind kind;
    enum rcpt_state state;
    int64_t next_ms;      /* DEFERRED */
    bool warn;            /* DEFERRED: the delay warning is due */
    struct status status; /* EXPIRED: 5.4.7 with the last reason in its words */
    enum cause because;   /* of the last attempt, whatever status became */
};

struct outcome_input {
    struct status status; /* of the attempt */
    struct retry_rule rule;
    int64_t arrival_ms, now_ms;
    uint32_t attempts; /* with this one */
    bool warned;
    uint64_t random;
};
struct outcome outcome_decide(const struct outcome_input *in);
const char *outcome_name(enum outcome_kind kind); /* "sent", "deferred", "bounced", "expired" */

#endif
