#include "config/check.h"

#include <string.h>

/* Where that option's value stands in map, else where the record does. */
static struct config_where where_in(const struct node *map, const char *name,
                                    const struct target *t)
{
    const struct entry *e = node_find(map, name);
    return e ? e->value->where : t->where;
}

/* Networks of a listener that must not be everybody, and what would follow. */
static const struct {
    const char *option, *consequence;
} trusted[] = {
    {"clients", "makes an open relay, on which everybody may send anywhere"   },
    {"proxy",   "lets everybody say any address and so may make an open relay"},
    {"xclient", "lets everybody say any address and so may make an open relay"},
};

static void check_network(struct builder *b, const struct target *t, size_t row,
                          const struct node *n)
{
    struct ip_net net;

    if (n->kind == NODE_SCALAR && ip_parse_net(n->text, &net) && net.bits == 0)
        errors_add(b->errors, n->where,
                   "\"%.100s\" in %s of %s %s; if that is meant, say open_relay: yes", n->text.p,
                   trusted[row].option, t->place, trusted[row].consequence);
}

/* No configuration is an open relay by accident. */
static void check_networks(struct builder *b, const struct target *t, const struct node *map)
{
    for (size_t row = 0; row < ARRAY_LEN(trusted); row++) {
        const struct entry *e = node_find(map, trusted[row].option);
        if (!e)
            continue;
        check_network(b, t, row, e->value);
        for (size_t i = 0; e->value->kind == NODE_LIST && i < e->value->n; i++)
            check_network(b, t, row, e->value->entries[i].value);
    }
}

static void check_identity(struct builder *b, const struct target *t, const struct node *map)
{
    const struct identity_config *id = (const struct identity_config *)(void *)t->record;

    if (id->n_certificate_files && id->n_key_files && id->n_certificate_files != id->n_key_files)
        errors_add(b->errors, where_in(map, "key_file", t),
                   "\"key_file\" in %s lists %zu files and certificate_file %zu: each certificate "
                   "needs its key, in the same order",
                   t->place, id->n_key_files, id->n_certificate_files);
}

/* A filter that sees the mail twice would see its own changes and count them as another's. */
static void check_milters(struct builder *b, const struct target *t, const struct node *map)
{
    const struct listener_config *l = (const struct listener_config *)(void *)t->record;

    for (size_t i = 0; i < l->n_milters; i++)
        for (size_t j = 0; j < i; j++)
            if (l->milters[i] && l->milters[i] == l->milters[j])
                errors_add(b->errors, where_in(map, "milters", t),
                           "\"milters\" in %s names \"%s\" twice", t->place,
                           l->milters[i]->name);
}

/* Credentials are taken inside TLS alone. */
static void check_auth(struct builder *b, const struct target *t, const struct node *map)
{
    const struct listener_config *l = (const struct listener_config *)(void *)t->record;
    const char *word = l->auth == LISTENER_AUTH_OFFER ? "offer" : "require";

    if (l->auth == LISTENER_AUTH_NONE)
        return;
    if (!node_find(map, "users_file"))
        errors_add(b->errors, where_in(map, "auth", t),
                   "\"auth\" in %s is %s, which needs a users_file", t->place, word);
    if (!node_find(map, "identity") || l->tls == LISTENER_TLS_NONE)
        errors_add(b->errors, where_in(map, "auth", t),
                   "\"auth\" in %s is %s, which needs TLS: an identity, and tls other than none",
                   t->place, word);
}

