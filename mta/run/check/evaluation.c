/* A target is an address that a delivery would try, or a host it would skip, or a next hop without
 * any host. All are in the order of a delivery: the first that is ready would get the message, and
 * if none is, the first failure is what is told (mta/out/delivery.c). Probes of different targets
 * run side by side; of one target one after the other: as a delivery would connect, with less where
 * the verdict allows that, and last with the server's other kind of key. */
#include "mta/run/check/evaluation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mta/out/hops.h"
#include "mta/run/check/document.h"
#include "mta/run/check/probe.h"
#include "tls/diagnose.h"

enum {
    PROBES_AT_ONCE = 8,
    PLANNED = ARRAY_LEN(((struct out_plan *)0)->v), /* attempts of one next hop */
    SPARE = 96,                                     /* addresses beyond the plan, of one next hop */
};

struct target {
    struct evaluation *e;
    struct place *place;
    struct attempt attempt;
    bool probed;               /* false: status says why nothing is connected to */
    bool spare;                /* beyond what a delivery would try: it decides nothing */
    struct status status;      /* OK: would be delivered here */
    struct status audited;     /* what audit-only mode let pass; OK: nothing */
    struct verdict strict;     /* as decided */
    struct verdict verdict;    /* of the probe that is out: with less, after a failure */
    struct probe_result first; /* of the first probe, for the comparison of keys */
    enum tls_key key;          /* of the probe that is out */
    char relay[320];
    const char *tls; /* "dane", … */
    json_t *host;    /* its object in the document */
    json_t *probes;  /* in order; they go there at the end, since targets end in any order */
};

/* A next hop with its plan. */
struct place {
    struct hop hop;
    struct dest_facts *facts; /* NULL: an address */
    struct out_plan plan;
    size_t n_spare;
    json_t *json;
    json_t *hosts[LIMIT_MX_HOSTS]; /* by index of the facts */
};

struct evaluation {
    struct evaluation_start in;
    void (*done)(void *arg);
    void *arg;
    struct place *places;
    size_t n_places;
    struct target *targets;
    size_t n_targets, next, running;
    size_t tries; /* addresses that a delivery would connect to, over all next hops */
    json_t *hops;
    struct timer step;
};

static void run_more(struct timer *t);

/* ---- what is there to be probed */

static struct hop_input hop_input(const struct evaluation *e, const struct place *p)
{
    return (struct hop_input){.settings = e->in.ctx->settings,
                              .hop = &p->hop,
                              .facts = p->facts,
                              .level = e->in.policy.level,
                              .audit = e->in.policy.audit,
                              .resolver_validates =
                                  dns_link_resolver(e->in.ctx->dns) == RESOLVER_VALIDATES};
}

static struct verdict decide(const struct evaluation *e, const struct place *p, size_t host)
{
    struct hop_input in = hop_input(e, p);
    return out_hops_verdict(&in, host);
}

static const char *host_name(const struct place *p, size_t host)
{
    return p->facts ? p->facts->hosts[host].name : p->hop.name;
}

static void add_host_findings(const struct evaluation *e, const struct place *p, size_t host,
                              const struct verdict *v, json_t *o)
{
    struct finding found[CHECK_FINDINGS];
    size_t n = tls_diagnose_records(v, p->hop.port, found, CHECK_FINDINGS);

    if (p->facts)
        n += tls_diagnose_dns(p->facts, host, e->in.ctx->now_ms / 1000, found + n,
                              CHECK_FINDINGS - n);
    check_add_findings(o, e->in.ctx, found, n);
}

/* The object of a host, made when it is first met. */
static json_t *host_json(struct evaluation *e, struct place *p, size_t host)
{
    struct verdict v;
    json_t *o;

    if (p->hosts[host])
        return p->hosts[host];
    v = decide(e, p, host);
    o = json_pack("{s:s, s:i}", "host", host_name(p, host), "preference",
                  p->facts ? p->facts->hosts[host].preference : 0);
    check_add_verdict(o, e->in.ctx, &v);
    if (p->facts)
        check_add_host_facts(o, e->in.ctx, p->facts, host);
    add_host_findings(e, p, host, &v, o);
    (void)json_object_set_new(o, "addresses", json_array());
    (void)json_array_append_new(json_object_get(p->json, "hosts"), o);
    p->hosts[host] = o;
    return o;
}

