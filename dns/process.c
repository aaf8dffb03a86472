/* Questions come in as frames, each becomes a job that works off a lookup plan, the facts go back.
 *
 * Nothing is read before the first self test has ended: so mta always knows whether the resolver
 * validates before it holds facts to act on, and a restarted process defers no mail.
 *
 * libunbound may answer inside the call that asks (resolver.h). So each job has one pump, which
 * does not nest: an answer that comes while it pumps only feeds the plan. Jobs that wait for room
 * wait in the socket, unread.
 *
 * While the self test fails, a validating resolver may have no answer at all (a wrong trust anchor
 * makes everything bogus). Then a second one without a trust anchor is asked, so that deliveries
 * whose policy does not look at DNSSEC go on; facts_distrust takes from its facts whatever DANE or
 * a bounce could rest on. mta drops them, and asks again, when it learns that the resolver
 * validates. */
#include "dns/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/arena.h"
#include "config/base/clock.h"
#include "config/base/list.h"
#include "config/base/log.h"
#include "dns/channel.h"
#include "dns/clerk.h"
#include "dns/facts_priv.h"
#include "dns/link.h"
#include "dns/resolver.h"
#include "dns/selftest.h"

enum {
    QUERIES_PER_JOB = 8,  /* at once; LIMIT_DNS_IN_FLIGHT times this is what libunbound is set to */
    ASK_FRAME_MAX = 1024, /* octets of a question's body */
    OUT_MAX = 16 * 1024 * 1024, /* octets of facts that mta has not read */
    STATE_MAX = 1024,
    CLERK_MAX = 2 * LIMIT_LOOKUPS_IN_FLIGHT, /* mta keeps to half of it */
};

struct process {
    const struct config *config;
    struct loop *loop;
    struct resolver *resolver;
    struct resolver *blind; /* NULL until the self test first fails */
    struct selftest *selftest;
    struct channel *channel;
    struct list jobs;
    size_t n_jobs;
    struct clerk clerk;
    enum resolver_state state;
    int status;
};

struct job {
    struct list node;
    struct process *process;
    uint64_t id;
    struct resolver *resolver;
    struct plan *plan;
    int64_t begun_ms;    /* wall clock */
    struct list queries; /* open ones */
    size_t n_queries;
    struct timer deadline;
    bool pumping, late;
};

struct job_query {
    struct list node;
    struct lookup lookup;
    struct job *job;
    uint32_t id; /* of the plan */
};

/* Before the deadline of those who ask, so that hosts whose DNS works are told of in time although
 * others never answer (RFC 7672 §2.1.2). */
static int64_t deadline_ms(const struct process *p)
{
    return p->config->delivery.timeouts.dns_ms * 4 / 5;
}

static void stop(struct process *p, int status)
{
    p->status = status;
    loop_stop(p->loop);
}

static void hold_or_read(struct process *p)
{
    channel_pause(p->channel, p->state == RESOLVER_UNKNOWN || p->n_jobs >= LIMIT_DNS_IN_FLIGHT ||
                                  p->clerk.n_open >= CLERK_MAX);
}

/* ---- answers to mta */

static bool encode_answer(uint64_t id, const struct dest_facts *facts, struct buf *body)
{
    buf_clear(body);
    return frame_put_u64(body, id) && dest_facts_encode(facts, body);
}

static void send_facts(struct process *p, uint64_t id, const struct dest_facts *facts)
{
    struct buf body;

    buf_init(&body, LIMIT_DNS_FRAME);
    if (!encode_answer(id, facts, &body)) {
        struct dest_facts *too_large =
            facts_new_error(facts->name, facts->port, "answers beyond our limits");
        too_large->made_ms = facts->made_ms;
        REQUIRE(encode_answer(id, too_large, &body));
        dest_facts_unref(&too_large);
    }
    if (!channel_send(p->channel, DNS_FRAME_FACTS, buf_slice(&body)))
        stop(p, 1);
    buf_free(&body);
}

