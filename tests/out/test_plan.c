/* The plan: one row per rule, with its clause. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/base/clock.h"
#include "facts.h"
#include "mta/out/plan.h"
#include "tests/mail/leaks.h"

TestSuite(plan, .fini = no_leaks);

enum { MAX_HOSTS = 6 };

static const struct row {
    const char *name;
    enum dest_kind kind;
    struct host_row hosts[MAX_HOSTS + 1];
    bool configured;
    const char *want; /* "host>address" in order, or */
    enum cause why;   /* why there is none */
} rows[] = {
    {"preference decides, not DANE (RFC 7672 §2.2.1)",
     DEST_MX,                                                                               {{"b.example", 20, "192.0.2.2"},
      {"a.example", 10, "192.0.2.1"},
      {"c.example", 30, "192.0.2.3"}},
     false,                                                                                                                                                                      "a.example>192.0.2.1 b.example>192.0.2.2 c.example>192.0.2.3",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"several addresses, families in turn (RFC 5321 §5.1)",
     DEST_MX,                                                                               {{"a.example", 10, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2 192.0.2.3"}},
     false,                                                                                                                                                                      "a.example>2001:db8::1 a.example>192.0.2.1 a.example>2001:db8::2 a.example>192.0.2.2 "
     "a.example>192.0.2.3",                                                                                                                                                                                                          CAUSE_OK        },
    {"our own name: it and all of no better preference go (RFC 5321 §5.1)",
     DEST_MX,                                                                               {{"a.example", 10, "192.0.2.1"},
      {"relay.example", 20, "192.0.2.2"},
      {"b.example", 20, "192.0.2.3"},
      {"c.example", 30, "192.0.2.4"}},
     false,                                                                                                                                                                      "a.example>192.0.2.1",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"our own address under another name (RFC 5321 §5.1)",
     DEST_MX,                                                                               {{"a.example", 10, "192.0.2.1"},
      {"b.example", 20, "192.0.2.2 198.51.100.1"},
      {"c.example", 30, "192.0.2.4"}},
     false,                                                                                                                                                                      "a.example>192.0.2.1",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"we are the best: loop (RFC 5321 §5.1)",
     DEST_MX,                                                                               {{"relay.example", 10, "192.0.2.2"}, {"c.example", 30, "192.0.2.4"}},
     false,                                                                                                                                                                      "",
     CAUSE_MAIL_LOOP                                                                                                                                                                                                                                            },
    {"we are among the best: loop",
     DEST_MX,                                                                               {{"a.example", 10, "192.0.2.4"}, {"relay.example", 10, ""}},
     false,                                                                                                                                                                      "",
     CAUSE_MAIL_LOOP                                                                                                                                                                                                                                            },
    {"implicit MX is ourselves: loop",
     DEST_IMPLICIT,                                                                         {{"d.example", 0, "198.51.100.1"}},
     false,                                                                                                                                                                      "",
     CAUSE_MAIL_LOOP                                                                                                                                                                                                                                            },
    {"a configured hop may be ourselves",
     DEST_MX,                                                                               {{"relay.example", 10, "127.0.0.1"}},
     true,                                                                                                                                                                       "relay.example>127.0.0.1",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"implicit MX (RFC 5321 §5.1)",
     DEST_IMPLICIT,                                                                         {{"d.example", 0, "192.0.2.1"}},
     false,                                                                                                                                                                      "d.example>192.0.2.1",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"a host",                                                               DEST_HOST,     {{"h.example", 0, "192.0.2.1"}},                                              true,  "h.example>192.0.2.1",                                         CAUSE_OK        },
    {"null MX (RFC 7505 §3)",                                               DEST_NULL_MX,  {{NULL, 0, ""}},                                                              false, "",                                                            CAUSE_NULL_MX   },
    {"no such domain (RFC 5321 §5.1)",                                      DEST_NXDOMAIN, {{NULL, 0, ""}},                                                              false, "",                                                            CAUSE_NO_DOMAIN },
    {"MX in error (RFC 7672 §2.1.2)",                                       DEST_ERROR,    {{NULL, 0, ""}},                                                              false, "",                                                            CAUSE_MX_LOOKUP },
    {"refused networks are left out",
     DEST_MX,                                                                               {{"a.example", 10, "127.0.0.1 192.0.2.1"}, {"b.example", 20, "10.1.2.3"}},
     false,                                                                                                                                                                      "a.example>192.0.2.1",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"all refused",
     DEST_MX,                                                                               {{"a.example", 10, "127.0.0.1"}, {"b.example", 20, ""}},
     false,                                                                                                                                                                      "",
     CAUSE_REFUSED_NETWORK                                                                                                                                                                                                                                      },
    {"no address, all definite",
     DEST_MX,                                                                               {{"a.example", 10, ""}, {"b.example", 20, ""}},
     false,                                                                                                                                                                      "",
     CAUSE_NO_ADDRESS                                                                                                                                                                                                                                           },
    {"no address, one in error (RFC 7672 §2.1.2)",
     DEST_MX,                                                                               {{"a.example", 10, ""}, {"b.example", 20, "error"}, {"c.example", 30, ""}},
     false,                                                                                                                                                                      "",
     CAUSE_ADDRESS_LOOKUP                                                                                                                                                                                                                                       },
    {"one in error, another has addresses",
     DEST_MX,                                                                               {{"a.example", 10, "error"}, {"b.example", 20, "192.0.2.2"}},
     false,                                                                                                                                                                      "b.example>192.0.2.2",
     CAUSE_OK                                                                                                                                                                                                                                                   },
    {"no exchange is a host name",                                           DEST_MX,       {{NULL, 0, ""}},                                                              false, "",                                                            CAUSE_NO_ADDRESS},
};

static struct ip own;
static struct ip_net refused[2];

static void make(const struct dest_facts *f, bool configured, uint64_t random,
                 struct out_plan *plan)
{
    struct out_plan_input in = {.facts = f,
                                .port = 25,
                                .hostname = "relay.example",
                                .own = &own,
                                .n_own = 1,
                                .refused = refused,
                                .n_refused = 2,
                                .explicit_hop = configured,
                                .random = random};

    cr_assert(ip_parse(SLICE("198.51.100.1"), &own));
    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &refused[0]));
    cr_assert(ip_parse_net(SLICE("10.0.0.0/8"), &refused[1]));
    out_plan_make(&in, plan);
}

