/* See retry.h. Pure. */
#include "queue/retry.h"

enum { JITTER_PERCENT = 25 };

static int64_t doubled(const struct retry_rule *rule, uint32_t attempts)
{
    int64_t delay = rule->min_ms > 0 ? rule->min_ms : 1;

    while (attempts-- > 1 && delay < rule->max_ms)
        delay = delay > rule->max_ms / 2 ? rule->max_ms : delay * 2;
    return delay;
}

/* Evenly spread over ±25 %, so that what failed together does not come back together. */
static int64_t jittered(int64_t delay, uint64_t random)
{
    int64_t span = delay / 100 * JITTER_PERCENT + delay % 100 * JITTER_PERCENT / 100;
    return delay - span + (int64_t)(random % ((uint64_t)span * 2 + 1));
}

struct retry_decision retry_decide(const struct retry_rule *rule, int64_t arrival_ms,
                                   int64_t now_ms, uint32_t attempts, bool warned, uint64_t random)
{
    int64_t deadline = arrival_ms + rule->expire_ms;
    struct retry_decision d = {0};

    if (now_ms >= deadline) {
        d.expired = true;
        return d;
    }
    d.warn = rule->warn_ms > 0 && !warned && now_ms >= arrival_ms + rule->warn_ms;
    d.next_ms = now_ms + jittered(doubled(rule, attempts), random);
    /* RFC 5321 §4.5.4.1 bounds the lifetime, and the message gets all of it: one more attempt at
     * its end, and only that one may find it expired. */
    if (d.next_ms > deadline)
        d.next_ms = deadline;
    return d;
}
