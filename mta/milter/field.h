/* Header fields between a message and a filter. On the way to the filter a folded line's CRLF is LF,
 * and the blank behind the colon stays away unless it asked for it; on the way back the same, and
 * nothing that would make two fields of one, or end the header. RFC 5322 §2.2. Pure. */
#ifndef DANELAW_MILTER_FIELD_H
#define DANELAW_MILTER_FIELD_H

#include "config/base/buf.h"

/* Appends the value of a field for the filter. after_colon: the field's octets behind the colon, with
 * CRLF line ends. */
MUST_USE bool milter_field_value(struct slice after_colon, bool leading_space, struct buf *out);
/* Appends "Name: value CRLF". False, and out may have a part of it: the name is no field name, the
 * value has a bare CR, or a line end that is not followed by a blank; or it does not fit. */
MUST_USE bool milter_field_make(struct slice name, struct slice value, bool leading_space,
                                struct buf *out);
bool milter_field_name_ok(struct slice name);

#endif
