/* The flow of a delivery:
 *
 *   job → route → for each next hop: facts → plan → for each attempt: verdict → session →
 *   transactions; then settle.
 *
 * Every step fails by moving on to the next attempt, and with no attempt left to the next hop; the
 * first failure is kept as what is told, since it is that of the best host. Waits: for facts
 * (dns/link), for a session. One worker. */
#include "mta/out/delivery.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "mta/out/delivery_private.h"
#include "mta/out/login.h"

enum {
    DELIVERY_CAP_MS = 30 * 60 * 1000, /* a slow host must not keep a slot for hours */
    PROBE_CAP_MS = 60 * 1000,
};

static void next_hop(struct delivery *d);
static void next_attempt(struct delivery *d);
static void ask_facts(struct delivery *d);

static const struct config *config_of(const struct delivery *d)
{
    return d->settings->config;
}

/* ---- begin and end ---- */

static void finish(struct delivery *d)
{
    loop_timer_clear(d->w->loop, &d->cap);
    content_forget(d);
    arena_free(&d->names);
    out_session_free(&d->session);
    dest_facts_unref(&d->facts);
    d->settle(d); /* the job is gone from here on */
    settings_unref(&d->settings);
    free(d->targets);
    free(d->tx_results);
    free(d);
}

static void finish_all_with(struct delivery *d, enum cause cause)
{
    struct status st = status_of(cause);

    transfer_close_all(d, &st);
    finish(d);
}

/* The whole attempt took too long. What was said in the transaction counts; an open question to dns
 * comes home first. */
static void on_cap(struct timer *t)
{
    struct delivery *d = CONTAINER_OF(t, struct delivery, cap);
    struct status why = status_make(CAUSE_REMOTE_TIMEOUT, "the delivery attempt took too long");

    d->over = true;
    if (d->sending) {
        smtp_client_lost(out_session_client(d->session), &why);
        transfer_absorb(d, false);
    }
    transfer_note(d, &why);
    if (!d->asking)
        finish(d);
}

static void tell_expired_policy(const struct delivery *d)
{
    const struct policy_config *old = d->policy.expired;
    char where[300], until[CLOCK_TEXT_MAX];

    if (!old)
        return;
    LOG(POLICY_EXPIRED, d->job->message->id, F_STR("domain", d->job->domain),
        F_STR("policy", old->pattern), F_STR("where", config_where_text(&old->where, where)),
        F_STR("until", clock_rfc3339(old->until_ms, until)), F_STR("note", old->note));
}

void delivery_cut(struct delivery *d)
{
    on_cap(&d->cap);
}

struct delivery *delivery_begin(struct worker_ctx *w, struct job *job,
                                void (*settle)(struct delivery *), void *owner)
{
    struct delivery *d = base_alloc(sizeof(*d));
    struct slice domain = slice_of(job->domain);
    int64_t now_ms = clock_wall_ms();

    d->w = w;
    d->job = job;
    d->settle = settle;
    d->owner = owner;
    d->settings = settings_ref(w->settings);
    d->demand = demand_of(job->message);
    d->targets = base_alloc_array(job->n_rcpts, sizeof(*d->targets));
    d->start_ms = loop_now_ms(w->loop);
    if (job->force_bounce || w->stopping) {
        finish_all_with(d, job->force_bounce ? CAUSE_ADMIN_BOUNCE : CAUSE_SHUTTING_DOWN);
        return d;
    }
    d->route = routes_find(config_of(d), domain);
    d->policy = routes_policy(config_of(d), domain, now_ms);
    transfer_leave_others(d, now_ms);
    tell_expired_policy(d);
    loop_timer_set(w->loop, &d->cap, owner ? PROBE_CAP_MS : DELIVERY_CAP_MS, on_cap);
    next_hop(d);
    return d;
}

void delivery_start(struct worker_ctx *w, struct job *job)
{
    (void)delivery_begin(w, job, delivery_settle, NULL);
}

/* ---- hosts: verdict, failure ---- */

