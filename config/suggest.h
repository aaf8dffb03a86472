/* "did you mean": the nearest of several names. Pure. */
#ifndef DANELAW_CONFIG_SUGGEST_H
#define DANELAW_CONFIG_SUGGEST_H

#include "config/base/arena.h"

struct suggestion {
    struct slice word; /* what was written */
    const char *best;  /* NULL: nothing is near */
    size_t distance;
};

struct suggestion suggest_for(struct slice word);
void suggest_consider(struct suggestion *s, const char *candidate);
/* ' (did you mean "bind"?)', or "". */
const char *suggest_text(const struct suggestion *s, struct arena *arena);
/* Insertions, deletions, changes and swaps of neighbours that make one word the other (the optimal
 * string alignment distance); words longer than 40 octets are far from everything. */
size_t suggest_distance(struct slice a, struct slice b);

#endif
