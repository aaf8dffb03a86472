/* Domain names in text form: lower case, no trailing dot, at most 253 octets, LDH labels plus '_' (and
 * '*' nowhere). Text from the wire that does not fit this is refused, never escaped. Pure. */
#ifndef DANELAW_DNS_NAME_H
#define DANELAW_DNS_NAME_H

#include "config/base/limits.h"
#include "config/base/slice.h"

enum { DNS_NAME_MAX = 256 }; /* with the NUL */

/* Checks and lowers a host or domain name (A-labels; one trailing dot is dropped). The root is
 * refused. False: out is untouched. */
MUST_USE bool dns_name_normalise(struct slice s, char out[DNS_NAME_MAX]);
bool dns_name_eq(const char *a, const char *b);
/* "_25._tcp.mx.example"; false if it would be too long. RFC 6698 §3. */
MUST_USE bool dns_name_tlsa(const char *base, uint16_t port, char out[DNS_NAME_MAX]);
/* Text → wire (with root label). False if it does not fit. */
MUST_USE bool dns_name_to_wire(const char *name, uint8_t out[256], size_t *out_len);

#endif
