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
    if (h->is_local)
        return (struct hop){.kind = HOP_ADDRESS,
                            .name = h->name,
                            .port = (uint16_t)i,
                            .path = h->name,
                            .configured = route->hop};
    return (struct hop){.kind = h->is_address  ? HOP_ADDRESS
                                : h->mx_lookup ? HOP_MX
                                               : HOP_HOST,
                        .name = h->name,
                        .ip = h->ip,
                        .port = h->port,
                        .implicit_tls = h->implicit_tls,
                        .configured = route->hop};
}

static bool is_own_address(const struct settings *s, const struct ip *ip)
{
    for (size_t i = 0; i < s->n_own_addresses; i++)
        if (ip_eq(&s->own_addresses[i], ip))
            return true;
    return false;
}

bool out_hops_refuses(const struct settings *s, const struct hop *hop, const struct ip *ip)
{
    const struct delivery_config *c = &s->config->delivery;

    return !hop->configured && ip_nets_have(c->refuse_networks, c->n_refuse_networks, ip);
}

/* A recipient's address literal must not lead back to us, nor where MX hosts must not lead; a
 * configured address may. */
static void plan_address(const struct hop_input *in, struct out_plan *out)
{
    const struct hop *hop = in->hop;

    *out = (struct out_plan){.n = 1, .v = {{0, {hop->ip, hop->port}}}};
    if (!hop->configured && is_own_address(in->settings, &hop->ip))
        *out = (struct out_plan){
            .why_none = status_make(CAUSE_MAIL_LOOP, "%s is this relay itself", hop->name)};
    else if (out_hops_refuses(in->settings, hop, &hop->ip))
        *out = (struct out_plan){.why_none = status_of(CAUSE_REFUSED_NETWORK)};
}

static void plan_facts(const struct hop_input *in, struct out_plan *out)
{
    const struct delivery_config *c = &in->settings->config->delivery;
    struct out_plan_input plan = {.facts = in->facts,
                                  .port = in->hop->port,
                                  .hostname = in->settings->config->hostname,
                                  .own = in->settings->own_addresses,
                                  .n_own = in->settings->n_own_addresses,
                                  .refused = c->refuse_networks,
                                  .n_refused = c->n_refuse_networks,
                                  .explicit_hop = in->hop->configured,
                                  .random = in->random};
    out_plan_make(&plan, out);
}

/* A lookup in error is ours if no step was answered at all, or if nothing can be validated. */
static void blame(const struct hop_input *in, struct status *why)
{
    const struct dest_facts *f = in->facts;
    bool dane = in->level == TLS_LEVEL_DANE || in->level == TLS_LEVEL_DANE_ONLY;

    if (f && f->kind == DEST_ERROR && f->n_steps == 0)
        *why = status_make(CAUSE_RESOLVER_DOWN, "our resolver does not answer: %s", f->why);
    else if (f && !in->resolver_validates && (dane || f->kind == DEST_ERROR))
        *why = status_of(CAUSE_RESOLVER_NOT_VALIDATING);
    else if (in->hop->configured && status_disposition(why) == DISP_BOUNCE) {
        struct status was = *why;
        *why = status_make(CAUSE_LOCAL_ERROR, "next hop %s: %s", in->hop->name, was.text);
    }
}

void out_hops_plan(const struct hop_input *in, struct out_plan *out)
{
    if (in->hop->kind == HOP_ADDRESS)
        plan_address(in, out);
    else
        plan_facts(in, out);
    if (out->n == 0)
        blame(in, &out->why_none);
}

struct verdict out_hops_verdict(const struct hop_input *in, size_t host)
{
    struct verdict_input verdict = {.level = in->level,
                                    .audit = in->audit,
                                    .resolver_validates = in->resolver_validates,
                                    .dest = in->facts,
                                    .host = host,
                                    .demand = in->demand};
    struct verdict v = verdict_decide(&verdict);

    if (in->hop->implicit_tls && (v.mode == VERDICT_CLEAR || v.mode == VERDICT_OPPORTUNISTIC))
        v.mode = VERDICT_ENCRYPT;
    return v;
}
