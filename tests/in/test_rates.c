/* Rates, bucket by bucket, with time as an argument. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

#include "mta/in/rates.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

enum { START_MS = 1000000, MINUTE_MS = 60000 };

static const struct listener_limits limits = {.per_client = {6, 60, 600},
                                              .per_network = {10, 100, 0}};

struct desk { /* a table with some room, and a clock */
    struct rates *rates;
    int64_t now;
};

static struct desk open_desk(size_t max)
{
    return (struct desk){rates_new(max), START_MS};
}

static void close_desk(struct desk *d)
{
    rates_free(&d->rates);
    cr_expect_null(d->rates);
#if defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(__lsan_do_recoverable_leak_check(), 0);
#endif
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(text), &ip), "%s", text);
    return ip;
}

/* Connects and leaves again n times; returns how many were let in. */
static size_t knock(struct desk *d, const char *listener, const char *client, size_t n)
{
    struct ip ip = ip_of(client);
    struct rate_hold h;
    size_t in = 0;

    for (size_t i = 0; i < n; i++) {
        rates_hold(d->rates, listener, &ip, d->now, &h);
        in += rates_take(&h, &limits, RATE_CONNECTIONS, d->now);
        rates_drop(d->rates, listener, &ip, d->now);
    }
    return in;
}

static void expect_in(struct desk *d, const char *client, size_t asked, size_t in)
{
    size_t got = knock(d, "lan", client, asked);
    cr_expect_eq(got, in, "%s at %lld: %zu of %zu", client, (long long)(d->now - START_MS), got,
                 asked);
}

Test(rates, a_minutes_worth_then_its_share)
{
    struct desk d = open_desk(100);

    expect_in(&d, "192.0.2.1", 20, 6);
    d.now += 9999;
    expect_in(&d, "192.0.2.1", 20, 0);
    d.now += 1; /* a sixth of a minute */
    expect_in(&d, "192.0.2.1", 20, 1);
    d.now += MINUTE_MS;
    expect_in(&d, "192.0.2.1", 20, 6);
    close_desk(&d);
}

/* Refusals cost nothing: one that knocks all the time has its share like all others. */
Test(rates, knocking_does_not_shut_the_door)
{
    struct desk d = open_desk(100);
    size_t in = 0;

    for (int second = 0; second < 600; second++, d.now += 1000)
        in += knock(&d, "lan", "192.0.2.1", 50);
    cr_expect_eq(in, 6 + 59, "%zu", in); /* full at first, then one each ten seconds */
    close_desk(&d);
}

static const struct {
    const char *first, *second;
    size_t in; /* of six of the second, after six of the first */
} neighbours[] = {
    {"192.0.2.1",        "192.0.2.1",          0}, /* itself */
    {"192.0.2.1",        "192.0.2.2",          4}, /* its network has ten */
    {"192.0.2.1",        "192.0.3.1",          6},
    {"192.0.2.1",        "::ffff:192.0.2.1",   0}, /* the same address */
    {"2001:db8:1:2::1",  "2001:db8:1:2:ffff::", 0}, /* the same /64 */
    {"2001:db8:1:2::1",  "2001:db8:1:3::1",    4}, /* the same /48 */
    {"2001:db8:1:2::1",  "2001:db8:2:2::1",    6},
    {"32.1.13.184",      "2001:db8::1",        6}, /* the same octets, another family */
};

Test(rates, clients_and_networks)
{
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        struct desk d = open_desk(100);
        expect_in(&d, neighbours[i].first, 6, 6);
        expect_in(&d, neighbours[i].second, 6, neighbours[i].in);
        close_desk(&d);
    }
}

/* What the network refuses is not taken from the client. */
Test(rates, a_busy_network_is_not_the_clients_debt)
{
    struct desk d = open_desk(100);

    expect_in(&d, "192.0.2.1", 6, 6);
    expect_in(&d, "192.0.2.2", 6, 4);
    expect_in(&d, "192.0.2.3", 20, 0);
    d.now += 36000; /* the network has six again, and .3 all of its own */
    expect_in(&d, "192.0.2.3", 6, 6);
    close_desk(&d);
}

Test(rates, listeners_are_counted_apart)
{
    struct desk d = open_desk(100);

    cr_expect_eq(knock(&d, "lan", "192.0.2.1", 9), 6);
    cr_expect_eq(knock(&d, "internet", "192.0.2.1", 9), 6);
    close_desk(&d);
}