static void describe(const struct out_plan *p, const struct dest_facts *f, struct buf *out)
{
    for (size_t i = 0; i < p->n; i++) {
        char ip[IP_TEXT_MAX];
        cr_assert(buf_printf(out, "%s%s>%s", i ? " " : "", f->hosts[p->v[i].host].name,
                             ip_text(&p->v[i].to.ip, ip)));
        cr_assert_eq(p->v[i].to.port, 25);
    }
}

Test(plan, table)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dest_facts *f = facts_of(rows[i].kind, "d.example", rows[i].hosts);
        struct out_plan p;
        struct buf got;

        buf_init(&got, 4096);
        make(f, rows[i].configured, 1, &p);
        describe(&p, f, &got);
        cr_assert_str_eq(buf_cstr(&got), rows[i].want, "%s: %s", rows[i].name, buf_cstr(&got));
        if (p.n == 0) {
            cr_assert_eq(p.why_none.cause, rows[i].why, "%s: %s", rows[i].name, p.why_none.text);
            cr_assert_neq(p.why_none.text[0], '\0', "%s", rows[i].name);
        }
        buf_free(&got);
        dest_facts_unref(&f);
    }
}

/* RFC 5321 §5.1: equal hosts in random order, and each comes first about as often. */
Test(plan, equal_hosts_are_shuffled)
{
    static const struct host_row hosts[] = {
        {"a.example", 10, "192.0.2.1"},
        {"b.example", 10, "192.0.2.2"},
        {"c.example", 10, "192.0.2.3"},
        {"z.example", 20, "192.0.2.4"},
        {NULL,        0,  ""         }
    };
    struct dest_facts *f = facts_of(DEST_MX, "d.example", hosts);
    int first[4] = {0};

    for (uint64_t random = 0; random < 3000; random++) {
        struct out_plan p;
        make(f, false, random, &p);
        cr_assert_eq(p.n, 4u);
        cr_assert_eq(p.v[3].host, 3u, "preference 20 is last");
        first[p.v[0].host]++;
    }
    for (int i = 0; i < 3; i++)
        cr_assert(first[i] > 850 && first[i] < 1150, "host %d first %d times", i, first[i]);
    dest_facts_unref(&f);
}

/* Threat N7: thousands of addresses and hosts. */
Test(plan, is_bounded)
{
    struct host_row hosts[101] = {{0}};
    char names[100][24], many[64 * 16] = "";
    struct dest_facts *f;
    struct out_plan p;
    size_t n = 0;

    for (int i = 0; i < 60; i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "%s192.0.2.%d", i ? " " : "", i + 1);
    hosts[0] = (struct host_row){"a.example", 10, many};
    f = facts_of(DEST_MX, "d.example", hosts);
    make(f, false, 1, &p);
    cr_assert_eq(p.n, (size_t)LIMIT_ADDRESSES_PER_HOST);
    dest_facts_unref(&f);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "h%d.example", i);
        hosts[i] = (struct host_row){names[i], (uint16_t)i, many};
    }
    f = facts_of(DEST_MX, "d.example", hosts);
    make(f, false, 1, &p);
    cr_assert_eq(p.n, ARRAY_LEN(p.v));
    cr_assert_eq(p.v[ARRAY_LEN(p.v) - 1].host, 15u, "two addresses of each host");
    dest_facts_unref(&f);
}

Test(plan, what_was_tried_is_left_out)
{
    struct host_row hosts[] = {
        {"a.example", 10, "192.0.2.1 2001:db8::1"},
        {"b.example", 20, "192.0.2.2"            },
        {NULL,        0,  NULL                   }
    };
    struct dest_facts *f = facts_of(DEST_MX, "d.example", hosts);
    struct out_plan_input in = {.facts = f, .port = 25, .hostname = "relay.example"};
    struct ip_port tried[] = {{.port = 25}, {.port = 26}};
    struct out_plan plan;

    cr_assert(ip_parse(SLICE("192.0.2.1"), &tried[0].ip));
    cr_assert(ip_parse(SLICE("192.0.2.2"), &tried[1].ip));
    out_plan_make(&in, &plan);
    out_plan_leave_out(&plan, tried, 2);
    cr_assert_eq(plan.n, 2, "of another port is another");
    cr_expect(plan.v[0].to.ip.v6);
    cr_expect_eq(plan.v[1].host, 1);
    out_plan_move_first(&plan, 1);
    cr_expect_eq(plan.v[0].host, 1);
    cr_expect_eq(plan.v[1].host, 0);
    dest_facts_unref(&f);
}