static void send_state(struct process *p, const char *detail)
{
    struct buf body;

    buf_init(&body, STATE_MAX);
    if (!frame_put_u8(&body, (uint8_t)p->state) || !frame_put_str(&body, slice_of(detail)) ||
        !channel_send(p->channel, DNS_FRAME_STATE, buf_slice(&body)))
        stop(p, 1);
    buf_free(&body);
}

/* ---- jobs */

static void job_free(struct job *job)
{
    LIST_EACH(node, &job->queries)
    {
        struct job_query *q = LIST_ENTRY(node, struct job_query, node);
        resolver_cancel(&q->lookup);
        free(q);
    }
    loop_timer_clear(job->process->loop, &job->deadline);
    list_remove(&job->node);
    plan_free(&job->plan);
    job->process->n_jobs--;
    free(job);
}

static void job_finish(struct job *job)
{
    struct process *p = job->process;
    struct dest_facts *facts = plan_finish(&job->plan, job->begun_ms);

    if (job->resolver == p->blind)
        facts_distrust(facts);
    send_facts(p, job->id, facts);
    dest_facts_unref(&facts);
    job_free(job);
    hold_or_read(p);
}

static void job_pump(struct job *job);

static void on_answer(struct lookup *l, const struct dns_answer *answer)
{
    struct job_query *q = CONTAINER_OF(l, struct job_query, lookup);
    struct job *job = q->job;

    plan_feed(job->plan, q->id, answer);
    list_remove(&q->node);
    free(q);
    job->n_queries--;
    job_pump(job);
}

static void feed_late(struct job *job, uint32_t id, const char *name)
{
    struct arena *arena = arena_new();
    const char *why =
        arena_printf(arena, "no answer within %lld s", (long long)deadline_ms(job->process) / 1000);
    struct dns_answer answer = dns_answer_failed(arena, name, why);

    plan_feed(job->plan, id, &answer);
    arena_free(&arena);
}

static void job_ask(struct job *job, const struct plan_query *query)
{
    if (job->late) {
        feed_late(job, query->id, query->name);
        return;
    }
    struct job_query *q = base_alloc(sizeof(*q));
    q->job = job;
    q->id = query->id;
    q->lookup.done = on_answer;
    list_append(&job->queries, &q->node);
    job->n_queries++;
    resolver_ask(job->resolver, &q->lookup, query->name, query->type);
}

/* The job may be gone afterwards, unless it was pumping already. */
static void job_pump(struct job *job)
{
    struct plan_query query;

    if (job->pumping)
        return;
    job->pumping = true;
    while (job->n_queries < QUERIES_PER_JOB && plan_next(job->plan, &query))
        job_ask(job, &query);
    job->pumping = false;
    if (plan_done(job->plan))
        job_finish(job);
}

static void on_deadline(struct timer *t)
{
    struct job *job = CONTAINER_OF(t, struct job, deadline);

    job->late = true;
    LIST_EACH(node, &job->queries)
    {
        struct job_query *q = LIST_ENTRY(node, struct job_query, node);
        resolver_cancel(&q->lookup);
        feed_late(job, q->id, q->lookup.name);
        list_remove(node);
        free(q);
    }
    job->n_queries = 0;
    job_pump(job);
}

static struct resolver *current_resolver(const struct process *p)
{
    return p->state == RESOLVER_NOT_VALIDATING ? p->blind : p->resolver;
}

static void job_start(struct process *p, uint64_t id, enum plan_kind kind, const char *name,
                      uint16_t port)
{
    struct job *job = base_alloc(sizeof(*job));

    job->process = p;
    job->id = id;
    job->resolver = current_resolver(p);
    job->plan = plan_new(kind, name, port);
    job->begun_ms = clock_wall_ms();
    list_init(&job->queries);
    list_append(&p->jobs, &job->node);
    p->n_jobs++;
    loop_timer_set(p->loop, &job->deadline, deadline_ms(p), on_deadline);
    job_pump(job);
}

/* ---- the link */

