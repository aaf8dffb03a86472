#include "dns/cache.h"

#include <stdlib.h>

#include "config/base/map.h"

struct cache_entry {
    struct question q;
    struct dest_facts *facts;
    struct heap_node expiry; /* key: monotonic ms */
    UT_hash_handle hh;
};

struct question question_key(enum plan_kind kind, const char *name, uint16_t port)
{
    struct question q = {.port = port, .kind = (uint16_t)kind};
    (void)slice_copy(slice_of(name), q.name, sizeof(q.name));
    return q;
}

static void drop(struct cache *c, struct cache_entry *e)
{
    HASH_DEL(c->by_question, e);
    heap_remove(&c->by_expiry, &e->expiry);
    dest_facts_unref(&e->facts);
    free(e);
    c->n--;
}

static struct cache_entry *first(const struct cache *c)
{
    struct heap_node *node = heap_first(&c->by_expiry);
    return node ? CONTAINER_OF(node, struct cache_entry, expiry) : NULL;
}

static struct cache_entry *find(struct cache *c, const struct question *q)
{
    struct cache_entry *e;
    HASH_FIND(hh, c->by_question, q, sizeof(*q), e);
    return e;
}

static void expire(struct cache *c, int64_t now_ms)
{
    for (struct cache_entry *e; (e = first(c)) && e->expiry.key <= now_ms;)
        drop(c, e);
}

void cache_clear(struct cache *c)
{
    for (struct cache_entry *e; (e = first(c));)
        drop(c, e);
    heap_free(&c->by_expiry);
}

void cache_put(struct cache *c, const struct question *q, struct dest_facts *facts, int64_t now_ms)
{
    struct cache_entry *e = find(c, q);

    if (e)
        drop(c, e);
    expire(c, now_ms);
    if (facts->ttl == 0 || c->max == 0)
        return;
    if (c->n == c->max)
        drop(c, first(c));
    e = base_alloc(sizeof(*e));
    e->q = *q;
    e->facts = dest_facts_ref(facts);
    heap_insert(&c->by_expiry, &e->expiry, now_ms + 1000 * (int64_t)facts->ttl);
    HASH_ADD(hh, c->by_question, q, sizeof(e->q), e);
    c->n++;
}

struct dest_facts *cache_get(struct cache *c, const struct question *q, int64_t now_ms)
{
    expire(c, now_ms);
    struct cache_entry *e = find(c, q);
    return e ? e->facts : NULL;
}
