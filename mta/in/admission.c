/* Connection counts: a map of listeners by name, each with a map of its clients. A client's entry
 * lives only while its count is not zero, so that memory follows the open connections and nothing
 * else; what must be remembered longer is in rates.c, which has a maximum. */
#include "mta/in/admission.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "config/base/map.h"

enum { TOLD_PER_MINUTE = 60 }; /* log lines for clients that were turned away, per listener */

/* IPv4: the address. IPv6: the /64, which is what one customer gets and can vary at will. */
struct client_key {
    uint8_t v6;
    uint8_t prefix[8];
};

struct client_count {
    struct client_key key;
    uint64_t n;
    UT_hash_handle hh;
};

struct listener_count {
    char *name;
    uint64_t n;
    struct client_count *clients;
    struct overload overload;
    _Atomic int64_t told; /* a bucket of rates.h */
    uint64_t untold;
    UT_hash_handle hh;
};

struct admission {
    struct listener_count *listeners;
    struct rates *rates;
};

static struct client_key key_of(const struct ip *client)
{
    struct client_key key = {.v6 = client->v6};
    memcpy(key.prefix, client->a, client->v6 ? 8 : 4);
    return key;
}

struct admission *admission_new(void)
{
    struct admission *a = base_alloc(sizeof(*a));
    a->rates = rates_new(LIMIT_RATE_ENTRIES);
    return a;
}

static struct listener_count *listener_find(const struct admission *a, const char *name)
{
    struct listener_count *l = NULL;
    HASH_FIND_STR(a->listeners, name, l);
    return l;
}

/* Stays: the operator names the listeners, no client can. */
static struct listener_count *listener_get(struct admission *a, const char *name)
{
    struct listener_count *l = listener_find(a, name);

    if (l)
        return l;
    l = base_alloc(sizeof(*l));
    l->name = base_strdup(name);
    HASH_ADD_KEYPTR(hh, a->listeners, l->name, strlen(l->name), l);
    return l;
}

static struct client_count *client_find(const struct listener_count *l, const struct ip *client)
{
    struct client_key key = key_of(client);
    struct client_count *c = NULL;
    HASH_FIND(hh, l->clients, &key, sizeof(key), c);
    return c;
}

static struct client_count *client_make(struct listener_count *l, const struct ip *client)
{
    struct client_count *c = base_alloc(sizeof(*c));
    c->key = key_of(client);
    HASH_ADD(hh, l->clients, key, sizeof(c->key), c);
    return c;
}

static void client_drop(struct listener_count *l, struct client_count *c)
{
    HASH_DEL(l->clients, c);
    free(c);
}

static void listener_free(struct admission *a, struct listener_count *l)
{
    while (l->clients)
        client_drop(l, l->clients);
    HASH_DEL(a->listeners, l);
    free(l->name);
    free(l);
}

void admission_free(struct admission **ap)
{
    struct admission *a = *ap;

    if (!a)
        return;
    while (a->listeners)
        listener_free(a, a->listeners);
    rates_free(&a->rates);
    free(a);
    *ap = NULL;
}

bool admission_exempt(const struct listener_config *l, const struct ip *client)
{
    return l->limits.exempt_clients && ip_nets_have(l->clients, l->n_clients, client);
}

/* What the hold is for is counted by sessions as they go; the connection itself is counted here. */
static bool take_connection(struct admission *a, const struct listener_config *config,
                            const struct ip *client, int64_t now_ms, struct rate_hold *out_hold)
{
    rates_hold(a->rates, config->name, client, now_ms, out_hold);
    if (admission_exempt(config, client) ||
        rates_take(out_hold, &config->limits, RATE_CONNECTIONS, now_ms))
        return true;
    rates_drop(a->rates, config->name, client, now_ms);
    return false;
}

static enum cause client_enter(struct admission *a, const struct listener_config *config,
                               const struct ip *client, int64_t now_ms,
                               struct rate_hold *out_hold)
{
    struct listener_count *l = listener_get(a, config->name);
    struct client_count *c = client_find(l, client);

    if ((c ? c->n : 0) >= config->max_connections_per_client)
        return CAUSE_TOO_MANY_CONNECTIONS;
    if (!take_connection(a, config, client, now_ms, out_hold))
        return CAUSE_CONNECTION_RATE;
    if (!c)
        c = client_make(l, client);
    c->n++;
    return CAUSE_OK;
}

static void client_leave(struct admission *a, struct listener_count *l, const struct ip *client,
                         int64_t now_ms)
{
    struct client_count *c = client_find(l, client);
    REQUIRE(c);

    rates_drop(a->rates, l->name, client, now_ms);
    if (--c->n == 0)
        client_drop(l, c);
}

enum cause admission_enter(struct admission *a, const struct listener_config *config,
                           const struct ip *client, int64_t now_ms, struct rate_hold *out_hold)
{
    struct listener_count *l = listener_get(a, config->name);

    if (l->n >= config->max_connections)
        return CAUSE_TOO_MANY_CONNECTIONS;
    enum cause cause = client_enter(a, config, client, now_ms, out_hold);
    l->n += cause == CAUSE_OK;
    return cause;
}

void admission_leave(struct admission *a, const char *listener, const struct ip *client,
                     int64_t now_ms)
{
    struct listener_count *l = listener_find(a, listener);
    REQUIRE(l);

    client_leave(a, l, client, now_ms);
    l->n--;
}

enum cause admission_move(struct admission *a, const struct listener_config *config,
                          const struct ip *from, const struct ip *to, int64_t now_ms,
                          struct rate_hold *out_hold)
{
    enum cause cause = client_enter(a, config, to, now_ms, out_hold);

    if (cause == CAUSE_OK)
        client_leave(a, listener_get(a, config->name), from, now_ms);
    return cause;
}

bool admission_tell(struct admission *a, const char *listener, int64_t now_ms,
                    uint64_t *out_untold)
{
    struct listener_count *l = listener_get(a, listener);

    if (!rate_bucket_take(&l->told, TOLD_PER_MINUTE, now_ms)) {
        l->untold++;
        return false;
    }
    *out_untold = l->untold;
    l->untold = 0;
    return true;
}

enum overload_change admission_overload(struct admission *a, const struct listener_config *config,
                                        bool descriptors_full, int64_t now_ms)
{
    struct listener_count *l = listener_get(a, config->name);
    bool full = descriptors_full ||
                overload_nearly(l->n, config->max_connections, config->limits.overload_at);
    return overload_update(&l->overload, full, now_ms);
}

bool admission_is_overloaded(const struct admission *a, const char *listener)
{
    const struct listener_count *l = listener_find(a, listener);
    return l && l->overload.on;
}
