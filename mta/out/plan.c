/* Facts and rule → ordered attempts.
 *
 *   - hosts in order of preference, DANE or not: RFC 7672 §2.2.1
 *   - equal preference, in random order: RFC 5321 §5.1
 *   - our own name or address, that host and all of no better preference go: RFC 5321 §5.1
 *   - several addresses per host, families in turn: RFC 5321 §5.1
 *   - null MX, no such domain, final: RFC 7505 §3, RFC 5321 §5.1
 *   - MX in error, deferred, no connection at all: RFC 7672 §2.1.2
 *   - no address, final if every answer is definite, deferred if one failed: RFC 7672 §2.1.2
 *
 * What a host's verdict is, is not asked here: a host with a broken TLSA answer has its place, and
 * is skipped when its turn comes. Pure. */
#include "mta/out/plan.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"

struct ranked { /* a host and its place among equals */
    size_t host;
    uint16_t preference;
    uint64_t lot;
};

struct candidates {
    struct ranked v[LIMIT_MX_HOSTS];
    size_t n;
};

/* SplitMix64: spreads one random word over all lots. */
static uint64_t next_lot(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->preference != y->preference)
        return x->preference < y->preference ? -1 : 1;
    return x->lot < y->lot ? -1 : x->lot > y->lot;
}

static void rank_hosts(const struct out_plan_input *in, struct candidates *c)
{
    const struct dest_facts *f = in->facts;
    uint64_t state = in->random;

    c->n = f->n_hosts < ARRAY_LEN(c->v) ? f->n_hosts : ARRAY_LEN(c->v);
    for (size_t i = 0; i < c->n; i++)
        c->v[i] = (struct ranked){i, f->hosts[i].preference, next_lot(&state)};
    qsort(c->v, c->n, sizeof(c->v[0]), compare_ranked);
}

static bool is_own_address(const struct out_plan_input *in, const struct ip *ip)
{
    for (size_t i = 0; i < in->n_own; i++)
        if (ip_eq(&in->own[i], ip))
            return true;
    return false;
}

static bool is_ourselves(const struct out_plan_input *in, const struct host_facts *h)
{
    if (strcmp(h->name, in->hostname) == 0 || strcmp(h->expanded, in->hostname) == 0)
        return true;
    for (size_t i = 0; i < h->n_addresses; i++)
        if (is_own_address(in, &h->addresses[i]))
            return true;
    return false;
}

/* RFC 5321 §5.1: mail goes only to hosts better than ourselves, or it may come back for ever. */
static void truncate_at_ourselves(const struct out_plan_input *in, struct candidates *c)
{
    for (size_t i = 0; i < c->n; i++) {
        size_t keep = i;
        if (!is_ourselves(in, &in->facts->hosts[c->v[i].host]))
            continue;
        while (keep > 0 && c->v[keep - 1].preference == c->v[i].preference)
            keep--;
        c->n = keep;
        return;
    }
}

static bool is_usable(const struct out_plan_input *in, const struct ip *ip)
{
    return in->explicit_hop || !ip_nets_have(in->refused, in->n_refused, ip);
}

/* The next usable address of a family at or after *at; moves *at behind it. */
static const struct ip *next_address(const struct out_plan_input *in, const struct host_facts *h,
                                     bool v6, size_t *at)
{
    while (*at < h->n_addresses) {
        const struct ip *ip = &h->addresses[(*at)++];
        if ((ip->v6 != 0) == v6 && is_usable(in, ip))
            return ip;
    }
    return NULL;
}

/* IPv6 first, then the families in turn, so that one that does not work costs one try, not all. */
static void add_host(const struct out_plan_input *in, size_t host, size_t limit,
                     struct out_plan *out)
{
    const struct host_facts *h = &in->facts->hosts[host];
    size_t at[2] = {0, 0}, end = out->n + limit;
    bool v6 = true;

