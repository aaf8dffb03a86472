/* The order of questions is RFC 7672 §2.2: nothing about TLSA is asked before the addresses are
 * known, nothing at all is asked of hosts in unsigned zones, and an error is the end of its host,
 * never a reason to try the next name. Answers come in any order; each sets off what follows from
 * it. */
#include "dns/plan.h"

#include <stdlib.h>
#include <string.h>

#include "dns/facts_priv.h"

enum {
    QUERIES_PER_HOST = 4, /* A, AAAA, then CNAME and one TLSA, or two TLSA */
};
_Static_assert(1 + QUERIES_PER_HOST * LIMIT_MX_HOSTS <= LIMIT_PLAN_QUERIES,
               "no destination can exhaust the plan");

enum stage { STAGE_MX, STAGE_IPV6, STAGE_IPV4, STAGE_ALIAS, STAGE_TLSA };

struct query { /* beside the dns_step of the same index */
    enum stage stage;
    size_t host;
    bool answered;
};

struct family { /* one address family of one host */
    bool in;
    enum dns_lookup lookup;
    enum dns_security security;
    const char *expanded, *why;
    bool aliased;
    struct ip *addresses;
    size_t n;
};

struct host {                /* beside the host_facts of the same index */
    struct family family[2]; /* IPv6 first */
    const char *bases[2];    /* candidates in the order to be tried */
    size_t n_bases, next_base;
};

struct plan { /* lives in the arena of its facts */
    struct dest_facts *facts;
    struct query *queries;
    struct host *hosts;
    size_t sent, answered;
};

static void ask(struct plan *p, enum stage stage, size_t host, const char *name, uint16_t type)
{
    struct dest_facts *f = p->facts;
    size_t n = f->n_steps;

    REQUIRE(n < LIMIT_PLAN_QUERIES);
    f->steps = arena_grow(f->arena, f->steps, n, sizeof(*f->steps));
    p->queries = arena_grow(f->arena, p->queries, n, sizeof(*p->queries));
    f->steps[n] = (struct dns_step){
        .name = arena_strdup(f->arena, slice_of(name)), .type = type, .alias = "", .why = ""};
    p->queries[n] = (struct query){stage, host, false};
    f->n_steps++;
}

static void note_ttl(struct dest_facts *f, uint32_t ttl)
{
    f->ttl = ttl < f->ttl ? ttl : f->ttl;
}

/* "TLSA _25._tcp.mx.example: bogus (signature expired)" */
static const char *reason(struct plan *p, uint16_t type, const char *name,
                          enum dns_security security, const char *why)
{
    return arena_printf(p->facts->arena, "%s %s: %s%s%s%s", dns_type_name(type), name,
                        dns_security_name(security), *why ? " (" : "", why, *why ? ")" : "");
}

/* ---- hosts and addresses */

static void set_hosts(struct plan *p, size_t n)
{
    p->facts->n_hosts = n;
    p->facts->hosts = arena_alloc(p->facts->arena, n * sizeof(*p->facts->hosts));
    p->hosts = arena_alloc(p->facts->arena, n * sizeof(*p->hosts));
}

static void start_host(struct plan *p, size_t i, const char *name, uint16_t preference)
{
    struct host_facts *h = &p->facts->hosts[i];

    h->name = h->expanded = arena_strdup(p->facts->arena, slice_of(name));
    h->preference = preference;
    h->tlsa_lookup = DNS_NODATA;
    h->tlsa_base = h->why = "";
    ask(p, STAGE_IPV6, i, h->name, DNS_AAAA);
    ask(p, STAGE_IPV4, i, h->name, DNS_A);
}

static void try_next_base(struct plan *p, size_t i)
{
    struct host *host = &p->hosts[i];
    char owner[DNS_NAME_MAX];

    while (host->next_base < host->n_bases) {
        const char *base = host->bases[host->next_base++];
        struct host_facts *h = &p->facts->hosts[i];
        /* Where the prefix makes the name too long, no record can exist. */
        if (!dns_name_tlsa(base, p->facts->port, owner))
            continue;
        h->candidates[h->n_candidates++] = (struct tlsa_candidate){.base = base};
        ask(p, STAGE_TLSA, i, owner, DNS_TLSA);
        return;
    }
}

/* The family whose data stands for the host. Should a secure and an insecure one ever meet at one
 * name, the secure one does: then TLSA records are looked for, which can only add to the demands.
 */
