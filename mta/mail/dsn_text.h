/* Text of a notification: foreign text made harmless, lines folded. Private to mta/mail. Pure. */
#ifndef DANELAW_MAIL_DSN_TEXT_H
#define DANELAW_MAIL_DSN_TEXT_H

#include "config/base/buf.h"

struct dsn_out {
    struct buf *out;
    bool utf8; /* the notification may hold UTF-8 (SMTPUTF8); else 8-bit octets become '?' */
    bool ok;   /* false once out was full */
};

/* Our own words as one line with its CRLF. Arguments must not be foreign text. */
void dsn_line(struct dsn_out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* first, then text word by word, folded near column 76; each further line starts with next. Control
 * characters become '?', runs of white space one space. With next " " it makes a folded header
 * field whose lines stay far under 998 octets (RFC 5322 §2.1.1). */
void dsn_folded(struct dsn_out *o, const char *first, const char *next, struct slice text);
/* lead, the address, tail, CRLF: never folded, white space kept (it may stand in a quoted local
 * part). */
void dsn_address(struct dsn_out *o, const char *lead, const char *address, const char *tail);
/* lead, "type; ", the address, CRLF: RFC 3464 §2.1.2. An address of type utf-8 is written as
 * utf-8-addr-xtext where UTF-8 may not stand, else as utf-8-addr-unitext (RFC 6533 §3). */
void dsn_typed_address(struct dsn_out *o, const char *lead, struct slice type, struct slice address);
/* The header section in lines, ending before its empty line; an incomplete last line is left out. A
 * line that could not stand in this message (longer than 990 octets) is cut. */
void dsn_headers(struct dsn_out *o, struct slice headers);

#endif
