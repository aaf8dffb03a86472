#include "config/base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void base_abort(const char *file, int line, const char *what)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "danelaw: invariant broken at %s:%d: %s\n", file, line,
                     what);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
    abort();
}

static void *checked(void *p)
{
    if (!p)
        base_abort(__FILE__, __LINE__, "out of memory");
    return p;
}

void *base_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *base_alloc_array(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *base_realloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

char *base_strdup(const char *s)
{
    return checked(strdup(s));
}