static struct target *add_target(struct evaluation *e, struct place *p)
{
    struct target *t = &e->targets[e->n_targets++];

    *t = (struct target){.e = e, .place = p, .probes = json_array()};
    return t;
}

static void add_attempt(struct evaluation *e, struct place *p, const struct attempt *a)
{
    struct target *t = add_target(e, p);

    t->attempt = *a;
    t->host = host_json(e, p, a->host);
    t->strict = t->verdict = decide(e, p, a->host);
    t->probed = t->strict.mode != VERDICT_SKIP;
    *(t->probed ? &t->audited : &t->status) = t->strict.skip;
}

/* A plan may be longer than a delivery's patience. */
static void add_planned(struct evaluation *e, struct place *p, const struct attempt *a)
{
    add_attempt(e, p, a);
    struct target *t = &e->targets[e->n_targets - 1];
    t->spare = t->probed && e->tries++ >= LIMIT_ADDRESSES_PER_ATTEMPT;
}

static void add_empty_plan(struct evaluation *e, struct place *p)
{
    struct target *t = add_target(e, p);

    t->status = p->plan.why_none;
    (void)json_object_set_new(p->json, "problem", check_status_json(&p->plan.why_none));
}

static bool is_planned(const struct place *p, size_t host, const struct ip *ip)
{
    for (size_t i = 0; i < p->plan.n; i++)
        if (p->plan.v[i].host == host && (!ip || ip_eq(&p->plan.v[i].to.ip, ip)))
            return true;
    return false;
}

/* A delivery tries some addresses of a host; here all of them are asked, as one of many may be
 * wrong. */
static void add_spare(struct evaluation *e, struct place *p, size_t host)
{
    const struct host_facts *h = &p->facts->hosts[host];
    bool in_reach = is_planned(p, host, NULL) || p->plan.n == PLANNED;

    for (size_t i = 0; in_reach && i < h->n_addresses && p->n_spare < SPARE; i++) {
        struct attempt a = {
            host, {h->addresses[i], p->hop.port}
        };
        if (is_planned(p, host, &h->addresses[i]) ||
            out_hops_refuses(e->in.ctx->settings, &p->hop, &h->addresses[i]))
            continue;
        add_attempt(e, p, &a);
        e->targets[e->n_targets - 1].spare = true;
        p->n_spare++;
    }
}

/* Hosts that get no attempt (no address, error, refused network, behind our own) are shown too. */
static void add_place(struct evaluation *e, size_t i)
{
    struct place *p = &e->places[i];
    struct hop_input in;

    p->hop = out_hops_get(&e->in.route, e->in.domain, i);
    p->facts = e->in.facts[i];
    p->json = check_hop_json(e->in.ctx, &p->hop, p->facts, e->in.at_s == 0);
    (void)json_array_append_new(e->hops, p->json);
    in = hop_input(e, p);
    REQUIRE(getrandom(&in.random, sizeof(in.random), 0) == (ssize_t)sizeof(in.random));
    out_hops_plan(&in, &p->plan);
    for (size_t k = 0; k < p->plan.n; k++)
        add_planned(e, p, &p->plan.v[k]);
    if (p->plan.n == 0)
        add_empty_plan(e, p);
    for (size_t k = 0; p->facts && k < p->facts->n_hosts; k++) {
        (void)host_json(e, p, k);
        add_spare(e, p, k);
    }
}

/* ---- probes */

static void probe(struct target *t);

static void target_over(struct target *t)
{
    struct evaluation *e = t->e;

    e->running--;
    loop_timer_set(e->in.ctx->loop, &e->step, 0, run_more);
}

static void add_probe(struct target *t, const struct probe_result *r, const char *note)
{
    (void)json_object_set_new(r->json, "note", json_string(note));
    (void)json_array_append_new(t->probes, r->json);
}

