/* Group commit: all that one turn of the queue loop brought goes into one transaction. Submits are
 * answered when it is done, settled jobs end. What a failed commit leaves behind: submits get their
 * 4yz and stay the askers'; settles wait here, as the mail is delivered whether we can write it
 * down or not. Queue loop. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/limits.h"
#include "config/base/log.h"
#include "config/routes.h"
#include "queue/queue_private.h"

enum {
    MEND_MS = 1000,
    SPACE_ENOUGH = 16 * 1024 * 1024, /* octets free before we call the disk usable again */
};

struct store_op *queue_op_add(struct queue *q, enum store_op_kind kind)
{
    if (q->n_ops == q->cap_ops) {
        q->cap_ops = q->cap_ops ? q->cap_ops * 2 : 64;
        q->ops = base_realloc(q->ops, q->cap_ops * sizeof(*q->ops));
    }
    struct store_op *op = &q->ops[q->n_ops++];
    memset(op, 0, sizeof(*op));
    op->kind = kind;
    return op;
}

void queue_count_messages(struct queue *q, int64_t by)
{
    q->messages += by;
    counter_set(COUNTER_queue_messages, q->messages);
}

static void mend(struct timer *t);

void queue_mend_soon(struct queue *q)
{
    if (!loop_timer_is_set(&q->mend))
        loop_timer_set(q->loop, &q->mend, MEND_MS, mend);
}

/* FATAL: the answer is that there is none; who waits finds out by the connection's end. */
void queue_note_result(struct queue *q, enum store_result result)
{
    static const enum queue_health health[] = {
        [STORE_OK] = QUEUE_HEALTHY,
        [STORE_FULL] = QUEUE_DISK_FULL,
        [STORE_ERROR] = QUEUE_FAILING,
        [STORE_FATAL] = QUEUE_FAILING,
    };

    q->health = (int)health[result];
    if (result == STORE_OK) {
        COUNT(queue_commits);
        return;
    }
    if (result == STORE_FATAL) {
        queue_fatal(q, "a sync failed or the queue file is damaged");
        return;
    }
    queue_log_error("commit", result);
    queue_mend_soon(q);
}

static enum cause answer_of(enum store_result result)
{
    static const enum cause cause[] = {
        [STORE_OK] = CAUSE_OK,
        [STORE_FULL] = CAUSE_QUEUE_FULL,
        [STORE_ERROR] = CAUSE_QUEUE_ERROR,
        [STORE_FATAL] = CAUSE_QUEUE_ERROR,
    };
    return cause[result];
}

static void on_answered(struct msg *m)
{
    struct queue_submit *r = CONTAINER_OF(m, struct queue_submit, msg);
    r->done(r);
}

void queue_answer_submit(struct queue_submit *r, enum cause cause)
{
    r->status = status_of(cause);
    loop_post(r->home, &r->msg, on_answered);
}

static void answer_submits(struct queue *q, enum store_result result)
{
    struct msg *m;

    while ((m = fifo_pop(&q->submits)))
        queue_answer_submit(CONTAINER_OF(m, struct queue_submit, msg), answer_of(result));
}

static void add_put(struct queue *q, struct message *m)
{
    queue_op_add(q, STORE_PUT)->message = m;
}

static void add_settle(struct queue *q, struct job *job)
{
    for (size_t i = 0; i < job->n_dsns; i++)
        add_put(q, job->dsns[i]);
    struct store_op *op = queue_op_add(q, STORE_SETTLE);
    op->row = job->message->row;
    op->changes = job->changes;
    op->n_changes = job->n_rcpts;
    op->set_flags = job->warned ? MESSAGE_WARNED : 0;
}

