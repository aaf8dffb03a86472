/* A flight is one question on its way, with everybody who waits for it. Answers are matched by the
 * flight's number, which is new each time it is asked: an answer to an earlier asking is nobody's.
 *
 *   - asked: cached facts go home at once; else it joins the question's flight, or starts one;
 *   - facts arrive: everybody home, and the facts into the cache;
 *   - the deadline of one passes: that one home with an error;
 *   - the process is lost: the flight waits and is asked again. */
#include "dns/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/log.h"
#include "config/base/map.h"
#include "dns/cache.h"
#include "dns/channel.h"
#include "dns/facts_priv.h"
#include "dns/queries.h"

enum {
    OUT_MAX = 8 * 1024 * 1024, /* some 30,000 questions: a process that leaves them lying is dead */
    DETAIL_MAX = 1024,         /* octets of the words of the self test */
    ASK_MAX = 300,             /* octets of a question's body */
};

struct flight {
    struct question q;
    uint64_t id;
    struct dns_link *link;
    struct dns_request *waiting;
    struct timer deadline; /* of the first who gives up */
    UT_hash_handle by_question, by_id;
};

struct dns_link {
    struct loop *loop;
    struct channel *channel; /* NULL: no process at present */
    struct flight *by_question, *by_id;
    uint64_t last_id;
    struct cache cache;
    struct queries queries;
    _Atomic int state;
    void (*lost)(void *);
    void *lost_arg;
    void (*changed)(void *, enum resolver_state, const char *);
    void *changed_arg;
    dns_script_fn *script;
    void *script_arg;
};

/* ---- the way home */

static void come_home(struct msg *m)
{
    struct dns_request *r = CONTAINER_OF(m, struct dns_request, msg);
    r->done(r);
}

/* The request gets a reference of its own. */
static void send_home(struct dns_request *r, struct dest_facts *facts)
{
    r->facts = dest_facts_ref(facts);
    loop_post(r->home, &r->msg, come_home);
}

/* ---- flights */

static void flight_number(struct dns_link *l, struct flight *f)
{
    if (f->id)
        HASH_DELETE(by_id, l->by_id, f);
    f->id = ++l->last_id;
    HASH_ADD(by_id, l->by_id, id, sizeof(f->id), f);
}

static struct flight *flight_find(struct dns_link *l, const struct question *q)
{
    struct flight *f;
    HASH_FIND(by_question, l->by_question, q, sizeof(*q), f);
    return f;
}

static struct flight *flight_new(struct dns_link *l, const struct question *q)
{
    struct flight *f = base_alloc(sizeof(*f));

    f->q = *q;
    f->link = l;
    HASH_ADD(by_question, l->by_question, q, sizeof(f->q), f);
    flight_number(l, f);
    return f;
}

static void flight_free(struct flight *f)
{
    struct dns_link *l = f->link;

    HASH_DELETE(by_question, l->by_question, f);
    HASH_DELETE(by_id, l->by_id, f);
    loop_timer_clear(l->loop, &f->deadline);
    free(f);
}

static bool flight_send(struct dns_link *l, const struct flight *f)
{
    struct buf body;

    buf_init(&body, ASK_MAX);
    bool ok = frame_put_u64(&body, f->id) && frame_put_u8(&body, (uint8_t)f->q.kind) &&
              frame_put_str(&body, slice_of(f->q.name)) && frame_put_u16(&body, f->q.port) &&
              channel_send(l->channel, DNS_FRAME_ASK, buf_slice(&body));
    buf_free(&body);
    return ok;
}

static bool ask_all_again(struct dns_link *l)
{
    struct flight *f, *next;
    bool ok = true;

    HASH_ITER(by_question, l->by_question, f, next)
    {
        flight_number(l, f);
        ok = ok && flight_send(l, f);
    }
    return ok;
}

/* ---- deadlines */

static struct dest_facts *too_late(const struct dns_link *l, const struct dns_request *r)
{
    char why[128];
    int64_t ms = r->timeout_ms;

    (void)snprintf(why, sizeof(why), "no answer within %lld %s%s",
                   (long long)(ms % 1000 ? ms : ms / 1000), ms % 1000 ? "ms" : "s",
                   l->channel ? "" : " (the dns process is not there)");
    struct dest_facts *facts = facts_new_error(r->name, r->port, why);
    facts->made_ms = clock_wall_ms();
    return facts;
}

