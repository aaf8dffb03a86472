/* The encodings of parameter values: xtext of RFC 3461 §4, and the three forms of an address of type
 * utf-8 in ORCPT (RFC 6533 §3). Decoded text holds no control characters, so that it can never
 * become a line of its own in a header, a command or a log. Pure. */
#ifndef DANELAW_SMTP_XTEXT_H
#define DANELAW_SMTP_XTEXT_H

#include "config/base/buf.h"

/* Appends what in stands for. False: not xtext, a control character or an octet above 126 behind
 * "+HH", or no room. out may then hold a part. */
MUST_USE bool xtext_decode(struct slice in, struct buf *out);
/* The same for text whose characters above ASCII were encoded octet by octet, as if they were no
 * UTF-8. False as above, or not UTF-8, or a C1 control or noncharacter in it. */
MUST_USE bool xtext_decode_octets_of_utf8(struct slice in, struct buf *out);
/* Appends text as xtext; any octets. False: no room. */
MUST_USE bool xtext_encode(struct slice text, struct buf *out);

/* utf-8-addr-xtext: ASCII with "\x{HEX}", legal anywhere; with unitext also utf-8-addr-unitext and
 * utf-8-address: UTF-8 as it is, legal only in a transaction with SMTPUTF8. False as above, or not
 * UTF-8, or a code point that HEXPOINT does not have. */
MUST_USE bool xtext_decode_utf8(struct slice in, bool unitext, struct buf *out);
/* text: valid UTF-8. unitext: characters above ASCII stay as they are. False: not UTF-8, no room. */
MUST_USE bool xtext_encode_utf8(struct slice text, bool unitext, struct buf *out);

#endif
