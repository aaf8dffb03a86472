/* Host and domain names in text form, as configuration, protocol and DNS code compare them: lower
 * case A-labels without a trailing dot. One place, so that all parts call the same names equal. Pure. */
#ifndef DANELAW_HOSTNAME_H
#define DANELAW_HOSTNAME_H

#include "config/base/slice.h"

enum { HOSTNAME_MAX = 256 }; /* room for a name with its NUL */

/* Checks and lowers a name: labels of 1–63 letters, digits, '-' or '_' (RFC 1035 §2.3.4, RFC 2181
 * §11), at most 253 octets in all; one trailing dot is dropped. A hyphen at a label's edge is
 * tolerated, as such names resolve; '*', empty labels and the root are refused.
 * False: out is untouched. */
MUST_USE bool hostname_normalise(struct slice s, char out[HOSTNAME_MAX]);

#endif
