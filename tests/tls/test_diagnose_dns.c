/* What is said about lookups. The reasons are as libunbound 1.17 words them. */
#include <string.h>

#include "tests/tls/leaks.h"
#include "tests/tls/test_diagnose.h"

/* A destination with two hosts, all signed and published; each row breaks something. */
static struct tlsa_record record = {3, 1, 1, 32,
                                    (const uint8_t *)"01234567890123456789012345678901"};
static struct host_facts hosts[2];
static struct dns_step steps[8];
static struct dest_facts facts;

enum { MX, A1, AAAA1, TLSA1, A2, AAAA2, TLSA2 };

static void good(void)
{
    static const struct dns_step all[] = {
        {"d.example",              DNS_MX,   DNS_SECURE, DNS_DATA,   300, "", "", 2},
        {"mx1.d.example",          DNS_A,    DNS_SECURE, DNS_DATA,   300, "", "", 1},
        {"mx1.d.example",          DNS_AAAA, DNS_SECURE, DNS_NODATA, 300, "", "", 0},
        {"_25._tcp.mx1.d.example", DNS_TLSA, DNS_SECURE, DNS_DATA,   300, "", "", 1},
        {"mx2.d.example",          DNS_A,    DNS_SECURE, DNS_DATA,   300, "", "", 1},
        {"mx2.d.example",          DNS_AAAA, DNS_SECURE, DNS_NODATA, 300, "", "", 0},
        {"_25._tcp.mx2.d.example", DNS_TLSA, DNS_SECURE, DNS_DATA,   300, "", "", 1},
    };
    static const char *const names[] = {"mx1.d.example", "mx2.d.example"};

    memcpy(steps, all, sizeof(all));
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        hosts[i] = (struct host_facts){.name = names[i],
                                       .expanded = names[i],
                                       .preference = (uint16_t)(10 * i + 10),
                                       .addresses_lookup = DNS_DATA,
                                       .addresses_security = DNS_SECURE,
                                       .alias_security = DNS_SECURE,
                                       .candidates = {{names[i], DNS_SECURE, DNS_DATA, true}},
                                       .n_candidates = 1,
                                       .tlsa_lookup = DNS_DATA,
                                       .tlsa_base = names[i],
                                       .tlsa = &record,
                                       .n_tlsa = 1,
                                       .why = ""};
    facts = (struct dest_facts){.name = "d.example",
                                .expanded = "d.example",
                                .port = 25,
                                .kind = DEST_MX,
                                .security = DNS_SECURE,
                                .why = "",
                                .hosts = hosts,
                                .n_hosts = 2,
                                .steps = steps,
                                .n_steps = ARRAY_LEN(all)};
}

static void fail(size_t step, enum dns_security security, const char *why)
{
    steps[step].security = security;
    steps[step].lookup = DNS_ERROR;
    steps[step].records = 0;
    steps[step].why = why;
}

static void unpublish(size_t host, enum dns_lookup lookup)
{
    hosts[host].candidates[0].lookup = hosts[host].tlsa_lookup = lookup;
    hosts[host].candidates[0].chosen = false;
    hosts[host].tlsa_base = "";
    hosts[host].n_tlsa = 0;
}

static void tlsa_bogus(const char *why)
{
    fail(TLSA1, DNS_BOGUS, why);
    unpublish(0, DNS_ERROR);
}

static void tlsa_failed(const char *why)
{
    fail(TLSA1, DNS_FAILED, why);
    unpublish(0, DNS_ERROR);
}

static void no_addresses(const char *why)
{
    fail(A1, DNS_FAILED, why);
    fail(AAAA1, DNS_FAILED, why);
    hosts[0].addresses_lookup = DNS_ERROR;
    hosts[0].n_candidates = 0;
    unpublish(0, DNS_NODATA);
}

static void one_family(const char *why)
{
    fail(AAAA1, DNS_FAILED, why);
}

