#include "config/base/slice.h"

#include <string.h>

struct slice slice_of(const char *s)
{
    return (struct slice){s ? s : "", s ? strlen(s) : 0};
}

struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){p, n};
}

struct slice slice_skip(struct slice s, size_t n)
{
    n = n < s.n ? n : s.n;
    return (struct slice){s.p + n, s.n - n};
}

struct slice slice_head(struct slice s, size_t n)
{
    return (struct slice){s.p, n < s.n ? n : s.n};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_blank(s.p[0]))
        s = slice_skip(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_caseeq(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_head(s, prefix.n), prefix);
}

bool slice_casestarts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_caseeq(slice_head(s, prefix.n), prefix);
}

bool slice_caseends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_caseeq(slice_skip(s, s.n - suffix.n), suffix);
}

size_t slice_find(struct slice s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

bool slice_to_u64(struct slice s, uint64_t max, uint64_t *out_value)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return false;
    }
    if (value > max)
        return false;
    *out_value = value;
    return true;
}

char *slice_dup(struct slice s)
{
    char *copy = base_alloc(s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}

bool slice_copy(struct slice s, char *dst, size_t size)
{
    size_t n = s.n < size - 1 ? s.n : size - 1;
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n == s.n;
}
