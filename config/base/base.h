/* The few macros every file may use. */
#ifndef DANELAW_BASE_H
#define DANELAW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* An invariant of our own. Peers can never make it false; if it is false the process ends and the
 * supervisor starts a new one, which recovers from the store. Stays on in every build. */
#define REQUIRE(x) ((x) ? (void)0 : base_abort(__FILE__, __LINE__, #x))

_Noreturn void base_abort(const char *file, int line, const char *what);

/* Allocation. Out of memory ends the process (nothing acknowledged is lost: the queue is on disk).
 * Sizes that a peer can influence are bounded by limits.h before they get here. Zeroed. */
void *base_alloc(size_t size);
void *base_alloc_array(size_t n, size_t size);
void *base_realloc(void *p, size_t size);
char *base_strdup(const char *s);

#endif