static void on_deadline(struct timer *t);

static void arm_deadline(struct flight *f)
{
    int64_t first = INT64_MAX;

    for (const struct dns_request *r = f->waiting; r; r = r->next)
        first = r->deadline_ms < first ? r->deadline_ms : first;
    loop_timer_set(f->link->loop, &f->deadline, first - loop_now_ms(f->link->loop), on_deadline);
}

static void on_deadline(struct timer *t)
{
    struct flight *f = CONTAINER_OF(t, struct flight, deadline);
    struct dns_link *l = f->link;

    for (struct dns_request **at = &f->waiting; *at;) {
        struct dns_request *r = *at;
        if (r->deadline_ms > loop_now_ms(l->loop)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        struct dest_facts *facts = too_late(l, r);
        send_home(r, facts);
        dest_facts_unref(&facts);
    }
    if (f->waiting)
        arm_deadline(f);
    else
        flight_free(f);
}

/* ---- the process on the other side */

static void on_closed(void *arg, const char *why)
{
    struct dns_link *l = arg;

    channel_free(&l->channel);
    LOG(DNS_LINK, NULL, F_STR("state", "lost"), F_STR("why", why));
    if (l->lost)
        l->lost(l->lost_arg);
}

static bool answers(const struct dest_facts *facts, const struct question *q)
{
    bool is_host = facts->kind == DEST_HOST;

    return strcmp(facts->name, q->name) == 0 && facts->port == q->port &&
           (facts->kind == DEST_ERROR || is_host == (q->kind == PLAN_HOST));
}

/* When the lookups began, on the clock of the cache: from then on the TTL runs. */
static int64_t begun_ms(const struct dns_link *l, const struct dest_facts *facts)
{
    int64_t age = clock_wall_ms() - facts->made_ms;
    return loop_now_ms(l->loop) - (age > 0 ? age : 0);
}

static void land(struct flight *f, struct dest_facts *facts)
{
    struct dns_link *l = f->link;

    cache_put(&l->cache, &f->q, facts, begun_ms(l, facts));
    for (struct dns_request *r = f->waiting, *next; r; r = next) {
        next = r->next;
        send_home(r, facts);
    }
    flight_free(f);
}

static bool on_facts(struct dns_link *l, struct slice body)
{
    struct frame_reader r = frame_reader_of(body);
    uint64_t id = frame_get_u64(&r);
    struct dest_facts *facts;
    struct flight *f;

    if (r.failed)
        return false;
    HASH_FIND(by_id, l->by_id, &id, sizeof(id), f);
    if (!f)
        return true; /* everybody gave up, or it was asked anew */
    if (!dest_facts_decode(r.left, &facts))
        return false;
    bool good = answers(facts, &f->q);
    if (good)
        land(f, facts);
    dest_facts_unref(&facts);
    return good;
}

static void set_state(struct dns_link *l, enum resolver_state state)
{
    atomic_store(&l->state, (int)state);
    counter_set(COUNTER_resolver_validates, state == RESOLVER_VALIDATES);
}

/* Facts found by a resolver that did not validate may call everything insecure. They must not be
 * used once it does: the cache is emptied, and what is under way is asked again. */
static bool on_state(struct dns_link *l, struct slice body)
{
    struct frame_reader r = frame_reader_of(body);
    unsigned state = frame_get_u8(&r);
    struct slice detail = frame_get_str(&r, DETAIL_MAX);
    enum resolver_state before = dns_link_resolver(l);
    bool ok = true;

    if (!frame_reader_done(&r) || state > RESOLVER_NOT_VALIDATING)
        return false;
    if (state == before)
        return true;
    set_state(l, (enum resolver_state)state);
    cache_clear(&l->cache);
    if (before == RESOLVER_NOT_VALIDATING)
        ok = ask_all_again(l);
    char *words = slice_dup(detail);
    if (l->changed)
        l->changed(l->changed_arg, (enum resolver_state)state, words);
    free(words);
    return ok;
}

static bool on_records(struct dns_link *l, struct slice body)
{
    return queries_on_records(&l->queries, l->channel, body);
}

static bool on_frame(void *arg, const struct frame *frame)
{
    if (frame->kind == DNS_FRAME_FACTS)
        return on_facts(arg, frame->body);
    if (frame->kind == DNS_FRAME_STATE)
        return on_state(arg, frame->body);
    if (frame->kind == DNS_FRAME_RECORDS)
        return on_records(arg, frame->body);
    return false;
}

void dns_link_attach(struct dns_link *l, int fd)
{
    static const struct channel_calls calls = {on_frame, on_closed};
    static const struct channel_limits limits = {.frame = LIMIT_DNS_FRAME, .out = OUT_MAX};

    channel_free(&l->channel);
    cache_clear(&l->cache); /* the new process may have another configuration */
    l->channel = channel_new(l->loop, fd, &limits, &calls, l);
    if (!ask_all_again(l) || !queries_ask_again(&l->queries, l->channel))
        on_closed(l, "too many questions");
}

/* ---- questions */

static void join_flight(struct dns_link *l, struct dns_request *r, const struct question *q)
{
    struct flight *f = flight_find(l, q);
    bool is_new = f == NULL;

    if (is_new)
        f = flight_new(l, q);
    r->next = f->waiting;
    f->waiting = r;
    arm_deadline(f);
    if (!is_new)
        return;
    COUNT(dns_lookups);
    if (l->channel && !flight_send(l, f))
        on_closed(l, "it does not take questions any more");
}

static void answer_by_script(struct dns_link *l, struct dns_request *r)
{
    struct dest_facts *facts = l->script(l->script_arg, r->kind, r->name, r->port);

    send_home(r, facts);
    dest_facts_unref(&facts);
}

static void on_ask(struct msg *m)
{
    struct dns_request *r = CONTAINER_OF(m, struct dns_request, msg);
    struct dns_link *l = r->link;
    struct question q = question_key(r->kind, r->name, r->port);

    if (l->script) {
        answer_by_script(l, r);
        return;
    }
    r->deadline_ms = loop_now_ms(l->loop) + r->timeout_ms;
    struct dest_facts *cached = r->no_cache ? NULL : cache_get(&l->cache, &q, loop_now_ms(l->loop));
    if (!cached) {
        join_flight(l, r, &q);
        return;
    }
    COUNT(dns_cached);
    send_home(r, cached);
}

void dns_link_ask(struct dns_link *l, struct dns_request *r)
{
    r->link = l;
    r->next = NULL;
    r->facts = NULL;
    loop_post(l->loop, &r->msg, on_ask);
}

static void on_query(struct msg *m)
{
    struct dns_query *q = CONTAINER_OF(m, struct dns_query, msg);
    struct dns_link *l = q->link;

    if (!queries_ask(&l->queries, l->channel, q))
        on_closed(l, "it does not take questions any more");
}

void dns_link_query(struct dns_link *l, struct dns_query *q)
{
    REQUIRE(dns_records_has_type(q->type));
    q->link = l;
    loop_post(l->loop, &q->msg, on_query);
}

/* ---- the rest */

struct dns_link *dns_link_new(struct loop *loop)
{
    struct dns_link *l = base_alloc(sizeof(*l));

    l->loop = loop;
    l->cache.max = LIMIT_FACTS_CACHED;
    queries_init(&l->queries, loop);
    return l;
}

void dns_link_free(struct dns_link **lp)
{
    struct dns_link *l = *lp;
    struct flight *f, *next;

    if (!l)
        return;
    HASH_ITER(by_question, l->by_question, f, next)
    flight_free(f);
    queries_drop(&l->queries);
    channel_free(&l->channel);
    cache_clear(&l->cache);
    free(l);
    *lp = NULL;
}

void dns_link_on_lost(struct dns_link *l, void (*run)(void *), void *arg)
{
    l->lost = run;
    l->lost_arg = arg;
}

enum resolver_state dns_link_resolver(const struct dns_link *l)
{
    return (enum resolver_state)atomic_load(&l->state);
}

void dns_link_on_state(struct dns_link *l, void (*run)(void *, enum resolver_state, const char *),
                       void *arg)
{
    l->changed = run;
    l->changed_arg = arg;
}

void dns_link_script(struct dns_link *l, dns_script_fn *fn, void *arg, enum resolver_state state)
{
    l->script = fn;
    l->script_arg = arg;
    set_state(l, state);
}

void dns_link_script_queries(struct dns_link *l, dns_query_script_fn *fn, void *arg)
{
    l->queries.script = fn;
    l->queries.script_arg = arg;
}

bool dns_link_is_quiet(const struct dns_link *l)
{
    return queries_are_none(&l->queries);
}
