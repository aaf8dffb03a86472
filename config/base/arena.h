/* Memory that is freed all at once: a DNS lookup plan, a configuration snapshot. Zeroed. One owner. */
#ifndef DANELAW_ARENA_H
#define DANELAW_ARENA_H

#include "config/base/slice.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **a); /* NULLs the pointer; NULL is fine */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, struct slice s);              /* NUL-terminated copy */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Grows an arena array to hold at least n+1 elements: doubles, copies; the old one stays behind. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t size);

#endif
