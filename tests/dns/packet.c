#include "tests/dns/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/ip.h"
#include "dns/name.h"

enum { QUESTION_AT = 12, ANSWERS_AT = 6, AUTHORITIES_AT = 8 };

void packet_put(struct packet *p, const void *octets, size_t n)
{
    REQUIRE(p->n + n <= PACKET_MAX);
    memcpy(p->p + p->n, octets, n);
    p->n += n;
}

void packet_put_u16(struct packet *p, unsigned v)
{
    packet_put(p, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void put_u32(struct packet *p, uint32_t v)
{
    packet_put_u16(p, v >> 16);
    packet_put_u16(p, v & 0xffff);
}

void packet_put_name(struct packet *p, const char *name)
{
    uint8_t wire[256];
    size_t n;

    REQUIRE(dns_name_to_wire(name, wire, &n));
    packet_put(p, wire, n);
}

/* A pointer to the question where the name is the same. */
static void put_name(struct packet *p, const char *name)
{
    uint8_t wire[256];
    size_t n;

    REQUIRE(dns_name_to_wire(name, wire, &n));
    if (n > 1 && memcmp(p->p + QUESTION_AT, wire, n) == 0)
        packet_put_u16(p, 0xc000 | QUESTION_AT);
    else
        packet_put(p, wire, n);
}

void packet_start(struct packet *p, unsigned rcode, const char *qname, uint16_t qtype)
{
    p->n = 0;
    packet_put_u16(p, 0x1234);
    packet_put_u16(p, 0x8180 | rcode);
    packet_put_u16(p, 1);
    packet_put_u16(p, 0);
    packet_put_u16(p, 0);
    packet_put_u16(p, 0);
    packet_put_name(p, qname);
    packet_put_u16(p, qtype);
    packet_put_u16(p, 1);
}

static void put_hex(struct packet *p, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};
        packet_put(p, &(uint8_t){(uint8_t)strtoul(pair, NULL, 16)}, 1);
    }
}

static void put_address(struct packet *p, const char *data)
{
    struct ip ip;

    REQUIRE(ip_parse(slice_of(data), &ip));
    packet_put(p, ip.a, ip.v6 ? 16 : 4);
}

static void put_mx(struct packet *p, const char *data)
{
    char *name;

    packet_put_u16(p, (unsigned)strtoul(data, &name, 10));
    put_name(p, name + 1);
}

static void put_tlsa(struct packet *p, const char *data)
{
    unsigned usage, selector, mtype;
    int at = 0;

    REQUIRE(sscanf(data, "%u %u %u %n", &usage, &selector, &mtype, &at) == 3);
    packet_put(p, (uint8_t[]){(uint8_t)usage, (uint8_t)selector, (uint8_t)mtype}, 3);
    put_hex(p, data + at);
}

static void put_soa(struct packet *p, const char *data)
{
    put_name(p, "ns.example");
    put_name(p, "hostmaster.example");
    for (int i = 0; i < 4; i++)
        put_u32(p, 7200);
    put_u32(p, (uint32_t)strtoul(data, NULL, 10));
}

static void put_rdata(struct packet *p, uint16_t type, const char *data)
{
    if (data[0] == '#')
        put_hex(p, data + 1);
    else if (type == DNS_MX)
        put_mx(p, data);
    else if (type == DNS_A || type == DNS_AAAA)
        put_address(p, data);
    else if (type == DNS_TLSA)
        put_tlsa(p, data);
    else if (type == DNS_SOA)
        put_soa(p, data);
    else
        put_name(p, data);
}

void packet_add(struct packet *p, enum packet_section section, const char *owner, uint16_t type,
                uint32_t ttl, const char *data)
{
    size_t count_at = section == PACKET_ANSWER ? ANSWERS_AT : AUTHORITIES_AT;

    put_name(p, owner);
    packet_put_u16(p, type);
    packet_put_u16(p, 1);
    put_u32(p, ttl);
    size_t length_at = p->n;
    packet_put_u16(p, 0);
    put_rdata(p, type, data);
    size_t length = p->n - length_at - 2;
    p->p[length_at] = (uint8_t)(length >> 8);
    p->p[length_at + 1] = (uint8_t)length;
    p->p[count_at + 1]++;
}

struct slice packet_slice(const struct packet *p)
{
    return slice_make((const char *)p->p, p->n);
}
