/* Base64 with its padding, RFC 4648 §4: one way to write each value, so that what was decoded and is
 * encoded again is the same text. No blanks, no line ends, no octets behind the padding. Pure. */
#ifndef DANELAW_BASE64_H
#define DANELAW_BASE64_H

#include "config/base/buf.h"

/* Octets of text for n octets of data. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Into out of size octets (not a buf: what is decoded may be a secret, and growing leaves copies).
 * False if the text is wrong or size too small; then out holds nothing of use. */
MUST_USE bool base64_decode(struct slice text, char *out, size_t size, size_t *out_n);
MUST_USE bool base64_encode(struct slice data, struct buf *out);

#endif
