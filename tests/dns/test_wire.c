/* Names and messages as an attacker would write them. RFC 1035 §4.1. */
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "tests/dns/leaks.h"
#include "tests/dns/packet.h"

#define RAW(literal)                                                                               \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct {
    const char *what;
    struct slice packet;
    size_t at;
    bool good;
    const char *text; /* NULL: no name of ours */
    size_t end;
} names[] = {
    {"root",                        RAW("\0"),                   0, true,  "",         1 },
    {"two labels, lowered",         RAW("\1A\2bC\0"),            0, true,  "a.bc",     6 },
    {"underscore and digits",       RAW("\3_25\4_tcp\0"),        0, true,  "_25._tcp", 10},
    {"pointer backwards",           RAW("\1a\0\1b\300\0"),       3, true,  "b.a",      7 },
    {"pointer to a pointer",        RAW("\1a\0\300\0\1b\300\3"), 5, true,  "b.a",      9 },
    {"pointer to itself",           RAW("\300\0"),               0, false, NULL,       0 },
    {"pointer forwards",            RAW("\300\2\0"),             0, false, NULL,       0 },
    {"pointer into its own labels", RAW("\1a\1b\300\0"),         0, false, NULL,       0 },
    {"loop of two",                 RAW("\300\2\300\0"),         2, false, NULL,       0 },
    {"pointer past the end",        RAW("\0\377\377"),           1, false, NULL,       0 },
    {"half a pointer",              RAW("\0\300"),               1, false, NULL,       0 },
    {"label past the end",          RAW("\5ab"),                 0, false, NULL,       0 },
    {"no root label",               RAW("\1a"),                  0, false, NULL,       0 },
    {"empty packet",                RAW(""),                     0, false, NULL,       0 },
    {"offset past the end",         RAW("\0"),                   9, false, NULL,       0 },
    {"label type 01",               RAW("\101a\0"),              0, false, NULL,       0 },
    {"label type 10",               RAW("\201a\0"),              0, false, NULL,       0 },
    {"a dot inside a label",        RAW("\3a.b\0"),              0, true,  NULL,       5 },
    {"NUL inside a label",          RAW("\3a\0b\0"),             0, true,  NULL,       5 },
    {"space inside a label",        RAW("\3a b\0"),              0, true,  NULL,       5 },
    {"wildcard",                    RAW("\1*\1a\0"),             0, true,  NULL,       5 },
    {"8-bit octet",                 RAW("\1\351\0"),             0, true,  NULL,       3 },
    {"backslash",                   RAW("\4\\046\0"),            0, true,  NULL,       6 },
};

Test(wire, names)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct wire_name name;
        char text[DNS_NAME_MAX] = "untouched";
        size_t at = names[i].at;
        bool good = wire_name_read(names[i].packet, &at, &name);
        cr_assert_eq(good, names[i].good, "%s", names[i].what);
        cr_assert_eq(at, good ? names[i].end : names[i].at, "%s: end %zu", names[i].what, at);
        if (!good)
            continue;
        cr_assert_eq(wire_name_text(&name, text), names[i].text != NULL, "%s", names[i].what);
        cr_assert_str_eq(text, names[i].text ? names[i].text : "untouched", "%s", names[i].what);
    }
}

/* 127 labels of one octet fill a name; one more octet is too much. */
Test(wire, longest_name)
{
    char packet[300];
    struct wire_name name;
    size_t at = 0, n = 0;

    for (; n < 254; n += 2)
        memcpy(packet + n, "\1a", 2);
    packet[n++] = '\0';
    cr_assert(wire_name_read(slice_make(packet, n), &at, &name));
    cr_assert_eq(name.n, 255);
    memcpy(packet + 252, "\2ab", 4);
    at = 0;
    cr_assert(!wire_name_read(slice_make(packet, 256), &at, &name), "256 octets");
}

