/* The rule of answers: bogus first, then failed, only then data. */
#include <stdio.h>
#include <string.h>

#include "dns/answer.h"
#include "tests/dns/leaks.h"
#include "tests/dns/packet.h"

struct rr {
    const char *owner;
    uint16_t type;
    uint32_t ttl;
    const char *data;
};

enum { MAX_RR = 20 };

static const struct {
    const char *what;
    uint16_t qtype;
    int rcode;        /* of the callback */
    unsigned packet_rcode;
    bool secure, bogus;
    struct rr answer[MAX_RR], authority[2];
    enum dns_lookup lookup;
    enum dns_security security;
    size_t n;
    uint32_t ttl;
    const char *expanded; /* NULL: not aliased */
    const char *why;      /* part of it */
} rows[] = {
    {"secure data", DNS_A, 0, 0, true, false, {{"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}},
     DNS_DATA, DNS_SECURE, 1, 300, NULL, ""},
    {"insecure data", DNS_A, 0, 0, false, false, {{"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}},
     DNS_DATA, DNS_INSECURE, 1, 300, NULL, ""},
    {"bogus with data", DNS_A, 0, 0, false, true, {{"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}},
     DNS_ERROR, DNS_BOGUS, 0, 0, NULL, "why it is"},
    {"bogus even if called secure", DNS_A, 0, 0, true, true,
     {{"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}}, DNS_ERROR, DNS_BOGUS, 0, 0, NULL, "why it is"},
    {"bogus beats a callback code", DNS_A, 2, 0, false, true, {{0}}, {{0}}, DNS_ERROR, DNS_BOGUS, 0,
     0, NULL, "why it is"},
    {"first SERVFAIL", DNS_TLSA, 2, 0, false, false, {{0}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0, NULL,
     "SERVFAIL"},
    {"cached SERVFAIL: only the packet says so", DNS_TLSA, 0, 2, false, false, {{0}}, {{0}},
     DNS_ERROR, DNS_FAILED, 0, 0, NULL, "SERVFAIL"},
    {"SERVFAIL called secure", DNS_TLSA, 0, 2, true, false, {{0}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0,
     NULL, "SERVFAIL"},
    {"REFUSED", DNS_TLSA, 0, 5, false, false, {{0}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0, NULL,
     "REFUSED"},
    {"NOTIMP", DNS_TLSA, 0, 4, false, false, {{0}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0, NULL,
     "NOTIMP"},
    {"NXDOMAIN by callback code", DNS_A, 3, 3, true, false, {{0}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0,
     NULL, "NXDOMAIN"},
    {"NXDOMAIN", DNS_A, 0, 3, true, false, {{0}}, {{"example", DNS_SOA, 900, "60"}}, DNS_NXDOMAIN,
     DNS_SECURE, 0, 60, NULL, ""},
    {"no data, the SOA's TTL is smaller", DNS_A, 0, 0, true, false, {{0}},
     {{"example", DNS_SOA, 30, "60"}}, DNS_NODATA, DNS_SECURE, 0, 30, NULL, ""},
    {"no data, insecure", DNS_TLSA, 0, 0, false, false, {{0}}, {{"example", DNS_SOA, 30, "60"}},
     DNS_NODATA, DNS_INSECURE, 0, 30, NULL, ""},
    {"no data without an SOA is not kept", DNS_A, 0, 0, false, false, {{0}}, {{0}}, DNS_NODATA,
     DNS_INSECURE, 0, 0, NULL, ""},
    {"NXDOMAIN with records contradicts itself", DNS_A, 0, 3, true, false,
     {{"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0, NULL,
     "NXDOMAIN with records"},
    {"records of others are ignored", DNS_A, 0, 0, true, false,
     {{"x.example", DNS_A, 300, "192.0.2.1"}, {"q.example", DNS_TXT, 300, "#0161"}}, {{0}}, DNS_NODATA,
     DNS_SECURE, 0, 0, NULL, ""},
    {"records in the authority section are no answer", DNS_A, 0, 0, true, false, {{0}},
     {{"q.example", DNS_A, 300, "192.0.2.1"}}, DNS_NODATA, DNS_SECURE, 0, 0, NULL, ""},
    {"alias", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"r.example", DNS_A, 300, "192.0.2.1"}}, {{0}},
     DNS_DATA, DNS_SECURE, 1, 50, "r.example", ""},
    {"alias chain in any order", DNS_A, 0, 0, true, false,
     {{"s.example", DNS_A, 300, "192.0.2.1"}, {"r.example", DNS_CNAME, 70, "s.example"},
      {"q.example", DNS_CNAME, 90, "r.example"}}, {{0}}, DNS_DATA, DNS_SECURE, 1, 70, "s.example", ""},
    {"alias to nothing", DNS_A, 0, 3, true, false, {{"q.example", DNS_CNAME, 50, "r.example"}},
     {{"example", DNS_SOA, 40, "60"}}, DNS_NXDOMAIN, DNS_SECURE, 0, 40, "r.example", ""},
    {"data beside the alias is not at its end", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"q.example", DNS_A, 300, "192.0.2.1"}}, {{0}},
     DNS_NODATA, DNS_SECURE, 0, 0, "r.example", ""},
    {"loop of two", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"r.example", DNS_CNAME, 50, "q.example"}}, {{0}},
     DNS_ERROR, DNS_FAILED, 0, 0, NULL, "alias loop"},
    {"alias to itself", DNS_A, 0, 0, true, false, {{"q.example", DNS_CNAME, 50, "q.example"}}, {{0}},
     DNS_ERROR, DNS_FAILED, 0, 0, NULL, "alias loop"},
    {"two different aliases", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"q.example", DNS_CNAME, 50, "s.example"}}, {{0}},
     DNS_ERROR, DNS_FAILED, 0, 0, NULL, "two different"},
    {"one alias twice", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"q.example", DNS_CNAME, 50, "R.example"},
      {"r.example", DNS_A, 300, "192.0.2.1"}}, {{0}}, DNS_DATA, DNS_SECURE, 1, 50, "r.example", ""},
    {"host alias to what is no host name", DNS_A, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "#03612062076578616d706c6500"}}, {{0}}, DNS_ERROR, DNS_FAILED, 0, 0,
     NULL, "not a host name"},
    {"TLSA alias to a wildcard owner", DNS_TLSA, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "*.example"}, {"*.example", DNS_TLSA, 90, "3 1 1 aabb"}}, {{0}},
     DNS_DATA, DNS_SECURE, 1, 50, "q.example", ""},
    {"CNAME asked: the first link only", DNS_CNAME, 0, 0, true, false,
     {{"q.example", DNS_CNAME, 50, "r.example"}, {"r.example", DNS_CNAME, 20, "s.example"}}, {{0}},
     DNS_DATA, DNS_SECURE, 1, 50, NULL, ""},
    {"malformed address", DNS_A, 0, 0, true, false, {{"q.example", DNS_A, 300, "#c00002"}}, {{0}},
     DNS_ERROR, DNS_FAILED, 0, 0, NULL, "malformed"},
    {"malformed MX", DNS_MX, 0, 0, true, false, {{"q.example", DNS_MX, 300, "#00"}}, {{0}}, DNS_ERROR,
     DNS_FAILED, 0, 0, NULL, "malformed"},
    {"malformed SOA", DNS_A, 0, 0, true, false, {{0}}, {{"example", DNS_SOA, 300, "#00"}}, DNS_ERROR,
     DNS_FAILED, 0, 0, NULL, "malformed"},
    {"SOA asked: counted", DNS_SOA, 0, 0, true, false, {{"q.example", DNS_SOA, 300, "60"}}, {{0}},
     DNS_DATA, DNS_SECURE, 1, 300, NULL, ""},
};

static void build(struct packet *p, size_t i)
{
    packet_start(p, rows[i].packet_rcode, "q.example", rows[i].qtype);
    for (const struct rr *r = rows[i].answer; r->owner; r++)
        packet_add(p, PACKET_ANSWER, r->owner, r->type, r->ttl, r->data);
    for (const struct rr *r = rows[i].authority; r->owner; r++)
        packet_add(p, PACKET_AUTHORITY, r->owner, r->type, r->ttl, r->data);
}

Test(answer, rule)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct packet p;
        struct arena *arena = arena_new();
        build(&p, i);
        struct dns_answer a =
            dns_answer_parse(arena, "q.example", rows[i].qtype, rows[i].rcode, packet_slice(&p),
                             rows[i].secure, rows[i].bogus, rows[i].bogus ? "why it is" : NULL);
        cr_assert_eq(a.lookup, rows[i].lookup, "%s: %s %s", rows[i].what, dns_lookup_name(a.lookup),
                     a.why);
        cr_assert_eq(a.security, rows[i].security, "%s", rows[i].what);
        cr_assert_eq(a.n, rows[i].n, "%s: %zu records", rows[i].what, a.n);
        cr_assert_eq(a.ttl, rows[i].ttl, "%s: ttl %u", rows[i].what, a.ttl);
        cr_assert_eq(a.aliased, rows[i].expanded != NULL, "%s", rows[i].what);
        cr_assert_str_eq(a.expanded, rows[i].expanded ? rows[i].expanded : "q.example", "%s",
                         rows[i].what);
        cr_assert(strstr(a.why, rows[i].why) && (*rows[i].why || !*a.why), "%s: %s", rows[i].what,
                  a.why);
        arena_free(&arena);
    }
    no_leaks();
}

