#include "mta/in/rates.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/heap.h"
#include "config/base/map.h"

enum { MINUTE_US = 60 * 1000 * 1000 };
enum { NET_BIT = 2, CLIENT_V4_OCTETS = 4, CLIENT_V6_OCTETS = 8, NET_V4_OCTETS = 3, NET_V6_OCTETS = 6 };

struct rate_key {
    uint64_t listener; /* digest of its name, so that counts survive a reload */
    uint8_t kind;      /* 0: IPv4, 1: IPv6; NET_BIT: its network */
    uint8_t prefix[CLIENT_V6_OCTETS];
};

struct rate_entry {
    struct rate_key key;
    size_t held;
    _Atomic int64_t full_us[RATE_KINDS]; /* when the bucket will be full; the past: it is */
    struct heap_node idle; /* while nobody holds it: by the time at which it is forgiven */
    UT_hash_handle hh;
};

struct rates {
    size_t max;
    struct rate_entry *entries;
    struct heap idle;
};

struct rates *rates_new(size_t max)
{
    struct rates *r = base_alloc(sizeof(*r));
    r->max = max;
    return r;
}

static void forget(struct rates *r, struct rate_entry *e)
{
    heap_remove(&r->idle, &e->idle);
    HASH_DEL(r->entries, e);
    free(e);
}

void rates_free(struct rates **rp)
{
    struct rates *r = *rp;

    if (!r)
        return;
    while (r->entries)
        forget(r, r->entries);
    heap_free(&r->idle);
    free(r);
    *rp = NULL;
}

size_t rates_entries(const struct rates *r)
{
    return HASH_COUNT(r->entries);
}

static struct rate_key key_of(const char *listener, const struct ip *ip, bool network)
{
    struct rate_key key;
    size_t octets = network ? (ip->v6 ? NET_V6_OCTETS : NET_V4_OCTETS)
                            : (ip->v6 ? CLIENT_V6_OCTETS : CLIENT_V4_OCTETS);

    memset(&key, 0, sizeof(key)); /* padding is part of what is hashed */
    key.listener = map_siphash(listener, strlen(listener));
    key.kind = (uint8_t)(ip->v6 | (network ? NET_BIT : 0));
    memcpy(key.prefix, ip->a, octets);
    return key;
}

static struct rate_entry *find(const struct rates *r, const struct rate_key *key)
{
    struct rate_entry *e = NULL;
    HASH_FIND(hh, r->entries, key, sizeof(*key), e);
    return e;
}

static int64_t forgiven_us(const struct rate_entry *e)
{
    int64_t last = INT64_MIN;

    for (int kind = 0; kind < RATE_KINDS; kind++) {
        int64_t full = atomic_load_explicit(&e->full_us[kind], memory_order_relaxed);
        last = full > last ? full : last;
    }
    return last;
}

static void make_room(struct rates *r, int64_t now_us)
{
    struct heap_node *first;

    while ((first = heap_first(&r->idle)) && (first->key <= now_us || r->idle.n > r->max))
        forget(r, CONTAINER_OF(first, struct rate_entry, idle));
}

static struct rate_entry *hold(struct rates *r, const struct rate_key *key)
{
    struct rate_entry *e = find(r, key);

    if (!e) {
        e = base_alloc(sizeof(*e));
        e->key = *key;
        HASH_ADD(hh, r->entries, key, sizeof(e->key), e);
    }
    heap_remove(&r->idle, &e->idle);
    e->held++;
    return e;
}

void rates_hold(struct rates *r, const char *listener, const struct ip *ip, int64_t now_ms,
                struct rate_hold *out_hold)
{
    struct rate_key client = key_of(listener, ip, false), network = key_of(listener, ip, true);

    make_room(r, now_ms * 1000);
    *out_hold = (struct rate_hold){hold(r, &client), hold(r, &network)};
}

static void drop(struct rates *r, const struct rate_key *key)
{
    struct rate_entry *e = find(r, key);

    REQUIRE(e && e->held > 0);
    if (--e->held == 0)
        heap_insert(&r->idle, &e->idle, forgiven_us(e));
}

void rates_drop(struct rates *r, const char *listener, const struct ip *ip, int64_t now_ms)
{
    struct rate_key client = key_of(listener, ip, false), network = key_of(listener, ip, true);

    drop(r, &client);
    drop(r, &network);
    make_room(r, now_ms * 1000);
}

/* The generic cell rate algorithm: each one asked for moves the time at which the bucket is full
 * by its share of a minute, and that time is never more than a minute ahead. */
bool rate_bucket_take(_Atomic int64_t *full_us, uint64_t per_minute, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000, next;
    int64_t full = atomic_load_explicit(full_us, memory_order_relaxed);

    do {
        next = (full > now_us ? full : now_us) + MINUTE_US / (int64_t)per_minute;
        if (next - now_us > MINUTE_US)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(full_us, &full, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void give_back(struct rate_entry *e, enum rate_kind kind, uint64_t per_minute)
{
    atomic_fetch_sub_explicit(&e->full_us[kind], MINUTE_US / (int64_t)per_minute,
                              memory_order_relaxed);
}

bool rates_take(const struct rate_hold *h, const struct listener_limits *l, enum rate_kind kind,
                int64_t now_ms)
{
    uint64_t client = l->per_client[kind], network = l->per_network[kind];

    if (client && !rate_bucket_take(&h->client->full_us[kind], client, now_ms))
        return false;
    if (!network || rate_bucket_take(&h->network->full_us[kind], network, now_ms))
        return true;
    if (client)
        give_back(h->client, kind, client);
    return false;
}