static void check_listener(struct builder *b, const struct target *t, const struct node *map)
{
    const struct listener_config *l = (const struct listener_config *)(void *)t->record;
    bool needs_identity = l->tls == LISTENER_TLS_REQUIRE || l->tls == LISTENER_TLS_IMPLICIT;

    if (!l->open_relay)
        check_networks(b, t, map);
    check_milters(b, t, map);
    if (needs_identity && !node_find(map, "identity"))
        errors_add(b->errors, where_in(map, "tls", t),
                   "\"tls\" in %s is %s, which needs an identity", t->place,
                   l->tls == LISTENER_TLS_REQUIRE ? "require" : "implicit");
    if (l->n_client_keys && (l->tls == LISTENER_TLS_NONE || !node_find(map, "identity")))
        errors_add(b->errors, where_in(map, "client_certificates", t),
                   "\"client_certificates\" in %s needs TLS: an identity, and tls other than none",
                   t->place);
    check_auth(b, t, map);
}

/* RFC 2033 §5: never on port 25, and so never where MX records lead. */
static void check_hop_host(struct builder *b, const struct target *t, enum hop_protocol protocol,
                           const struct hop_host *h)
{
    if (h->is_local && protocol != HOP_LMTP)
        errors_add(b->errors, h->where, "a local socket in hosts of %s needs protocol: lmtp",
                   t->place);
    if (protocol == HOP_LMTP && h->mx_lookup)
        errors_add(b->errors, h->where,
                   "\"%s\" in hosts of %s must be [NAME]:PORT, an address or unix:/PATH: LMTP does "
                   "not follow MX records",
                   h->name, t->place);
    else if (protocol == HOP_LMTP && !h->is_local && h->port == 25)
        errors_add(b->errors, h->where,
                   "\"%s\" in hosts of %s needs a port other than 25: LMTP is not spoken there",
                   h->name, t->place);
}

/* A password is never said in clear, nor to whoever answers. */
static void check_hop_login(struct builder *b, const struct target *t, const struct node *map,
                            const struct next_hop_config *hop)
{
    if ((hop->username != NULL) != (hop->password_file != NULL))
        errors_add(b->errors, where_in(map, hop->username ? "username" : "password_file", t),
                   "username and password_file of %s go together", t->place);
    else if (hop->username && hop->has_tls && hop->tls <= TLS_LEVEL_MAY)
        errors_add(b->errors, where_in(map, "tls", t),
                   "\"tls\" in %s must be encrypt or more for a login", t->place);
}

/* implicit_tls is said once for the hop and kept by each host. */
static void check_next_hop(struct builder *b, const struct target *t, const struct node *map)
{
    struct next_hop_config *hop = (struct next_hop_config *)(void *)t->record;

    for (size_t i = 0; hop->has_implicit_tls && i < hop->n_hosts; i++)
        hop->hosts[i].implicit_tls = hop->implicit_tls;
    for (size_t i = 0; i < hop->n_hosts; i++)
        check_hop_host(b, t, hop->protocol, &hop->hosts[i]);
    check_hop_login(b, t, map, hop);
    if (hop->implicit_tls && hop->has_tls && hop->tls == TLS_LEVEL_NONE)
        errors_add(b->errors, where_in(map, "implicit_tls", t),
                   "\"implicit_tls\" in %s contradicts tls: none", t->place);
    if (strcmp(hop->name, "mx") == 0)
        errors_add(b->errors, t->where, "a next hop cannot be called \"mx\"");
}

/* RFC 7672 §9.1 speaks of DANE. At the other levels a weaker level says the same more plainly. */
static void check_policy(struct builder *b, const struct target *t, const struct node *map)
{
    const struct policy_config *p = (const struct policy_config *)(void *)t->record;

    if (p->audit && p->tls != TLS_LEVEL_DANE && p->tls != TLS_LEVEL_DANE_ONLY)
        errors_add(b->errors, where_in(map, "audit", t),
                   "\"audit\" in %s needs tls: dane or dane-only", t->place);
}

static void check_domain(struct builder *b, const struct target *t, const struct node *map)
{
    const struct domain_config *d = (const struct domain_config *)(void *)t->record;

    for (const char *c = d->recipient_delimiter; *c; c++) {
        if (*c > ' ' && *c < 0x7f && !ascii_is_alnum(*c) && !strchr("@\"\\.", *c))
            continue;
        errors_add(b->errors, where_in(map, "recipient_delimiter", t),
                   "\"recipient_delimiter\" in %s must be characters such as + or -, not \"%.20s\"",
                   t->place, d->recipient_delimiter);
        return;
    }
}

