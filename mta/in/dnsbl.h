/* What a list of addresses in the DNS is asked, and what its answer means: RFC 5782. Pure. */
#ifndef DANELAW_IN_DNSBL_H
#define DANELAW_IN_DNSBL_H

#include "config/config.h"
#include "dns/records.h"

/* The address backwards in front of the zone: octets of IPv4 (RFC 5782 §2.1), nibbles of IPv6 (§2.4).
 * With "in-addr.arpa" or "ip6.arpa" it is where the address's name stands. False: too long. */
MUST_USE bool dnsbl_name(const struct ip *ip, const char *zone, char out[DNS_NAME_MAX]);
const char *dnsbl_reverse_zone(const struct ip *ip); /* "in-addr.arpa", "ip6.arpa" */

/* Whether the answer to a type A question is a listing: an address in 127.0.0.0/8, and one of those
 * the configuration names. Where it names none, what lists say about the question instead of about the
 * client is no listing either: 127.0.0.1, and 127.255.255.0/24 ("asked through a public resolver", "too
 * many questions"). All else, and every error, is not. */
bool dnsbl_is_listed(const struct dnsbl_config *list, const struct dns_records *r);

#endif
