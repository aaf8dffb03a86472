/* The longest match, policies with an end, destination keys. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/routes.h"
#include "tests/config/scratch.h"

TestSuite(routes, .init = scratch_enter, .fini = scratch_leave);

static const char text[] = "hostname: a.example\n"
                           "listeners: {l: {bind: \"127.0.0.1:25\"}}\n"
                           "next_hops:\n"
                           "  inside: {hosts: \"[10.0.0.1]\"}\n"
                           "  smart: {hosts: \"[s.example]\", tls: verify}\n"
                           "  sub: {hosts: \"[u.example]\"}\n"
                           "domains:\n"
                           "  ours.example: {to: inside}\n"
                           "  .ours.example: {to: sub}\n"
                           "  spare.example: {to: mx}\n"
                           "routes:\n"
                           "  .test: {to: mx}\n"
                           "  .deep.test: {to: sub}\n"
                           "  \"*\": {to: smart}\n"
                           "  deep.test: {to: inside}\n"
                           "  x.ours.example: {to: smart}\n"
                           "policies:\n"
                           "  .p.example: {tls: encrypt, until: 2026-12-01, note: n2}\n"
                           "  a.p.example: {tls: may, until: 2026-11-01, note: n1}\n"
                           "  .example: {tls: dane-only}\n"
                           "  old.test: {tls: none, until: 2020-01-01}\n"
                           "  .test: {tls: may, until: 2019-01-01}\n"
                           "delivery: {tls: dane}\n";

static const struct {
    const char *domain;
    bool ours;
    const char *hop; /* NULL: mx */
    int line;
} finds[] = {
    {"ours.example",     true,  "inside", 8 },
    {"a.ours.example",   true,  "sub",    9 },
    {"b.a.ours.example", true,  "sub",    9 },
    {"x.ours.example",   true,  "sub",    9 }, /* domains come before routes */
    {"notours.example",  false, "smart",  14},
    {"spare.example",    true,  NULL,     10},
    {"a.test",           false, NULL,     12},
    {"test",             false, "smart",  14}, /* a suffix is not its own subdomain */
    {"deep.test",        false, "inside", 15},
    {"a.deep.test",      false, "sub",    13},
    {"b.a.deep.test",    false, "sub",    13},
    {"xdeep.test",       false, NULL,     12},
    {"",                 false, "smart",  14},
    {".test",            false, "smart",  14},
};

Test(routes, longest_match)
{
    struct config *c = scratch_config(text);

    for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
        struct slice domain = slice_of(finds[i].domain);
        struct route r = routes_find(c, domain);
        cr_expect_eq(routes_is_ours(c, domain), finds[i].ours, "%s", finds[i].domain);
        cr_expect_str_eq(r.hop ? r.hop->name : "mx", finds[i].hop ? finds[i].hop : "mx", "%s",
                         finds[i].domain);
        cr_expect_eq(r.where.line, finds[i].line, "%s by line %d", finds[i].domain, r.where.line);
    }
    config_unref(&c);
}

Test(routes, without_rules_all_goes_by_mx)
{
    struct config *c = scratch_config("hostname: a.b\nlisteners: {l: {bind: \"127.0.0.1:25\"}}\n");
    struct route r = routes_find(c, SLICE("example.org"));

    cr_expect_null(r.hop);
    cr_expect_eq(r.where.line, 0);
    cr_expect_not(routes_is_ours(c, SLICE("example.org")));
    config_unref(&c);
}

/* The last millisecond of those days, UTC. */
#define END_NOV_1 INT64_C(1793577599999)
#define END_DEC_1 INT64_C(1796169599999)