/* One key for all its recipients. */
static bool goes_as_one(const struct queue *q, const struct message *m, char key[ROUTE_KEY_MAX])
{
    int64_t now = clock_wall_ms();
    char other[ROUTE_KEY_MAX];

    (void)routes_destination(q->config, slice_of(m->rcpts[0].domain), now, key);
    for (size_t i = 1; i < m->n_rcpts; i++) {
        const char *domain = m->rcpts[i].domain;
        if (strcmp(domain, m->rcpts[0].domain) == 0)
            continue;
        if (strcmp(routes_destination(q->config, slice_of(domain), now, other), key) != 0)
            return false;
    }
    return true;
}

/* A small message to one destination stays in memory for its first attempt, within the budget; of
 * all others only the row is remembered. */
static void schedule_new(struct queue *q, struct message *m)
{
    char key[ROUTE_KEY_MAX];
    bool keep = !(m->flags & MESSAGE_HELD) && !body_is_file(m->body) && m->n_rcpts &&
                sched_fresh_octets(q->sched) + m->size <= LIMIT_MEMORY_BODIES &&
                goes_as_one(q, m, key);

    queue_count_messages(q, 1);
    if (keep) {
        sched_add(q->sched, m->row, key, m->rcpts[0].next_ms, m);
        return;
    }
    queue_schedule(q, m);
    message_free(&m);
}

void queue_forget_file(struct queue *q, const struct store_op *op)
{
    if (op->out_file[0])
        queue_sync_remove(q, op->out_file);
}

static void log_dsns(const struct job *job)
{
    for (size_t i = 0; i < job->n_dsns; i++) {
        const struct message *m = job->dsns[i];
        LOG(QUEUE_DSN, m->id, F_STR("for", job->message->id),
            F_ADDR("to", m->n_rcpts ? m->rcpts[0].address : ""));
    }
}

static void copy_changes(struct job *job)
{
    for (size_t i = 0; i < job->n_rcpts; i++) {
        struct recipient *r = &job->message->rcpts[job->rcpts[i]];
        r->state = job->changes[i].state;
        r->next_ms = job->changes[i].next_ms;
    }
}

/* Only this job's recipients: what the message says of the others may be old. */
static void schedule_rest(struct queue *q, const struct job *job, bool hurry)
{
    const struct message *m = job->message;
    char key[ROUTE_KEY_MAX];

    for (size_t i = 0; i < job->n_rcpts; i++) {
        const struct recipient *r = &m->rcpts[job->rcpts[i]];
        if (r->state == RCPT_QUEUED)
            sched_add(q->sched, m->row,
                      routes_destination(q->config, slice_of(r->domain), clock_wall_ms(), key),
                      r->next_ms, NULL);
    }
    if (hurry)
        sched_hurry(q->sched, m->row, clock_wall_ms());
}

static void finish_settle(struct queue *q, struct job *job, const struct store_op *op)
{
    struct row_note *note = queue_note_find(q, op->row);
    bool counted = !note->deleted;

    queue_forget_file(q, op);
    if (op->out_gone && counted) {
        LOG(QUEUE_REMOVED, job->message->id, F_STR("reason", "every recipient is settled"));
        queue_count_messages(q, -1);
    }
    note->deleted |= op->out_gone;
    copy_changes(job);
    if (!note->deleted)
        schedule_rest(q, job, note->forced);
    /* The DSNs were scheduled as new messages and are no longer the job's. */
    job->n_dsns = 0;
    list_remove(&job->of_row);
    queue_note_drop(q, note);
    queue_job_free(q, job);
}

/* The operations of each job stand together, its settle last. */
static void finish_settles(struct queue *q, struct fifo *jobs, size_t at)
{
    struct msg *m;

    while ((m = fifo_pop(jobs))) {
        struct job *job = CONTAINER_OF(m, struct job, msg);
        at += job->n_dsns;
        finish_settle(q, job, &q->ops[at++]);
    }
}

static void schedule_puts(struct queue *q)
{
    for (size_t i = 0; i < q->n_ops; i++)
        if (q->ops[i].kind == STORE_PUT)
            schedule_new(q, q->ops[i].message);
}

