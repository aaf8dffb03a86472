#include "mta/run/check/domain.h"

#include <stdlib.h>

#include "config/base/clock.h"
#include "config/routes.h"
#include "mta/out/hops.h"
#include "mta/run/check/document.h"
#include "mta/run/check/evaluation.h"
#include "mta/run/policy_command.h"

enum { DAY_S = 86400, DNS_GONE_MS = 100 };

struct question {
    struct dns_request request;
    struct domain_check *check;
};

struct domain_check {
    struct check_ctx *ctx;
    char name[DNS_NAME_MAX];
    void (*done)(void *arg);
    void *arg;
    struct route route;
    size_t n_hops;
    struct question *questions; /* one per hop; of an address unused */
    struct dest_facts **facts;
    size_t waiting;
    struct timer start;
    struct evaluation *evaluation;
    json_t *document, *ahead;
    enum check_answer answer;
};

/* ---- evaluations: now, then ahead */

static void evaluate(struct domain_check *d, int64_t wall_ms, int64_t at_s, void (*done)(void *arg))
{
    struct evaluation_start start = {
        .ctx = d->ctx,
        .domain = d->name,
        .route = d->route,
        .policy = routes_policy(d->ctx->settings->config, slice_of(d->name), wall_ms),
        .facts = d->facts,
        .at_s = at_s,
    };
    d->evaluation = evaluation_open(&start, done, d);
}

/* Both days were asked for. */
static void ahead_done(void *arg)
{
    struct domain_check *d = arg;

    d->answer = check_answer_worse(d->answer, evaluation_close(&d->evaluation, d->ahead));
    d->done(d->arg);
}

static int64_t ahead_ms(const struct domain_check *d)
{
    return d->ctx->now_ms + (int64_t)d->ctx->ahead_days * DAY_S * 1000;
}

static json_t *policy_at(const struct domain_check *d, int64_t wall_ms)
{
    json_t *all = policy_explain(d->ctx->settings->config, d->name, d->name, wall_ms);
    json_t *policy = json_incref(json_object_get(all, "policy"));

    json_decref(all);
    return policy;
}

/* Certificates, and exceptions of the configuration, are as that day will find them; DNS is as it
 * is now, since zones sign anew all the time. */
static void look_ahead(struct domain_check *d)
{
    char date[CLOCK_TEXT_MAX];

    d->ahead = json_pack("{s:i, s:o, s:o}", "days", d->ctx->ahead_days, "date",
                         json_stringn(clock_rfc3339(ahead_ms(d), date), 10), "policy",
                         policy_at(d, ahead_ms(d)));
    (void)json_object_set_new(d->document, "ahead", d->ahead);
    evaluate(d, ahead_ms(d), ahead_ms(d) / 1000, ahead_done);
}

static void now_done(void *arg)
{
    struct domain_check *d = arg;

    d->answer = evaluation_close(&d->evaluation, d->document);
    if (d->ctx->ahead_days)
        look_ahead(d);
    else
        d->done(d->arg);
}

/* ---- facts */

static void one_less(struct domain_check *d)
{
    if (--d->waiting == 0)
        evaluate(d, d->ctx->now_ms, 0, now_done);
}

static void on_facts(struct dns_request *r)
{
    struct question *q = CONTAINER_OF(r, struct question, request);
    struct domain_check *d = q->check;

    d->facts[q - d->questions] = r->facts;
    r->facts = NULL;
    one_less(d);
}

static void ask(struct domain_check *d, size_t i)
{
    struct hop hop = out_hops_get(&d->route, d->name, i);
    struct question *q = &d->questions[i];

    if (hop.kind == HOP_ADDRESS)
        return;
    d->waiting++;
    q->check = d;
    q->request = (struct dns_request){
        .home = d->ctx->loop,
        .done = on_facts,
        .kind = hop.kind == HOP_MX ? PLAN_MX : PLAN_HOST,
        .port = hop.port,
        .no_cache = true,
        .timeout_ms =
            d->ctx->dns_gone ? DNS_GONE_MS : d->ctx->settings->config->delivery.timeouts.dns_ms,
    };
    (void)slice_copy(slice_of(hop.name), q->request.name, sizeof(q->request.name));
    dns_link_ask(d->ctx->dns, &q->request);
}

static void start(struct timer *t)
{
    one_less(CONTAINER_OF(t, struct domain_check, start));
}

struct domain_check *domain_check_open(struct check_ctx *ctx, const char *asked, const char *name,
                                       void (*done)(void *arg), void *arg)
{
    struct domain_check *d = base_alloc(sizeof(*d));

    d->ctx = ctx;
    d->done = done;
    d->arg = arg;
    (void)slice_copy(slice_of(name), d->name, sizeof(d->name));
    d->route = routes_find(ctx->settings->config, slice_of(d->name));
    d->document = check_document_json(ctx, asked, d->name);
    d->n_hops = out_hops_count(&d->route);
    d->questions = base_alloc_array(d->n_hops, sizeof(*d->questions));
    d->facts = base_alloc_array(d->n_hops, sizeof(struct dest_facts *));
    d->waiting = 1; /* until all are asked */
    for (size_t i = 0; i < d->n_hops; i++)
        ask(d, i);
    loop_timer_set(ctx->loop, &d->start, 0, start);
    return d;
}

json_t *domain_check_close(struct domain_check **dp, enum check_answer *out_answer)
{
    struct domain_check *d = *dp;
    json_t *document = d->document;

    *dp = NULL;
    *out_answer = d->answer;
    for (size_t i = 0; i < d->n_hops; i++)
        dest_facts_unref(&d->facts[i]);
    loop_timer_clear(d->ctx->loop, &d->start);
    free(d->facts);
    free(d->questions);
    free(d);
    return document;
}