Test(rates, kinds_are_counted_apart_and_zero_is_no_limit)
{
    struct desk d = open_desk(100);
    struct ip ip = ip_of("192.0.2.1");
    struct listener_limits none = {0};
    struct rate_hold h;

    rates_hold(d.rates, "lan", &ip, d.now, &h);
    for (int i = 0; i < 60; i++)
        cr_expect(rates_take(&h, &limits, RATE_MESSAGES, d.now));
    cr_expect_not(rates_take(&h, &limits, RATE_MESSAGES, d.now));
    for (int i = 0; i < 600; i++)
        cr_expect(rates_take(&h, &limits, RATE_RECIPIENTS, d.now));
    cr_expect_not(rates_take(&h, &limits, RATE_RECIPIENTS, d.now));
    cr_expect(rates_take(&h, &limits, RATE_CONNECTIONS, d.now));
    for (int i = 0; i < 10000; i++)
        cr_expect(rates_take(&h, &none, RATE_MESSAGES, d.now));
    rates_drop(d.rates, "lan", &ip, d.now);
    close_desk(&d);
}

/* --- The table --- */

static void knock_from_many(struct desk *d, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        char client[40];
        snprintf(client, sizeof(client), "10.%u.%u.1", i >> 8 & 255, i & 255);
        (void)knock(d, "lan", client, 1);
    }
}

/* The catalogue's A5: addresses without end neither grow the table nor reset one that is over its
 * limit, before or after them. */
Test(rates, many_addresses_do_not_reset_a_busy_one)
{
    struct desk d = open_desk(50);

    knock_from_many(&d, 0, 500);
    expect_in(&d, "192.0.2.1", 20, 6);
    knock_from_many(&d, 500, 5000);
    cr_expect_leq(rates_entries(d.rates), 52);
    expect_in(&d, "192.0.2.1", 20, 0);
    close_desk(&d);
}

Test(rates, what_is_forgiven_is_forgotten)
{
    struct desk d = open_desk(1000);

    knock_from_many(&d, 0, 100);
    cr_expect_gt(rates_entries(d.rates), 100);
    d.now += MINUTE_MS;
    (void)knock(&d, "lan", "192.0.2.1", 1);
    cr_expect_leq(rates_entries(d.rates), 2);
    close_desk(&d);
}

Test(rates, what_is_held_stays)
{
    struct desk d = open_desk(0);
    struct ip ip = ip_of("192.0.2.1");
    struct rate_hold h, again;

    rates_hold(d.rates, "lan", &ip, d.now, &h);
    knock_from_many(&d, 0, 100);
    cr_expect_eq(rates_entries(d.rates), 2);
    cr_expect(rates_take(&h, &limits, RATE_CONNECTIONS, d.now));
    rates_hold(d.rates, "lan", &ip, d.now, &again);
    cr_expect_eq(again.client, h.client);
    rates_drop(d.rates, "lan", &ip, d.now);
    d.now += MINUTE_MS;
    cr_expect_eq(rates_entries(d.rates), 2);
    rates_drop(d.rates, "lan", &ip, d.now);
    cr_expect_eq(rates_entries(d.rates), 0);
    close_desk(&d);
}

/* --- Threads --- */

struct taker {
    const struct rate_hold *hold;
    size_t taken;
};

static void *take_all(void *arg)
{
    struct taker *t = arg;
    for (int i = 0; i < 5000; i++)
        t->taken += rates_take(t->hold, &limits, RATE_RECIPIENTS, START_MS);
    return NULL;
}

Test(rates, threads_share_one_bucket)
{
    struct desk d = open_desk(10);
    struct ip ip = ip_of("192.0.2.1");
    struct rate_hold h;
    struct taker takers[4] = {{&h, 0}, {&h, 0}, {&h, 0}, {&h, 0}};
    pthread_t threads[ARRAY_LEN(takers)];
    size_t taken = 0;

    rates_hold(d.rates, "lan", &ip, d.now, &h);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        taken += takers[i].taken;
    }
    cr_expect_eq(taken, 600, "%zu", taken);
    rates_drop(d.rates, "lan", &ip, d.now);
    close_desk(&d);
}
