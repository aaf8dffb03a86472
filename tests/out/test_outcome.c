/* What becomes of a recipient, and where its domain's mail goes. */
#include <criterion/criterion.h>
#include <string.h>

#include "mta/out/hops.h"
#include "mta/out/outcome.h"

static const int64_t hour = 3600 * 1000;

static const struct {
    const char *name;
    enum cause cause;
    bool from_peer;
    int64_t age_hours;
    bool warned;
    enum outcome_kind kind;
    enum rcpt_state state;
    const char *esc, *words;
    bool warn;
} rows[] = {
    {"delivered",                                                    CAUSE_REMOTE_OK,       true,  0,   false, OUTCOME_SENT,     RCPT_DELIVERED, "2.0.0",  "said",
     false                                                                                                                                                                                        },
    {"refused",                                                      CAUSE_REMOTE_PERMFAIL, true,  0,   false, OUTCOME_BOUNCED,  RCPT_BOUNCED,   "5.0.0",
     "said",                                                                                                                                                                                 false},
    {"null MX",                                                      CAUSE_NULL_MX,         false, 0,   false, OUTCOME_BOUNCED,  RCPT_BOUNCED,   "5.1.10", "null MX",
     false                                                                                                                                                                                        },
    {"greylisted",                                                   CAUSE_REMOTE_TEMPFAIL, true,  0,   false, OUTCOME_DEFERRED, RCPT_QUEUED,    "4.0.0",
     "said",                                                                                                                                                                                 false},
    {"DANE mismatch never bounces before its time (RFC 7672 §2.2)", CAUSE_DANE_MISMATCH,   false, 100,
     true,                                                                                                     OUTCOME_DEFERRED, RCPT_QUEUED,    "4.7.5",  "no TLSA record",                 false},
    {"the delay warning",                                            CAUSE_DANE_MISMATCH,   false, 5,   false, OUTCOME_DEFERRED, RCPT_QUEUED,
     "4.7.5",                                                                                                                                              "no TLSA record",                 true },
    {"one warning only",                                             CAUSE_DANE_MISMATCH,   false, 5,   true,  OUTCOME_DEFERRED, RCPT_QUEUED,
     "4.7.5",                                                                                                                                              "no TLSA record",                 false},
    {"expired, with the last reason (RFC 5321 §4.5.4.1)",           CAUSE_DANE_MISMATCH,   false, 121, true,
     OUTCOME_EXPIRED,                                                                                                            RCPT_BOUNCED,   "5.4.7",  "lifetime ended: no TLSA record", false},
    {"expired, with the last reply",                                 CAUSE_REMOTE_TEMPFAIL, true,  121, true,  OUTCOME_EXPIRED,
     RCPT_BOUNCED,                                                                                                                               "5.4.7",  "lifetime ended: 450 said",       false},
};

Test(outcome, table)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome_input in = {
            .status = status_of(rows[i].cause),
            .rule = {hour / 12, 4 * hour, 120 * hour, 4 * hour},
            .arrival_ms = 1000 * hour,
            .now_ms = (1000 + rows[i].age_hours) * hour,
            .attempts = 3,
            .warned = rows[i].warned,
            .random = 7
        };
        struct outcome o;
        char esc[16];

        in.status.from_peer = rows[i].from_peer;
        if (rows[i].from_peer)
            (void)slice_copy(SLICE("said"), in.status.text, sizeof(in.status.text));
        o = outcome_decide(&in);
        cr_assert_eq(o.kind, rows[i].kind, "%s: %s", rows[i].name, outcome_name(o.kind));
        cr_assert_eq(o.state, rows[i].state, "%s", rows[i].name);
        cr_assert_eq(o.warn, rows[i].warn, "%s", rows[i].name);
        cr_assert_eq(o.because, rows[i].cause, "%s", rows[i].name);
        cr_assert_str_eq(esc_text(o.status.esc, esc), rows[i].esc, "%s: %s", rows[i].name, esc);
        cr_assert(strstr(o.status.text, rows[i].words), "%s: %s", rows[i].name, o.status.text);
        if (o.kind == OUTCOME_DEFERRED)
            cr_assert_gt(o.next_ms, in.now_ms, "%s", rows[i].name);
    }
}

Test(hops, by_domain)
{
    static const struct {
        const char *domain;
        enum hop_kind kind;
        const char *ip;
    } cases[] = {
        {"d.example",          HOP_MX,      NULL         },
        {"[192.0.2.1]",        HOP_ADDRESS, "192.0.2.1"  },
        {"[IPv6:2001:db8::1]", HOP_ADDRESS, "2001:db8::1"},
        {"[ipv6:2001:DB8::1]", HOP_ADDRESS, "2001:db8::1"}
    };
    struct route mx = {.hop = NULL};

    cr_assert_eq(out_hops_count(&mx), 1u);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hop hop = out_hops_get(&mx, cases[i].domain, 0);
        char ip[IP_TEXT_MAX];
        cr_assert_eq(hop.kind, cases[i].kind, "%s", cases[i].domain);
        cr_assert_eq(hop.port, 25);
        cr_assert_not(hop.configured);
        if (cases[i].ip)
            cr_assert_str_eq(ip_text(&hop.ip, ip), cases[i].ip);
    }
}

Test(hops, by_configuration)
{
    struct hop_host hosts[] = {
        {.name = "in.example",    .mx_lookup = true,  .port = 25          },
        {.name = "mx.in.example", .port = 465,        .implicit_tls = true},
        {.name = "192.0.2.9",     .is_address = true, .port = 2525        }
    };
    struct next_hop_config next = {.name = "in", .hosts = hosts, .n_hosts = 3};
    struct route route = {.hop = &next};
    static const enum hop_kind kinds[] = {HOP_MX, HOP_HOST, HOP_ADDRESS};

    cr_assert_eq(out_hops_count(&route), 3u);
    for (size_t i = 0; i < 3; i++) {
        struct hop hop = out_hops_get(&route, "d.example", i);
        cr_assert_eq(hop.kind, kinds[i]);
        cr_assert_str_eq(hop.name, hosts[i].name);
        cr_assert_eq(hop.port, hosts[i].port);
        cr_assert_eq(hop.implicit_tls, hosts[i].implicit_tls);
        cr_assert(hop.configured);
    }
}
