#include "dns/selftest.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/base/arena.h"

enum {
    PERIOD_MS = 3600 * 1000,
    PERIOD_FAILING_MS = 30 * 1000,
    DEADLINE_MS = 10 * 1000, /* of one name; questions wait for the first run */
    DETAIL_MAX = 900,
};

enum trial { TRIAL_SECURE, TRIAL_BOGUS, TRIAL_COUNT };

static const enum dns_security expected[TRIAL_COUNT] = {DNS_SECURE, DNS_BOGUS};

struct selftest {
    struct loop *loop;
    struct resolver *resolver;
    const char *names[TRIAL_COUNT]; /* "": not asked */
    selftest_fn *done;
    void *arg;
    struct timer again, deadline;
    struct lookup lookup;
    bool asking, passed;
    int trial;
    char detail[DETAIL_MAX];
    size_t detail_n;
};

static void next_trial(struct selftest *t);

/* "secure . is secure; bogus bad.example is insecure (should be bogus)" */
static void describe(struct selftest *t, const struct dns_answer *a, bool good)
{
    const char *what =
        a->security == DNS_FAILED ? "without an answer" : dns_security_name(a->security);
    int n = snprintf(t->detail + t->detail_n, sizeof(t->detail) - t->detail_n,
                     "%s%s is %s%s%s%s%s%s", t->detail_n ? "; " : "", t->names[t->trial], what,
                     *a->why ? " (" : "", a->why, *a->why ? ")" : "", good ? "" : ", should be ",
                     good ? "" : dns_security_name(expected[t->trial]));
    if (n > 0)
        t->detail_n += (size_t)n;
    if (t->detail_n >= sizeof(t->detail))
        t->detail_n = sizeof(t->detail) - 1;
}

static void conclude(struct selftest *t, const struct dns_answer *a)
{
    bool good = a->security == expected[t->trial];

    loop_timer_clear(t->loop, &t->deadline);
    t->asking = false;
    t->passed = t->passed && good;
    describe(t, a, good);
    t->trial++;
    next_trial(t);
}

static void on_answer(struct lookup *l, const struct dns_answer *a)
{
    conclude(CONTAINER_OF(l, struct selftest, lookup), a);
}

static void on_deadline(struct timer *timer)
{
    struct selftest *t = CONTAINER_OF(timer, struct selftest, deadline);
    struct arena *arena = arena_new();
    struct dns_answer a = dns_answer_failed(arena, t->names[t->trial], "timeout");

    resolver_cancel(&t->lookup);
    conclude(t, &a);
    arena_free(&arena);
}

static void start(struct timer *timer)
{
    struct selftest *t = CONTAINER_OF(timer, struct selftest, again);

    t->trial = 0;
    t->passed = true;
    t->detail_n = 0;
    t->detail[0] = '\0';
    next_trial(t);
}

/* SOA, as every zone has one and no local data stands in for it. */
static void next_trial(struct selftest *t)
{
    while (t->trial < TRIAL_COUNT && !*t->names[t->trial])
        t->trial++;
    if (t->trial < TRIAL_COUNT) {
        t->asking = true;
        loop_timer_set(t->loop, &t->deadline, DEADLINE_MS, on_deadline);
        t->lookup.done = on_answer;
        resolver_ask(t->resolver, &t->lookup, t->names[t->trial], DNS_SOA);
        return;
    }
    loop_timer_set(t->loop, &t->again, t->passed ? PERIOD_MS : PERIOD_FAILING_MS, start);
    t->done(t->arg, t->passed ? RESOLVER_VALIDATES : RESOLVER_NOT_VALIDATING,
            t->detail_n ? t->detail : "no name to test with");
}

struct selftest *selftest_new(struct loop *loop, struct resolver *r,
                              const struct resolver_config *c, selftest_fn *done, void *arg)
{
    struct selftest *t = base_alloc(sizeof(*t));

    *t = (struct selftest){
        .loop = loop,
        .resolver = r,
        .names = {c->self_test_secure, c->self_test_bogus},
        .done = done,
        .arg = arg,
    };
    loop_timer_set(loop, &t->again, 0, start);
    return t;
}

void selftest_free(struct selftest **tp)
{
    struct selftest *t = *tp;
    if (!t)
        return;
    if (t->asking)
        resolver_cancel(&t->lookup);
    loop_timer_clear(t->loop, &t->again);
    loop_timer_clear(t->loop, &t->deadline);
    free(t);
    *tp = NULL;
}
