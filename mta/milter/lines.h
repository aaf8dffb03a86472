/* A new body from a filter, as it comes in pieces: lines end in CRLF, whatever the filter ended them
 * with; a bare CR or NUL is refused, as it is from clients. Resumable at any split. Pure. */
#ifndef DANELAW_MILTER_LINES_H
#define DANELAW_MILTER_LINES_H

#include "config/base/buf.h"

struct milter_lines {
    bool cr;        /* the last octet was a CR */
    bool open;      /* the last line has no end yet */
    bool eight_bit; /* an octet above 127 was seen */
    bool bad;       /* bare CR or NUL */
};

/* Takes what fits into out and returns how many octets of s that were; each octet makes at most two.
 * Takes nothing once bad. */
size_t milter_lines_feed(struct milter_lines *l, struct slice s, struct buf *out);
/* What is missing at the end of the last line; "" if nothing. Sets bad if a bare CR is all. */
struct slice milter_lines_end(struct milter_lines *l);

#endif
