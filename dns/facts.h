/* What DNS says about a destination: finished facts, immutable and counted. The dns process makes
 * them, mta reads them; policy is somebody else's (tls/verdict.h). RFC 7672 §2.
 *
 * An error is never "no record": `lookup` says which of the five ways an answer can be, and
 * `security` what the validator says of it. Bogus and failed are one class (RFC 7672 §2.1.1). */
#ifndef DANELAW_DNS_FACTS_H
#define DANELAW_DNS_FACTS_H

#include <stdatomic.h>

#include "config/base/buf.h"
#include "config/base/ip.h"
#include "dns/name.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_DNAME = 39, DNS_TLSA = 52 };
const char *dns_type_name(uint16_t type); /* "TLSA"; "TYPE65" for one we do not know */

enum dns_security { DNS_INSECURE, DNS_SECURE, DNS_BOGUS, DNS_FAILED };
enum dns_lookup { DNS_DATA, DNS_NODATA, DNS_NXDOMAIN, DNS_ERROR }; /* ERROR: bogus or failed */
const char *dns_security_name(enum dns_security s); /* "secure", … */
const char *dns_lookup_name(enum dns_lookup l);     /* "data", "no data", … */

/* One query and what came of it, in the order asked: what `danelaw check` prints. */
struct dns_step {
    const char *name;
    uint16_t type;
    enum dns_security security;
    enum dns_lookup lookup;
    uint32_t ttl;        /* seconds */
    const char *alias;   /* final name of the chain, "" if no alias */
    const char *why;     /* validator's or resolver's reason when in error, else "" */
    uint16_t records;    /* number of records of the type */
};

struct tlsa_record {
    uint8_t usage, selector, mtype;
    uint16_t len;
    const uint8_t *data;
};

struct tlsa_candidate { /* a TLSA base domain that was tried */
    const char *base;
    enum dns_security security;
    enum dns_lookup lookup;
    bool chosen;
};

struct host_facts {
    const char *name;     /* as the MX record or configuration has it */
    const char *expanded; /* after aliases; equal to name if none */
    uint16_t preference;
    struct ip *addresses; /* as the answers had them; IPv6 first */
    size_t n_addresses;
    enum dns_lookup addresses_lookup; /* DATA if either family gave data; else ERROR if either was
                                         in error; else NODATA or NXDOMAIN */
    enum dns_security addresses_security;
    /* Of the first link when name is an alias with insecure addresses (RFC 7672 §2.2.2), else as
     * addresses_security; BOGUS or FAILED: the host must not be used. */
    enum dns_security alias_security;
    struct tlsa_candidate candidates[2];
    size_t n_candidates;      /* 0: no TLSA query was to be made */
    /* The chosen candidate's RRset. ERROR: a lookup at a candidate failed, the host must not be used. */
    enum dns_lookup tlsa_lookup;
    const char *tlsa_base;    /* "" if none was chosen */
    struct tlsa_record *tlsa; /* secure records, usable or not */
    size_t n_tlsa;
    const char *why;          /* reason of the first error of this host, "" if none */
};

enum dest_kind {
    DEST_MX,       /* hosts come from an MX RRset, sorted by preference */
    DEST_IMPLICIT, /* no MX: the domain itself (RFC 5321 §5.1) */
    DEST_HOST,     /* asked for as a host: no MX lookup */
    DEST_NULL_MX,  /* RFC 7505; no hosts */
    DEST_NXDOMAIN, /* no such domain; no hosts */
    DEST_ERROR,    /* the MX lookup failed; no hosts */
};

struct dest_facts {
    _Atomic unsigned refs;
    struct arena *arena;
    const char *name;          /* as asked */
    const char *expanded;      /* next hop after aliases, equal to name if none */
    uint16_t port;             /* the TLSA records are for */
    enum dest_kind kind;
    enum dns_security security; /* of the MX step; for IMPLICIT of its denial; for HOST secure */
    const char *why;           /* reason when kind is ERROR */
    struct host_facts *hosts;
    size_t n_hosts;
    uint32_t ttl;              /* seconds these facts may be used, at most LIMIT_FACTS_TTL_S */
    int64_t made_ms;           /* wall clock: when the lookups began, the TTL runs from there */
    struct dns_step *steps;
    size_t n_steps;
};

struct dest_facts *dest_facts_ref(struct dest_facts *f);
void dest_facts_unref(struct dest_facts **f); /* NULLs the pointer; NULL is fine */
/* Whether their TTL has not run out (RFC 6698 §8.2). */
bool dest_facts_are_fresh(const struct dest_facts *f, int64_t wall_ms);

/* The codec between dns and mta. decode treats the bytes as hostile: bounds of limits.h, valid enums,
 * normalised names, nothing left over; false leaves *out_facts alone. The result has one reference. */
MUST_USE bool dest_facts_encode(const struct dest_facts *f, struct buf *out);
MUST_USE bool dest_facts_decode(struct slice body, struct dest_facts **out_facts);

#endif
