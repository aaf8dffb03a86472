/* The queue loop's frame: its birth, its turn, its end. Requests arrive by mailbox and are only
 * collected; at the end of the turn one transaction takes them all (queue_commit.c), then the
 * operator is served (queue_requests.c), then due jobs are handed out (queue_jobs.c). */
#include "queue/queue_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/limits.h"
#include "config/base/log.h"
#include "config/routes.h"

enum {
    SCAN_PAGE = 500,
    TICK_MAX_MS = 60 * 1000, /* how late a clock that was set may find us */
    EXIT_TEMPFAIL = 75,      /* of sysexits: the supervisor starts us again */
};

void fifo_init(struct fifo *f)
{
    f->first = NULL;
    f->last = &f->first;
}

void fifo_push(struct fifo *f, struct msg *m)
{
    m->next = NULL;
    *f->last = m;
    f->last = &m->next;
}

struct msg *fifo_pop(struct fifo *f)
{
    struct msg *m = f->first;

    if (!m)
        return NULL;
    f->first = m->next;
    if (!f->first)
        f->last = &f->first;
    m->next = NULL;
    return m;
}

static void end_process(void *arg)
{
    _exit(EXIT_TEMPFAIL);
}

void queue_fatal(struct queue *q, const char *what)
{
    q->failed = true;
    LOG(QUEUE_FATAL, NULL, F_STR("reason", what));
    q->fatal(q->fatal_arg);
}

void queue_log_error(const char *what, enum store_result result)
{
    LOG(QUEUE_ERROR, NULL, F_STR("doing", what),
        F_STR("reason", result == STORE_FULL ? "no space left" : "the store reported an error"));
}

/* Wakes the loop when the schedule next has something; while no worker is free or the queue is
 * paused, a settle or nothing wakes it. */
static void set_tick(struct queue *q)
{
    int64_t next = sched_next_ms(q->sched), now = clock_wall_ms();
    int64_t wait = next <= now ? 0 : next - now > TICK_MAX_MS ? TICK_MAX_MS : next - now;
    bool busy = q->paused || q->jobs_out >= q->n_workers * LIMIT_JOBS_PER_WORKER;

    if (busy)
        loop_timer_clear(q->loop, &q->tick);
    else
        loop_timer_set(q->loop, &q->tick, wait, q->tick.run);
}

void queue_turn(struct queue *q)
{
    if (!q->failed)
        queue_commit(q);
    if (!q->failed)
        queue_run_requests(q);
    if (!q->failed)
        queue_dispatch(q);
    if (!q->failed)
        set_tick(q);
}

static void on_drained(void *arg)
{
    queue_turn(arg);
}

/* A policy exception that ends changes destinations; the nearest such end still ahead. */
static int64_t next_policy_end(const struct config *c, int64_t now_ms)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < c->n_policies; i++)
        if (c->policies[i].until_ms > now_ms && c->policies[i].until_ms < next)
            next = c->policies[i].until_ms;
    return next;
}

static void on_tick(struct timer *t)
{
    struct queue *q = CONTAINER_OF(t, struct queue, tick);

    if (!q->failed && clock_wall_ms() > q->policies_until_ms)
        (void)!queue_schedule_all(q);
    queue_turn(q);
}

struct queue *queue_new(struct loop *queue_loop, struct loop *sync_loop, struct store *store,
                        const struct config *config, const char *state_directory)
{
    struct queue *q = base_alloc(sizeof(*q));

    q->loop = queue_loop;
    q->sync = sync_loop;
    q->store = store;
    /* Counting a reference changes nothing that const protects. */
    q->config = config_ref((struct config *)(uintptr_t)config);
    q->sched = sched_new(config->delivery.destination_concurrency);
    q->fatal = end_process;
    q->tick.run = on_tick;
    fifo_init(&q->submits);
    fifo_init(&q->settles);
    fifo_init(&q->requests);
    fifo_init(&q->stuck);
    if (state_directory) {
        size_t n = strlen(state_directory) + sizeof("/bodies");
        q->bodies = base_alloc(n);
        (void)snprintf(q->bodies, n, "%s/bodies", state_directory);
    }
    queue_sync_init(q);
    loop_on_drained(queue_loop, on_drained, q);
    return q;
}