static void mx_bogus(const char *why)
{
    fail(MX, DNS_BOGUS, why);
    facts.kind = DEST_ERROR;
    facts.security = DNS_BOGUS;
    facts.n_hosts = 0;
    facts.n_steps = 1;
}

static void unsigned_host(const char *why)
{
    unpublish(0, DNS_NODATA);
    hosts[0].addresses_security = hosts[0].alias_security = DNS_INSECURE;
    hosts[0].n_candidates = 0;
}

static void unpublished_host(const char *why)
{
    unpublish(0, DNS_NXDOMAIN);
}

static void unpublished(const char *why)
{
    unpublish(0, DNS_NXDOMAIN);
    unpublish(1, DNS_NODATA);
}

static void unsigned_mx(const char *why)
{
    facts.security = DNS_INSECURE;
}

static void unsigned_all(const char *why)
{
    unsigned_host(why);
    facts.security = DNS_INSECURE;
    facts.n_hosts = 1;
}

static void mx_is_address(const char *why)
{
    hosts[0].name = "192.0.2.1";
}

static void alias(const char *why)
{
    hosts[0].expanded = "host.else.example";
    hosts[0].candidates[0] =
        (struct tlsa_candidate){"host.else.example", DNS_SECURE, DNS_NXDOMAIN, false};
    hosts[0].candidates[1] = (struct tlsa_candidate){"mx1.d.example", DNS_SECURE, DNS_DATA, true};
    hosts[0].n_candidates = 2;
}

static void alias_failed(const char *why)
{
    hosts[0].expanded = "host.else.example";
    fail(AAAA1, DNS_BOGUS, why);
    steps[AAAA1].type = DNS_CNAME;
    hosts[0].n_candidates = 0;
    unpublish(0, DNS_ERROR);
}

struct row {
    const char *expected;
    size_t host;
    void (*breaks)(const char *why);
    const char *why, *text;
};

#define ALL   SIZE_MAX
#define TLSA  "validation failure <_25._tcp.mx1.d.example. TLSA IN>: "
#define FROM  " from 192.0.2.53 and 192.0.2.54"
#define CHAIN " for key d.example. while building chain of trust"

