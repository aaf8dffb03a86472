/* The addresses there are, from a file with one on a line. Built once, then only read; counted.
 *
 *     someone@example.org     this address
 *     someone                 this local part in every domain that the list is for
 *     @example.org            every address of that domain
 *     # …                     a comment; also behind an address and a blank
 *
 * Local parts are compared without regard to case, in ASCII: RFC 5321 §2.4 leaves that to the receiving
 * host, and the mail servers that stand behind an edge relay do so. A quoted local part is the same as
 * what it quotes (§4.1.2). Domains may be in UTF-8. Lines may end in CRLF, and a byte order mark is
 * skipped, as files from Windows have them. Pure but for the counting. */
#ifndef DANELAW_IN_RECIPIENTS_H
#define DANELAW_IN_RECIPIENTS_H

#include "config/base/buf.h"
#include "mta/smtp/address.h"

struct recipients;

/* On success one reference. False: each mistake is a line "FILE:LINE:COLUMN: …" in errors. */
MUST_USE bool recipients_parse(struct slice text, const char *file, struct buf *errors,
                               struct recipients **out);
struct recipients *recipients_ref(struct recipients *r);
void recipients_unref(struct recipients **r); /* NULLs the pointer; NULL is fine */
size_t recipients_count(const struct recipients *r);
/* delimiters: each of these octets begins an extension of a local part ("user+extension"), which an
 * address on the list may have or not; NULL or "": none does. rcpt: of kind DOMAIN. */
bool recipients_have(const struct recipients *r, const struct address *rcpt, const char *delimiters);

#endif
