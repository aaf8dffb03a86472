/* Jobs: from a due entry of the schedule to a worker, and back. Queue loop. */
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/limits.h"
#include "config/base/log.h"
#include "config/routes.h"
#include "queue/body_private.h"
#include "queue/queue_private.h"

enum {
    AHEAD_MS = 10 * 1000,  /* recipients that are due this soon after the first go with it */
    RELOAD_MS = 60 * 1000, /* until a message that could not be read is tried again */
};

static struct queue_worker *idlest(struct queue *q)
{
    struct queue_worker *best = NULL;

    for (size_t i = 0; i < q->n_workers; i++)
        if (q->workers[i].out < LIMIT_JOBS_PER_WORKER && (!best || q->workers[i].out < best->out))
            best = &q->workers[i];
    return best;
}

static void on_job(struct msg *m)
{
    struct job *job = CONTAINER_OF(m, struct job, msg);
    struct queue_worker *w = &job->queue->workers[job->worker];
    w->run(job, w->arg);
}

/* What the job says if its worker says nothing: no attempt was made, come back later. */
static void fill_changes(struct job *job, int64_t next_ms)
{
    job->changes = base_alloc_array(job->n_rcpts, sizeof(*job->changes));
    for (size_t i = 0; i < job->n_rcpts; i++) {
        job->changes[i].rcpt = job->rcpts[i];
        job->changes[i].state = RCPT_QUEUED;
        job->changes[i].next_ms = next_ms;
        job->changes[i].status = status_of(CAUSE_LOCAL_ERROR);
    }
    job->contact = SCHED_NOT_TRIED;
}

/* Which recipients go with this entry. Those of the same destination that are not due yet get an
 * entry of their own, unless the operator wants the end of it; a recipient that another job has out
 * is that job's. */
static void choose_rcpts(struct queue *q, struct job *job, bool *out_any_of_key)
{
    const struct message *m = job->message;
    const struct row_note *note = queue_note_find(q, m->row);
    int64_t now = clock_wall_ms();
    char key[ROUTE_KEY_MAX];

    job->rcpts = base_alloc_array(m->n_rcpts, sizeof(*job->rcpts));
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct recipient *r = &m->rcpts[i];
        if (r->state != RCPT_QUEUED || queue_note_has_rcpt(note, i) ||
            strcmp(routes_destination(q->config, slice_of(r->domain), now, key),
                   job->entry.destination) != 0)
            continue;
        *out_any_of_key = true;
        if (r->next_ms <= now + AHEAD_MS || (note && note->forced))
            job->rcpts[job->n_rcpts++] = i;
        else
            sched_add(q->sched, m->row, key, r->next_ms, NULL);
    }
}

/* Nothing to do under this key: the row is held, or settled meanwhile, or the configuration gave
 * its recipients other destinations. */
static void drop_empty(struct queue *q, struct job *job, bool any_of_key)
{
    sched_done(q->sched, &job->entry, SCHED_NOT_TRIED, clock_wall_ms());
    if (!any_of_key)
        queue_schedule(q, job->message);
    queue_job_free(q, job);
}

static void hand_out(struct queue *q, struct job *job, struct queue_worker *w)
{
    struct row_note *note = queue_note_of(q, job->message->row);

    list_append(&note->jobs, &job->of_row);
    job->force_bounce = note->forced;
    job->destination = job->entry.destination;
    job->domain = job->message->rcpts[job->rcpts[0]].domain;
    job->taken_ms = loop_now_ms(q->loop);
    job->worker = (unsigned)(w - q->workers);
    fill_changes(job, clock_wall_ms() + q->config->delivery.retry_min_ms);
    w->out++;
    q->jobs_out++;
    loop_post(w->loop, &job->msg, on_job);
}

/* NULL: the row is gone, or it could not be read and waits. */
static struct message *load(struct queue *q, const struct sched_entry *e)
{
    enum store_result result;
    struct message *m = q->store->ops->load(q->store, e->row, true, &result);

    if (m || result == STORE_OK)
        return m;
    if (result == STORE_FATAL) {
        queue_fatal(q, "reading a message");
        return NULL;
    }
    queue_log_error("reading a message", result);
    sched_add(q->sched, e->row, e->destination, clock_wall_ms() + RELOAD_MS, NULL);
    return NULL;
}

static void start_entry(struct queue *q, const struct sched_entry *e, struct queue_worker *w)
{
    struct message *m = e->fresh ? e->fresh : load(q, e);
    struct job *job;
    bool any_of_key = false;

    if (!m) {
        sched_done(q->sched, e, SCHED_NOT_TRIED, clock_wall_ms());
        return;
    }
    job = base_alloc(sizeof(*job));
    job->queue = q;
    job->entry = *e;
    job->message = m;
    list_init(&job->of_row);
    if (!(m->flags & MESSAGE_HELD))
        choose_rcpts(q, job, &any_of_key);
    if (job->n_rcpts)
        hand_out(q, job, w);
    else
        drop_empty(q, job, any_of_key);
}

void queue_dispatch(struct queue *q)
{
    struct sched_entry e;
    struct queue_worker *w;

    while (!q->failed && !q->paused && (w = idlest(q)) && sched_take(q->sched, clock_wall_ms(), &e))
        start_entry(q, &e, w);
}

/* The slot is free at once; the outcome is committed at the end of the turn. */
void queue_on_settle(struct msg *m)
{
    struct job *job = CONTAINER_OF(m, struct job, msg);
    struct queue *q = job->queue;

    q->workers[job->worker].out--;
    q->jobs_out--;
    sched_done(q->sched, &job->entry, job->contact, clock_wall_ms());
    job->destination = NULL;
    fifo_push(&q->settles, m);
}

void queue_job_free(struct queue *q, struct job *job)
{
    for (size_t i = 0; i < job->n_dsns; i++)
        message_free(&job->dsns[i]);
    free(job->dsns);
    free(job->changes);
    free(job->rcpts);
    message_free(&job->message);
    free(job);
}