static struct hop_input hop_input(const struct delivery *d)
{
    return (struct hop_input){.settings = d->settings,
                              .hop = &d->hop,
                              .facts = d->facts,
                              .level = d->policy.level,
                              .audit = d->policy.audit,
                              .resolver_validates =
                                  dns_link_resolver(d->w->dns) == RESOLVER_VALIDATES,
                              .demand = delivery_demand(d)};
}

static struct verdict decide(const struct delivery *d, size_t host)
{
    struct hop_input in = hop_input(d);
    return out_hops_verdict(&in, host);
}

/* ---- sessions ---- */

static void on_ready(void *arg);
static void on_finished(void *arg);
static void on_failed(void *arg, const struct status *why, bool no_tls);

static const struct out_session_ops session_calls = {on_ready, on_finished, on_failed};

static bool has_login(const struct delivery *d)
{
    return d->hop.configured && d->hop.configured->username;
}

/* Where a password is to be said, TLSA records that turn out useless leave nothing: without them nobody
 * would have proved who the server is. */
static enum tls_level session_level(const struct delivery *d)
{
    enum tls_level level = verdict_session_level(d->policy.level, delivery_demand(d));

    return has_login(d) && level == TLS_LEVEL_DANE ? TLS_LEVEL_DANE_ONLY : level;
}

static void open_session(struct delivery *d)
{
    struct out_session_start start = {.to = delivery_attempt(d)->to,
                                      .host = delivery_host_name(d, delivery_attempt(d)->host),
                                      .verdict = d->verdict,
                                      .facts = d->facts,
                                      .level = session_level(d),
                                      .hop = &d->hop};

    if (has_login(d)) {
        start.username = d->hop.configured->username;
        start.password = settings_password(d->settings, d->hop.configured);
    }

    d->kept = false;
    d->ready_ms = 0;
    d->session = out_session_open(d->w, &start, &session_calls, d);
}

static void leave_session(struct delivery *d)
{
    if (d->weakened) /* the next message asks for all again */
        out_session_quit(&d->session);
    if (d->session && out_session_reusable(d->session)) {
        pool_put(d->w->pool, d->job->destination, d->key, d->session);
        d->session = NULL;
    }
    out_session_free(&d->session);
}

/* The verdict has seen to it; if the handshake proved less after all, nothing is sent. */
static void refuse_host(struct delivery *d)
{
    struct status why = status_of(CAUSE_REQUIRETLS_NO_TLS);

    delivery_note_host(d, "failed", &why);
    leave_session(d);
    d->at++;
    next_attempt(d);
}

static void begin_transfer(struct delivery *d)
{
    const struct tls_outcome *tls = out_session_tls(d->session);

    d->ready_ms = loop_now_ms(d->w->loop);
    d->contact |= !d->kept; /* a kept connection may be dead already */
    if (tls && tls->half_dane)
        LOG(SMTP_HALF_DANE, d->job->message->id, F_STR("domain", d->job->domain),
            F_STR("host", delivery_host_name(d, delivery_attempt(d)->host)),
            F_STR("relay", out_session_remote(d->session)), F_STR("why", d->verdict.why));
    if (delivery_demand(d) == DEMAND_REQUIRETLS && !transfer_may_require_tls(d))
        refuse_host(d);
    else
        transfer_send(d);
}

static void on_ready(void *arg)
{
    begin_transfer(arg);
}

/* A host that answered has had its say: those it deferred go to the next host, not to another
 * address of the same. */
void delivery_after_host(struct delivery *d)
{
    leave_session(d);
    d->at++;
    next_attempt(d);
}

static void on_finished(void *arg)
{
    struct delivery *d = arg;

    d->kept = false;
    d->contact = true;
    transfer_absorb(d, false);
    if (!transfer_has_open_here(d)) {
        delivery_after_host(d);
    } else if (out_session_reusable(d->session)) {
        transfer_send(d);
    } else {
        out_session_free(&d->session);
        open_session(d);
    }
}

