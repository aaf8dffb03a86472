/* Paths and mailboxes, RFC 5321 §4.1.2, parsed once into typed, bounded values. Pure. */
#ifndef DANELAW_SMTP_ADDRESS_H
#define DANELAW_SMTP_ADDRESS_H

#include "config/base/limits.h"
#include "config/base/status.h"
#include "dns/name.h"

enum address_kind { ADDRESS_NULL /* <> */, ADDRESS_POSTMASTER /* <postmaster>, RFC 5321 §4.5.1 */, ADDRESS_DOMAIN, ADDRESS_LITERAL };

struct address {
    enum address_kind kind;
    char text[LIMIT_PATH + 1];  /* local-part@domain as written (quoting kept), no brackets, source route
                                   stripped */
    size_t local_len;           /* octets of text before the '@' */
    char domain[DNS_NAME_MAX];  /* normalised; for a literal as written with brackets */
    bool utf8;                  /* the path had 8-bit octets (valid UTF-8), if only in its source route */
};

enum address_use { ADDRESS_SENDER /* may be null */, ADDRESS_RECIPIENT /* may be postmaster */ };

/* Parses a path at the start of *in, "<" to ">" (a source route is checked and stripped, §4.1.1.3 and
 * appendix C), and moves *in behind it. Returns OK or a cause of table causes.def: BAD_SENDER_ADDRESS,
 * BAD_RECIPIENT_ADDRESS, NEEDS_SMTPUTF8 (8-bit and !allow_utf8). Nothing is ever truncated. */
enum cause address_parse_path(struct slice *in, enum address_use use, bool allow_utf8,
                              struct address *out);
/* The Domain or address-literal argument of EHLO and HELO (§4.1.1.1); false if malformed. */
bool address_helo_ok(struct slice s);

#endif
