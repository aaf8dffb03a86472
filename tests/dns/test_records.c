/* Plain lookups: from the packet to records, and the codec: what goes in comes out, and nothing else
 * comes out. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/arena.h"
#include "config/base/frame.h"
#include "dns/answer.h"
#include "dns/records.h"
#include "tests/dns/leaks.h"
#include "tests/dns/packet.h"

struct line {
    const char *owner;
    uint16_t type;
    const char *data;
};

static struct dns_records answer(uint16_t type, unsigned rcode, const struct line *lines)
{
    struct arena *arena = arena_new();
    struct packet *p = base_alloc(sizeof(*p));

    packet_start(p, rcode, "q.example", type);
    for (; lines && lines->owner; lines++)
        packet_add(p, PACKET_ANSWER, lines->owner, lines->type, 300, lines->data);
    struct dns_answer a =
        dns_answer_parse(arena, "q.example", type, 0, packet_slice(p), false, false, NULL);
    struct dns_records r = dns_records_of(&a);
    free(p);
    arena_free(&arena);
    return r;
}

static void expect_names(const char *what, const struct line *lines, const char *names)
{
    struct dns_records r = answer(DNS_PTR, 0, lines);
    char text[LIMIT_PTR_NAMES * DNS_NAME_MAX] = "";

    for (size_t i = 0; i < r.n_names; i++) {
        size_t n = strlen(text);
        (void)slice_copy(slice_of(r.names[i]), text + n, sizeof(text) - n - 1);
        n = strlen(text);
        text[n] = ' ';
        text[n + 1] = '\0';
    }
    cr_expect_str_eq(text, names, "%s: '%s'", what, text);
    cr_expect_eq(r.lookup, r.n_names ? DNS_DATA : DNS_NODATA, "%s", what);
}

Test(records, names)
{
    expect_names("one", (struct line[]){{"q.example", DNS_PTR, "A.Example"}, {0}}, "a.example ");
    expect_names("two", (struct line[]){{"q.example", DNS_PTR, "a.example"},
                                        {"q.example", DNS_PTR, "b.example"}, {0}},
                 "a.example b.example ");
    expect_names("not a host name", (struct line[]){{"q.example", DNS_PTR, "#0361206200"}, {0}}, "");
    expect_names("the root", (struct line[]){{"q.example", DNS_PTR, "#00"}, {0}}, "");
    /* RFC 2317: the alias of a reverse zone smaller than an octet is no host name. */
    expect_names("alias", (struct line[]){{"q.example", DNS_CNAME, "#01310430" "2f32" "3500"},
                                          {"1.0/25", DNS_PTR, "a.example"}, {0}},
                 "a.example ");
    struct line many[12] = {{0}};
    for (size_t i = 0; i < 11; i++)
        many[i] = (struct line){"q.example", DNS_PTR, "n.example"};
    cr_expect_eq(answer(DNS_PTR, 0, many).n_names, LIMIT_PTR_NAMES);
    cr_expect_eq(answer(DNS_PTR, 0, (struct line[]){{"q.example", DNS_PTR, "#0261"}, {0}}).lookup,
                 DNS_ERROR, "a name that is cut off");
}

static const struct {
    const char *data, *text; /* NULL: malformed */
} texts[] = {
    {"#03616263",         "abc" },
    {"#0161026263",       "abc" },
    {"#00",               ""    },
    {"#01610261",         NULL  },
    {"#",                 NULL  },
    {"#0261",             NULL  },
    {"#05610a0d1b62",     "a???b"},
    {"#02c3bc",           "??"  },
    {"#036100" "62",      "a?b" },
};

Test(records, text)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct dns_records r =
            answer(DNS_TXT, 0, (struct line[]){{"q.example", DNS_TXT, texts[i].data}, {0}});
        cr_expect_eq(r.lookup, texts[i].text ? DNS_DATA : DNS_ERROR, "%s", texts[i].data);
        if (texts[i].text)
            cr_expect_str_eq(r.text, texts[i].text, "%s: %s", texts[i].data, r.text);
    }
}

Test(records, text_is_cut)
{
    char hex[2 * 513 + 2] = "#";
    for (size_t i = 0; i < 2; i++) {
        memcpy(hex + 1 + i * 512, "ff", 2);
        for (size_t k = 0; k < 255; k++)
            memcpy(hex + 1 + i * 512 + 2 + 2 * k, "78", 2);
    }
    struct dns_records r = answer(DNS_TXT, 0, (struct line[]){{"q.example", DNS_TXT, hex}, {0}});
    cr_expect_eq(strlen(r.text), LIMIT_TXT);
}

Test(records, none_and_errors)
{
    cr_expect_eq(answer(DNS_A, 3, NULL).lookup, DNS_NXDOMAIN);
    cr_expect_eq(answer(DNS_A, 0, NULL).lookup, DNS_NODATA);
    cr_expect_eq(answer(DNS_A, 2, NULL).lookup, DNS_ERROR);
    cr_expect_str_eq(answer(DNS_A, 2, NULL).text, "SERVFAIL");
}

