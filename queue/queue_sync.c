/* The way into the queue, and the sync loop: bodies in files are synced there, file by file and
 * then the directory once, before the queue loop sees their message. Small messages pass it by.
 * Body files are also removed there, as unlinking a large one takes its time. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/log.h"
#include "queue/body_private.h"
#include "queue/queue_private.h"

void queue_on_submit(struct msg *m)
{
    fifo_push(&CONTAINER_OF(m, struct queue_submit, msg)->queue->submits, m);
}

/* On the queue loop: the health is its to say. */
static void on_no_space(struct msg *m)
{
    struct queue_submit *r = CONTAINER_OF(m, struct queue_submit, msg);

    queue_note_result(r->queue, STORE_FULL);
    queue_answer_submit(r, CAUSE_QUEUE_FULL);
}

static void on_sync_failed(struct msg *m)
{
    queue_fatal(CONTAINER_OF(m, struct queue, s.failed), "a body file could not be synced");
}

/* On the sync loop. Nobody who waits is answered. */
static void sync_fatal(struct queue *q)
{
    fifo_init(&q->s.submits);
    fifo_init(&q->s.jobs);
    loop_post(q->loop, &q->s.failed, on_sync_failed);
}

static bool sync_directory(const struct queue *q)
{
#ifdef SABOTAGE_NOFSYNC
    return true;
#else
    return q->s.dir < 0 || fsync(q->s.dir) == 0;
#endif
}

static enum body_sync sync_dsns(const struct job *job)
{
    enum body_sync worst = BODY_SYNCED;

    for (size_t i = 0; i < job->n_dsns && worst == BODY_SYNCED; i++)
        worst = body_sync_file(job->dsns[i]->body);
    return worst;
}

/* A submit that found no space leaves the batch; the order of the others is kept. */
static bool sync_submits(struct queue *q, struct fifo *out_ready)
{
    struct msg *m;

    while ((m = fifo_pop(&q->s.submits))) {
        struct queue_submit *r = CONTAINER_OF(m, struct queue_submit, msg);
        enum body_sync result = body_sync_file(r->message->body);
        if (result == BODY_SYNC_FAILED)
            return false;
        if (result == BODY_SYNCED)
            fifo_push(out_ready, m);
        else
            loop_post(q->loop, m, on_no_space);
    }
    return true;
}

/* A DSN that cannot be made safe has no second copy anywhere: then only a restart, which finds its
 * message queued still, is right. */
static bool sync_jobs(struct queue *q)
{
    for (struct msg *m = q->s.jobs.first; m; m = m->next)
        if (sync_dsns(CONTAINER_OF(m, struct job, msg)) != BODY_SYNCED)
            return false;
    return true;
}

static void pass_on(struct queue *q, struct fifo *f, void (*run)(struct msg *))
{
    struct msg *m;

    while ((m = fifo_pop(f)))
        loop_post(q->loop, m, run);
}

static void on_sync_drained(void *arg)
{
    struct queue *q = arg;
    struct fifo ready;

    fifo_init(&ready);
    if (!q->s.submits.first && !q->s.jobs.first)
        return;
    if (!sync_submits(q, &ready) || !sync_jobs(q) || !sync_directory(q)) {
        sync_fatal(q);
        return;
    }
    pass_on(q, &ready, queue_on_submit);
    pass_on(q, &q->s.jobs, queue_on_settle);
}

static void on_sync_submit(struct msg *m)
{
    fifo_push(&CONTAINER_OF(m, struct queue_submit, msg)->queue->s.submits, m);
}

static void on_sync_settle(struct msg *m)
{
    fifo_push(&CONTAINER_OF(m, struct job, msg)->queue->s.jobs, m);
}

/* What the content is, not what a client said of it, decides what a next hop must offer. */
static void label(struct message *m)
{
    m->flags &= ~(unsigned)MESSAGE_8BIT;
    m->flags |= body_has_8bit(m->body) ? MESSAGE_8BIT : 0;
}

void queue_submit(struct queue *q, struct queue_submit *r)
{
    r->queue = q;
    label(r->message);
    if (body_is_file(r->message->body))
        loop_post(q->sync, &r->msg, on_sync_submit);
    else
        loop_post(q->loop, &r->msg, queue_on_submit);
}

void queue_settle(struct job *job)
{
    bool file = false;

    for (size_t i = 0; i < job->n_dsns; i++)
        file |= body_is_file(job->dsns[i]->body);
    if (file)
        loop_post(job->queue->sync, &job->msg, on_sync_settle);
    else
        loop_post(job->queue->loop, &job->msg, queue_on_settle);
}

struct removal {
    struct msg msg;
    int dir;
    char id[QUEUE_ID_MAX];
};

static void on_removal(struct msg *m)
{
    struct removal *r = CONTAINER_OF(m, struct removal, msg);
    (void)unlinkat(r->dir, r->id, 0); /* what stays is swept at the next start */
    free(r);
}

void queue_sync_remove(struct queue *q, const char *id)
{
    struct removal *r;

    if (q->s.dir < 0)
        return;
    r = base_alloc(sizeof(*r));
    r->dir = q->s.dir;
    (void)slice_copy(slice_of(id), r->id, sizeof(r->id));
    loop_post(q->sync, &r->msg, on_removal);
}

void queue_sync_init(struct queue *q)
{
    fifo_init(&q->s.submits);
    fifo_init(&q->s.jobs);
    q->s.dir = q->bodies ? open(q->bodies, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    loop_on_drained(q->sync, on_sync_drained, q);
}

void queue_sync_free(struct queue *q)
{
    if (q->s.dir >= 0)
        close(q->s.dir);
}
