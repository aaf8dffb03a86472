/* UTF-8 as RFC 3629 §4 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. Pure. */
#ifndef DANELAW_UTF8_H
#define DANELAW_UTF8_H

#include "config/base/buf.h"

/* The code point at the front of s and how many octets it has, 1 to 4; 0 if there is no whole valid
 * one. A NUL is a character of one octet. */
size_t utf8_decode(struct slice s, uint32_t *out_point);
bool utf8_ok(struct slice s); /* all of it */
/* False: no room, or no code point that has a UTF-8 form. */
MUST_USE bool utf8_append(uint32_t point, struct buf *out);
/* A character above ASCII that may stand in text: no C1 control, no surrogate, no noncharacter. */
bool utf8_is_text(uint32_t point);

#endif
