/* Connection counts: a map of listeners by name, each with a map of its clients. An entry lives
 * only while its count is not zero, so that memory follows the open connections and nothing else.
 */
#include "mta/in/admission.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/map.h"

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
    UT_hash_handle hh;
};

struct admission {
    struct listener_count *listeners;
};

static struct client_key key_of(const struct ip *client)
{
    struct client_key key = {.v6 = client->v6};
    memcpy(key.prefix, client->a, client->v6 ? 8 : 4);
    return key;
}

struct admission *admission_new(void)
{
    return base_alloc(sizeof(struct admission));
}

static struct listener_count *listener_find(const struct admission *a, const char *name)
{
    struct listener_count *l = NULL;
    HASH_FIND_STR(a->listeners, name, l);
    return l;
}

static struct listener_count *listener_make(struct admission *a, const char *name)
{
    struct listener_count *l = base_alloc(sizeof(*l));
    l->name = base_strdup(name);
    HASH_ADD_KEYPTR(hh, a->listeners, l->name, strlen(l->name), l);
    return l;
}

static void listener_drop(struct admission *a, struct listener_count *l)
{
    HASH_DEL(a->listeners, l);
    free(l->name);
    free(l);
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
    listener_drop(a, l);
}

void admission_free(struct admission **ap)
{
    struct admission *a = *ap;

    if (!a)
        return;
    while (a->listeners)
        listener_free(a, a->listeners);
    free(a);
    *ap = NULL;
}

enum cause admission_enter(struct admission *a, const struct listener_config *config,
                           const struct ip *client)
{
    struct listener_count *l = listener_find(a, config->name);
    struct client_count *c = l ? client_find(l, client) : NULL;

    if ((l ? l->n : 0) >= config->max_connections ||
        (c ? c->n : 0) >= config->max_connections_per_client)
        return CAUSE_TOO_MANY_CONNECTIONS;
    if (!l)
        l = listener_make(a, config->name);
    if (!c)
        c = client_make(l, client);
    l->n++;
    c->n++;
    return CAUSE_OK;
}

void admission_leave(struct admission *a, const char *listener, const struct ip *client)
{
    struct listener_count *l = listener_find(a, listener);
    REQUIRE(l);
    struct client_count *c = client_find(l, client);
    REQUIRE(c);

    if (--c->n == 0)
        client_drop(l, c);
    if (--l->n == 0)
        listener_drop(a, l);
}
