/* A message's content in 7-bit form, as a survey of it decided: leaves in quoted-printable or base64
 * (RFC 2045 §6.7, §6.8), containers labelled 7bit, all other octets as they were. Streams. Pure.
 *
 * Of our own, since no library does this: GMime builds a tree of as many objects as a sender likes and
 * writes headers and line ends its own way; here what is not encoded must stay octet for octet. */
#ifndef DANELAW_MAIL_RECODE_H
#define DANELAW_MAIL_RECODE_H

#include "config/base/buf.h"
#include "mta/mail/survey.h"

/* Room that out must have for each call of recode_feed and recode_end: a piece, encoded. */
enum { RECODE_ROOM = 8 * MIME_PIECE };

struct recode {
    const uint8_t *forms; /* borrowed from the survey */
    size_t n_forms;
    /* private */
    struct mime_walk walk;
    struct mime_lines lines;
    bool labelled;   /* the entity's Content-Transfer-Encoding was written */
    bool dropping;   /* the lines of the field that was replaced */
    bool crlf;       /* base64: the line end before belongs to the part, unless a delimiter follows */
    size_t column;   /* octets of the encoded line */
    char blank;      /* quoted-printable: white space that may be the line's last, 0: none */
    char group[57];  /* base64: of the next line */
    size_t n_group;
};

void recode_init(struct recode *r, const struct survey *s);
/* Consumes octets of content until it is used up or out has less than RECODE_ROOM; returns how many. */
size_t recode_feed(struct recode *r, struct slice content, struct buf *out);
/* What is left at the content's end. False if out has less than RECODE_ROOM. */
MUST_USE bool recode_end(struct recode *r, struct buf *out);

#endif