static const struct family *with_data(const struct host *host)
{
    const struct family *best = NULL;

    for (int i = 0; i < 2; i++) {
        const struct family *f = &host->family[i];
        bool is_better = !best || (f->security == DNS_SECURE && best->security != DNS_SECURE);
        if (f->lookup == DNS_DATA && is_better)
            best = f;
    }
    return best;
}

static const struct family *in_error(const struct host *host)
{
    for (int i = 0; i < 2; i++)
        if (host->family[i].lookup == DNS_ERROR)
            return &host->family[i];
    return NULL;
}

static void join_addresses(struct plan *p, struct host_facts *h, const struct host *host)
{
    size_t n = 0;

    h->addresses = arena_alloc(p->facts->arena, LIMIT_HOST_ADDRESSES * sizeof(struct ip));
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < host->family[i].n && n < LIMIT_HOST_ADDRESSES; k++)
            h->addresses[n++] = host->family[i].addresses[k];
    h->n_addresses = n;
}

/* No family gave data. An error in either may hide addresses, so it decides (RFC 7672 §2.1.2). */
static void settle_without_data(struct host_facts *h, const struct host *host,
                                const struct family *error)
{
    const struct family *a = &host->family[0], *b = &host->family[1];
    bool both_secure = a->security == DNS_SECURE && b->security == DNS_SECURE;
    bool both_absent = a->lookup == DNS_NXDOMAIN && b->lookup == DNS_NXDOMAIN;

    h->addresses_lookup = error ? DNS_ERROR : both_absent ? DNS_NXDOMAIN : DNS_NODATA;
    h->addresses_security = error ? error->security : both_secure ? DNS_SECURE : DNS_INSECURE;
    h->alias_security = h->addresses_security;
}

/* RFC 7672 §2.2.2, its three cases: no alias; alias with insecure addresses; alias secure
 * throughout. */
static void search_tlsa(struct plan *p, size_t i, const struct family *found)
{
    struct host_facts *h = &p->facts->hosts[i];
    struct host *host = &p->hosts[i];

    if (found->security == DNS_SECURE) {
        if (!dns_name_eq(h->expanded, h->name))
            host->bases[host->n_bases++] = h->expanded;
        host->bases[host->n_bases++] = h->name;
        try_next_base(p, i);
    } else if (found->aliased) {
        ask(p, STAGE_ALIAS, i, h->name, DNS_CNAME);
    }
}

static void settle_addresses(struct plan *p, size_t i)
{
    struct host_facts *h = &p->facts->hosts[i];
    struct host *host = &p->hosts[i];
    const struct family *found = with_data(host), *error = in_error(host);

    if (error)
        h->why = error->why;
    if (!found) {
        settle_without_data(h, host, error);
        return;
    }
    join_addresses(p, h, host);
    h->addresses_lookup = DNS_DATA;
    h->addresses_security = h->alias_security = found->security;
    h->expanded = found->expanded;
    search_tlsa(p, i, found);
}

static void on_address(struct plan *p, size_t i, const struct dns_step *step,
                       const struct dns_answer *a, struct family *f)
{
    struct arena *arena = p->facts->arena;

    f->in = true;
    f->lookup = a->lookup;
    f->security = a->security;
    f->aliased = a->aliased;
    f->expanded = arena_strdup(arena, slice_of(a->expanded));
    f->why = a->lookup == DNS_ERROR ? reason(p, step->type, step->name, a->security, a->why) : "";
    f->n = a->lookup == DNS_DATA && a->addresses ? a->n : 0;
    if (f->n) {
        f->addresses = arena_alloc(arena, f->n * sizeof(struct ip));
        memcpy(f->addresses, a->addresses, f->n * sizeof(struct ip));
    }
    if (p->hosts[i].family[0].in && p->hosts[i].family[1].in)
        settle_addresses(p, i);
}

static void on_ipv6(struct plan *p, size_t i, const struct dns_step *step,
                    const struct dns_answer *a)
{
    on_address(p, i, step, a, &p->hosts[i].family[0]);
}

static void on_ipv4(struct plan *p, size_t i, const struct dns_step *step,
                    const struct dns_answer *a)
{
    on_address(p, i, step, a, &p->hosts[i].family[1]);
}

/* ---- aliases and TLSA */

static void give_up(struct plan *p, struct host_facts *h, const struct dns_step *step,
                    enum dns_security security, const char *why)
{
    h->tlsa_lookup = DNS_ERROR;
    h->why = reason(p, step->type, step->name, security, why);
}

