/* The end of DATA and dot-stuffing (RFC 5321 §4.5.2) as the smallest machines, resumable at any split.
 * Nothing but CRLF . CRLF ends the data. Bare CR, bare LF and NUL are remembered, the reading goes on
 * to the true end. Pure. */
#ifndef DANELAW_SMTP_DOT_H
#define DANELAW_SMTP_DOT_H

#include "config/base/buf.h"

enum dot_state { DOT_LINE_START, DOT_MID, DOT_CR, DOT_DOT, DOT_DOT_CR };

struct dot_reader {
    enum dot_state state;
    bool convert;      /* bare CR or LF becomes CRLF (listener with bare_newline: convert) */
    bool bare, nul;    /* seen in the content: refuse the message after its end */
    bool ended;
};

void dot_reader_init(struct dot_reader *r, bool convert);
/* Consumes octets of in up to the end of the data, appends decoded content to out; stops early when
 * out is full. Returns how many octets of in were consumed; r->ended is set at the end. With a fast
 * path for whole lines. */
size_t dot_reader_feed(struct dot_reader *r, struct slice in, struct buf *out);

/* Octets of s before the first CR, LF or NUL, looked for in a short window: a run that is no more than
 * copied. chunk.c shares it. */
size_t dot_plain_length(struct slice s);

struct dot_writer {
    bool line_start; /* true at first */
    char last;
};
void dot_writer_init(struct dot_writer *w);
/* Appends in with leading dots doubled; stops early when out is full. Returns octets consumed. */
size_t dot_writer_feed(struct dot_writer *w, struct slice in, struct buf *out);
/* The end: CRLF if the content did not end in one, then ".\r\n". False if out has no room (needs 5). */
MUST_USE bool dot_writer_end(struct dot_writer *w, struct buf *out);

#endif
