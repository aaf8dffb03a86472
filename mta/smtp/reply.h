/* SMTP replies: written by us from a status, parsed from a next hop as hostile input. Pure. */
#ifndef DANELAW_SMTP_REPLY_H
#define DANELAW_SMTP_REPLY_H

#include "config/base/buf.h"
#include "config/base/status.h"

/* "250 2.1.0 Ok\r\n". enhanced: whether codes of RFC 3463 are written (RFC 2034: after EHLO). */
MUST_USE bool reply_write(struct buf *out, const struct status *s, bool enhanced);

/* One complete reply. text: the lines joined by '\n', without codes; borrows from the reader. */
struct reply {
    uint16_t code;
    struct slice text;
    size_t lines;
};

enum reply_result { REPLY_OK, REPLY_MORE, REPLY_MALFORMED };

struct reply_reader {
    struct buf text; /* bounded by LIMIT_REPLY */
    uint16_t code;
    size_t lines, octets;
    bool complete;  /* the reply was handed out; the next call begins another */
    bool malformed; /* for good */
};

void reply_reader_init(struct reply_reader *r);
void reply_reader_free(struct reply_reader *r);
/* Consumes whole lines of in until one reply is complete (RFC 5321 §4.2.1: same code on all lines, '-' on
 * all but the last; codes by its grammar, 200–559; "250" alone is complete; lines end in CRLF). MALFORMED: a bare LF,
 * another code, a line over LIMIT_REPLY_LINE, a reply over LIMIT_REPLY, NUL. Once malformed, always.
 * The reply stays valid until the next call. */
enum reply_result reply_reader_feed(struct reply_reader *r, struct buf *in, struct reply *out);

#endif