/* Whether the alias itself is in a signed zone decides if the name may carry TLSA records. That it
 * is suddenly no alias contradicts the answer before, so nothing is known: an error. */
static void on_alias(struct plan *p, size_t i, const struct dns_step *step,
                     const struct dns_answer *a)
{
    struct host_facts *h = &p->facts->hosts[i];

    if (a->lookup == DNS_DATA) {
        h->alias_security = a->security;
        if (a->security != DNS_SECURE)
            return;
        p->hosts[i].bases[p->hosts[i].n_bases++] = h->name;
        try_next_base(p, i);
        return;
    }
    h->alias_security = a->lookup == DNS_ERROR ? a->security : DNS_FAILED;
    give_up(p, h, step, h->alias_security,
            a->lookup == DNS_ERROR ? a->why : "the alias is gone while its addresses remain");
}

static void choose(struct plan *p, struct host_facts *h, const struct dns_answer *a)
{
    struct arena *arena = p->facts->arena;
    struct tlsa_candidate *c = &h->candidates[h->n_candidates - 1];

    c->chosen = true;
    h->tlsa_lookup = DNS_DATA;
    h->tlsa_base = c->base;
    h->n_tlsa = a->n;
    h->tlsa = arena_alloc(arena, a->n * sizeof(*h->tlsa));
    for (size_t i = 0; i < a->n; i++) {
        h->tlsa[i] = a->tlsa[i];
        if (a->tlsa[i].len)
            h->tlsa[i].data = (const uint8_t *)arena_strdup(
                arena, slice_make((const char *)a->tlsa[i].data, a->tlsa[i].len));
    }
}

/* RFC 7672 §2.2.3: the first candidate with a secure RRset wins; insecure or absent: the next one.
 */
static void on_tlsa(struct plan *p, size_t i, const struct dns_step *step,
                    const struct dns_answer *a)
{
    struct host_facts *h = &p->facts->hosts[i];
    struct tlsa_candidate *c = &h->candidates[h->n_candidates - 1];

    c->security = a->security;
    c->lookup = a->lookup;
    if (a->lookup == DNS_ERROR) {
        give_up(p, h, step, a->security, a->why);
    } else if (a->lookup == DNS_DATA && a->security == DNS_SECURE && a->n) {
        choose(p, h, a);
    } else {
        h->tlsa_lookup = a->lookup == DNS_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
        try_next_base(p, i);
    }
}

/* ---- the MX step */

static int by_preference(const void *x, const void *y)
{
    const struct mx_record *const *a = x, *const *b = y;

    if ((*a)->preference != (*b)->preference)
        return (*a)->preference < (*b)->preference ? -1 : 1;
    return *a < *b ? -1 : *a > *b; /* one array: the order of the answer */
}

/* An address in an MX record is no host (RFC 5321 §5.1), and "." beside others says nothing
 * (RFC 7505 §3). */
static bool is_usable(const struct mx_record *mx)
{
    struct ip ip;
    return mx->exchange && mx->exchange[0] && !ip_parse(slice_of(mx->exchange), &ip);
}

static bool is_repeated(const struct mx_record *const *v, size_t n, const struct mx_record *mx)
{
    for (size_t i = 0; i < n; i++)
        if (dns_name_eq(v[i]->exchange, mx->exchange))
            return true;
    return false;
}

/* Sorts, and keeps at the front of v the usable hosts, each once at its best preference. */
static size_t order_hosts(const struct mx_record **v, size_t n)
{
    size_t kept = 0;

    qsort(v, n, sizeof(*v), by_preference);
    for (size_t i = 0; i < n && kept < LIMIT_MX_HOSTS; i++)
        if (is_usable(v[i]) && !is_repeated(v, kept, v[i]))
            v[kept++] = v[i];
    return kept;
}

/* RFC 7505 §3; whatever the preference, and however often it is repeated. */
static bool is_null_mx(const struct dns_answer *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->mx[i].exchange || a->mx[i].exchange[0])
            return false;
    return a->n > 0;
}

