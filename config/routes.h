/* Which domains are ours, where mail goes, how it is secured: the longest match wins (an exact
 * domain, then the longest ".suffix", then "*"). Domains are given in lower case A-labels without a
 * trailing dot. Pure; time is an argument. */
#ifndef DANELAW_ROUTES_H
#define DANELAW_ROUTES_H

#include "config/config.h"

/* The domain of ours that it is, or NULL: the longest match in the domains section. */
const struct domain_config *routes_domain(const struct config *c, struct slice domain);
/* Whether anyone may send to this domain through us (the domains section). */
bool routes_is_ours(const struct config *c, struct slice domain);

struct route {
    const struct next_hop_config *hop; /* NULL: by MX */
    struct config_where where;         /* of the rule that decided */
};
/* The domains section's `to`, else the longest match in routes, else MX. */
struct route routes_find(const struct config *c, struct slice domain);

struct policy {
    enum tls_level level;
    int64_t until_ms;          /* of the rule that applies, 0: none */
    const char *note;          /* "" if none */
    bool audit;                /* audit only (RFC 7672 §9.1) */
    struct config_where where; /* of the rule that decided: a policy, the next hop, delivery.tls */
    const struct policy_config *expired; /* a better matching exception that is past its date, or NULL */
};
/* policies by recipient domain, else the next hop's tls, else delivery.tls. */
struct policy routes_policy(const struct config *c, struct slice domain, int64_t wall_ms);

/* All policies whose pattern fits, the best match first, expired or not. At most max; returns how
 * many. */
size_t routes_matching_policies(const struct config *c, struct slice domain,
                                const struct policy_config **out, size_t max);

enum { ROUTE_KEY_MAX = 320 };
/* The key of the per-destination queue: recipients with the same key may share a connection and a
 * transaction. "mx:example.org:dane", "hop:exchange:may", "hop:exchange:dane:audit". Returns key. */
const char *routes_destination(const struct config *c, struct slice domain, int64_t wall_ms,
                               char key[ROUTE_KEY_MAX]);

#endif
