/* Growable bytes with a maximum given at birth. Appending past the maximum changes nothing and
 * returns false, so that no peer can grow our memory. Consumed from the front. One owner. */
#ifndef DANELAW_BUF_H
#define DANELAW_BUF_H

#include <stdarg.h>

#include "config/base/slice.h"

struct buf {
    char *p;     /* storage, NULL while nothing was ever appended */
    size_t head; /* first unconsumed octet */
    size_t n;    /* unconsumed octets */
    size_t cap;
    size_t max; /* most unconsumed octets it may hold */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* frees the storage; b may be used again with the same maximum */

struct slice buf_slice(const struct buf *b); /* borrows; valid until the next change */
size_t buf_room(const struct buf *b);        /* octets that may still be appended */
MUST_USE bool buf_append(struct buf *b, struct slice s);
MUST_USE bool buf_append_byte(struct buf *b, char c);
MUST_USE bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
MUST_USE bool buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void buf_consume(struct buf *b, size_t n); /* n at most b->n */
void buf_truncate(struct buf *b, size_t n); /* forgets all but the first n octets */
void buf_clear(struct buf *b);             /* forgets the content, keeps the storage */
/* Makes room for n octets to be written at *out_p; returns how many there is room for (0..n).
 * Follow with buf_commit of what was really written. */
size_t buf_reserve(struct buf *b, size_t n, char **out_p);
void buf_commit(struct buf *b, size_t n);
/* The content as a NUL-terminated string owned by the buffer (not counted in n). */
const char *buf_cstr(struct buf *b);

#endif