// clang-format off
static const struct row rows[] = {
    {"", 0, NULL, NULL, NULL},
    {"", 1, NULL, NULL, NULL},
    {"", ALL, NULL, NULL, NULL},
    {"", 7, NULL, NULL, NULL},

    /* As libunbound 1.17 said it over zones damaged in these ways. */
    {"dns-signature-expired", 0, tlsa_bogus, TLSA "signature expired" FROM,
     "bogus, signature expired from 192.0.2.53 and 192.0.2.54; our clock says 2026-09-03 12:00 UTC"},
    {"dns-signature-expired", 0, tlsa_bogus, TLSA "signature expired" FROM CHAIN, "UTC)"},
    {"dns-signature-future", 0, tlsa_bogus, TLSA "signature before inception date" FROM CHAIN,
     "our clock says 2026-09-03 12:00 UTC"},
    {"dns-key-broken", 0, tlsa_bogus, TLSA "no keys have a DS with algorithm ECDSAP256SHA256" FROM CHAIN, NULL},
    {"dns-key-broken", 0, tlsa_bogus, TLSA "DS hash mismatches key" FROM CHAIN, NULL},
    {"dns-key-broken", 0, tlsa_bogus, TLSA "No DNSKEY record" FROM CHAIN, NULL},
    {"dns-signature-wrong", 0, tlsa_bogus, TLSA "ECDSA signature verification failed" FROM, NULL},
    {"dns-unsigned", 0, tlsa_bogus, TLSA "SERVFAIL no DS for DS mx1.d.example. while building chain of trust", NULL},
    {"dns-denial", 0, tlsa_bogus, "key for validation d.example. is marked as invalid because of a previous validation failure <mx1.d.example. AAAA IN>: no DNSSEC records" FROM " for DS d.example. while building chain of trust",
     "bogus, no DNSSEC records from 192.0.2.53"},
    /* As its source has it. */
    {"dns-key-broken", 0, tlsa_bogus, TLSA "signatures from unknown keys" FROM, NULL},
    {"dns-unsigned", 0, tlsa_bogus, TLSA "no signatures" FROM, NULL},
    {"dns-unsigned", 0, tlsa_bogus, TLSA "signature missing" FROM, NULL},
    {"dns-denial", 0, tlsa_bogus, TLSA "no NSEC3 records" FROM, NULL},
    {"dns-denial", 0, tlsa_bogus, TLSA "no signatures over NSECs" FROM, NULL},
    {"dns-denial", 0, tlsa_bogus, TLSA "nodata proof failed" FROM, NULL},
    /* Unknown words. */
    {"dns-bogus", 0, tlsa_bogus, "validation failed", "bogus, validation failed"},
    {"dns-bogus", 0, tlsa_bogus, "", "_25._tcp.mx1.d.example: bogus)"},

    {"dns-tlsa-hostile", 0, tlsa_failed, "SERVFAIL", "TLSA _25._tcp.mx1.d.example: failed, SERVFAIL"},
    {"dns-tlsa-hostile", 0, tlsa_failed, "NOTIMP", NULL},
    {"dns-tlsa-hostile", 0, tlsa_failed, "no answer within 20 s", NULL},
    {"dns-failed", 0, tlsa_failed, "answer to another question", NULL},
    {"dns-failed dns-failed", 0, no_addresses, "SERVFAIL", "A mx1.d.example: failed, SERVFAIL"},
    {"dns-one-family", 0, one_family, "SERVFAIL", "AAAA mx1.d.example"},
    {"", 1, tlsa_failed, "SERVFAIL", NULL}, /* the other host's trouble */
    {"", ALL, tlsa_failed, "SERVFAIL", NULL},
    {"dns-signature-expired", ALL, mx_bogus, "signature expired", "MX d.example"},

    {"host-unsigned", 0, unsigned_host, NULL, NULL},
    {"host-uncovered", ALL, unsigned_host, NULL, "mx1.d.example, preference 10; 1 of 2 hosts"},
    {"", 0, unpublished_host, NULL, NULL},
    {"host-uncovered", ALL, unpublished_host, NULL, NULL},
    {"not-published", 0, unpublished, NULL, NULL},
    {"", ALL, unpublished, NULL, NULL},
    {"", 0, unsigned_mx, NULL, NULL},
    {"mx-unsigned", ALL, unsigned_mx, NULL, "(d.example)"},
    {"", ALL, unsigned_all, NULL, NULL},
    {"", 0, unsigned_all, NULL, NULL},
    {"mx-address", 0, mx_is_address, NULL, "(192.0.2.1)"},
    {"host-is-alias", 0, alias, NULL,
     "host.else.example; host.else.example: secure, no such name; mx1.d.example: secure, data, chosen"},
    {"dns-signature-wrong host-is-alias", 0, alias_failed, "ECDSA signature verification failed",
     "CNAME mx1.d.example"},
};
// clang-format on

void diagnose_dns_rows(bool seen[FINDING_COUNT])
{
    const int64_t now_s = 1788436800; /* 2026-09-03 12:00 UTC */
    struct finding found[6];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *name = rows[i].why ? rows[i].why : rows[i].expected;
        good();
        if (rows[i].breaks)
            rows[i].breaks(rows[i].why);
        size_t n = tls_diagnose_dns(&facts, rows[i].host, now_s, found, ARRAY_LEN(found));
        expect_findings(name, found, n, rows[i].expected, seen);
        if (n && rows[i].text)
            cr_expect(strstr(found[0].text, rows[i].text), "%s: %s", name, found[0].text);
    }
}

Test(diagnose_dns, lookups)
{
    bool seen[FINDING_COUNT] = {0};
    diagnose_dns_rows(seen);
    NO_LEAKS();
}
