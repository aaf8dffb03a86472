#include "mta/run/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/hostname.h"
#include "config/routes.h"
#include "mta/out/hops.h"
#include "mta/out/session.h"
#include "mta/run/check_document.h"
#include "mta/run/spawn.h"

enum { STATE_WAIT_MS = 20000, CONNECT_MS = 10000, GREETING_MS = 30000 };

struct check {
    struct settings *settings;
    struct worker_ctx ctx;
    struct loop *loop;
    struct dns_link *dns;
    pid_t dns_pid;
    char domain[DNS_NAME_MAX];
    struct route route;
    struct policy policy;
    struct timer state_timer, next_timer;
    bool state_known;

    size_t hop_at;
    struct hop hop;
    struct dns_request request;
    struct dest_facts *facts;   /* of the current hop; NULL: a literal */
    struct out_plan plan;
    size_t attempt;
    struct verdict verdict;
    struct out_session *session;

    json_t *document, *hop_json, *host_json;
    size_t host_shown;          /* index of host_json's host */
    bool delivered;
    struct status first_failure;
    bool failed_once;
    int exit_status;
};

static void next_hop(struct check *c);
static void next_attempt(struct check *c);

static struct hop_input hop_input(const struct check *c)
{
    return (struct hop_input){.settings = c->settings,
                              .hop = &c->hop,
                              .facts = c->facts,
                              .level = c->policy.level,
                              .resolver_validates =
                                  dns_link_resolver(c->dns) == RESOLVER_VALIDATES};
}

static void note_failure(struct check *c, const struct status *why)
{
    if (!c->failed_once)
        c->first_failure = *why;
    c->failed_once = true;
}

static struct verdict decide(const struct check *c, size_t host)
{
    struct hop_input in = hop_input(c);
    return out_hops_verdict(&in, host);
}

static const char *host_name(const struct check *c, size_t host)
{
    return c->facts ? c->facts->hosts[host].name : c->hop.name;
}

/* The JSON object of a host, made at its first attempt. */
static json_t *show_host(struct check *c, size_t host)
{
    if (c->host_json && c->host_shown == host)
        return c->host_json;
    c->verdict = decide(c, host);
    c->host_shown = host;
    c->host_json = json_pack("{s:s, s:i}", "host", host_name(c, host), "preference",
                             c->facts ? c->facts->hosts[host].preference : 0);
    check_add_verdict(c->host_json, &c->verdict);
    (void)json_array_append_new(json_object_get(c->hop_json, "hosts"), c->host_json);
    return c->host_json;
}

static bool was_shown(const struct check *c, const char *name)
{
    size_t i;
    json_t *host;

    json_array_foreach(json_object_get(c->hop_json, "hosts"), i, host)
        if (strcmp(json_string_value(json_object_get(host, "host")), name) == 0)
            return true;
    return false;
}

/* Hosts that got no attempt (no address, error, refused network, behind our own) are shown too. */
static void show_other_hosts(struct check *c)
{
    for (size_t i = 0; c->facts && i < c->facts->n_hosts; i++)
        if (!was_shown(c, c->facts->hosts[i].name)) {
            c->host_json = NULL;
            (void)show_host(c, i);
        }
}

static void add_probe(struct check *c, const struct status *why, const char *note)
{
    char at[IP_TEXT_MAX];
    const struct tls_outcome *tls = out_session_tls(c->session);
    json_t *probe = json_pack("{s:s, s:b, s:s}", "address",
                              ip_port_text(&c->plan.v[c->attempt].to, at), "ok", why == NULL,
                              "note", note);
    struct buf chain;

    if (tls)
        (void)json_object_set_new(probe, "tls", check_tls_json(tls));
    if (why)
        (void)json_object_set_new(probe, "failure", check_status_json(why));
    buf_init(&chain, 16 * 1024);
    SSL *ssl = out_session_ssl(c->session);
    if (ssl && tls_describe_chain(ssl, &chain) && chain.n)
        (void)json_object_set_new(probe, "chain", json_stringn(buf_slice(&chain).p, chain.n));
    buf_free(&chain);
    (void)json_array_append_new(json_object_get(c->host_json, "addresses"), probe);
}

/* ---- the end ---- */

static bool is_undetermined(enum cause cause)
{
    static const enum cause network[] = {
        CAUSE_MX_LOOKUP, CAUSE_ADDRESS_LOOKUP, CAUSE_TLSA_LOOKUP, CAUSE_RESOLVER_DOWN,
        CAUSE_RESOLVER_NOT_VALIDATING, CAUSE_CONNECT_FAILED, CAUSE_CONNECTION_LOST,
        CAUSE_REMOTE_TIMEOUT, CAUSE_TLS_LOCAL};
    for (size_t i = 0; i < ARRAY_LEN(network); i++)
        if (network[i] == cause)
            return true;
    return false;
}

