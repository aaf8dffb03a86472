/* Idle sessions waiting for the next message. A session is found only by the same destination key,
 * the same verdict key and the same address: one that was opened under a weaker verdict never
 * carries a message that asks for more. One worker. */
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/map.h"
#include "mta/out/session.h"

enum { POOL_BUCKETS = 256 };

struct idle {
    struct list in_bucket, in_age;
    struct pool *pool;
    struct out_session *session;
    struct timer expiry;
    char *destination;
    uint8_t key[VERDICT_KEY];
};

struct pool {
    struct worker_ctx *w;
    struct list buckets[POOL_BUCKETS];
    struct list by_age; /* oldest first */
    size_t n;
};

struct pool *pool_new(struct worker_ctx *w)
{
    struct pool *p = base_alloc(sizeof(*p));

    p->w = w;
    list_init(&p->by_age);
    for (size_t i = 0; i < POOL_BUCKETS; i++)
        list_init(&p->buckets[i]);
    return p;
}

static struct list *bucket_of(struct pool *p, const char *destination)
{
    return &p->buckets[map_siphash(destination, strlen(destination)) % POOL_BUCKETS];
}

/* Takes the session out and forgets the rest. */
static struct out_session *remove_idle(struct idle *e)
{
    struct out_session *session = e->session;

    loop_timer_clear(e->pool->w->loop, &e->expiry);
    list_remove(&e->in_bucket);
    list_remove(&e->in_age);
    e->pool->n--;
    free(e->destination);
    free(e);
    return session;
}

static void quit_idle(struct idle *e)
{
    struct out_session *session = remove_idle(e);

    out_session_quit(&session);
}

void pool_free(struct pool **pp)
{
    struct pool *p = *pp;

    *pp = NULL;
    if (!p)
        return;
    LIST_EACH(it, &p->by_age)
    quit_idle(LIST_ENTRY(it, struct idle, in_age));
    free(p);
}

/* An idle session hears something: a goodbye, the end of the connection, or what nobody asked for.
 */
static void on_idle_failed(void *arg, const struct status *why, bool no_tls)
{
    struct out_session *session = remove_idle(arg);

    out_session_free(&session);
}

static void on_idle_event(void *arg)
{
}

static const struct out_session_ops idle_calls = {on_idle_event, on_idle_event, on_idle_failed};

static void on_expiry(struct timer *t)
{
    quit_idle(CONTAINER_OF(t, struct idle, expiry));
}

static bool fits(const struct idle *e, const char *destination, const uint8_t key[VERDICT_KEY],
                 const struct ip_port *to)
{
    const struct ip_port *its = out_session_to(e->session);

    return memcmp(e->key, key, VERDICT_KEY) == 0 && its->port == to->port &&
           ip_eq(&its->ip, &to->ip) && strcmp(e->destination, destination) == 0;
}

struct out_session *pool_take(struct pool *p, const char *destination,
                              const uint8_t key[VERDICT_KEY], const struct ip_port *to)
{
    int64_t now = clock_wall_ms();

    LIST_EACH(it, bucket_of(p, destination))
    {
        struct idle *e = LIST_ENTRY(it, struct idle, in_bucket);
        if (!fits(e, destination, key, to))
            continue;
        if (out_session_reusable(e->session) && out_session_is_fresh(e->session, now))
            return remove_idle(e);
        quit_idle(e);
    }
    return NULL;
}

void pool_put(struct pool *p, const char *destination, const uint8_t key[VERDICT_KEY],
              struct out_session *s)
{
    int64_t idle_ms = p->w->settings->config->delivery.connection_idle_ms;
    struct idle *e;

    if (p->w->stopping || idle_ms <= 0 || !out_session_is_fresh(s, clock_wall_ms())) {
        out_session_quit(&s);
        return;
    }
    if (p->n >= LIMIT_IDLE_CONNECTIONS)
        quit_idle(LIST_ENTRY(p->by_age.next, struct idle, in_age));
    e = base_alloc(sizeof(*e));
    e->pool = p;
    e->session = s;
    e->destination = base_strdup(destination);
    memcpy(e->key, key, VERDICT_KEY);
    list_append(bucket_of(p, destination), &e->in_bucket);
    list_append(&p->by_age, &e->in_age);
    p->n++;
    out_session_adopt(s, &idle_calls, e);
    loop_timer_set(p->w->loop, &e->expiry, idle_ms, on_expiry);
}
