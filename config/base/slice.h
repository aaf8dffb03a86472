/* String views. A slice borrows its bytes; it may hold NUL and need not end in one. Pure. */
#ifndef DANELAW_SLICE_H
#define DANELAW_SLICE_H

#include "config/base/base.h"

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

struct slice slice_of(const char *s); /* NULL gives the empty slice */
struct slice slice_make(const char *p, size_t n);
struct slice slice_skip(struct slice s, size_t n); /* without its first n octets, at most all */
struct slice slice_head(struct slice s, size_t n); /* its first n octets, at most all */
struct slice slice_trim(struct slice s);           /* without leading and trailing SP and HT */
bool slice_eq(struct slice a, struct slice b);
bool slice_caseeq(struct slice a, struct slice b); /* ASCII case folding only */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_casestarts(struct slice s, struct slice prefix);
bool slice_caseends(struct slice s, struct slice suffix);
/* The index of the first c, or s.n. */
size_t slice_find(struct slice s, char c);
/* Decimal digits only, the whole slice, at most max. False leaves *out_value alone. */
MUST_USE bool slice_to_u64(struct slice s, uint64_t max, uint64_t *out_value);
/* A NUL-terminated copy, caller frees. Octets after an inner NUL are kept in memory. */
char *slice_dup(struct slice s);
/* Copies at most size-1 octets into dst and terminates it. Returns false if it was cut. */
bool slice_copy(struct slice s, char *dst, size_t size);

/* ASCII only, whatever the locale says. */
static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_is_alnum(char c)
{
    return ascii_is_digit(c) || ascii_is_alpha(c);
}
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

#endif