/* A kept connection may have been closed by the server just as we used it: that says nothing about
 * the host, which gets a fresh one. */
static bool was_stale(const struct delivery *d, const struct status *why)
{
    return d->kept && !out_session_dot_sent(d->session) &&
           (why->cause == CAUSE_CONNECTION_LOST || why->cause == CAUSE_REMOTE_CLOSING);
}

static void open_again(struct delivery *d)
{
    out_session_free(&d->session);
    open_session(d);
}

/* True: the host may be tried again with less, on a new connection. */
static bool weaken(struct delivery *d, const struct status *why)
{
    enum verdict_mode weaker = verdict_weaker(&d->verdict, d->hop.implicit_tls);

    if (weaker == VERDICT_SKIP || has_login(d))
        return false;
    delivery_log_host(d, "failed, tried again with less", why);
    if (d->verdict.mode != VERDICT_OPPORTUNISTIC)
        delivery_note_audited(d, why);
    d->weakened = true;
    d->verdict.mode = weaker;
    d->verdict.half_dane = false;
    return true;
}

static void on_failed(void *arg, const struct status *why, bool no_tls)
{
    struct delivery *d = arg;
    bool stale = was_stale(d, why);

    content_pause(d);
    if (d->sending)
        transfer_absorb(d, stale);
    if ((stale && transfer_has_open_here(d)) || (no_tls && weaken(d, why))) {
        open_again(d);
        return;
    }
    delivery_note_host(d, "failed", why);
    out_session_free(&d->session);
    d->at++;
    next_attempt(d);
}

static void count_try(struct delivery *d)
{
    d->tries++;
    if (d->n_tried < ARRAY_LEN(d->tried))
        d->tried[d->n_tried++] = delivery_attempt(d)->to;
}

static void use_kept(struct delivery *d, struct out_session *session)
{
    COUNT(smtp_reused);
    d->session = session;
    d->kept = true;
    count_try(d);
    out_session_adopt(session, &session_calls, d);
    begin_transfer(d);
}

/* ---- attempts ---- */

static void enter_host(struct delivery *d)
{
    if (delivery_attempt(d)->host != d->host)
        d->round++;
    d->host = delivery_attempt(d)->host;
    d->weakened = false;
    d->audited[0] = '\0';
    d->verdict = decide(d, d->host);
    verdict_key(&d->verdict, d->key);
}

static uint16_t preference_of(const struct delivery *d, size_t at)
{
    return d->facts ? d->facts->hosts[d->plan.v[at].host].preference : 0;
}

/* An open connection to any host of the best preference is as good as a new one to the first. */
static bool take_kept(struct delivery *d)
{
    for (size_t i = 0; i < d->plan.n && preference_of(d, i) == preference_of(d, 0); i++) {
        struct verdict v = decide(d, d->plan.v[i].host);
        uint8_t key[VERDICT_KEY];
        struct out_session *session;

        verdict_key(&v, key);
        session = v.mode == VERDICT_SKIP
                      ? NULL
                      : pool_take(d->w->pool, d->job->destination, key, &d->plan.v[i].to);
        if (!session)
            continue;
        out_plan_move_first(&d->plan, i);
        enter_host(d);
        delivery_note_audited_skip(d);
        use_kept(d, session);
        return true;
    }
    return false;
}

/* Whether something forbids to connect there; *out_why says what. */
static bool is_forbidden(const struct delivery *d, struct status *out_why)
{
    if (d->verdict.mode == VERDICT_SKIP)
        *out_why = d->verdict.skip;
    else if (out_hops_refuses(d->settings, &d->hop, &delivery_attempt(d)->to.ip))
        *out_why = status_of(CAUSE_REFUSED_NETWORK);
    else if (has_login(d) && !out_login_is_safe(&d->verdict, d->policy.level, d->hop.kind))
        *out_why = status_of(CAUSE_LOGIN_UNSAFE);
    else
        return false;
    return true;
}