/* True: the same address is tried again with less. */
static bool weaken(struct target *t, const struct probe_result *r)
{
    enum verdict_mode weaker = verdict_weaker(&t->verdict, t->place->hop.implicit_tls);

    if (status_ok(&r->status) || !r->no_tls || weaker == VERDICT_SKIP)
        return false;
    add_probe(t, r,
              t->verdict.mode == VERDICT_OPPORTUNISTIC
                  ? "TLS failed where it is optional; tried again in clear"
                  : "the policy is audit only; tried again with less");
    if (t->verdict.mode != VERDICT_OPPORTUNISTIC)
        t->audited = r->status;
    t->verdict.mode = weaker;
    t->verdict.half_dane = false;
    return true;
}

static bool authenticates(const struct verdict *v)
{
    return v->mode == VERDICT_DANE || v->mode == VERDICT_PKIX;
}

/* The server may have a second certificate, with a key of the other kind, that other clients get.
 */
static bool try_other_key(struct target *t, const struct probe_result *r)
{
    if (t->e->in.at_s || t->key != TLS_KEY_ANY || t->verdict.mode != t->strict.mode ||
        r->key == TLS_KEY_ANY)
        return false;
    t->first = *r;
    t->first.json = NULL;
    t->key = r->key == TLS_KEY_RSA ? TLS_KEY_ECDSA : TLS_KEY_RSA;
    return true;
}

static void compare_keys(struct target *t, const struct probe_result *r)
{
    struct tls_key_type first = {&t->first.tls, &t->first.leaf}, other = {&r->tls, &r->leaf};
    struct finding found[CHECK_FINDINGS];
    size_t n = tls_diagnose_key_types(&t->strict, t->place->hop.port, &first, &other, found,
                                      CHECK_FINDINGS);

    check_add_findings(r->json, t->e->in.ctx, found, n);
}

static void other_key_done(struct target *t, const struct probe_result *r)
{
    bool absent = r->key == TLS_KEY_ANY; /* no certificate came: it has none of that kind */

    (void)json_object_set_new(r->json, "absent", json_boolean(absent));
    if (absent) /* which is no fault */
        (void)json_array_clear(json_object_get(r->json, "findings"));
    if (!absent && authenticates(&t->strict) && r->has_tls && t->first.has_tls)
        compare_keys(t, r);
    add_probe(t, r, absent ? "the server has no certificate of this kind" : "");
    target_over(t);
}

static void on_probe(void *arg, const struct probe_result *r)
{
    struct target *t = arg;

    if (t->key != TLS_KEY_ANY) {
        other_key_done(t, r);
        return;
    }
    if (weaken(t, r)) {
        probe(t);
        return;
    }
    t->status = r->status;
    t->tls = tls_outcome_label(r->has_tls ? &r->tls : NULL);
    (void)slice_copy(slice_of(r->remote), t->relay, sizeof(t->relay));
    add_probe(t, r,
              t->spare                           ? "a delivery tries other addresses first"
              : t->verdict.mode == VERDICT_CLEAR ? "in clear"
                                                 : "");
    if (try_other_key(t, r))
        probe(t);
    else
        target_over(t);
}

/* Of the answer that gave the records; they are of our verdict's base domain. */
static uint32_t tlsa_ttl_of(const struct target *t)
{
    const struct dest_facts *f = t->place->facts;
    char owner[DNS_NAME_MAX];

    if (!f || !t->strict.base[0] || !dns_name_tlsa(t->strict.base, f->port, owner))
        return 0;
    for (size_t i = 0; i < f->n_steps; i++)
        if (f->steps[i].type == DNS_TLSA && dns_name_eq(f->steps[i].name, owner))
            return f->steps[i].ttl;
    return 0;
}