/* Each pointer is legal by itself; together they would cost thousands of jumps per name. */
Test(wire, pointer_ladder)
{
    uint8_t packet[1024] = {0};
    struct wire_name name;
    size_t steps;

    for (steps = 1; steps < 500; steps++) {
        size_t target = steps == 1 ? 0 : 2 * (steps - 1);
        packet[2 * steps] = (uint8_t)(0xc0 | target >> 8);
        packet[2 * steps + 1] = (uint8_t)target;
    }
    size_t few = 2 * 100, many = 2 * 400;
    cr_assert(wire_name_read(slice_make((char *)packet, sizeof(packet)), &few, &name));
    cr_assert(!wire_name_read(slice_make((char *)packet, sizeof(packet)), &many, &name));
}

static void whole_message(struct packet *p)
{
    packet_start(p, 0, "d.example", DNS_MX);
    packet_add(p, PACKET_ANSWER, "d.example", DNS_MX, 300, "10 mx.d.example");
    packet_add(p, PACKET_ANSWER, "d.example", DNS_MX, 300, "20 mx2.d.example");
    packet_add(p, PACKET_AUTHORITY, "d.example", DNS_SOA, 300, "60");
}

static size_t count_records(struct slice s, bool *out_broken)
{
    struct wire_message m;
    size_t n = 0;

    *out_broken = true;
    if (!wire_open(s, &m))
        return 0;
    struct wire_cursor c = wire_records(&m);
    for (struct wire_record r; wire_next(&c, &r);)
        n++;
    *out_broken = c.broken;
    return n;
}

Test(wire, every_truncation_is_noticed)
{
    static struct packet p;
    bool broken;

    whole_message(&p);
    cr_assert_eq(count_records(packet_slice(&p), &broken), 3);
    cr_assert(!broken);
    for (size_t n = 0; n < p.n; n++) {
        /* A copy of exact size, so that a read past the end is a read out of bounds. */
        char *cut = slice_dup(slice_make((char *)p.p, n));
        (void)count_records(slice_make(cut, n), &broken);
        cr_assert(broken, "cut at %zu", n);
        free(cut);
    }
    no_leaks();
}

static const struct {
    const char *what;
    size_t at;
    uint8_t octet;
} headers[] = {
    {"a query, not a response", 2,  0x01},
    {"truncated",               2,  0x83},
    {"no question",             5,  0   },
    {"two questions",           5,  2   },
    {"class CH",                26, 3   },
};

Test(wire, headers)
{
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        static struct packet p;
        struct wire_message m;
        whole_message(&p);
        cr_assert(wire_open(packet_slice(&p), &m));
        p.p[headers[i].at] = headers[i].octet;
        cr_assert(!wire_open(packet_slice(&p), &m), "%s", headers[i].what);
    }
}

static struct wire_record first_record(const struct packet *p, struct wire_message *m)
{
    struct wire_record r;

    cr_assert(wire_open(packet_slice(p), m));
    struct wire_cursor c = wire_records(m);
    cr_assert(wire_next(&c, &r));
    return r;
}

static bool decodes(const struct packet *p, uint16_t type)
{
    struct wire_message m;
    struct wire_record r = first_record(p, &m);
    struct wire_name name;
    uint16_t preference;
    uint32_t ttl;
    struct ip ip;

    switch (type) {
    case DNS_MX:
        return wire_mx(&m, &r, &preference, &name);
    case DNS_SOA:
        return wire_soa_negative_ttl(&m, &r, &ttl);
    case DNS_A:
    case DNS_AAAA:
        return wire_address(&r, &ip);
    default:
        return wire_target(&m, &r, &name);
    }
}

