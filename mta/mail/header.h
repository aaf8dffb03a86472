/* A scan over the header section as it streams by: hop count, presence of Date and Message-ID, whether
 * the sender says "TLS-Required: No", where the header ends. Resumable at any split. Pure. */
#ifndef DANELAW_MAIL_HEADER_H
#define DANELAW_MAIL_HEADER_H

#include "config/base/limits.h"
#include "config/base/slice.h"

struct header_scan {
    unsigned hops;      /* Received fields, in any spelling of case, "received :" too */
    bool has_date, has_message_id;
    bool ended;         /* the empty line, or a line that is no header field, was reached */
    uint64_t length;    /* octets of the header section so far, with the empty line */
    unsigned tls_required; /* TLS-Required fields, whatever they say */
    /* private */
    char name[32];
    size_t name_len;
    uint64_t line; /* octets of the current line so far */
    int state;
    int value;     /* how far a TLS-Required field is as RFC 8689 §3 has it */
    bool says_no;  /* one was */
};
void header_scan_init(struct header_scan *h);
void header_scan_feed(struct header_scan *h, struct slice s);
/* Behind the end of the content: the message has one TLS-Required field and it is "No", to the letter
 * of RFC 8689 §3. Two of them must not be, so two say nothing. */
bool header_scan_tls_optional(const struct header_scan *h);

#endif
