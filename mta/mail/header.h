/* A scan over the header section as it streams by: hop count, presence of Date and Message-ID, where
 * the header ends. Resumable at any split. Pure. */
#ifndef DANELAW_MAIL_HEADER_H
#define DANELAW_MAIL_HEADER_H

#include "config/base/limits.h"
#include "config/base/slice.h"

struct header_scan {
    unsigned hops;      /* Received fields, in any spelling of case, "received :" too */
    bool has_date, has_message_id;
    bool ended;         /* the empty line, or a line that is no header field, was reached */
    uint64_t length;    /* octets of the header section so far, with the empty line */
    /* private */
    char name[32];
    size_t name_len;
    uint64_t line; /* octets of the current line so far */
    int state;
};
void header_scan_init(struct header_scan *h);
void header_scan_feed(struct header_scan *h, struct slice s);

#endif