static const struct {
    const char *domain;
    int64_t now;
    enum tls_level level;
    int line;    /* of the rule */
    int expired; /* line of the rule past its date; 0: none */
    const char *key;
} policies[] = {
    {"a.p.example",  END_NOV_1,              TLS_LEVEL_MAY,       19, 0,  "hop:smart:may"       },
    {"a.p.example",  END_NOV_1 + 1,          TLS_LEVEL_ENCRYPT,   18, 19, "hop:smart:encrypt"   },
    {"a.p.example",  END_DEC_1 + 1,          TLS_LEVEL_DANE_ONLY, 20, 19, "hop:smart:dane-only" },
    {"b.p.example",  END_DEC_1,              TLS_LEVEL_ENCRYPT,   18, 0,  "hop:smart:encrypt"   },
    {"b.p.example",  END_DEC_1 + 1,          TLS_LEVEL_DANE_ONLY, 20, 18, "hop:smart:dane-only" },
    {"p.example",    END_DEC_1 + 1,          TLS_LEVEL_DANE_ONLY, 20, 0,  "hop:smart:dane-only" },
    {"ours.example", 0,                      TLS_LEVEL_DANE_ONLY, 20, 0,  "hop:inside:dane-only"},
    {"old.test",     END_NOV_1,              TLS_LEVEL_DANE,      23, 21, "mx:old.test:dane"    },
 /* .test is past its date as well, but it would not have decided */
    {"old.test",     INT64_C(1560000000000), TLS_LEVEL_NONE,      21, 0,  "mx:old.test:none"    },
    {"new.test",     0,                      TLS_LEVEL_MAY,       22, 0,  "mx:new.test:may"     },
    {"deep.test",    END_NOV_1,              TLS_LEVEL_DANE,      23, 22, "hop:inside:dane"     },
    {"else.where",   0,                      TLS_LEVEL_VERIFY,    5,  0,  "hop:smart:verify"    },
};

Test(routes, policies_and_keys)
{
    struct config *c = scratch_config(text);

    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        char key[ROUTE_KEY_MAX];
        struct slice domain = slice_of(policies[i].domain);
        struct policy p = routes_policy(c, domain, policies[i].now);
        cr_expect_eq(p.level, policies[i].level, "row %zu: %s", i, tls_level_name(p.level));
        cr_expect_eq(p.where.line, policies[i].line, "row %zu: line %d", i, p.where.line);
        int expired = p.expired ? p.expired->where.line : 0;
        cr_expect_eq(expired, policies[i].expired, "row %zu: expired %d", i, expired);
        cr_expect_str_eq(routes_destination(c, domain, policies[i].now, key), policies[i].key);
    }
    struct policy noted = routes_policy(c, SLICE("a.p.example"), 0);
    cr_expect_str_eq(noted.note, "n1");
    cr_expect_eq(noted.until_ms, END_NOV_1);
    cr_expect_str_eq(routes_policy(c, SLICE("x.test"), 0).note, "");
    config_unref(&c);
    scratch_check_leaks();
}

/* Recipients of one key share a transaction: what is only watched must not take along what is not. */
Test(routes, audit_has_a_key_of_its_own)
{
    struct config *c = scratch_config("hostname: a.b\nlisteners: {l: {bind: \"127.0.0.1:25\"}}\n"
                                      "next_hops: {smart: {hosts: \"s.example\"}}\n"
                                      "routes: {\"*\": {to: smart}}\n"
                                      "policies: {w.example: {tls: dane, audit: yes}}\n");
    char watched[ROUTE_KEY_MAX], held[ROUTE_KEY_MAX];

    cr_expect_str_eq(routes_destination(c, SLICE("w.example"), 0, watched), "hop:smart:dane:audit");
    cr_expect_str_eq(routes_destination(c, SLICE("h.example"), 0, held), "hop:smart:dane");
    config_unref(&c);
}

Test(routes, longest_domain_fits_the_key)
{
    struct config *c = scratch_config("hostname: a.b\nlisteners: {l: {bind: \"127.0.0.1:25\"}}\n"
                                      "delivery: {tls: dane-only}\n");
    char key[ROUTE_KEY_MAX], domain[254];

    memset(domain, 'a', 253);
    domain[253] = '\0';
    cr_expect_eq(strlen(routes_destination(c, slice_of(domain), 0, key)), 3 + 253 + 10);
    config_unref(&c);
}

Test(routes, level_names)
{
    static const char *const names[] = {"none",      "may",    "encrypt", "dane",
                                        "dane-only", "verify", "secure"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        cr_expect_str_eq(tls_level_name((enum tls_level)i), names[i]);
}
