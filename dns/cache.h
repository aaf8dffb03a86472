/* Finished facts by question, each until its time is over; bounded, the one that would go first
 * makes room. Private to dns. One thread; time is an argument. */
#ifndef DANELAW_DNS_CACHE_H
#define DANELAW_DNS_CACHE_H

#include "config/base/heap.h"
#include "dns/facts.h"
#include "dns/plan.h"

/* A question as a map key: all of it is hashed, so it has to be made by question_key. */
struct question {
    char name[DNS_NAME_MAX];
    uint16_t port;
    uint16_t kind;
};
struct question question_key(enum plan_kind kind, const char *name, uint16_t port);

struct cache_entry;
struct cache { /* zero-initialised: empty, but for max */
    struct cache_entry *by_question;
    struct heap by_expiry;
    size_t n, max;
};

void cache_clear(struct cache *c);
/* Keeps a reference of its own for facts->ttl seconds; not at all if that is 0. */
void cache_put(struct cache *c, const struct question *q, struct dest_facts *facts, int64_t now_ms);
/* Borrows; NULL if there is none that is still good. */
struct dest_facts *cache_get(struct cache *c, const struct question *q, int64_t now_ms);

#endif