static void probe(struct target *t)
{
    struct probe_start start = {
        .ctx = t->e->in.ctx,
        .hop = &t->place->hop,
        .facts = t->place->facts,
        .host = host_name(t->place, t->attempt.host),
        .to = t->attempt.to,
        .verdict = t->verdict,
        .level = t->e->in.policy.level,
        .tls = {.key = t->key, .at_s = t->e->in.at_s},
        .tlsa_ttl_s = tlsa_ttl_of(t),
    };

    probe_open(&start, on_probe, t);
}

/* From the loop, so that the end is never told from inside evaluation_open. */
static void run_more(struct timer *timer)
{
    struct evaluation *e = CONTAINER_OF(timer, struct evaluation, step);

    for (; e->next < e->n_targets && e->running < PROBES_AT_ONCE; e->next++) {
        if (!e->targets[e->next].probed)
            continue;
        e->running++;
        probe(&e->targets[e->next]);
    }
    if (e->running == 0)
        e->done(e->arg);
}

struct evaluation *evaluation_open(const struct evaluation_start *start, void (*done)(void *arg),
                                   void *arg)
{
    struct evaluation *e = base_alloc(sizeof(*e));
    e->in = *start;
    e->done = done;
    e->arg = arg;
    e->hops = json_array();
    e->n_places = out_hops_count(&start->route);
    e->places = base_alloc_array(e->n_places, sizeof(*e->places));
    e->targets = base_alloc_array(e->n_places * (PLANNED + SPARE), sizeof(*e->targets));
    for (size_t i = 0; i < e->n_places; i++)
        add_place(e, i);
    loop_timer_set(start->ctx->loop, &e->step, 0, run_more);
    return e;
}

/* ---- what would happen to a message */

/* Trouble on the way may be ours, or gone in a minute: that is no answer about the destination. */
static bool is_undetermined(enum cause cause)
{
    static const enum cause network[] = {
        CAUSE_MX_LOOKUP,      CAUSE_ADDRESS_LOOKUP,  CAUSE_TLSA_LOOKUP,
        CAUSE_RESOLVER_DOWN,  CAUSE_CONNECT_FAILED,  CAUSE_RESOLVER_NOT_VALIDATING,
        CAUSE_REMOTE_TIMEOUT, CAUSE_CONNECTION_LOST, CAUSE_TLS_LOCAL};
    for (size_t i = 0; i < ARRAY_LEN(network); i++)
        if (network[i] == cause)
            return true;
    return false;
}

static const struct target *deciding_target(const struct evaluation *e)
{
    for (size_t i = 0; i < e->n_targets; i++)
        if (e->targets[i].probed && !e->targets[i].spare && status_ok(&e->targets[i].status))
            return &e->targets[i];
    return &e->targets[0];
}

static enum check_answer tell(const struct target *t, json_t *o)
{
    if (t->probed && status_ok(&t->status)) {
        (void)json_object_set_new(o, "outcome", json_string("delivered"));
        (void)json_object_set_new(o, "tls", json_string(t->tls));
        (void)json_object_set_new(o, "relay", json_string(t->relay));
        if (!status_ok(&t->audited))
            (void)json_object_set_new(o, "audited", check_status_json(&t->audited));
        return CHECK_YES;
    }
    bool bounce = status_disposition(&t->status) == DISP_BOUNCE;
    (void)json_object_set_new(o, "outcome", json_string(bounce ? "bounced" : "deferred"));
    (void)json_object_set_new(o, "reason", check_status_json(&t->status));
    return is_undetermined(t->status.cause) ? CHECK_UNDETERMINED : CHECK_NO;
}

enum check_answer evaluation_close(struct evaluation **ep, json_t *o)
{
    struct evaluation *e = *ep;
    enum check_answer answer = tell(deciding_target(e), o);

    *ep = NULL;
    for (size_t i = 0; i < e->n_targets; i++) {
        if (e->targets[i].host)
            (void)json_array_extend(json_object_get(e->targets[i].host, "addresses"),
                                    e->targets[i].probes);
        json_decref(e->targets[i].probes);
    }
    (void)json_object_set_new(o, "hops", e->hops);
    loop_timer_clear(e->in.ctx->loop, &e->step);
    free(e->targets);
    free(e->places);
    free(e);
    return answer;
}
