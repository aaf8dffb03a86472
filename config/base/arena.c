#include "config/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CHUNK = 4096 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

struct arena {
    struct chunk *chunks;
};

struct arena *arena_new(void)
{
    return base_alloc(sizeof(struct arena));
}

void arena_free(struct arena **a)
{
    if (!*a)
        return;
    for (struct chunk *c = (*a)->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(*a);
    *a = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct chunk *c = a->chunks;

    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    if (!c || c->size - c->used < size) {
        size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;
        c = base_alloc(sizeof(*c) + room);
        c->size = room;
        c->next = a->chunks;
        a->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += size;
    return p;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    REQUIRE(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t size)
{
    if (n && (n & (n - 1)))
        return v; /* capacity is the power of two at or above n */
    void *bigger = arena_alloc(a, (n ? 2 * n : 1) * size);
    if (n)
        memcpy(bigger, v, n * size);
    return bigger;
}