/* What is cut off is an error, wherever: never "no data". */
Test(answer, truncation_is_never_a_denial)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct packet p;
        build(&p, i);
        for (size_t n = 0; n < p.n; n++) {
            struct arena *arena = arena_new();
            struct dns_answer a =
                dns_answer_parse(arena, "q.example", rows[i].qtype, 0,
                                 slice_make((char *)p.p, n), true, false, NULL);
            cr_assert_eq(a.lookup, DNS_ERROR, "%s cut at %zu: %s", rows[i].what, n,
                         dns_lookup_name(a.lookup));
            arena_free(&arena);
        }
    }
    no_leaks();
}

static struct dns_answer ask(struct arena *arena, const struct packet *p, const char *qname,
                             uint16_t qtype)
{
    return dns_answer_parse(arena, qname, qtype, 0, packet_slice(p), true, false, NULL);
}

Test(answer, to_another_question)
{
    static struct packet p;
    struct arena *arena = arena_new();

    packet_start(&p, 0, "q.example", DNS_A);
    packet_add(&p, PACKET_ANSWER, "q.example", DNS_A, 60, "192.0.2.1");
    cr_assert_eq(ask(arena, &p, "Q.Example", DNS_A).lookup, DNS_DATA);
    cr_assert_eq(ask(arena, &p, "x.example", DNS_A).lookup, DNS_ERROR);
    cr_assert_eq(ask(arena, &p, "q.example", DNS_AAAA).lookup, DNS_ERROR);
    arena_free(&arena);
}