static void finish(struct check *c)
{
    if (!c->delivered) {
        const char *what = status_disposition(&c->first_failure) == DISP_BOUNCE ? "bounced" : "deferred";
        (void)json_object_set_new(c->document, "outcome", json_string(what));
        (void)json_object_set_new(c->document, "reason", check_status_json(&c->first_failure));
        c->exit_status = is_undetermined(c->first_failure.cause) ? 3 : 1;
    }
    loop_stop(c->loop);
}

static void delivered_by(struct check *c)
{
    if (c->delivered)
        return;
    c->delivered = true;
    c->exit_status = 0;
    (void)json_object_set_new(c->document, "outcome", json_string("delivered"));
    (void)json_object_set_new(c->document, "tls",
                              json_string(tls_outcome_label(out_session_tls(c->session))));
    (void)json_object_set_new(c->document, "relay", json_string(out_session_remote(c->session)));
}

/* ---- probes: one at a time, the next from the loop so that a session never frees itself ---- */

static void run_next(struct timer *t)
{
    struct check *c = CONTAINER_OF(t, struct check, next_timer);
    if (c->session)
        out_session_free(&c->session);
    c->attempt++;
    next_attempt(c);
}

static void probe_over(struct check *c)
{
    loop_timer_set(c->loop, &c->next_timer, 0, run_next);
}

static void on_ready(void *arg)
{
    struct check *c = arg;
    add_probe(c, NULL, c->verdict.mode == VERDICT_CLEAR ? "in clear" : "");
    delivered_by(c);
    out_session_quit(&c->session);
    probe_over(c);
}

static void open_session(struct check *c);

static void retry_in_clear(struct timer *t)
{
    struct check *c = CONTAINER_OF(t, struct check, next_timer);
    out_session_free(&c->session);
    c->verdict.mode = VERDICT_CLEAR;
    open_session(c);
}

static void on_failed(void *arg, const struct status *why, bool no_tls)
{
    struct check *c = arg;

    if (no_tls && c->verdict.mode == VERDICT_OPPORTUNISTIC) {
        add_probe(c, why, "TLS failed where it is optional; tried again in clear");
        loop_timer_set(c->loop, &c->next_timer, 0, retry_in_clear);
        return;
    }
    add_probe(c, why, "");
    note_failure(c, why);
    probe_over(c);
}

static void on_finished(void *arg)
{
    (void)arg; /* a probe has no transaction */
}

static const struct out_session_ops probe_ops = {on_ready, on_finished, on_failed};

static void open_session(struct check *c)
{
    const struct attempt *a = &c->plan.v[c->attempt];
    struct out_session_start start = {
        .to = a->to,
        .host = host_name(c, a->host),
        .verdict = c->verdict,
        .facts = c->facts,
        .level = c->policy.level,
        .implicit_tls = c->hop.implicit_tls,
        .probe = &(const struct tls_probe){0},
    };
    c->session = out_session_open(&c->ctx, &start, &probe_ops, c);
}

static void next_attempt(struct check *c)
{
    for (; c->attempt < c->plan.n; c->attempt++) {
        size_t host = c->plan.v[c->attempt].host;
        bool again = c->host_json && c->host_shown == host;
        (void)show_host(c, host);
        if (again)
            c->verdict = decide(c, host);
        if (c->verdict.mode != VERDICT_SKIP) {
            open_session(c);
            return;
        }
        note_failure(c, &c->verdict.skip);
    }
    show_other_hosts(c);
    dest_facts_unref(&c->facts);
    c->hop_at++;
    next_hop(c);
}

/* ---- facts and plan of one hop ---- */

static void start_plan(struct check *c)
{
    struct hop_input in = hop_input(c);

    REQUIRE(getrandom(&in.random, sizeof(in.random), 0) == (ssize_t)sizeof(in.random));
    out_hops_plan(&in, &c->plan);
    if (c->plan.n == 0) {
        note_failure(c, &c->plan.why_none);
        (void)json_object_set_new(c->hop_json, "problem", check_status_json(&c->plan.why_none));
    }
    c->attempt = 0;
    next_attempt(c);
}

static void got_facts(struct dns_request *r)
{
    struct check *c = CONTAINER_OF(r, struct check, request);

    c->facts = r->facts;
    r->facts = NULL;
    check_add_steps(c->hop_json, c->facts);
    (void)json_object_set_new(c->hop_json, "mx_security",
                              json_string(dns_security_name(c->facts->security)));
    if (c->facts->why && *c->facts->why)
        (void)json_object_set_new(c->hop_json, "why", json_string(c->facts->why));
    start_plan(c);
}

