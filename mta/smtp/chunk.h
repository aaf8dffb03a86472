/* The content that BDAT brings (RFC 3030 §2): octets counted beforehand, so that nothing in them ends the
 * message and no dot is special. Pure.
 *
 * What is accepted is what DATA accepts: lines that end in CRLF. Bare CR, bare LF and NUL are remembered,
 * also when a CRLF is cut by the end of a chunk, and the reading goes on to the true end. One thing
 * only BDAT can say: a last line without its CRLF. It is kept so; towards a next hop the end of DATA
 * needs the CRLF and dot_writer_end adds it, a BDAT of ours does not. */
#ifndef DANELAW_SMTP_CHUNK_H
#define DANELAW_SMTP_CHUNK_H

#include "config/base/buf.h"

struct chunk_reader {
    bool convert;   /* bare CR or LF becomes CRLF (listener with bare_newline: convert) */
    bool cr;        /* a CR is held back until it is known whether an LF follows */
    bool bare, nul; /* seen in the content: refuse the message after its end */
};

/* Once for a message; chunk after chunk is fed to the same reader. */
void chunk_reader_init(struct chunk_reader *r, bool convert);
/* Appends content to out, stops early when out is full. Returns the octets of in that were consumed. */
size_t chunk_reader_feed(struct chunk_reader *r, struct slice in, struct buf *out);
/* The last chunk is over: a CR still held back was a bare one. There is room after a feed. */
void chunk_reader_end(struct chunk_reader *r, struct buf *out);

/* "SIZE" or "SIZE LAST", SIZE in decimal digits with leading zeros if one likes. False: not that, or
 * more than 64 bits; then nobody knows how many octets follow. */
MUST_USE bool chunk_parse(struct slice argument, uint64_t *out_size, bool *out_last);

#endif
