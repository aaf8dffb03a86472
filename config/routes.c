#include "config/routes.h"

#include <stdio.h>
#include <string.h>

/* How well a pattern fits, larger is better; 0: not at all. "*" fits least, a suffix by its length,
 * the domain itself best. A suffix is of subdomains only: ".example.org" is not example.org. */
static size_t match_quality(const char *pattern, struct slice domain)
{
    struct slice p = slice_of(pattern);

    if (slice_eq(p, SLICE("*")))
        return 1;
    if (p.n && p.p[0] == '.')
        return domain.n > p.n && slice_eq(slice_skip(domain, domain.n - p.n), p) ? 1 + p.n : 0;
    return slice_eq(p, domain) ? SIZE_MAX : 0;
}

static const struct route_config *find_route(const struct route_config *v, size_t n,
                                             struct slice domain)
{
    const struct route_config *best = NULL;
    size_t best_quality = 0;

    for (size_t i = 0; i < n; i++) {
        size_t quality = match_quality(v[i].pattern, domain);
        if (quality > best_quality) {
            best = &v[i];
            best_quality = quality;
        }
    }
    return best;
}

const struct domain_config *routes_domain(const struct config *c, struct slice domain)
{
    const struct domain_config *best = NULL;
    size_t best_quality = 0;

    for (size_t i = 0; i < c->n_domains; i++) {
        size_t quality = match_quality(c->domains[i].pattern, domain);
        if (quality > best_quality) {
            best = &c->domains[i];
            best_quality = quality;
        }
    }
    return best;
}

bool routes_is_ours(const struct config *c, struct slice domain)
{
    return routes_domain(c, domain) != NULL;
}

struct route routes_find(const struct config *c, struct slice domain)
{
    const struct domain_config *ours = routes_domain(c, domain);

    if (ours)
        return (struct route){ours->to, ours->where};
    const struct route_config *r = find_route(c->routes, c->n_routes, domain);
    return r ? (struct route){r->to, r->where} : (struct route){0};
}

static bool is_expired(const struct policy_config *p, int64_t wall_ms)
{
    return p->until_ms && wall_ms > p->until_ms;
}

/* The best match that applies, and the best of those past their date. */
static const struct policy_config *find_policy(const struct config *c, struct slice domain,
                                               int64_t wall_ms,
                                               const struct policy_config **out_expired)
{
    const struct policy_config *best[2] = {NULL, NULL}; /* of those that apply, of the expired */
    size_t best_quality[2] = {0, 0};

    for (size_t i = 0; i < c->n_policies; i++) {
        int kind = is_expired(&c->policies[i], wall_ms);
        size_t quality = match_quality(c->policies[i].pattern, domain);
        if (quality > best_quality[kind]) {
            best[kind] = &c->policies[i];
            best_quality[kind] = quality;
        }
    }
    *out_expired = best_quality[1] > best_quality[0] ? best[1] : NULL;
    return best[0];
}

struct policy routes_policy(const struct config *c, struct slice domain, int64_t wall_ms)
{
    const struct policy_config *expired;
    const struct policy_config *p = find_policy(c, domain, wall_ms, &expired);
    const struct next_hop_config *hop = routes_find(c, domain).hop;

    if (p)
        return (struct policy){p->tls, p->until_ms, p->note, p->audit, p->where, expired};
    if (hop && hop->has_tls)
        return (struct policy){hop->tls, 0, "", false, hop->where, expired};
    return (struct policy){c->delivery.tls, 0, "", false, c->delivery.tls_where, expired};
}

size_t routes_matching_policies(const struct config *c, struct slice domain,
                                const struct policy_config **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_policies; i++) {
        size_t quality = match_quality(c->policies[i].pattern, domain), at = n < max ? n : max;
        if (!quality)
            continue;
        while (at > 0 && match_quality(out[at - 1]->pattern, domain) < quality)
            at--;
        if (at < max) {
            size_t kept = n < max ? n : max - 1;
            memmove(out + at + 1, out + at, (kept - at) * sizeof(*out));
            out[at] = &c->policies[i];
        }
        n++;
    }
    return n < max ? n : max;
}

const char *routes_destination(const struct config *c, struct slice domain, int64_t wall_ms,
                               char key[ROUTE_KEY_MAX])
{
    const struct next_hop_config *hop = routes_find(c, domain).hop;
    struct policy p = routes_policy(c, domain, wall_ms);
    const char *level = tls_level_name(p.level), *audit = p.audit ? ":audit" : "";

    if (hop)
        (void)snprintf(key, ROUTE_KEY_MAX, "hop:%s:%s%s", hop->name, level, audit);
    else
        (void)snprintf(key, ROUTE_KEY_MAX, "mx:%.*s:%s%s", (int)slice_head(domain, 255).n, domain.p,
                       level, audit);
    return key;
}