/* ---- the codec */

static struct dns_records rich(uint16_t type)
{
    struct dns_records r = {.lookup = DNS_DATA, .ttl = 300};

    if (type == DNS_A || type == DNS_AAAA)
        for (const char *const *s = (const char *const[]){"192.0.2.1", "127.0.0.2", NULL}; *s; s++)
            cr_assert(ip_parse(slice_of(*s), &r.addresses[r.n_addresses++]));
    if (type == DNS_AAAA)
        cr_assert(ip_parse(SLICE("2001:db8::1"), &r.addresses[r.n_addresses++]));
    if (type == DNS_PTR)
        for (; r.n_names < LIMIT_PTR_NAMES; r.n_names++)
            (void)slice_copy(SLICE("a.example"), r.names[r.n_names], DNS_NAME_MAX);
    if (type == DNS_TXT)
        (void)slice_copy(SLICE("listed, see https://list.example/"), r.text, sizeof(r.text));
    return r;
}

static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT};

static bool is_same(const struct dns_records *a, const struct dns_records *b)
{
    return a->lookup == b->lookup && a->ttl == b->ttl && a->n_addresses == b->n_addresses &&
           memcmp(a->addresses, b->addresses, sizeof(a->addresses)) == 0 &&
           a->n_names == b->n_names && memcmp(a->names, b->names, sizeof(a->names)) == 0 &&
           strcmp(a->text, b->text) == 0;
}

static void round_trip(const struct dns_records *r, uint16_t type)
{
    struct dns_records copy;
    struct buf b, again;

    buf_init(&b, 8192);
    buf_init(&again, 8192);
    cr_assert(dns_records_encode(r, type, &b));
    cr_assert(dns_records_decode(buf_slice(&b), type, &copy), "%s", dns_type_name(type));
    cr_expect(is_same(r, &copy), "%s", dns_type_name(type));
    cr_assert(dns_records_encode(&copy, type, &again));
    cr_expect(slice_eq(buf_slice(&b), buf_slice(&again)));
    for (size_t n = 0; n < b.n; n++) {
        char *exact = slice_dup(slice_head(buf_slice(&b), n));
        cr_expect(!dns_records_decode(slice_make(exact, n), type, &copy), "cut at %zu", n);
        free(exact);
    }
    cr_assert(buf_append_byte(&b, 0));
    cr_expect(!dns_records_decode(buf_slice(&b), type, &copy), "an octet too many");
    buf_free(&b);
    buf_free(&again);
}

Test(records, round_trip)
{
    static const enum dns_lookup none[] = {DNS_NODATA, DNS_NXDOMAIN};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct dns_records r = rich(types[i]), failed = dns_records_failed("SERVFAIL: why");
        round_trip(&r, types[i]);
        round_trip(&failed, types[i]);
        for (size_t k = 0; k < ARRAY_LEN(none); k++) {
            r = (struct dns_records){.lookup = none[k], .ttl = 60};
            round_trip(&r, types[i]);
        }
    }
    no_leaks();
}

static struct dns_records hostile(int what, uint16_t *type)
{
    struct dns_records r = rich(DNS_A);

    *type = DNS_A;
    switch (what) {
    case 0: /* addresses without data */
        r.lookup = DNS_NXDOMAIN;
        break;
    case 1: /* data without addresses */
        r.n_addresses = 0;
        break;
    case 2: /* of another type */
        *type = DNS_PTR;
        break;
    case 3: /* an IPv6 address for A */
        r.addresses[0].v6 = 1;
        break;
    case 4: /* a TTL beyond 31 bits, RFC 2181 §8 */
        r.ttl = UINT32_C(0x80000000);
        break;
    case 5: /* words where there is no error */
        (void)slice_copy(SLICE("x"), r.text, sizeof(r.text));
        break;
    case 6: /* a name that is not normalised */
        r = rich(*type = DNS_PTR);
        r.names[0][0] = 'A';
        break;
    case 7: /* an empty name */
        r = rich(*type = DNS_PTR);
        r.names[0][0] = '\0';
        break;
    case 8: /* a control character */
        r = rich(*type = DNS_TXT);
        r.text[0] = '\n';
        break;
    case 9: /* an enum that there is not */
        r.lookup = DNS_ERROR + 1;
        break;
    case 10: /* an error that is kept */
        r = dns_records_failed("x");
        r.ttl = 1;
        break;
    default:
        *type = 0;
        break;
    }
    return r;
}

Test(records, hostile_values)
{
    uint16_t type;
    struct buf b;

    for (int what = 0;; what++) {
        struct dns_records r = hostile(what, &type), untouched = {.ttl = 77}, out = untouched;
        if (type == 0)
            break;
        buf_init(&b, 8192);
        cr_assert(dns_records_encode(&r, type, &b));
        cr_expect(!dns_records_decode(buf_slice(&b), type, &out), "case %d", what);
        cr_expect(is_same(&out, &untouched), "case %d", what);
        buf_free(&b);
    }
    no_leaks();
}
