/* The lookup plan on the cases of its table, in every order in which the answers can come; and what
 * is no case. */
#include <stdio.h>
#include <string.h>

#include "config/base/arena.h"
#include "tests/dns/leaks.h"
#include "tests/dns/plan_table.h"
#include "tests/dns/script.h"

/* "d.example", "[d.example]", "[d.example]:2525" */
static void read_ask(const char *ask, enum plan_kind *out_kind, char name[DNS_NAME_MAX],
                     uint16_t *out_port)
{
    struct slice s = slice_of(ask);
    size_t end = slice_find(s, ']');
    uint64_t port = 25;

    *out_kind = ask[0] == '[' ? PLAN_HOST : PLAN_MX;
    if (*out_kind == PLAN_HOST) {
        if (end + 2 < s.n)
            cr_assert(slice_to_u64(slice_skip(s, end + 2), 65535, &port), "%s", ask);
        s = slice_skip(slice_head(s, end), 1);
    }
    cr_assert(slice_copy(s, name, DNS_NAME_MAX));
    *out_port = (uint16_t)port;
}

/* NULL if the script was not followed to the letter. */
static struct dest_facts *play(const struct plan_case *c, char error, struct script_order *order)
{
    char script[SCRIPT_TEXT], name[DNS_NAME_MAX];
    enum plan_kind kind;
    uint16_t port;

    read_ask(c->ask, &kind, name, &port);
    struct script_run run =
        script_play(script_with_error(c->script, error, script), kind, name, port, order);
    cr_expect_str_empty(run.problem, "%s: %s\n  %s", c->clause, c->words, run.problem);
    if (run.problem[0])
        dest_facts_unref(&run.facts);
    return run.facts;
}

static bool check(const struct plan_case *c, char error, struct script_order *order)
{
    char seen[SCRIPT_TEXT], expected[SCRIPT_TEXT];
    struct dest_facts *f = play(c, error, order);

    if (!f)
        return false;
    script_summary(f, seen);
    script_with_error(c->expected, error, expected);
    bool same = strcmp(seen, expected) == 0;
    cr_expect(same, "%s: %s\n  %s\n  expected %s\n  seen     %s", c->clause, c->words, c->script,
              expected, seen);
    cr_expect_eq(f->made_ms, 1234);
    dest_facts_unref(&f);
    return same;
}

static void check_all_orders(const struct plan_case *c, char error)
{
    enum { MOST = 5000 };
    struct script_order order = {0};
    int n = 0;

    while (check(c, error, &order) && script_order_next(&order))
        cr_assert_lt(++n, MOST, "%s: too many orders", c->words);
}

Test(plan, table)
{
    for (size_t i = 0; i < n_plan_cases; i++) {
        check_all_orders(&plan_cases[i], 'B');
        check_all_orders(&plan_cases[i], 'F');
    }
    no_leaks();
}

/* What the plan makes has to pass the decoder of mta, whatever the case. */
Test(plan, all_facts_cross_the_link)
{
    for (size_t i = 0; i < n_plan_cases; i++) {
        const struct plan_case *c = &plan_cases[i];
        char before[SCRIPT_TEXT], after[SCRIPT_TEXT];
        struct dest_facts *f = play(c, 'B', NULL), *copy;
        struct buf b;
        buf_init(&b, LIMIT_DNS_FRAME);
        cr_assert(f && dest_facts_encode(f, &b));
        cr_assert(dest_facts_decode(buf_slice(&b), &copy), "%s: %s", c->clause, c->words);
        cr_assert_str_eq(script_summary(copy, after), script_summary(f, before), "%s", c->words);
        cr_assert_eq(copy->n_steps, f->n_steps);
        buf_free(&b);
        dest_facts_unref(&copy);
        dest_facts_unref(&f);
    }
    no_leaks();
}

static struct dest_facts *facts_of(enum plan_kind kind, const char *script)
{
    struct script_run run = script_play(script, kind, "d.example", 25, NULL);
    cr_assert_str_empty(run.problem, "%s", run.problem);
    return run.facts;
}

