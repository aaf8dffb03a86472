/* The lookup plan on scripted answers, in three orders of arrival. Ids are those of the catalogue of
 * cases that the project tests DANE with: A the MX step, B addresses, aliases and TLSA; X are ours. */
#include <stdio.h>
#include <string.h>

#include "config/base/arena.h"
#include "tests/dns/leaks.h"
#include "tests/dns/script.h"

static const struct {
    const char *id, *clause;
    enum plan_kind kind;
    const char *script, *expected;
    uint16_t port; /* 0: 25 */
} rows[] = {
    {"A01 all secure", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX S 10 mx.d.example\n"
     "mx.d.example A S 192.0.2.1\n"
     "_25._tcp.mx.d.example TLSA S aa\n",
     "MX S | 10 mx.d.example data:S tlsa mx.d.example 1", 0},
    {"A02 insecure MX, secure host: TLSA is used", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX I 10 mx.h.example\n"
     "mx.h.example A S 192.0.2.1\n"
     "_25._tcp.mx.h.example TLSA S aa\n",
     "MX I | 10 mx.h.example data:S tlsa mx.h.example 1", 0},
    {"A05 MX bogus: nothing more is asked", "RFC 7672 §2.1.2", PLAN_MX, "d.example MX B\n", "ERROR B", 0},
    {"A06 MX failed: nothing more is asked", "RFC 7672 §2.1.2", PLAN_MX, "d.example MX F\n",
     "ERROR F", 0},
    {"A08 no MX, secure: implicit", "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX S nd\n"
     "d.example A S 192.0.2.1\n"
     "_25._tcp.d.example TLSA S aa\n",
     "IMPLICIT S | 0 d.example data:S tlsa d.example 1", 0},
    {"A09 no MX, insecure: no TLSA question", "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX I nd\n"
     "d.example A I 192.0.2.1\n",
     "IMPLICIT I | 0 d.example data:I tlsa none", 0},
    {"A10 no such domain", "RFC 5321 §5.1", PLAN_MX, "d.example MX S nx\n", "NXDOMAIN S", 0},
    {"A10 no such domain, insecure", "RFC 7672 §2.1.1", PLAN_MX, "d.example MX I nx\n", "NXDOMAIN I", 0},
    {"A12 null MX", "RFC 7505 §3", PLAN_MX, "d.example MX S 0 .\n", "NULL_MX S", 0},
    {"A13 null MX beside a host", "RFC 7505 §3", PLAN_MX,
     "d.example MX S 0 ., 10 mx.d.example\n"
     "mx.d.example A S 192.0.2.1\n"
     "_25._tcp.mx.d.example TLSA S aa\n",
     "MX S | 10 mx.d.example data:S tlsa mx.d.example 1", 0},
    {"A14 null MX at another preference", "RFC 7505 §3", PLAN_MX, "d.example MX S 10 .\n", "NULL_MX S", 0},
    {"X01 null MX twice", "RFC 7505 §3", PLAN_MX, "d.example MX S 0 ., 10 .\n", "NULL_MX S", 0},
    {"A15 an address in an MX record", "RFC 7672 §2.2", PLAN_MX,
     "d.example MX S 10 192.0.2.1, 20 mx.d.example\n"
     "mx.d.example A S 192.0.2.1\n"
     "_25._tcp.mx.d.example TLSA S aa\n",
     "MX S | 20 mx.d.example data:S tlsa mx.d.example 1", 0},
    {"X02 MX records without one host: not implicit", "RFC 5321 §5.1", PLAN_MX,
     "d.example MX S 10 192.0.2.1, 20 ?\n", "MX S", 0},
    {"A18 TLSA of the first host fails", "RFC 7672 §2.1.2", PLAN_MX,
     "d.example MX S 10 mx10.d.example, 20 mx20.d.example\n"
     "mx10.d.example A S 192.0.2.1\n"
     "mx20.d.example A S 192.0.2.2\n"
     "_25._tcp.mx10.d.example TLSA F\n"
     "_25._tcp.mx20.d.example TLSA S aa\n",
     "MX S | 10 mx10.d.example data:S tlsa err | 20 mx20.d.example data:S tlsa mx20.d.example 1", 0},
    {"A19 addresses of the first host bogus", "RFC 7672 §2.1.2", PLAN_MX,
     "d.example MX S 10 mx10.d.example, 20 mx20.d.example\n"
     "mx10.d.example A B\n"
     "mx20.d.example A S 192.0.2.2\n"
     "_25._tcp.mx20.d.example TLSA S aa\n",
     "MX S | 10 mx10.d.example err:B tlsa none | 20 mx20.d.example data:S tlsa mx20.d.example 1", 0},
    {"A20 no host exists", "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX S 10 a.example, 20 b.example\n"
     "a.example A S nx\na.example AAAA S nx\n"
     "b.example A S nx\nb.example AAAA S nx\n",
     "MX S | 10 a.example nx:S tlsa none | 20 b.example nx:S tlsa none", 0},
    {"A22 equal preferences keep the order of the answer", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX S 10 b.example, 5 c.example, 10 a.example\n"
     "a.example A I 192.0.2.1\nb.example A I 192.0.2.2\nc.example A I 192.0.2.3\n",
     "MX S | 5 c.example data:I tlsa none | 10 b.example data:I tlsa none | 10 a.example data:I tlsa none", 0},
    {"X03 a host listed twice counts once, at its best", "RFC 5321 §5.1", PLAN_MX,
     "d.example MX S 20 a.example, 10 a.example\n"
     "a.example A I 192.0.2.1\n",
     "MX S | 10 a.example data:I tlsa none", 0},
    {"A26 insecure MX is told", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX I 10 mx.d.example\n"
     "mx.d.example A S 192.0.2.1\n"
     "_25._tcp.mx.d.example TLSA S aa\n",
     "MX I | 10 mx.d.example data:S tlsa mx.d.example 1", 0},
    {"A27 TLSA does not exist", "RFC 7672 §6", PLAN_MX,
     "d.example MX S 10 mx.d.example\n"
     "mx.d.example A S 192.0.2.1\n"
     "_25._tcp.mx.d.example TLSA S nx\n",
     "MX S | 10 mx.d.example data:S tlsa nx", 0},
    {"A29 host insecure: TLSA is not asked", "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX S 10 mx.d.example\n"
     "mx.d.example A I 192.0.2.1\n",
     "MX S | 10 mx.d.example data:I tlsa none", 0},
    {"A30 unsupported algorithm is insecure", "RFC 7672 §2.1.1", PLAN_MX,
     "d.example MX I 10 mx.d.example\n"
     "mx.d.example A I 192.0.2.1\n",
     "MX I | 10 mx.d.example data:I tlsa none", 0},
    {"A31 next hop is an alias", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX S >d2.example 10 mx.d2.example\n"
     "mx.d2.example A S 192.0.2.1\n"
     "_25._tcp.mx.d2.example TLSA S aa\n",
     "MX S | 10 mx.d2.example data:S tlsa mx.d2.example 1", 0},
    {"A33 next hop is a secure alias into an unsigned zone", "RFC 7672 §2.2.1", PLAN_MX,
     "d.example MX I >d2.example 10 mx.h.example\n"
     "mx.h.example A S 192.0.2.1\n"
     "_25._tcp.mx.h.example TLSA S aa\n",
     "MX I | 10 mx.h.example data:S tlsa mx.h.example 1", 0},
    {"X04 alias without MX at its end: both names are candidates", "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX S >d2.example nd\n"
     "d.example A S >d2.example 192.0.2.1\n"
     "_25._tcp.d2.example TLSA S nx\n"
     "_25._tcp.d.example TLSA S aa\n",
     "IMPLICIT S | 0 d.example>d2.example data:S tlsa d.example 1", 0},
    {"X05 denial of MX insecure, addresses secure: the host's own security decides",
     "RFC 7672 §2.2.2", PLAN_MX,
     "d.example MX I nd\n"
     "d.example A S 192.0.2.1\n"
     "_25._tcp.d.example TLSA S aa\n",
     "IMPLICIT I | 0 d.example data:S tlsa d.example 1", 0},
    {"X06 alias to nowhere", "RFC 5321 §5.1", PLAN_MX, "d.example MX S >d2.example nx\n", "NXDOMAIN S", 0},

    {"B02 TLSA does not exist", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA S nx\n",
     "HOST S | 0 d.example data:S tlsa nx", 0},
    {"B03 no TLSA", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA S nd\n",
     "HOST S | 0 d.example data:S tlsa nd", 0},
    {"R05 an insecure denial is an answer", "RFC 7672 §2.1.1", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA I nx\n",
     "HOST S | 0 d.example data:S tlsa nx", 0},
    {"B05 TLSA by alias from an unsigned zone", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA I >t.example aa\n",
     "HOST S | 0 d.example data:S tlsa nd", 0},
    {"B06 B09 B10 TLSA bogus", "RFC 7672 §2.1.2", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA B\n",
     "HOST S | 0 d.example data:S tlsa err", 0},
    {"B07 B08 B26 TLSA failed", "RFC 7672 §2.1.2", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA F\n",
     "HOST S | 0 d.example data:S tlsa err", 0},
    {"B12 one family in error, the other has data", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S 192.0.2.1\nd.example AAAA F\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
    {"X07 the same with the families changed", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A B\nd.example AAAA S 2001:db8::1\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
    {"X08 one family in error, the other empty", "RFC 7672 §2.1.2", PLAN_HOST,
     "d.example A S nd\nd.example AAAA F\n", "HOST S | 0 d.example err:F tlsa none", 0},
    {"X09 no address", "RFC 7672 §2.2.2", PLAN_HOST, "d.example A S nd\n",
     "HOST S | 0 d.example nd:S tlsa none", 0},
    {"X10 no address, one denial insecure", "RFC 7672 §2.2.2", PLAN_HOST, "d.example A I nd\n",
     "HOST S | 0 d.example nd:I tlsa none", 0},
    {"B13 secure alias, TLSA at its end", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n_25._tcp.h2.example TLSA S aa\n",
     "HOST S | 0 d.example>h2.example data:S tlsa h2.example 1", 0},
    {"B15 secure alias, TLSA at its start", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n"
     "_25._tcp.h2.example TLSA S nx\n_25._tcp.d.example TLSA S aa, bb\n",
     "HOST S | 0 d.example>h2.example data:S tlsa d.example 2", 0},
    {"R51 insecure RRset at the end: the start is tried", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n"
     "_25._tcp.h2.example TLSA I zz\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example>h2.example data:S tlsa d.example 1", 0},
    {"X11 error at the end of the alias: the start is never tried", "RFC 7672 §2.1.2", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n_25._tcp.h2.example TLSA B\n",
     "HOST S | 0 d.example>h2.example data:S tlsa err", 0},
    {"X12 error at the second candidate", "RFC 7672 §2.1.2", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n"
     "_25._tcp.h2.example TLSA S nd\n_25._tcp.d.example TLSA F\n",
     "HOST S | 0 d.example>h2.example data:S tlsa err", 0},
    {"X13 TLSA at neither name", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S >h2.example 192.0.2.1\n"
     "_25._tcp.h2.example TLSA S nx\n_25._tcp.d.example TLSA S nd\n",
     "HOST S | 0 d.example>h2.example data:S tlsa nd", 0},
    {"B20 R45 secure alias through an unsigned zone", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I >h2.example 192.0.2.1\n"
     "d.example CNAME S u.example\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example>h2.example data:I/S tlsa d.example 1", 0},
    {"R44 insecure alias", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I >h2.example 192.0.2.1\nd.example CNAME I h2.example\n",
     "HOST S | 0 d.example>h2.example data:I tlsa none", 0},
    {"X14 the alias itself bogus", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I >h2.example 192.0.2.1\nd.example CNAME B\n",
     "HOST S | 0 d.example>h2.example data:I/B tlsa err", 0},
    {"X15 the alias failed", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I >h2.example 192.0.2.1\nd.example CNAME F\n",
     "HOST S | 0 d.example>h2.example data:I/F tlsa err", 0},
    {"X16 the alias is suddenly gone", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I >h2.example 192.0.2.1\nd.example CNAME S nd\n",
     "HOST S | 0 d.example>h2.example data:I/F tlsa err", 0},
    {"B22 alias loop", "RFC 7672 §2.1.3", PLAN_HOST, "d.example A F\nd.example AAAA F\n",
     "HOST S | 0 d.example err:F tlsa none", 0},
    {"B24 B28 TLSA by alias, the base stays", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA S >shared.example aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
    {"B25 TLSA alias to nowhere", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S 192.0.2.1\n_25._tcp.d.example TLSA S >shared.example nx\n",
     "HOST S | 0 d.example data:S tlsa nx", 0},
    {"B29 host under a DNAME", "RFC 7672 §2.1.3", PLAN_HOST,
     "d.example A S >d.other.example 192.0.2.1\n_25._tcp.d.other.example TLSA S aa\n",
     "HOST S | 0 d.example>d.other.example data:S tlsa d.other.example 1", 0},
    {"B34 relay at port 2525", "RFC 7672 §2.2.3", PLAN_HOST,
     "d.example A S 192.0.2.1\n_2525._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 2525},
    {"B36 relay at port 465", "RFC 6698 §3", PLAN_HOST,
     "d.example A S 192.0.2.1\n_465._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 465},
    {"X17 families of different security: TLSA is looked for", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A I 192.0.2.1\nd.example AAAA S 2001:db8::1\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
    {"X18 the same the other way round", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S 192.0.2.1\nd.example AAAA I 2001:db8::1\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
    {"X19 data secure, the empty family insecure", "RFC 7672 §2.2.2", PLAN_HOST,
     "d.example A S 192.0.2.1\nd.example AAAA I nd\n_25._tcp.d.example TLSA S aa\n",
     "HOST S | 0 d.example data:S tlsa d.example 1", 0},
};

static struct dest_facts *play(size_t i, enum script_order order)
{
    struct script_run run = script_play(rows[i].script, rows[i].kind, "d.example",
                                        rows[i].port ? rows[i].port : 25, order);
    cr_assert_str_empty(run.problem, "%s (%s): %s", rows[i].id, rows[i].clause, run.problem);
    return run.facts;
}

Test(plan, cases)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (enum script_order order = 0; order < SCRIPT_ORDERS; order++) {
            char text[SCRIPT_TEXT];
            struct dest_facts *f = play(i, order);
            cr_assert_str_eq(script_summary(f, text), rows[i].expected, "%s (%s), order %d: %s",
                             rows[i].id, rows[i].clause, order, text);
            cr_assert_eq(f->made_ms, 1234);
            dest_facts_unref(&f);
        }
    }
    no_leaks();
}

/* What the plan makes has to pass the decoder of mta, whatever the case. */
Test(plan, all_facts_cross_the_link)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char before[SCRIPT_TEXT], after[SCRIPT_TEXT];
        struct dest_facts *f = play(i, SCRIPT_FIRST_FIRST), *copy;
        struct buf b;
        buf_init(&b, LIMIT_DNS_FRAME);
        cr_assert(dest_facts_encode(f, &b));
        cr_assert(dest_facts_decode(buf_slice(&b), &copy), "%s", rows[i].id);
        cr_assert_str_eq(script_summary(copy, after), script_summary(f, before), "%s", rows[i].id);
        cr_assert_eq(copy->n_steps, f->n_steps);
        buf_free(&b);
        dest_facts_unref(&copy);
        dest_facts_unref(&f);
    }
    no_leaks();
}

static struct dest_facts *facts_of(enum plan_kind kind, const char *script)
{
    struct script_run run = script_play(script, kind, "d.example", 25, SCRIPT_FIRST_FIRST);
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
        facts_of(PLAN_HOST, "d.example A I 192.0.2.1\nd.example AAAA I 2001:db8::1, 2001:db8::2\n");

    cr_assert_eq(f->hosts[0].n_addresses, 3);
    cr_assert(f->hosts[0].addresses[0].v6 && f->hosts[0].addresses[1].v6);
    cr_assert(!f->hosts[0].addresses[2].v6);
    dest_facts_unref(&f);
}

Test(plan, errors_shorten_the_life_of_facts)
{
    struct dest_facts *good = facts_of(PLAN_HOST, "d.example A I 192.0.2.1\n");
    struct dest_facts *bad = facts_of(PLAN_HOST, "d.example A I 192.0.2.1\nd.example AAAA F\n");

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
        a.mx[a.n] = (struct mx_record){(uint16_t)(MANY - a.n), arena_printf(arena, "h%zu.example", a.n)};
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
    struct script_run run = script_play(script, PLAN_HOST, name, 25, SCRIPT_FIRST_FIRST);
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
