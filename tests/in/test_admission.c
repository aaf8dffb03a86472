#include <criterion/criterion.h>

#include "mta/in/admission.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

static struct listener_config a = {
    .name = "a", .max_connections = 5, .max_connections_per_client = 2};
static struct listener_config b = {
    .name = "b", .max_connections = 1, .max_connections_per_client = 9};

/* One history, step by step: '+' a connection that must stay, '!' one that must not, '-' one ends.
 */
static const struct step {
    char what;
    const struct listener_config *listener;
    const char *client;
} steps[] = {
    {'+', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.1"           },
    {'!', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.2"           },
    {'+', &b, "192.0.2.1"           },
    {'!', &b, "192.0.2.9"           },
    {'+', &a, "2001:db8:0:1::1"     },
    {'+', &a, "2001:db8:0:1:ffff::2"}, /* the same /64 */
    {'!', &a, "2001:db8:0:2::1"     },
    {'-', &a, "192.0.2.2"           },
    {'!', &a, "2001:db8:0:1::3"     },
    {'+', &a, "2001:db8:0:2::1"     },
    {'!', &a, "192.0.2.7"           },
    {'-', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.1"           },
    {'-', &b, "192.0.2.1"           },
    {'+', &b, "::ffff:192.0.2.1"    },
    {'-', &b, "192.0.2.1"           }, /* mapped is the IPv4 address */
};

enum { NOW = 1000000 };

static enum cause enter(struct admission *adm, const struct listener_config *l, const struct ip *ip,
                        int64_t now)
{
    struct rate_hold hold = {0};
    enum cause cause = admission_enter(adm, l, ip, now, &hold);
    cr_expect_eq(cause == CAUSE_OK && (!hold.client || !hold.network), false);
    return cause;
}

static void run(struct admission *adm, const struct step *s, size_t i)
{
    struct ip ip;

    cr_assert(ip_parse(slice_of(s->client), &ip));
    if (s->what == '-') {
        admission_leave(adm, s->listener->name, &ip, NOW);
        return;
    }
    enum cause want = s->what == '+' ? CAUSE_OK : CAUSE_TOO_MANY_CONNECTIONS;
    cr_expect_eq(enter(adm, s->listener, &ip, NOW), want, "step %zu: %c %s %s", i, s->what,
                 s->listener->name, s->client);
}

Test(admission, table)
{
    struct admission *adm = admission_new();

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        run(adm, &steps[i], i);
    admission_free(&adm); /* with entries left */
    cr_expect_null(adm);
#if defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(__lsan_do_recoverable_leak_check(), 0);
#endif
}

/* A listener whose limit fell by a reload keeps its count. */
Test(admission, survives_a_reload)
{
    struct admission *adm = admission_new();
    struct listener_config smaller = {
        .name = "a", .max_connections = 1, .max_connections_per_client = 1};
    struct ip ip;

    cr_assert(ip_parse(SLICE("192.0.2.1"), &ip));
    cr_expect_eq(enter(adm, &a, &ip, NOW), CAUSE_OK);
    cr_expect_eq(enter(adm, &a, &ip, NOW), CAUSE_OK);
    cr_expect_eq(enter(adm, &smaller, &ip, NOW), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(adm, "a", &ip, NOW);
    cr_expect_eq(enter(adm, &smaller, &ip, NOW), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(adm, "a", &ip, NOW);
    cr_expect_eq(enter(adm, &smaller, &ip, NOW), CAUSE_OK);
    admission_free(&adm);
}

/* --- Rates --- */

static struct ip_net own_network = {.ip = {.a = {10}}, .bits = 8};
static struct listener_config rated = {
    .name = "r",
    .max_connections = 100,
    .max_connections_per_client = 100,
    .clients = &own_network,
    .n_clients = 1,
    .limits = {.per_client = {3}, .exempt_clients = true},
};

static size_t let_in(struct admission *adm, const struct listener_config *l, const char *client,
                     size_t n)
{
    struct ip ip;
    size_t in = 0;

    cr_assert(ip_parse(slice_of(client), &ip));
    for (size_t i = 0; i < n; i++) {
        enum cause cause = enter(adm, l, &ip, NOW);
        in += cause == CAUSE_OK;
        cr_expect(cause == CAUSE_OK || cause == CAUSE_CONNECTION_RATE);
        if (cause == CAUSE_OK)
            admission_leave(adm, l->name, &ip, NOW);
    }
    return in;
}

Test(admission, connections_have_a_rate)
{
    struct admission *adm = admission_new();
    struct listener_config all = rated;

    cr_expect_eq(let_in(adm, &rated, "192.0.2.1", 9), 3);
    cr_expect_eq(let_in(adm, &rated, "192.0.2.2", 9), 3);
    cr_expect_eq(let_in(adm, &rated, "10.1.2.3", 9), 9, "a client of the listener's");
    all.limits.exempt_clients = false;
    cr_expect_eq(let_in(adm, &all, "10.1.2.4", 9), 3);
    admission_free(&adm);
#if defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(__lsan_do_recoverable_leak_check(), 0);
#endif
}

/* A flood of refusals does not become a flood of lines. */
Test(admission, refusals_are_told_in_measure)
{
    struct admission *adm = admission_new();
    uint64_t untold = 0;
    size_t told = 0;

    for (int i = 0; i < 1000; i++)
        told += admission_tell(adm, "a", NOW, &untold);
    cr_expect_eq(told, 60, "%zu", told);
    cr_expect_eq(untold, 0);
    cr_expect(admission_tell(adm, "a", NOW + 1000, &untold));
    cr_expect_eq(untold, 940);
    cr_expect(admission_tell(adm, "b", NOW, &untold));
    cr_expect_eq(untold, 0);
    admission_free(&adm);
}

/* --- Overload --- */

Test(admission, nearly_full)
{
    cr_expect_not(overload_nearly(89, 100, 90));
    cr_expect(overload_nearly(90, 100, 90));
    cr_expect_not(overload_nearly(9, 10, 95));
    cr_expect(overload_nearly(10, 10, 95));
    cr_expect_not(overload_nearly(999999, 1000000, 100));
}

/* On at once; off when it was not nearly full for five seconds, however it moved meanwhile. */
Test(admission, overload_has_inertia)
{
    static const struct {
        int64_t at;
        bool full;
        enum overload_change change;
    } history[] = {
        {0,     false, OVERLOAD_SAME  },
        {100,   true,  OVERLOAD_BEGINS},
        {200,   false, OVERLOAD_SAME  },
        {5000,  true,  OVERLOAD_SAME  },
        {9999,  false, OVERLOAD_SAME  },
        {10000, false, OVERLOAD_ENDS  },
        {10001, false, OVERLOAD_SAME  },
        {10002, true,  OVERLOAD_BEGINS},
    };
    struct overload o = {0};

    for (size_t i = 0; i < ARRAY_LEN(history); i++)
        cr_expect_eq(overload_update(&o, history[i].full, NOW + history[i].at), history[i].change,
                     "at %lld", (long long)history[i].at);
}

Test(admission, a_listener_is_judged_by_its_own_connections)
{
    struct admission *adm = admission_new();
    struct listener_config l = a, other = b;
    struct ip ip;

    l.limits.overload_at = other.limits.overload_at = 80; /* of 5: 4 */
    l.max_connections_per_client = 9;
    cr_assert(ip_parse(SLICE("192.0.2.1"), &ip));
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(admission_overload(adm, &l, false, NOW), OVERLOAD_SAME);
        cr_expect_eq(enter(adm, &l, &ip, NOW), CAUSE_OK);
    }
    cr_expect_eq(admission_overload(adm, &l, false, NOW), OVERLOAD_BEGINS);
    cr_expect_eq(admission_overload(adm, &other, false, NOW), OVERLOAD_SAME);
    cr_expect(admission_is_overloaded(adm, "a") && !admission_is_overloaded(adm, "b"));
    for (int i = 0; i < 4; i++)
        admission_leave(adm, "a", &ip, NOW);
    cr_expect_eq(admission_overload(adm, &l, false, NOW + OVERLOAD_REST_MS), OVERLOAD_ENDS);
    cr_expect_eq(admission_overload(adm, &l, true, NOW + 9000), OVERLOAD_BEGINS, "descriptors");
    admission_free(&adm);
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(text), &ip));
    return ip;
}

/* A connection that is another client's from now on: that one's limit is asked, the total stays. */
Test(admission, a_connection_moves)
{
    struct ip proxy = ip_of("192.0.2.1"), client = ip_of("192.0.2.2");
    struct admission *all = admission_new();
    struct rate_hold hold;

    cr_assert_eq(admission_enter(all, &a, &proxy, 0, &hold), CAUSE_OK);
    cr_assert_eq(admission_enter(all, &a, &proxy, 0, &hold), CAUSE_OK);
    cr_expect_eq(admission_enter(all, &a, &proxy, 0, &hold), CAUSE_TOO_MANY_CONNECTIONS);
    cr_expect_eq(admission_move(all, &a, &proxy, &client, 0, &hold), CAUSE_OK);
    cr_expect_eq(admission_enter(all, &a, &proxy, 0, &hold), CAUSE_OK, "one of its own is free");
    cr_expect_eq(admission_move(all, &a, &proxy, &client, 0, &hold), CAUSE_OK);
    cr_expect_eq(admission_move(all, &a, &proxy, &client, 0, &hold), CAUSE_TOO_MANY_CONNECTIONS);
    cr_expect_eq(admission_enter(all, &a, &client, 0, &hold), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(all, "a", &client, 0);
    admission_leave(all, "a", &client, 0);
    admission_leave(all, "a", &proxy, 0);
    admission_free(&all);
}

/* At a listener that is full a connection may still change hands. */
Test(admission, a_connection_moves_at_a_full_listener)
{
    struct ip proxy = ip_of("192.0.2.1"), client = ip_of("192.0.2.2");
    struct admission *all = admission_new();
    struct rate_hold hold;

    cr_assert_eq(admission_enter(all, &b, &proxy, 0, &hold), CAUSE_OK);
    cr_expect_eq(admission_move(all, &b, &proxy, &client, 0, &hold), CAUSE_OK);
    cr_expect_eq(admission_enter(all, &b, &proxy, 0, &hold), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(all, "b", &client, 0);
    admission_free(&all);
}
