/* DNS messages in wire form (RFC 1035 §4), read as hostile input: every read is bounded,
 * compression pointers go strictly backwards and are counted, a name never exceeds 255 octets.
 * Nothing is copied but names. Private to dns. Pure.
 *
 *   struct wire_message m;
 *   if (!wire_open(packet, &m)) …;
 *   struct wire_cursor c = wire_records(&m);
 *   for (struct wire_record r; wire_next(&c, &r);) …;
 *   if (c.broken) …;
 */
#ifndef DANELAW_DNS_WIRE_H
#define DANELAW_DNS_WIRE_H

#include "config/base/ip.h"
#include "dns/facts.h"

/* A name as labels with the root label, letters in lower case, so that equal names are equal octets
 * (RFC 4343 §3). Any octet may be in it: text is made, and checked, only where text is needed. */
struct wire_name {
    size_t n;
    uint8_t octets[255];
};

MUST_USE bool wire_name_of(const char *text, struct wire_name *out); /* "" and "." are the root */
bool wire_name_eq(const struct wire_name *a, const struct wire_name *b);
/* "" for the root. False if it is no name of dns/name.h; out is untouched. */
MUST_USE bool wire_name_text(const struct wire_name *name, char out[DNS_NAME_MAX]);
/* Reads the name at *at and moves *at behind it. */
MUST_USE bool wire_name_read(struct slice packet, size_t *at, struct wire_name *out);

struct wire_message {
    struct slice packet;
    uint8_t rcode;
    struct wire_name qname;
    uint16_t qtype;
    uint16_t answers, authorities; /* records that the header announces */
    size_t records_at;
};

/* Header and question: a whole response to one question of class IN. */
MUST_USE bool wire_open(struct slice packet, struct wire_message *out);

struct wire_record {
    bool authority; /* in the authority section, else in the answer section */
    struct wire_name owner;
    uint16_t type;
    uint32_t ttl; /* seconds; with the top bit set it counts as 0, RFC 2181 §8 */
    size_t rdata_at;
    struct slice rdata;
};

struct wire_cursor {
    const struct wire_message *m;
    size_t at;
    unsigned read; /* records passed so far */
    bool broken;   /* the packet does not hold what its header announces */
};

/* Answer and authority sections, class IN only. Borrows m. */
struct wire_cursor wire_records(const struct wire_message *m);
bool wire_next(struct wire_cursor *c, struct wire_record *out);

/* RDATA. False if it is not exactly what the type prescribes. */
MUST_USE bool wire_mx(const struct wire_message *m, const struct wire_record *r,
                      uint16_t *out_preference, struct wire_name *out_exchange);
MUST_USE bool wire_target(const struct wire_message *m, const struct wire_record *r,
                          struct wire_name *out_target);                    /* CNAME, DNAME, PTR */
MUST_USE bool wire_address(const struct wire_record *r, struct ip *out_ip); /* A, AAAA */
/* TXT: its strings joined (RFC 1035 §3.3.14), cut to size - 1 octets; what is not printable ASCII becomes
 * '?'. out is touched only on true. */
MUST_USE bool wire_txt(const struct wire_record *r, char *out, size_t size);
/* Borrows the packet; without association data, data is NULL. Shorter than its three fields: mtype 255
 * without data, which is unusable. */
struct tlsa_record wire_tlsa(const struct wire_record *r);
/* How long a denial with this SOA may be kept: the smaller of its TTL and MINIMUM, RFC 2308 §5. */
MUST_USE bool wire_soa_negative_ttl(const struct wire_message *m, const struct wire_record *r,
                                    uint32_t *out_ttl);

#endif