static void check_delivery(struct builder *b, const struct target *t, const struct node *map)
{
    const struct delivery_config *d = (const struct delivery_config *)(void *)t->record;

    if (d->retry_min_ms > d->retry_max_ms)
        errors_add(b->errors, where_in(map, "retry_min", t),
                   "\"retry_min\" in delivery is more than retry_max");
}

/* The path of a socket has 108 octets (unix(7)); the directory leaves room for the name. */
enum { RUNTIME_PATH_MAX = 90 };

/* The value of a list's element, or of the scalar that stands for a list of one. */
static struct config_where where_of_bind(const struct builder *b, const struct node *map,
                                         const char *listener, size_t i)
{
    const struct entry *section = node_find(map, "listeners");
    const struct entry *record = section ? node_find(section->value, listener) : NULL;
    const struct entry *bind = record ? node_find(record->value, "bind") : NULL;

    if (!bind)
        return (struct config_where){b->config->file, 1, 1};
    bool listed = bind->value->kind == NODE_LIST && i < bind->value->n;
    return listed ? bind->value->entries[i].value->where : bind->value->where;
}

/* The name of an earlier listener with that endpoint, or NULL. */
static const char *earlier_bind(const struct config *c, size_t listener, size_t i)
{
    const struct ip_port *addr = &c->listeners[listener].bind[i];

    for (size_t l = 0; l <= listener; l++) {
        size_t n = l < listener ? c->listeners[l].n_bind : i;
        for (size_t j = 0; j < n; j++) {
            const struct ip_port *other = &c->listeners[l].bind[j];
            if (other->port == addr->port && ip_eq(&other->ip, &addr->ip))
                return c->listeners[l].name;
        }
    }
    return NULL;
}

static void check_binds(struct builder *b, const struct node *map)
{
    const struct config *c = b->config;
    char text[IP_TEXT_MAX];

    for (size_t l = 0; l < c->n_listeners; l++) {
        for (size_t i = 0; i < c->listeners[l].n_bind; i++) {
            /* Port 0 was refused as text already. */
            const char *other = c->listeners[l].bind[i].port ? earlier_bind(c, l, i) : NULL;
            if (other)
                errors_add(b->errors, where_of_bind(b, map, c->listeners[l].name, i),
                           "\"%s\" in listener \"%s\" is already bound by listener \"%s\"",
                           ip_port_text(&c->listeners[l].bind[i], text), c->listeners[l].name,
                           other);
        }
    }
}

static void check_top(struct builder *b, const struct target *t, const struct node *map)
{
    const struct config *c = b->config;

    if (c->n_listeners == 0 && !b->errors->incomplete)
        errors_add(b->errors, t->where, "at least one listener is required");
    if (strlen(c->runtime_directory) > RUNTIME_PATH_MAX)
        errors_add(b->errors, where_in(map, "runtime_directory", t),
                   "\"runtime_directory\" must be at most %d octets long: a socket's path is short",
                   RUNTIME_PATH_MAX);
    check_binds(b, map);
}

void check_section(struct builder *b, enum section_id id, const struct target *t,
                   const struct node *map)
{
    static void (*const checks[SECTION_COUNT])(struct builder *, const struct target *,
                                               const struct node *) = {
        [IN_TOP] = check_top,           [IN_IDENTITY] = check_identity,
        [IN_LISTENER] = check_listener, [IN_NEXT_HOP] = check_next_hop,
        [IN_POLICY] = check_policy,     [IN_DELIVERY] = check_delivery,
        [IN_DOMAIN] = check_domain,
    };

    if (checks[id])
        checks[id](b, t, map);
}