static void send_records(void *arg, struct slice body)
{
    struct process *p = arg;

    if (!channel_send(p->channel, DNS_FRAME_RECORDS, body))
        stop(p, 1);
    hold_or_read(p);
}

static bool on_query(struct process *p, struct slice body)
{
    bool ok = clerk_ask(&p->clerk, current_resolver(p), body);

    hold_or_read(p);
    return ok;
}

static bool on_ask(struct process *p, struct slice body)
{
    struct frame_reader r = frame_reader_of(body);
    uint64_t id = frame_get_u64(&r);
    unsigned kind = frame_get_u8(&r);
    struct slice text = frame_get_str(&r, DNS_NAME_MAX - 1);
    uint16_t port = frame_get_u16(&r);
    char name[DNS_NAME_MAX];

    if (!frame_reader_done(&r) || kind > PLAN_HOST || !dns_name_normalise(text, name) || !slice_eq(text, slice_of(name)))
        return false;
    job_start(p, id, (enum plan_kind)kind, name, port);
    hold_or_read(p);
    return true;
}

static bool on_frame(void *arg, const struct frame *frame)
{
    if (frame->kind == DNS_FRAME_QUERY)
        return on_query(arg, frame->body);
    return frame->kind == DNS_FRAME_ASK && on_ask(arg, frame->body);
}

static void on_closed(void *arg, const char *why)
{
    stop(arg, 0);
}

static struct resolver *make_resolver(struct process *p, enum resolver_mode mode)
{
    struct buf errors;

    buf_init(&errors, 4096);
    struct resolver *r = resolver_new(p->loop, &p->config->resolver, mode, &errors);
    if (!r)
        LOG(DNS_RESOLVER, NULL, F_STR("error", buf_cstr(&errors)));
    buf_free(&errors);
    return r;
}

static void set_state(struct process *p, enum resolver_state state, const char *detail)
{
    if (state == p->state)
        return;
    p->state = state;
    if (state == RESOLVER_NOT_VALIDATING) /* one alarm, however many tests fail after it */
        LOG(DNS_NOT_VALIDATING, NULL, F_STR("detail", detail));
    if (state == RESOLVER_NOT_VALIDATING && !p->blind &&
        !(p->blind = make_resolver(p, RESOLVER_BLIND)))
        stop(p, 1);
    send_state(p, detail);
}

static void on_selftest(void *arg, enum resolver_state state, const char *detail)
{
    struct process *p = arg;
    bool validates = state == RESOLVER_VALIDATES;

    LOG(DNS_SELF_TEST, NULL, F_STR("result", validates ? "validates" : "does not validate"),
        F_STR("detail", detail));
    set_state(p, state, detail);
    hold_or_read(p);
}

static bool process_start(struct process *p, int fd)
{
    static const struct channel_calls calls = {on_frame, on_closed};
    static const struct channel_limits limits = {.frame = ASK_FRAME_MAX, .out = OUT_MAX};

    p->channel = channel_new(p->loop, fd, &limits, &calls, p);
    p->resolver = make_resolver(p, RESOLVER_TRUST_ANCHOR);
    if (!p->resolver)
        return false;
    p->selftest = selftest_new(p->loop, p->resolver, &p->config->resolver, on_selftest, p);
    hold_or_read(p);
    return true;
}

static void process_end(struct process *p)
{
    LIST_EACH(node, &p->jobs)
    job_free(LIST_ENTRY(node, struct job, node));
    clerk_drop_all(&p->clerk);
    selftest_free(&p->selftest);
    resolver_free(&p->blind);
    resolver_free(&p->resolver);
    channel_free(&p->channel);
    loop_free(&p->loop);
}

int dns_process_run(const struct config *c, int fd)
{
    struct process p = {.config = c, .loop = loop_new("dns"), .status = 1};

    list_init(&p.jobs);
    p.clerk = (struct clerk){.loop = p.loop, .deadline_ms = deadline_ms(&p), .send = send_records, .arg = &p};
    list_init(&p.clerk.open);
    if (process_start(&p, fd))
        loop_run(p.loop);
    process_end(&p);
    return p.status;
}
