/* Writes DNS responses for the tests, right or deliberately wrong. */
#ifndef DANELAW_TEST_DNS_PACKET_H
#define DANELAW_TEST_DNS_PACKET_H

#include "config/base/slice.h"
#include "dns/facts.h"

enum { PACKET_MAX = 65535 };

struct packet {
    uint8_t p[PACKET_MAX];
    size_t n;
};

enum packet_section { PACKET_ANSWER, PACKET_AUTHORITY };

/* A response header and the question. */
void packet_start(struct packet *p, unsigned rcode, const char *qname, uint16_t qtype);
/* One record. data by type: "10 mx.example", "192.0.2.1", "2001:db8::1", "target.example",
 * "3 1 1 0aff" (TLSA), "300" (SOA: its minimum), or "#0aff" for raw RDATA of any type. Names are
 * compressed to the question where they equal it. */
void packet_add(struct packet *p, enum packet_section section, const char *owner, uint16_t type,
                uint32_t ttl, const char *data);
void packet_put(struct packet *p, const void *octets, size_t n);
void packet_put_u16(struct packet *p, unsigned v);
void packet_put_name(struct packet *p, const char *name); /* uncompressed; "" is the root */
struct slice packet_slice(const struct packet *p);

#endif
