/* The mistakes of one run, collected so that all are told at once, in the order of the text.
 * One owner (the load), any thread. */
#ifndef DANELAW_CONFIG_ERRORS_H
#define DANELAW_CONFIG_ERRORS_H

#include "config/base/arena.h"
#include "config/config.h"

struct mistake {
    struct config_where where; /* line 0: the file as a whole */
    const char *text;
};

struct errors {
    struct arena *arena;
    struct mistake *v;
    size_t n;        /* at most LIMIT_CONFIG_ERRORS */
    size_t left_out; /* found beyond those */
    bool incomplete; /* a part could not be read: what seems to be missing may stand there */
};

/* Control characters in the text become '?': it quotes whatever the file holds. */
void errors_add(struct errors *e, struct config_where where, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Sorted by file, line and column, one line each; the same line once. */
void errors_print(struct errors *e, struct buf *out);

struct named {
    struct slice key;   /* what must differ */
    struct slice shown; /* as it was written */
    struct config_where where;
    size_t order; /* set here: its place in v, the order of reading */
};
/* Reports each key that is there a second time. Reorders v. */
void errors_add_duplicates(struct errors *e, struct named *v, size_t n);

#endif