void queue_add_worker(struct queue *q, struct loop *loop, queue_run_job *run, void *worker)
{
    q->workers = base_realloc(q->workers, (q->n_workers + 1) * sizeof(*q->workers));
    q->workers[q->n_workers++] = (struct queue_worker){.loop = loop, .run = run, .arg = worker};
}

void queue_on_fatal(struct queue *q, void (*run)(void *arg), void *arg)
{
    q->fatal = run;
    q->fatal_arg = arg;
}

void queue_schedule(struct queue *q, const struct message *m)
{
    const struct row_note *note = queue_note_find(q, m->row);
    int64_t now = clock_wall_ms();
    char key[ROUTE_KEY_MAX];

    if (m->flags & MESSAGE_HELD)
        return;
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct recipient *r = &m->rcpts[i];
        if (r->state == RCPT_QUEUED && !queue_note_has_rcpt(note, i))
            sched_add(q->sched, m->row,
                      routes_destination(q->config, slice_of(r->domain), now, key), r->next_ms,
                      NULL);
    }
}

/* Everything the store has that is not scheduled yet. Rows that are keep their entries; one under a
 * key that is no longer theirs finds no recipient when it is taken, and ends. */
bool queue_schedule_all(struct queue *q)
{
    struct message *page[SCAN_PAGE];
    enum store_result result = STORE_OK;
    uint64_t after = 0;
    size_t n = SCAN_PAGE;

    q->policies_until_ms = next_policy_end(q->config, clock_wall_ms());
    while (n == SCAN_PAGE && result == STORE_OK) {
        n = q->store->ops->scan(q->store, after, SCAN_PAGE, page, &result);
        for (size_t i = 0; i < n; i++) {
            after = page[i]->row;
            queue_schedule(q, page[i]);
            message_free(&page[i]);
        }
    }
    if (result == STORE_FATAL)
        queue_fatal(q, "reading the queue");
    else if (result != STORE_OK)
        queue_log_error("reading the queue", result);
    return result == STORE_OK;
}

bool queue_start(struct queue *q)
{
    queue_count_messages(q, (int64_t)q->store->ops->count(q->store));
    if (!queue_schedule_all(q))
        return false;
    set_tick(q);
    return true;
}

struct configure {
    struct msg msg;
    struct queue *queue;
    struct config *config;
};

static void on_configure(struct msg *m)
{
    struct configure *c = CONTAINER_OF(m, struct configure, msg);
    struct queue *q = c->queue;

    config_unref(&q->config);
    q->config = c->config;
    free(c);
    sched_set_concurrency(q->sched, q->config->delivery.destination_concurrency);
    if (!q->failed)
        (void)!queue_schedule_all(q);
}

void queue_configure(struct queue *q, struct config *config)
{
    struct configure *c = base_alloc(sizeof(*c));
    c->queue = q;
    c->config = config_ref(config);
    loop_post(q->loop, &c->msg, on_configure);
}

static void on_pause(struct msg *m)
{
    CONTAINER_OF(m, struct queue, pause_msg)->paused = true;
}

void queue_pause(struct queue *q)
{
    loop_post(q->loop, &q->pause_msg, on_pause);
}

size_t queue_jobs_out(const struct queue *q)
{
    return q->jobs_out;
}

enum queue_health queue_health(const struct queue *q)
{
    return (enum queue_health)q->health;
}

static void free_notes(struct queue *q)
{
    struct row_note *note, *next;

    HASH_ITER (hh, q->notes, note, next) {
        LIST_EACH (node, &note->jobs)
            queue_job_free(q, LIST_ENTRY(node, struct job, of_row));
        HASH_DEL(q->notes, note);
        free(note);
    }
}

void queue_free(struct queue **qp)
{
    struct queue *q = *qp;

    if (!q)
        return;
    loop_timer_clear(q->loop, &q->tick);
    loop_timer_clear(q->loop, &q->mend);
    free_notes(q);
    sched_free(&q->sched);
    queue_sync_free(q);
    q->store->ops->close(q->store);
    config_unref(&q->config);
    free(q->ops);
    free(q->workers);
    free(q->bodies);
    free(q);
    *qp = NULL;
}
