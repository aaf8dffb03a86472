#include "mta/out/hops.h"

enum { SMTP_PORT = 25 };

size_t out_hops_count(const struct route *route)
{
    return route->hop ? route->hop->n_hosts : 1;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
static bool parse_literal(const char *domain, struct ip *out_ip)
{
    struct slice s = slice_of(domain);

    if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    s = slice_make(s.p + 1, s.n - 2);
    if (slice_casestarts(s, SLICE("IPv6:")))
        s = slice_skip(s, 5);
    return ip_parse(s, out_ip);
}

static struct hop hop_by_domain(const char *domain)
{
    struct hop hop = {.kind = HOP_MX, .name = domain, .port = SMTP_PORT};

    if (parse_literal(domain, &hop.ip))
        hop.kind = HOP_ADDRESS;
    return hop;
}

struct hop out_hops_get(const struct route *route, const char *domain, size_t i)
{
    const struct hop_host *h;

    if (!route->hop)
        return hop_by_domain(domain);
    h = &route->hop->hosts[i];
    return (struct hop){.kind = h->is_address  ? HOP_ADDRESS
                                : h->mx_lookup ? HOP_MX
                                               : HOP_HOST,
                        .name = h->name,
                        .ip = h->ip,
                        .port = h->port,
                        .implicit_tls = h->implicit_tls,
                        .configured = true};
}