Test(plan, steps_tell_the_story)
{
    struct dest_facts *f = facts_of(PLAN_HOST, "d.example A I >h2.example 192.0.2.1, 192.0.2.2\n"
                                               "d.example CNAME S u.example\n"
                                               "_25._tcp.d.example TLSA B\n");
    static const uint16_t types[] = {DNS_AAAA, DNS_A, DNS_CNAME, DNS_TLSA};

    cr_assert_eq(f->n_steps, ARRAY_LEN(types));
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        cr_assert_eq(f->steps[i].type, types[i]);
    cr_assert_str_eq(f->steps[1].alias, "h2.example");
    cr_assert_eq(f->steps[1].records, 2);
    cr_assert_str_eq(f->steps[3].name, "_25._tcp.d.example");
    cr_assert_str_eq(f->steps[3].why, "scripted");
    cr_assert_str_eq(f->hosts[0].why, "TLSA _25._tcp.d.example: bogus (scripted)");
    cr_assert_eq(f->hosts[0].n_candidates, 1);
    cr_assert(!f->hosts[0].candidates[0].chosen);
    dest_facts_unref(&f);
}

Test(plan, addresses_ipv6_first)
{
    struct dest_facts *f =
        facts_of(PLAN_HOST, "d.example AAAA I 2001:db8::1, 2001:db8::2\nd.example A I 192.0.2.1\n");

    cr_assert_eq(f->hosts[0].n_addresses, 3);
    cr_assert(f->hosts[0].addresses[0].v6 && f->hosts[0].addresses[1].v6);
    cr_assert(!f->hosts[0].addresses[2].v6);
    dest_facts_unref(&f);
}

Test(plan, errors_shorten_the_life_of_facts)
{
    struct dest_facts *good = facts_of(PLAN_HOST, "d.example A I 192.0.2.1\n");
    struct dest_facts *bad = facts_of(PLAN_HOST, "d.example AAAA F\nd.example A I 192.0.2.1\n");

    cr_assert_eq(good->ttl, 300);
    cr_assert_eq(bad->ttl, 30);
    cr_assert_str_eq(bad->hosts[0].why, "AAAA d.example: failed (scripted)");
    dest_facts_unref(&good);
    dest_facts_unref(&bad);
}

/* A long list is cut after sorting, and never asks more than the plan may. */
Test(plan, many_hosts)
{
    struct plan *p = plan_new(PLAN_MX, "d.example", 25);
    struct arena *arena = arena_new();
    struct plan_query q;
    enum { MANY = 3000 };
    struct dns_answer a = {.security = DNS_SECURE, .expanded = "d.example", .why = "", .ttl = 60};

    a.mx = arena_alloc(arena, MANY * sizeof(*a.mx));
    for (a.n = 0; a.n < MANY; a.n++)
        a.mx[a.n] =
            (struct mx_record){(uint16_t)(MANY - a.n), arena_printf(arena, "h%zu.example", a.n)};
    cr_assert(plan_next(p, &q));
    plan_feed(p, q.id, &a);
    size_t asked = 1;
    struct dns_answer nothing = {.lookup = DNS_NODATA, .expanded = "x.example", .why = ""};
    for (; plan_next(p, &q); asked++)
        plan_feed(p, q.id, &nothing);
    cr_assert_eq(asked, 1 + 2 * LIMIT_MX_HOSTS);
    struct dest_facts *f = plan_finish(&p, 0);
    cr_assert_eq(f->n_hosts, LIMIT_MX_HOSTS);
    cr_assert_str_eq(f->hosts[0].name, "h2999.example");
    dest_facts_unref(&f);
    arena_free(&arena);
    no_leaks();
}

/* With the prefix the name would be too long, so nobody can have published there. */
Test(plan, name_too_long_for_tlsa)
{
    char name[DNS_NAME_MAX], script[600], expected[600], text[SCRIPT_TEXT];

    for (size_t i = 0; i < 249; i++)
        name[i] = i % 2 ? '.' : 'a';
    name[249] = '\0';
    (void)snprintf(script, sizeof(script), "%s A S 192.0.2.1\n", name);
    (void)snprintf(expected, sizeof(expected), "HOST S | 0 %s data:S tlsa none", name);
    struct script_run run = script_play(script, PLAN_HOST, name, 25, NULL);
    cr_assert_str_empty(run.problem);
    cr_assert_str_eq(script_summary(run.facts, text), expected);
    dest_facts_unref(&run.facts);
}

Test(plan, given_up_halfway)
{
    struct plan *p = plan_new(PLAN_MX, "d.example", 25);
    struct plan_query q;

    cr_assert(plan_next(p, &q));
    cr_assert(!plan_next(p, &q));
    cr_assert(!plan_done(p));
    plan_free(&p);
    cr_assert_null(p);
    plan_free(&p);
    no_leaks();
}
