#include "dns/facts.h"

#include <stdio.h>

#include "config/base/arena.h"
#include "dns/facts_priv.h"

static const struct {
    uint16_t type;
    const char *name;
} types[] = {
    {DNS_A,     "A"    },
    {DNS_CNAME, "CNAME"},
    {DNS_SOA,   "SOA"  },
    {DNS_PTR,   "PTR"  },
    {DNS_MX,    "MX"   },
    {DNS_TXT,   "TXT"  },
    {DNS_AAAA,  "AAAA" },
    {DNS_DNAME, "DNAME"},
    {DNS_TLSA,  "TLSA" },
};

const char *dns_type_name(uint16_t type)
{
    static _Thread_local char text[16];

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].type == type)
            return types[i].name;
    (void)snprintf(text, sizeof(text), "TYPE%u", type); /* RFC 3597 §5 */
    return text;
}

const char *dns_security_name(enum dns_security s)
{
    static const char *const names[] = {
        [DNS_INSECURE] = "insecure",
        [DNS_SECURE] = "secure",
        [DNS_BOGUS] = "bogus",
        [DNS_FAILED] = "failed",
    };
    return names[s];
}

const char *dns_lookup_name(enum dns_lookup l)
{
    static const char *const names[] = {
        [DNS_DATA] = "data",
        [DNS_NODATA] = "no data",
        [DNS_NXDOMAIN] = "no such name",
        [DNS_ERROR] = "error",
    };
    return names[l];
}

struct dest_facts *facts_new(const char *name, uint16_t port)
{
    struct arena *arena = arena_new();
    struct dest_facts *f = arena_alloc(arena, sizeof(*f));

    f->refs = 1;
    f->arena = arena;
    f->name = f->expanded = arena_strdup(arena, slice_of(name));
    f->port = port;
    f->why = "";
    return f;
}

struct dest_facts *facts_new_error(const char *name, uint16_t port, const char *why)
{
    struct dest_facts *f = facts_new(name, port);

    f->kind = DEST_ERROR;
    f->security = DNS_FAILED;
    f->why = arena_strdup(f->arena, slice_head(slice_of(why), FACTS_WHY_MAX));
    return f;
}

static const char not_validated[] = "the resolver does not validate";

static void distrust_host(struct host_facts *h)
{
    if (h->addresses_lookup != DNS_DATA) { /* a denial would bounce mail */
        h->addresses_lookup = DNS_ERROR;
        h->addresses_security = h->alias_security = DNS_FAILED;
    }
    h->n_candidates = h->n_tlsa = 0;
    h->tlsa_base = "";
    h->tlsa_lookup = DNS_ERROR;
    h->why = *h->why ? h->why : not_validated;
}

void facts_distrust(struct dest_facts *f)
{
    if (f->kind == DEST_NULL_MX || f->kind == DEST_NXDOMAIN) {
        f->kind = DEST_ERROR;
        f->security = DNS_FAILED;
        f->why = not_validated;
    }
    for (size_t i = 0; i < f->n_hosts; i++)
        distrust_host(&f->hosts[i]);
    f->ttl = f->ttl < FACTS_ERROR_TTL_S ? f->ttl : FACTS_ERROR_TTL_S;
}

struct dest_facts *dest_facts_ref(struct dest_facts *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void dest_facts_unref(struct dest_facts **fp)
{
    struct dest_facts *f = *fp;

    *fp = NULL;
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct arena *arena = f->arena; /* holds f itself */
    arena_free(&arena);
}

bool dest_facts_are_fresh(const struct dest_facts *f, int64_t wall_ms)
{
    return wall_ms < f->made_ms + 1000 * (int64_t)f->ttl;
}
