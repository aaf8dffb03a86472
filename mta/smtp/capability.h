/* What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1). Keywords match whole and in any
 * case; unknown ones are ignored. Pure. */
#ifndef DANELAW_SMTP_CAPABILITY_H
#define DANELAW_SMTP_CAPABILITY_H

#include "mta/smtp/client.h"

struct capabilities {
    unsigned mask;     /* of enum client_capability */
    uint64_t max_size; /* RFC 1870; 0: no limit known */
};

/* text: the reply's lines joined by '\n'; the first is the greeting. At most LIMIT_EHLO_KEYWORDS
 * lines are looked at. */
struct capabilities capabilities_parse(struct slice text);

#endif
