#include "mta/auth/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/list.h"
#include "config/base/map.h"

enum { FREE_FAILURES = 2, FIRST_SPACE_MS = 1000, DOUBLINGS = 4, FORGET_MS = 60000, MOST_FAILURES = 30 };

struct key {
    uint8_t v6;
    uint8_t prefix[8];
};

struct client {
    struct key key;
    int64_t failures, counted_ms; /* as of counted_ms */
    int64_t next_ms;              /* the earliest time at which one more attempt is judged */
    struct list node;             /* in throttle.clients */
    UT_hash_handle hh;
};

struct throttle {
    struct client *by_key;
    struct list clients; /* the longest without a failure first */
};

struct throttle *throttle_new(void)
{
    struct throttle *t = base_alloc(sizeof(*t));
    list_init(&t->clients);
    return t;
}

static void forget(struct throttle *t, struct client *c)
{
    HASH_DEL(t->by_key, c);
    list_remove(&c->node);
    free(c);
}

void throttle_free(struct throttle **tp)
{
    struct throttle *t = *tp;

    *tp = NULL;
    if (!t)
        return;
    LIST_EACH(it, &t->clients)
        forget(t, LIST_ENTRY(it, struct client, node));
    free(t);
}

static struct key key_of(const struct ip *ip)
{
    struct key key = {.v6 = ip->v6};
    memcpy(key.prefix, ip->a, ip->v6 ? 8 : 4);
    return key;
}

static struct client *find(const struct throttle *t, const struct ip *ip)
{
    struct key key = key_of(ip);
    struct client *c = NULL;

    HASH_FIND(hh, t->by_key, &key, sizeof(key), c);
    return c;
}

static struct client *make(struct throttle *t, const struct ip *ip, int64_t now_ms)
{
    struct client *c = base_alloc(sizeof(*c));

    if (HASH_COUNT(t->by_key) >= LIMIT_AUTH_CLIENTS)
        forget(t, LIST_ENTRY(t->clients.next, struct client, node));
    c->key = key_of(ip);
    c->counted_ms = now_ms;
    list_init(&c->node);
    HASH_ADD(hh, t->by_key, key, sizeof(c->key), c);
    return c;
}

static void forgive(struct client *c, int64_t now_ms)
{
    int64_t minutes = (now_ms - c->counted_ms) / FORGET_MS;

    c->failures = c->failures > minutes ? c->failures - minutes : 0;
    c->counted_ms += minutes * FORGET_MS;
}

static int64_t space_ms(const struct client *c)
{
    int64_t over = c->failures - FREE_FAILURES - 1;

    if (over < 0)
        return 0;
    return (int64_t)FIRST_SPACE_MS << (over < DOUBLINGS ? over : DOUBLINGS);
}

int64_t throttle_wait(struct throttle *t, const struct ip *client, int64_t now_ms)
{
    struct client *c = find(t, client);

    if (!c)
        return 0;
    forgive(c, now_ms);
    int64_t at = c->next_ms > now_ms ? c->next_ms : now_ms;
    if (at - now_ms > LIMIT_AUTH_WAIT_MS)
        return -1;
    c->next_ms = at + space_ms(c);
    return at - now_ms;
}

void throttle_failed(struct throttle *t, const struct ip *client, int64_t now_ms)
{
    struct client *c = find(t, client);

    if (!c)
        c = make(t, client, now_ms);
    forgive(c, now_ms);
    c->failures += c->failures < MOST_FAILURES;
    if (c->next_ms < now_ms + space_ms(c))
        c->next_ms = now_ms + space_ms(c);
    list_remove(&c->node);
    list_append(&t->clients, &c->node);
}

size_t throttle_clients(const struct throttle *t)
{
    return HASH_COUNT(t->by_key);
}
