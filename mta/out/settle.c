/* The end of a delivery: an outcome per recipient, its log line (README, "Log"), notifications, and
 * the job goes home. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "mta/out/delivery_private.h"
#include "mta/out/notify.h"

static uint64_t random_word(void)
{
    uint64_t word = 0;

    (void)!getrandom(&word, sizeof(word), 0);
    return word;
}

static const struct delivery_config *delivery_of(const struct delivery *d)
{
    return &d->settings->config->delivery;
}

static struct recipient *recipient_of(const struct delivery *d, size_t i)
{
    return &d->job->message->rcpts[d->job->rcpts[i]];
}

/* ---- outcomes ---- */

static struct outcome decide(const struct delivery *d, size_t i, uint64_t random, int64_t now_ms)
{
    const struct delivery_config *c = delivery_of(d);
    const struct message *m = d->job->message;
    struct outcome_input in = {
        .status = d->targets[i].status,
        .rule = {c->retry_min_ms, c->retry_max_ms, c->expire_ms, c->delay_warning_ms},
        .arrival_ms = m->arrival_ms,
        .now_ms = now_ms,
        .attempts = recipient_of(d, i)->attempts + 1,
        .warned = (m->flags & MESSAGE_WARNED) != 0 || m->sender[0] == '\0',
        .random = random
    };

    REQUIRE(d->targets[i].noted);
    return outcome_decide(&in);
}

static struct rcpt_change change_of(const struct delivery *d, size_t i, const struct outcome *o)
{
    struct rcpt_change change = {
        .rcpt = d->job->rcpts[i], .state = o->state, .next_ms = o->next_ms, .status = o->status};

    (void)slice_copy(slice_of(d->targets[i].trail.remote), change.remote, sizeof(change.remote));
    return change;
}

static void count(const struct trail *t, enum outcome_kind kind)
{
    if (kind == OUTCOME_DEFERRED)
        COUNT(recipients_deferred);
    else if (kind != OUTCOME_SENT)
        COUNT(recipients_bounced);
    else
        COUNT(recipients_delivered);
    if (kind == OUTCOME_SENT && slice_eq(slice_of(t->tls), SLICE("dane")))
        COUNT(recipients_delivered_dane);
    if (kind == OUTCOME_SENT && slice_eq(slice_of(t->tls), SLICE("none")))
        COUNT(recipients_delivered_clear);
}

/* What this delivery says about the destination (queue/sched.h). A failure of our own says nothing,
 * and neither does an answer that made contact unnecessary. */
static enum sched_result contact_of(const struct delivery *d)
{
    if (d->contact)
        return SCHED_MADE_CONTACT;
    for (size_t i = 0; i < d->job->n_rcpts; i++) {
        const struct status *st = &d->targets[i].status;
        if (status_disposition(st) == DISP_RETRY && cause_info(st->cause)->fault != FAULT_LOCAL)
            return SCHED_NO_CONTACT;
    }
    return SCHED_NOT_TRIED;
}

/* ---- the delivery line ---- */

enum { SECONDS_MAX = 24, DELAYS_MAX = 4 * SECONDS_MAX };

/* Seconds with as many digits as matter: "0.06", "1.2", "14". */
static const char *seconds(int64_t ms, char text[SECONDS_MAX])
{
    if (ms < 0)
        ms = 0;
    if (ms < 10)
        (void)snprintf(text, SECONDS_MAX, "0");
    else if (ms < 1000)
        (void)snprintf(text, SECONDS_MAX, ms / 10 % 10 ? "0.%02d" : "0.%d",
                       (int)(ms / 10 % 10 ? ms / 10 : ms / 100));
    else if (ms < 10000 && ms / 100 % 10)
        (void)snprintf(text, SECONDS_MAX, "%d.%d", (int)(ms / 1000), (int)(ms / 100 % 10));
    else
        (void)snprintf(text, SECONDS_MAX, "%lld", (long long)(ms / 1000));
    return text;
}

struct line {
    struct log_field v[24];
    size_t n;
    char delay[SECONDS_MAX], delays[DELAYS_MAX], esc[16], depth[16];
    char note[STATUS_TEXT_MAX + 16];
};

static void add(struct line *l, struct log_field field)
{
    REQUIRE(l->n < ARRAY_LEN(l->v));
    l->v[l->n++] = field;
}

/* Before we had it in hand, waiting for its turn, finding and opening a connection, transmission.
 */
static void add_delays(struct line *l, const struct delivery *d, const struct trail *t)
{
    int64_t now = loop_now_ms(d->w->loop);
    int64_t begin = clock_wall_ms() - d->job->message->arrival_ms - (now - d->job->taken_ms);
    int64_t ready = t->ready_ms ? t->ready_ms : t->end_ms;
    char a[SECONDS_MAX], b[SECONDS_MAX], c[SECONDS_MAX], e[SECONDS_MAX];

    begin = begin < 0 ? 0 : begin;
    add(l, F_STR("delay", seconds(begin + t->end_ms - d->job->taken_ms, l->delay)));
    (void)snprintf(l->delays, sizeof(l->delays), "%s/%s/%s/%s", seconds(begin, a),
                   seconds(d->start_ms - d->job->taken_ms, b), seconds(ready - d->start_ms, c),
                   seconds(t->end_ms - ready, e));
    add(l, F_STR("delays", l->delays));
}

static void add_known(struct line *l, const char *key, const char *value)
{
    if (value && value[0])
        add(l, F_STR(key, value));
}