static void take_mx(struct plan *p, const struct dns_answer *a)
{
    const struct mx_record **v = arena_alloc(p->facts->arena, a->n * sizeof(*v));

    if (is_null_mx(a)) {
        p->facts->kind = DEST_NULL_MX;
        return;
    }
    for (size_t i = 0; i < a->n; i++)
        v[i] = &a->mx[i];
    p->facts->kind = DEST_MX;
    set_hosts(p, order_hosts(v, a->n));
    for (size_t i = 0; i < p->facts->n_hosts; i++)
        start_host(p, i, v[i]->exchange, v[i]->preference);
}

static void start_sole_host(struct plan *p, enum dest_kind kind)
{
    p->facts->kind = kind;
    set_hosts(p, 1);
    start_host(p, 0, p->facts->name, 0);
}

static void on_mx(struct plan *p, size_t i, const struct dns_step *step, const struct dns_answer *a)
{
    struct dest_facts *f = p->facts;

    f->security = a->security;
    f->expanded = arena_strdup(f->arena, slice_of(a->expanded));
    switch (a->lookup) {
    case DNS_DATA:
        take_mx(p, a);
        break;
    case DNS_NODATA: /* RFC 5321 §5.1: the name is its own host, aliases are its addresses' affair
                      */
        start_sole_host(p, DEST_IMPLICIT);
        break;
    case DNS_NXDOMAIN:
        f->kind = DEST_NXDOMAIN;
        break;
    case DNS_ERROR:
        f->kind = DEST_ERROR;
        f->why = reason(p, step->type, step->name, a->security, a->why);
        break;
    }
}

/* ---- the machine */

static void (*const on_answer[])(struct plan *, size_t host, const struct dns_step *,
                                 const struct dns_answer *) = {
    [STAGE_MX] = on_mx,       [STAGE_IPV6] = on_ipv6, [STAGE_IPV4] = on_ipv4,
    [STAGE_ALIAS] = on_alias, [STAGE_TLSA] = on_tlsa,
};

struct plan *plan_new(enum plan_kind kind, const char *name, uint16_t port)
{
    struct dest_facts *f = facts_new(name, port);
    struct plan *p = arena_alloc(f->arena, sizeof(*p));

    p->facts = f;
    f->ttl = LIMIT_FACTS_TTL_S;
    if (kind == PLAN_MX) {
        ask(p, STAGE_MX, 0, f->name, DNS_MX);
    } else {
        f->security = DNS_SECURE; /* our own configuration says so */
        start_sole_host(p, DEST_HOST);
    }
    return p;
}

void plan_free(struct plan **pp)
{
    if (!*pp)
        return;
    struct dest_facts *f = (*pp)->facts;
    *pp = NULL;
    dest_facts_unref(&f);
}

bool plan_next(struct plan *p, struct plan_query *out_query)
{
    if (p->sent == p->facts->n_steps)
        return false;
    const struct dns_step *step = &p->facts->steps[p->sent];
    out_query->id = (uint32_t)p->sent++;
    out_query->type = step->type;
    (void)slice_copy(slice_of(step->name), out_query->name, sizeof(out_query->name));
    return true;
}

static void record_step(struct plan *p, struct dns_step *step, const struct dns_answer *a)
{
    struct arena *arena = p->facts->arena;

    step->security = a->security;
    step->lookup = a->lookup;
    step->ttl = a->ttl;
    step->records = (uint16_t)(a->n < UINT16_MAX ? a->n : UINT16_MAX);
    if (a->aliased)
        step->alias = arena_strdup(arena, slice_of(a->expanded));
    if (a->lookup == DNS_ERROR)
        step->why = arena_strdup(arena, slice_of(a->why));
    note_ttl(p->facts, a->lookup == DNS_ERROR ? FACTS_ERROR_TTL_S : a->ttl);
}

void plan_feed(struct plan *p, uint32_t id, const struct dns_answer *answer)
{
    if (id >= p->sent || p->queries[id].answered)
        return;
    p->queries[id].answered = true;
    p->answered++;
    record_step(p, &p->facts->steps[id], answer);
    /* Copies: what follows may ask more and so move the arrays. */
    struct query query = p->queries[id];
    struct dns_step step = p->facts->steps[id];
    on_answer[query.stage](p, query.host, &step, answer);
}

bool plan_done(const struct plan *p)
{
    return p->answered == p->facts->n_steps;
}

struct dest_facts *plan_finish(struct plan **pp, int64_t wall_ms)
{
    struct dest_facts *f = (*pp)->facts;

    REQUIRE(plan_done(*pp));
    f->made_ms = wall_ms;
    *pp = NULL; /* its memory is the facts' own */
    return f;
}