/* Logged first: scheduling may let go of a notification. */
static void finish_all(struct queue *q, struct fifo *jobs, size_t n_submits)
{
    for (struct msg *m = jobs->first; m; m = m->next)
        log_dsns(CONTAINER_OF(m, struct job, msg));
    schedule_puts(q);
    finish_settles(q, jobs, n_submits);
}

static void keep_stuck(struct queue *q, struct fifo *jobs)
{
    struct msg *m;

    while ((m = fifo_pop(jobs)))
        fifo_push(&q->stuck, m);
    if (q->stuck.first)
        queue_mend_soon(q);
}

static void add_settles(struct queue *q, const struct fifo *jobs)
{
    for (struct msg *m = jobs->first; m; m = m->next)
        add_settle(q, CONTAINER_OF(m, struct job, msg));
}

static enum store_result apply(struct queue *q)
{
    enum store_result result = q->store->ops->apply(q->store, q->ops, q->n_ops);
    queue_note_result(q, result);
    return result;
}

void queue_commit(struct queue *q)
{
    enum store_result result;
    size_t n_submits;

    q->n_ops = 0;
    for (struct msg *m = q->submits.first; m; m = m->next)
        add_put(q, CONTAINER_OF(m, struct queue_submit, msg)->message);
    n_submits = q->n_ops;
    add_settles(q, &q->settles);
    if (q->n_ops == 0)
        return;
#ifdef SABOTAGE_ACK_EARLY
    answer_submits(q, STORE_OK);
#endif
    result = apply(q);
    if (result == STORE_FATAL)
        return;
    answer_submits(q, result);
    if (result != STORE_OK) {
        keep_stuck(q, &q->settles);
        return;
    }
    finish_all(q, &q->settles, n_submits);
}

/* The settles in one transaction; on failure they are as they were. */
static enum store_result commit_settles(struct queue *q, struct fifo *jobs)
{
    enum store_result result;

    q->n_ops = 0;
    add_settles(q, jobs);
    result = apply(q);
    if (result == STORE_OK)
        finish_all(q, jobs, 0);
    return result;
}

/* One bad settle must not keep the others from the store: each has its own transaction now. */
static void commit_one_by_one(struct queue *q, struct fifo *jobs)
{
    struct msg *m;

    while (!q->failed && (m = fifo_pop(jobs))) {
        struct fifo one;
        fifo_init(&one);
        fifo_push(&one, m);
        if (commit_settles(q, &one) != STORE_OK)
            keep_stuck(q, &one);
    }
}

static void commit_stuck(struct queue *q)
{
    struct fifo jobs;
    struct msg *m;

    fifo_init(&jobs);
    while ((m = fifo_pop(&q->stuck)))
        fifo_push(&jobs, m);
    enum store_result result = commit_settles(q, &jobs);
    if (result == STORE_ERROR)
        commit_one_by_one(q, &jobs);
    keep_stuck(q, &jobs);
}

static bool has_space(const struct queue *q)
{
    struct statvfs fs;

    if (!q->bodies || statvfs(q->bodies, &fs) != 0)
        return true;
    return (uint64_t)fs.f_bavail * fs.f_frsize >= SPACE_ENOUGH;
}

/* Without a settle that proves the store works, a look at the disk must do: sessions refuse mail
 * while we are unhealthy, so no submit would prove it either. */
static void mend(struct timer *t)
{
    struct queue *q = CONTAINER_OF(t, struct queue, mend);

    if (q->failed)
        return;
    if (q->stuck.first)
        commit_stuck(q);
    else if (q->health == QUEUE_FAILING || (q->health == QUEUE_DISK_FULL && has_space(q)))
        q->health = QUEUE_HEALTHY;
    if (q->failed)
        return;
    if (q->health != QUEUE_HEALTHY)
        queue_mend_soon(q);
    queue_turn(q);
}