static void ask_facts(struct check *c)
{
    c->request = (struct dns_request){
        .home = c->loop, .done = got_facts, .kind = c->hop.kind == HOP_MX ? PLAN_MX : PLAN_HOST,
        .port = c->hop.port, .no_cache = true,
        .timeout_ms = c->settings->config->delivery.timeouts.dns_ms};
    (void)slice_copy(slice_of(c->hop.name), c->request.name, DNS_NAME_MAX);
    dns_link_ask(c->dns, &c->request);
}

static void next_hop(struct check *c)
{
    if (c->hop_at >= out_hops_count(&c->route)) {
        finish(c);
        return;
    }
    c->hop = out_hops_get(&c->route, c->domain, c->hop_at);
    c->host_json = NULL;
    c->hop_json = json_pack("{s:s, s:i, s:[]}", "next_hop", c->hop.name, "port", c->hop.port, "hosts");
    (void)json_array_append_new(json_object_get(c->document, "hops"), c->hop_json);
    if (c->hop.kind == HOP_ADDRESS)
        start_plan(c);
    else
        ask_facts(c);
}

/* ---- start ---- */

static void describe_rules(struct check *c)
{
    char policy_at[300], route_at[300];

    c->policy = routes_policy(c->settings->config, slice_of(c->domain), clock_wall_ms());
    c->route = routes_find(c->settings->config, slice_of(c->domain));
    c->document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:[]}", "domain", c->domain, "policy", "tls",
        tls_level_name(c->policy.level), "where", config_where_text(&c->policy.where, policy_at),
        "note", c->policy.note ? c->policy.note : "", "route", "to",
        c->route.hop ? c->route.hop->name : "mx", "where",
        config_where_text(&c->route.where, route_at), "hops");
}

static void begin(struct check *c, const char *detail)
{
    static const char *const words[] = {[RESOLVER_UNKNOWN] = "unknown",
                                        [RESOLVER_VALIDATES] = "validates",
                                        [RESOLVER_NOT_VALIDATING] = "does not validate"};
    if (c->state_known)
        return;
    c->state_known = true;
    loop_timer_clear(c->loop, &c->state_timer);
    (void)json_object_set_new(c->document, "resolver",
                              json_pack("{s:s, s:s}", "state", words[dns_link_resolver(c->dns)],
                                        "detail", detail));
    next_hop(c);
}

static void on_state(void *arg, enum resolver_state state, const char *detail)
{
    if (state != RESOLVER_UNKNOWN)
        begin(arg, detail);
}

static void state_late(struct timer *t)
{
    begin(CONTAINER_OF(t, struct check, state_timer), "the self test did not end in time");
}

static bool start_dns(struct check *c)
{
    int pair[2];

    if (!spawn_pair(pair))
        return false;
    c->dns_pid = spawn_role("run-dns", c->settings->config->file, &pair[1], 1);
    close(pair[1]);
    if (c->dns_pid < 0) {
        close(pair[0]);
        return false;
    }
    dns_link_attach(c->dns, pair[0]);
    return true;
}

static bool open_check(struct check *c, struct config *config)
{
    struct buf errors;

    buf_init(&errors, 4096);
    /* A person waits for the answer: connecting and greeting get less time than a delivery. */
    config->delivery.timeouts.connect_ms = CONNECT_MS;
    config->delivery.timeouts.greeting_ms = GREETING_MS;
    bool ok = settings_new_outbound(config, &errors, &c->settings);
    fputs(buf_cstr(&errors), stderr);
    buf_free(&errors);
    if (!ok)
        return false;
    c->loop = loop_new("check");
    c->dns = dns_link_new(c->loop);
    c->ctx = (struct worker_ctx){.loop = c->loop, .settings = c->settings, .dns = c->dns};
    list_init(&c->ctx.sessions);
    dns_link_on_state(c->dns, on_state, c);
    return start_dns(c);
}

static void close_check(struct check *c)
{
    if (c->dns_pid > 0) {
        (void)kill(c->dns_pid, SIGKILL);
        (void)waitpid(c->dns_pid, NULL, 0);
    }
    dns_link_free(&c->dns);
    loop_free(&c->loop);
    settings_unref(&c->settings);
    json_decref(c->document);
}

int check_run(struct config *config, const char *domain, bool as_json)
{
    struct check c = {.exit_status = 3};
    const char *at = strrchr(domain, '@');

    if (!hostname_from_person(slice_of(at ? at + 1 : domain), c.domain)) {
        fprintf(stderr, "danelaw check: \"%s\" is no domain name\n", domain);
        config_unref(&config);
        return 2;
    }
    if (!open_check(&c, config))
        return 2;
    describe_rules(&c);
    loop_timer_set(c.loop, &c.state_timer, STATE_WAIT_MS, state_late);
    loop_run(c.loop);
    if (as_json) {
        (void)json_dumpf(c.document, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        check_print(c.document);
    }
    int status = c.exit_status;
    close_check(&c);
    return status;
}
