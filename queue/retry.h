/* When to try again, when to warn, when to give up. Pure; time and randomness are arguments. */
#ifndef DANELAW_QUEUE_RETRY_H
#define DANELAW_QUEUE_RETRY_H

#include "config/base/base.h"

struct retry_rule {
    int64_t min_ms, max_ms, expire_ms, warn_ms; /* warn_ms 0: never */
};

struct retry_decision {
    bool expired;    /* the lifetime is over: bounce (RFC 5321 §4.5.4.1). Only after an attempt */
    bool warn;       /* send the delay warning now */
    int64_t next_ms; /* wall clock, if not expired */
};

/* attempts: how many have been made, at least 1. The delay doubles from min to max, with jitter of
 * ±25 % from random (any 64 bits); the last attempt falls on the end of the lifetime. */
struct retry_decision retry_decide(const struct retry_rule *rule, int64_t arrival_ms,
                                   int64_t now_ms, uint32_t attempts, bool warned, uint64_t random);

#endif