static const struct {
    const char *what;
    uint16_t type;
    const char *data;
    bool good;
} rdata[] = {
    {"MX",                          DNS_MX,    "10 mx.example", true },
    {"MX empty",                    DNS_MX,    "#",             false},
    {"MX one octet",                DNS_MX,    "#00",           false},
    {"MX without a name",           DNS_MX,    "#000a",         false},
    {"MX with octets left over",    DNS_MX,    "#000a016100ff", false},
    {"MX name longer than RDATA",   DNS_MX,    "#000a0561",     false},
    {"A",                           DNS_A,     "192.0.2.1",     true },
    {"A of three octets",           DNS_A,     "#c00002",       false},
    {"A of five octets",            DNS_A,     "#c000020101",   false},
    {"AAAA",                        DNS_AAAA,  "2001:db8::1",   true },
    {"AAAA of four octets",         DNS_AAAA,  "#c0000201",     false},
    {"CNAME",                       DNS_CNAME, "b.example",     true },
    {"CNAME empty",                 DNS_CNAME, "#",             false},
    {"CNAME with octets left over", DNS_CNAME, "#01610000",     false},
    {"DNAME",                       DNS_DNAME, "b.example",     true },
    {"SOA",                         DNS_SOA,   "60",            true },
    {"SOA of two names only",       DNS_SOA,   "#0000",         false},
    {"SOA one octet short",         DNS_SOA,
     "#0000"
     "00000001000000020000000300000004000000",                  false},
};

Test(wire, rdata)
{
    for (size_t i = 0; i < ARRAY_LEN(rdata); i++) {
        static struct packet p;
        packet_start(&p, 0, "d.example", rdata[i].type);
        packet_add(&p, PACKET_ANSWER, "d.example", rdata[i].type, 60, rdata[i].data);
        cr_assert_eq(decodes(&p, rdata[i].type), rdata[i].good, "%s", rdata[i].what);
    }
}

Test(wire, a_mapped_address_is_ipv4)
{
    static struct packet p;
    struct wire_message m;
    struct ip ip;

    packet_start(&p, 0, "d.example", DNS_AAAA);
    packet_add(&p, PACKET_ANSWER, "d.example", DNS_AAAA, 60, "#00000000000000000000ffffc0000201");
    struct wire_record r = first_record(&p, &m);
    cr_assert(wire_address(&r, &ip));
    cr_assert_eq(ip.v6, 0);
    cr_assert_eq(ip.a[0], 192);
}

Test(wire, a_ttl_with_the_top_bit_counts_as_zero) /* RFC 2181 §8 */
{
    static struct packet p;
    struct wire_message m;

    packet_start(&p, 0, "d.example", DNS_A);
    packet_add(&p, PACKET_ANSWER, "d.example", DNS_A, 0x80000000u, "192.0.2.1");
    cr_assert_eq(first_record(&p, &m).ttl, 0);
}

static const struct {
    const char *text;
    bool good;
} text_names[] = {
    {"a.example",   true },
    {"A.Example.",  true },
    {"_25._tcp.a",  true },
    {"192.0.2.1",   true },
    {"",            false},
    {".",           false},
    {"a..b",        false},
    {".a",          false},
    {"*.a",         false},
    {"a b",         false},
    {"a\\.b",       false},
    {"caf\303\251", false},
};

Test(name, normalise)
{
    for (size_t i = 0; i < ARRAY_LEN(text_names); i++) {
        char out[DNS_NAME_MAX];
        cr_assert_eq(dns_name_normalise(slice_of(text_names[i].text), out), text_names[i].good,
                     "%s", text_names[i].text);
    }
}

Test(name, tlsa_owner) /* RFC 6698 §3 */
{
    char out[DNS_NAME_MAX], longest[DNS_NAME_MAX];

    cr_assert(dns_name_tlsa("mx.example", 25, out));
    cr_assert_str_eq(out, "_25._tcp.mx.example");
    cr_assert(dns_name_tlsa("mx.example", 2525, out));
    cr_assert_str_eq(out, "_2525._tcp.mx.example");
    for (size_t i = 0; i < 245; i++)
        longest[i] = i % 2 ? '.' : 'a';
    longest[245] = '\0';
    cr_assert(!dns_name_tlsa(longest, 25, out), "254 octets");
    longest[243] = '\0';
    cr_assert(dns_name_tlsa(longest, 25, out), "252 octets");
}