    if (end > ARRAY_LEN(out->v))
        end = ARRAY_LEN(out->v);
    while (out->n < end) {
        const struct ip *ip = next_address(in, h, v6, &at[v6]);
        if (!ip) {
            v6 = !v6;
            ip = next_address(in, h, v6, &at[v6]);
        }
        if (!ip)
            return;
        out->v[out->n++] = (struct attempt){
            host, {*ip, in->port}
        };
        v6 = !v6;
    }
}

/* With many hosts each gets fewer addresses, never less than two (RFC 5321 §5.1), so that the first
 * ones do not use up the plan. */
static size_t addresses_per_host(size_t hosts)
{
    size_t share = ARRAY_LEN(((struct out_plan *)0)->v) / hosts;

    if (share < 2)
        return 2;
    return share < LIMIT_ADDRESSES_PER_HOST ? share : LIMIT_ADDRESSES_PER_HOST;
}

/* No attempt came of these hosts: an error anywhere is stronger than all that is definite. */
static struct status why_no_attempt(const struct out_plan_input *in, const struct candidates *c)
{
    const struct host_facts *refused = NULL;

    for (size_t i = 0; i < c->n; i++) {
        const struct host_facts *h = &in->facts->hosts[c->v[i].host];
        if (h->n_addresses == 0 && h->addresses_lookup == DNS_ERROR)
            return status_make(CAUSE_ADDRESS_LOOKUP, "address lookup of %s failed%s%s", h->name,
                               h->why[0] ? ": " : "", h->why);
        if (h->n_addresses > 0 && !refused)
            refused = h;
    }
    if (refused)
        return status_make(CAUSE_REFUSED_NETWORK, "the addresses of %s are in refuse_networks",
                           refused->name);
    return status_make(CAUSE_NO_ADDRESS, "no address for any host of %s", in->facts->name);
}

static struct status why_no_hosts(const struct dest_facts *f)
{
    switch (f->kind) {
    case DEST_NULL_MX:
        return status_make(CAUSE_NULL_MX, "%s accepts no mail (null MX)", f->name);
    case DEST_NXDOMAIN:
        return status_make(CAUSE_NO_DOMAIN, "domain %s does not exist", f->name);
    case DEST_ERROR:
        return status_make(CAUSE_MX_LOOKUP, "MX lookup of %s failed%s%s", f->name,
                           f->why[0] ? ": " : "", f->why);
    case DEST_MX:
    case DEST_IMPLICIT:
    case DEST_HOST:
        break;
    }
    return status_make(CAUSE_NO_ADDRESS, "%s has no host that could take mail", f->name);
}

void out_plan_make(const struct out_plan_input *in, struct out_plan *out)
{
    struct candidates c = {.n = 0};

    *out = (struct out_plan){.n = 0};
    rank_hosts(in, &c);
    if (c.n == 0) {
        out->why_none = why_no_hosts(in->facts);
        return;
    }
    if (!in->explicit_hop)
        truncate_at_ourselves(in, &c);
    if (c.n == 0) {
        out->why_none =
            status_make(CAUSE_MAIL_LOOP, "mail for %s loops back to this relay", in->facts->name);
        return;
    }
    for (size_t i = 0; i < c.n; i++)
        add_host(in, c.v[i].host, addresses_per_host(c.n), out);
    if (out->n == 0)
        out->why_none = why_no_attempt(in, &c);
}

void out_plan_move_first(struct out_plan *plan, size_t at)
{
    struct attempt a = plan->v[at];

    memmove(&plan->v[1], &plan->v[0], at * sizeof(plan->v[0]));
    plan->v[0] = a;
}

static bool is_among(const struct ip_port *v, size_t n, const struct ip_port *to)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].port == to->port && ip_eq(&v[i].ip, &to->ip))
            return true;
    return false;
}

void out_plan_leave_out(struct out_plan *plan, const struct ip_port *tried, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->n; i++)
        if (!is_among(tried, n, &plan->v[i].to))
            plan->v[kept++] = plan->v[i];
    plan->n = kept;
}
