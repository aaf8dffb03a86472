#include "config/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->n ? b->p + b->head : "", b->n};
}

size_t buf_room(const struct buf *b)
{
    return b->max - b->n;
}

/* Storage for n more octets after the content; the caller has checked the maximum. One octet more
 * than asked is kept for buf_cstr and vsnprintf. */
static void make_space(struct buf *b, size_t n)
{
    size_t want = b->n + n + 1;

    if (b->head && (b->n == 0 || b->head + want > b->cap)) {
        if (b->n)
            memmove(b->p, b->p + b->head, b->n);
        b->head = 0;
    }
    if (b->head + want <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < want)
        cap *= 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->p = base_realloc(b->p, cap);
    b->cap = cap;
}

bool buf_append(struct buf *b, struct slice s)
{
    if (s.n > buf_room(b))
        return false;
    if (s.n == 0)
        return true;
    make_space(b, s.n);
    memcpy(b->p + b->head + b->n, s.p, s.n);
    b->n += s.n;
    return true;
}

bool buf_append_byte(struct buf *b, char c)
{
    return buf_append(b, (struct slice){&c, 1});
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || (size_t)n > buf_room(b))
        return false;
    make_space(b, (size_t)n);
    (void)vsnprintf(b->p + b->head + b->n, (size_t)n + 1, fmt, args);
    b->n += (size_t)n;
    return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool ok = buf_vprintf(b, fmt, args);
    va_end(args);
    return ok;
}

void buf_consume(struct buf *b, size_t n)
{
    REQUIRE(n <= b->n);
    b->n -= n;
    b->head = b->n ? b->head + n : 0;
}

void buf_truncate(struct buf *b, size_t n)
{
    b->n = n < b->n ? n : b->n;
}

void buf_clear(struct buf *b)
{
    b->head = b->n = 0;
}

size_t buf_reserve(struct buf *b, size_t n, char **out_p)
{
    size_t room = buf_room(b);
    n = n < room ? n : room;
    if (n == 0)
        return 0;
    make_space(b, n);
    *out_p = b->p + b->head + b->n;
    return n;
}

void buf_commit(struct buf *b, size_t n)
{
    REQUIRE(b->head + b->n + n <= b->cap && n <= buf_room(b));
    b->n += n;
}

const char *buf_cstr(struct buf *b)
{
    make_space(b, 0);
    b->p[b->head + b->n] = '\0';
    return b->p + b->head;
}
