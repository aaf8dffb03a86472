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

/* The same for a name that a person wrote, in configuration or as an argument: U-labels in UTF-8 become
 * A-labels by IDNA 2008 (RFC 5891 §5, with the mappings of UTS #46), so that DNS, SNI and reference
 * identifiers never see anything else. Of the names from the network those of mailboxes under
 * SMTPUTF8 pass through here (RFC 6531 §3.2), bounded and valid UTF-8; no others. */
MUST_USE bool hostname_from_person(struct slice s, char out[HOSTNAME_MAX]);

#endif