/* What the security of the delivery rests on: DNS, then the certificate. */
static void add_security(struct line *l, const struct trail *t)
{
    if (t->record[0])
        (void)snprintf(l->depth, sizeof(l->depth), "%d", t->depth);
    add_known(l, "level", t->level);
    add_known(l, "mx", t->mx);
    add_known(l, "base", t->base);
    add_known(l, "usable", t->usable);
    add_known(l, "record", t->record);
    add_known(l, "depth", l->depth);
    add_known(l, "name", t->name);
    add_known(l, "protocol", t->protocol);
    add_known(l, "cipher", t->cipher);
    add_known(l, t->by_message ? "ignored" : "audit", t->audited);
    add_known(l, "asks", t->asks);
    add_known(l, "finding", t->finding);
}

static void add_status(struct line *l, const struct outcome *o)
{
    const struct cause_info *told = cause_info(o->because);

    if (o->status.from_peer)
        (void)snprintf(l->note, sizeof(l->note), "%u %s", o->status.code, o->status.text);
    else
        (void)snprintf(l->note, sizeof(l->note), "%s", o->status.text);
    add(l, F_STR("dsn", esc_text(o->status.esc, l->esc)));
    add(l, F_STR("status", outcome_name(o->kind)));
    add(l, F_NOTE("text", l->note));
    if (o->kind == OUTCOME_SENT)
        return;
    add(l, F_STR("fault", fault_words(told->fault)));
    if (told->remedy[0])
        add(l, F_STR("remedy", told->remedy));
}

/* First what mail tools know, in the order they know it, up to the words in brackets; ours after it. */
static void log_delivery(const struct delivery *d, size_t i, const struct outcome *o)
{
    const struct trail *t = &d->targets[i].trail;
    struct line l = {.n = 0, .depth = ""};

    if (!log_enabled(EVENT_SMTP_DELIVERY))
        return;
    add(&l, F_ADDR("to", recipient_of(d, i)->address));
    add(&l, F_STR("relay", t->remote[0] ? t->remote : "none"));
    add_delays(&l, d, t);
    add(&l, F_STR("tls", t->tls));
    add_status(&l, o);
    add_security(&l, t);
    add(&l, F_ADDR("from", d->job->message->sender));
    log_event(EVENT_SMTP_DELIVERY, d->job->message->id, l.v, l.n);
}

/* ---- notifications ---- */

static bool has_come_to_pass(const struct delivery *d, size_t i, const struct outcome *o,
                             enum dsn_kind kind)
{
    if (kind == DSN_SUCCESS)
        return o->kind == OUTCOME_SENT && !d->targets[i].dsn_passed;
    return kind == DSN_FAILED ? o->state == RCPT_BOUNCED : o->warn;
}

static struct dsn_rcpt reported(const struct delivery *d, size_t i, const struct outcome *o)
{
    const struct recipient *r = recipient_of(d, i);

    return (struct dsn_rcpt){.address = r->address,
                             .orcpt = r->orcpt,
                             .status = o->status,
                             .remote = d->targets[i].trail.remote,
                             .because = o->because,
                             .delivered = d->targets[i].delivered};
}

/* One notification for all recipients of its kind whose sender wants to hear of it, and of nobody
 * else (RFC 3461 §5.2.8); nothing if there are none, or nobody to tell. */
static bool notify(struct delivery *d, const struct outcome *outcomes, enum dsn_kind kind,
                   int64_t now_ms)
{
    struct dsn_rcpt *rcpts = base_alloc_array(d->job->n_rcpts, sizeof(*rcpts));
    struct message *note = NULL;
    size_t n = 0;

    for (size_t i = 0; i < d->job->n_rcpts; i++)
        if (has_come_to_pass(d, i, &outcomes[i], kind) &&
            notify_is_wanted(recipient_of(d, i)->notify, kind))
            rcpts[n++] = reported(d, i, &outcomes[i]);
    if (n)
        note = notify_make(d->settings->config, d->job->message, kind, rcpts, n, now_ms);
    free(rcpts);
    if (!note)
        return false;
    d->job->dsns[d->job->n_dsns++] = note;
    return true;
}

static void notify_all(struct delivery *d, const struct outcome *outcomes, int64_t now_ms)
{
    d->job->dsns = base_alloc_array(3, sizeof(struct message *));
    d->job->n_dsns = 0;
    (void)notify(d, outcomes, DSN_FAILED, now_ms);
    (void)notify(d, outcomes, DSN_SUCCESS, now_ms);
    d->job->warned = notify(d, outcomes, DSN_DELAYED, now_ms);
}

void delivery_settle(struct delivery *d)
{
    struct job *job = d->job;
    struct outcome *outcomes = base_alloc_array(job->n_rcpts, sizeof(*outcomes));
    uint64_t random = random_word(); /* one for all: recipients of one message stay together */
    int64_t now_ms = clock_wall_ms();

    if (!job->changes)
        job->changes = base_alloc_array(job->n_rcpts, sizeof(*job->changes));
    for (size_t i = 0; i < job->n_rcpts; i++) {
        outcomes[i] = decide(d, i, random, now_ms);
        job->changes[i] = change_of(d, i, &outcomes[i]);
        count(&d->targets[i].trail, outcomes[i].kind);
        log_delivery(d, i, &outcomes[i]);
    }
    notify_all(d, outcomes, now_ms);
    job->contact = contact_of(d);
    free(outcomes);
    queue_settle(job);
}
