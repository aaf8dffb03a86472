/* The answer to a plain lookup: one name, one type, what came of it. For what the door wants to know of
 * a client (its name, lists of addresses); it says nothing of DNSSEC, so nothing that a delivery rests on
 * may be read from it (that is dns/facts.h). Bounded plain data, passed by value.
 *
 * An error is never "no record". Pure. */
#ifndef DANELAW_DNS_RECORDS_H
#define DANELAW_DNS_RECORDS_H

#include "dns/facts.h"

struct dns_records {
    enum dns_lookup lookup;
    uint32_t ttl; /* seconds; of a denial as of data; 0 with an error */
    struct ip addresses[LIMIT_LOOKUP_ADDRESSES]; /* A, AAAA */
    size_t n_addresses;
    char names[LIMIT_PTR_NAMES][DNS_NAME_MAX]; /* PTR: host names, normalised */
    size_t n_names;
    char text[LIMIT_TXT + 1]; /* TXT: the first record; with an error: why. Printable ASCII */
};

struct dns_records dns_records_failed(const char *why);

/* The codec between dns and mta. The answer to a question of that type: others have no such values.
 * decode treats the octets as hostile: bounds, valid enums, normalised names, nothing left over; there is
 * one form per value. False leaves *out alone. */
MUST_USE bool dns_records_encode(const struct dns_records *r, uint16_t type, struct buf *out);
MUST_USE bool dns_records_decode(struct slice body, uint16_t type, struct dns_records *out);
/* Whether a plain lookup may ask for it: A, AAAA, PTR, TXT. */
bool dns_records_has_type(uint16_t type);

struct dns_answer;
struct dns_records dns_records_of(const struct dns_answer *a);

#endif
