/* One DNS answer, parsed from a response packet as hostile input and reduced to what the lookup
 * plan needs: the alias chain followed from the question, the records of the asked type at its
 * end, negative or not, the validator's word. Pure. */
#ifndef DANELAW_DNS_ANSWER_H
#define DANELAW_DNS_ANSWER_H

#include "config/base/arena.h"
#include "dns/facts.h"

struct mx_record {
    uint16_t preference;
    const char *exchange; /* normalised; "" for the root (null MX); NULL: not a host name, skip */
};

struct dns_answer {
    enum dns_lookup lookup;
    enum dns_security security;
    const char *expanded; /* final owner name of the chain, normalised; equals the question if no alias */
    bool aliased;
    uint32_t ttl;         /* minimum over the chain and records; negative: SOA minimum and TTL */
    const char *why;      /* "" unless in error */
    /* Of the asked type; the others are empty. */
    struct mx_record *mx;
    struct ip *addresses;
    struct tlsa_record *tlsa;
    const char **names;   /* PTR: those that are host names, at most LIMIT_PTR_NAMES */
    const char *text;     /* TXT: the first record, printable ASCII */
    const char *cname;    /* target of the first link when CNAME was asked */
    size_t n;
};

/* packet as the resolver's callback gives it; rcode and bogus/secure likewise. Applies the rule of
 * the lab notes: bogus first, then failed (callback rcode, or an RCODE in the packet other than
 * NOERROR and NXDOMAIN, or a packet that does not parse), only then data. All memory from arena.
 * TLSA RDATA shorter than 3 octets becomes a record with mtype 255 and no data, which is unusable. */
struct dns_answer dns_answer_parse(struct arena *arena, const char *qname, uint16_t qtype,
                                   int rcode, struct slice packet, bool secure, bool bogus,
                                   const char *why);
/* An answer of our own making: deadline passed, resolver gone. */
struct dns_answer dns_answer_failed(struct arena *arena, const char *qname, const char *why);

#endif
