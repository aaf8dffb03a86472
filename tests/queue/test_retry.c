#include <criterion/criterion.h>

#include "queue/retry.h"

#define MIN  ((int64_t)60 * 1000)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

static const struct retry_rule rule = {5 * MIN, 4 * HOUR, 5 * DAY, 4 * HOUR};

/* random values that give -25 %, 0 and +25 % of a delay whose quarter is q */
#define LOW     0
#define MID(q)  ((uint64_t)(q))
#define HIGH(q) ((uint64_t)(q)*2)

Test(retry, table)
{
    static const struct {
        const char *name;
        int64_t age, next_in;
        uint32_t attempts;
        bool warned, expired, warn;
        uint64_t random;
    } rows[] = {
        {"first, least", 0, 225000, 1, false, false, false, LOW},
        {"first, middle", 0, 5 * MIN, 1, false, false, false, MID(75000)},
        {"first, most", 0, 375000, 1, false, false, false, HIGH(75000)},
        {"second doubles", 10 * MIN, 10 * MIN, 2, false, false, false, MID(150000)},
        {"sixth", HOUR, 160 * MIN, 6, false, false, false, MID(40 * MIN)},
        {"seventh is the most", HOUR, 4 * HOUR, 7, false, false, false, MID(HOUR)},
        {"many stay at the most", DAY, 4 * HOUR, 4000000000u, true, false, false, MID(HOUR)},
        {"warn at its time", 4 * HOUR, 5 * MIN, 1, false, false, true, MID(75000)},
        {"not before", 4 * HOUR - 1, 5 * MIN, 1, false, false, false, MID(75000)},
        {"warned once", 5 * HOUR, 5 * MIN, 1, true, false, false, MID(75000)},
        {"last attempt at the end", 5 * DAY - HOUR, HOUR, 9, true, false, false, MID(HOUR)},
        {"just before the end", 5 * DAY - 1, 1, 9, true, false, false, MID(HOUR)},
        {"at the end it is over", 5 * DAY, 0, 9, true, true, false, MID(HOUR)},
        {"long after", 50 * DAY, 0, 1, false, true, false, MID(HOUR)},
        {"clock went back", -DAY, 5 * MIN, 1, false, false, false, MID(75000)},
    };
    const int64_t arrival = 1000000000000;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct retry_decision d = retry_decide(&rule, arrival, arrival + rows[i].age,
                                               rows[i].attempts, rows[i].warned, rows[i].random);
        cr_expect_eq(d.expired, rows[i].expired, "%s", rows[i].name);
        cr_expect_eq(d.warn, rows[i].warn, "%s", rows[i].name);
        if (!rows[i].expired)
            cr_expect_eq(d.next_ms - arrival - rows[i].age, rows[i].next_in, "%s: %lld",
                         rows[i].name, (long long)(d.next_ms - arrival - rows[i].age));
    }
}

Test(retry, never_warns_when_told)
{
    struct retry_rule quiet = rule;
    quiet.warn_ms = 0;
    cr_assert_not(retry_decide(&quiet, 0, DAY, 3, false, 7).warn);
}

/* A life on a fake clock: it ends exactly at its end, and with an attempt. */
Test(retry, a_whole_life)
{
    int64_t now = 0;
    uint32_t attempts = 0;
    struct retry_decision d;

    do {
        attempts++;
        d = retry_decide(&rule, 0, now, attempts, false, attempts * 0x9e3779b97f4a7c15u);
        cr_assert(d.expired || d.next_ms > now);
        now = d.expired ? now : d.next_ms;
    } while (!d.expired);
    cr_assert_eq(now, 5 * DAY);
    cr_assert(attempts > 25 && attempts < 60, "%u", attempts);
}

Test(retry, odd_rules_still_move_on)
{
    static const struct retry_rule odd[] = {
        {0,    0,   DAY, 0},
        {1,    1,   DAY, 0},
        {HOUR, MIN, DAY, 0},
        {3,    5,   DAY, 1}
    };

    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        for (uint32_t attempts = 1; attempts < 100; attempts++)
            cr_assert_gt(retry_decide(&odd[i], 0, 10, attempts, true, attempts).next_ms, 10);
}