Test(answer, mx_records)
{
    static struct packet p;
    struct arena *arena = arena_new();

    packet_start(&p, 0, "q.example", DNS_MX);
    packet_add(&p, PACKET_ANSWER, "q.example", DNS_MX, 60, "20 MX.Example");
    packet_add(&p, PACKET_ANSWER, "q.example", DNS_MX, 60, "0 ");
    packet_add(&p, PACKET_ANSWER, "q.example", DNS_MX, 60, "#000a03612062076578616d706c6500");
    struct dns_answer a = ask(arena, &p, "q.example", DNS_MX);
    cr_assert_eq(a.n, 3);
    cr_assert_eq(a.mx[0].preference, 20);
    cr_assert_str_eq(a.mx[0].exchange, "mx.example", "mixed case is lowered (B30)");
    cr_assert_str_eq(a.mx[1].exchange, "", "the root");
    cr_assert_null(a.mx[2].exchange, "no host name");
    arena_free(&arena);
}

/* RFC 6698 §4.1: malformed data makes that record unusable; it does not make it absent (B33). */
Test(answer, short_tlsa_is_an_unusable_record)
{
    static const char *const data[] = {"#", "#03", "#0301"};

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        static struct packet p;
        struct arena *arena = arena_new();
        packet_start(&p, 0, "q.example", DNS_TLSA);
        packet_add(&p, PACKET_ANSWER, "q.example", DNS_TLSA, 60, data[i]);
        struct dns_answer a = ask(arena, &p, "q.example", DNS_TLSA);
        cr_assert_eq(a.lookup, DNS_DATA, "%s", data[i]);
        cr_assert_eq(a.n, 1);
        cr_assert_eq(a.tlsa[0].mtype, 255);
        cr_assert_eq(a.tlsa[0].len, 0);
        arena_free(&arena);
    }
}