/* True: a session is on its way. */
static bool try_attempt(struct delivery *d)
{
    struct out_session *kept;
    struct status why;

    if (is_forbidden(d, &why)) {
        delivery_note_host(d, "skipped", &why);
        return false;
    }
    delivery_note_audited_skip(d);
    kept = pool_take(d->w->pool, d->job->destination, d->key, &delivery_attempt(d)->to);
    if (kept) {
        use_kept(d, kept);
        return true;
    }
    count_try(d);
    open_session(d);
    return true;
}

/* A host that must not be used is skipped with all its addresses. */
static bool is_same_skipped_host(const struct delivery *d)
{
    return d->round > 0 && delivery_attempt(d)->host == d->host && d->verdict.mode == VERDICT_SKIP;
}

/* RFC 6698 §8.2: what is known of the next host may have expired while others were tried. What came
 * just now serves whatever its TTL, so that each asking is followed by a try. */
static bool is_outdated(const struct delivery *d)
{
    int64_t in_use_ms = loop_now_ms(d->w->loop) - d->facts_ms;

    return d->facts && delivery_attempt(d)->host != d->host &&
           in_use_ms >= 2 * config_of(d)->delivery.timeouts.dns_ms &&
           !dest_facts_are_fresh(d->facts, clock_wall_ms());
}

static void next_attempt(struct delivery *d)
{
    for (; d->at < d->plan.n && d->tries < LIMIT_ADDRESSES_PER_ATTEMPT; d->at++) {
        if (is_same_skipped_host(d))
            continue;
        if (is_outdated(d)) {
            ask_facts(d);
            return;
        }
        enter_host(d);
        if (transfer_has_open_here(d) && try_attempt(d))
            return;
    }
    d->hop_at++;
    next_hop(d);
}

/* ---- plans ---- */

static void note_empty_plan(struct delivery *d)
{
    const struct status *why = &d->plan.why_none;

    LOG(SMTP_HOST, d->job->message->id, F_STR("destination", d->hop.name),
        F_STR("result", "no host"), F_STR("cause", cause_info(why->cause)->name),
        F_STR("text", why->text));
    transfer_note(d, why);
}

static void run_plan(struct delivery *d)
{
    struct hop_input in = hop_input(d);

    (void)!getrandom(&in.random, sizeof(in.random), 0);
    out_hops_plan(&in, &d->plan);
    d->at = 0;
    d->host = SIZE_MAX;
    if (d->plan.n == 0)
        note_empty_plan(d);
    out_plan_leave_out(&d->plan, d->tried, d->n_tried);
    if (d->plan.n > 0 && take_kept(d))
        return;
    next_attempt(d);
}

static void on_facts(struct dns_request *r)
{
    struct delivery *d = CONTAINER_OF(r, struct delivery, request);

    d->asking = false;
    d->facts = r->facts;
    d->facts_ms = loop_now_ms(d->w->loop);
    if (d->over) {
        finish(d);
        return;
    }
    run_plan(d);
}

static void ask_facts(struct delivery *d)
{
    dest_facts_unref(&d->facts);
    d->request = (struct dns_request){.home = d->w->loop,
                                      .done = on_facts,
                                      .kind = d->hop.kind == HOP_MX ? PLAN_MX : PLAN_HOST,
                                      .port = d->hop.port,
                                      .timeout_ms = config_of(d)->delivery.timeouts.dns_ms};
    (void)slice_copy(slice_of(d->hop.name), d->request.name, sizeof(d->request.name));
    d->asking = true;
    dns_link_ask(d->w->dns, &d->request);
}

static void next_hop(struct delivery *d)
{
    dest_facts_unref(&d->facts);
    d->n_tried = 0;
    if (d->hop_at >= out_hops_count(&d->route) || !transfer_has_open(d)) {
        finish(d);
        return;
    }
    d->hop = out_hops_get(&d->route, d->job->domain, d->hop_at);
    if (d->hop.kind != HOP_ADDRESS) {
        ask_facts(d);
        return;
    }
    run_plan(d);
}