/* Nothing of an answer may point into its packet, which is gone when the plan is. */
Test(answer, tlsa_without_data_borrows_nothing)
{
    static struct packet p;
    struct arena *arena = arena_new();

    packet_start(&p, 0, "q.example", DNS_TLSA);
    packet_add(&p, PACKET_ANSWER, "q.example", DNS_TLSA, 60, "3 1 1 ");
    struct dns_answer a = ask(arena, &p, "q.example", DNS_TLSA);
    cr_assert_eq(a.n, 1);
    cr_assert_eq(a.tlsa[0].usage, 3);
    cr_assert_eq(a.tlsa[0].len, 0);
    cr_assert_null(a.tlsa[0].data);
    arena_free(&arena);
}

static struct dns_answer many_tlsa(struct arena *arena, size_t n)
{
    static struct packet p;
    char data[32];

    packet_start(&p, 0, "q.example", DNS_TLSA);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(data, sizeof(data), "3 1 1 %04zx", i);
        packet_add(&p, PACKET_ANSWER, "q.example", DNS_TLSA, 60, data);
    }
    return ask(arena, &p, "q.example", DNS_TLSA);
}

Test(answer, tlsa_sets)
{
    struct arena *arena = arena_new();
    struct dns_answer a = many_tlsa(arena, 30);

    cr_assert_eq(a.n, 30, "B31");
    cr_assert_eq(a.tlsa[29].data[1], 29);
    cr_assert_eq(many_tlsa(arena, LIMIT_TLSA_RECORDS).lookup, DNS_DATA);
    cr_assert_eq(many_tlsa(arena, LIMIT_TLSA_RECORDS + 1).lookup, DNS_ERROR, "refused whole");
    arena_free(&arena);
}

/* 16 links are followed, 17 are not. */
Test(answer, chain_length)
{
    for (int links = 15; links <= 18; links++) {
        static struct packet p;
        struct arena *arena = arena_new();
        char owner[32] = "q.example", target[32];
        packet_start(&p, 0, owner, DNS_A);
        for (int i = 0; i < links; i++) {
            (void)snprintf(target, sizeof(target), "h%d.example", i);
            packet_add(&p, PACKET_ANSWER, owner, DNS_CNAME, 60, target);
            memcpy(owner, target, sizeof(owner));
        }
        packet_add(&p, PACKET_ANSWER, owner, DNS_A, 60, "192.0.2.1");
        struct dns_answer a = ask(arena, &p, "q.example", DNS_A);
        cr_assert_eq(a.lookup, links <= 16 ? DNS_DATA : DNS_ERROR, "%d links", links);
        arena_free(&arena);
    }
}

Test(answer, reasons_are_one_printable_line)
{
    struct arena *arena = arena_new();
    char why[400];

    memset(why, 'x', sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    why[0] = '\n';
    why[1] = '\033';
    why[2] = '\377';
    struct dns_answer a = dns_answer_failed(arena, "q.example", why);
    cr_assert_eq(strncmp(a.why, "???xxx", 6), 0);
    cr_assert_eq(strlen(a.why), 360);
    arena_free(&arena);
}

/* Any single octet changed: no crash, no read out of bounds, and the claims of the answer hold. */
Test(answer, octet_flips)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct packet p;
        build(&p, i);
        for (size_t at = 0; at < p.n; at++) {
            for (unsigned flip = 1; flip < 256; flip += 42) {
                struct arena *arena = arena_new();
                p.p[at] ^= (uint8_t)flip;
                struct dns_answer a = ask(arena, &p, "q.example", rows[i].qtype);
                cr_assert((a.lookup == DNS_DATA) == (a.n > 0), "%s at %zu", rows[i].what, at);
                p.p[at] ^= (uint8_t)flip;
                arena_free(&arena);
            }
        }
    }
}
