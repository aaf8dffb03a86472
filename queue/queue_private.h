/* The queue loop's inside, shared by its files only. Everything here is touched on the queue loop,
 * but for what says otherwise. */
#ifndef DANELAW_QUEUE_QUEUE_PRIVATE_H
#define DANELAW_QUEUE_QUEUE_PRIVATE_H

#include <stdatomic.h>

#include "config/base/map.h"
#include "queue/queue.h"

/* Messages that came by mailbox and wait for the end of the turn; linked by msg.next, which nobody
 * needs between two posts. */
struct fifo {
    struct msg *first, **last;
};
void fifo_init(struct fifo *f);
void fifo_push(struct fifo *f, struct msg *m);
struct msg *fifo_pop(struct fifo *f); /* NULL when empty */

struct queue_worker {
    struct loop *loop;
    queue_run_job *run;
    void *arg;
    size_t out;
};

/* What must be remembered of a row beside the schedule: its jobs that are not committed yet (their
 * recipients must not be handed out again), and what the operator decided meanwhile. */
struct row_note {
    uint64_t row;
    struct list jobs;
    bool deleted, forced;
    UT_hash_handle hh;
};

struct queue {
    struct loop *loop, *sync;
    struct store *store;
    struct config *config;
    struct sched *sched;
    struct queue_worker *workers;
    size_t n_workers;
    struct row_note *notes;

    struct fifo submits, settles, requests; /* of this turn */
    struct fifo stuck;                      /* settles that could not be committed yet */
    struct store_op *ops;                   /* of one transaction; the array is kept */
    size_t n_ops, cap_ops;
    int64_t messages;
    int64_t policies_until_ms; /* the next end of a policy exception */
    struct timer tick, mend;
    bool paused, failed;
    struct msg pause_msg;
    void (*fatal)(void *arg);
    void *fatal_arg;

    _Atomic size_t jobs_out; /* any thread reads */
    _Atomic int health;      /* likewise */

    char *bodies; /* STATE_DIRECTORY/bodies, or NULL */
    struct {      /* of the sync loop */
        struct fifo submits, jobs;
        int dir; /* of bodies; -1: none */
        struct msg failed;
    } s;
};

/* queue.c */
void queue_turn(struct queue *q);
void queue_fatal(struct queue *q, const char *what);
void queue_log_error(const char *what, enum store_result result);
/* Schedules the queued recipients that no job has, by destination. */
void queue_schedule(struct queue *q, const struct message *m);
MUST_USE bool queue_schedule_all(struct queue *q);

/* queue_notes.c */
struct row_note *queue_note_find(const struct queue *q, uint64_t row); /* NULL: none */
struct row_note *queue_note_of(struct queue *q, uint64_t row);         /* made if missing */
void queue_note_drop(struct queue *q, struct row_note *note); /* if it says nothing any more */
bool queue_note_has_rcpt(const struct row_note *note, size_t rcpt); /* NULL note: false */

/* queue_commit.c */
struct store_op *queue_op_add(struct queue *q, enum store_op_kind kind);
void queue_commit(struct queue *q);
void queue_mend_soon(struct queue *q);
void queue_note_result(struct queue *q, enum store_result result);
/* Any thread: the submit comes home with this cause. */
void queue_answer_submit(struct queue_submit *r, enum cause cause);
void queue_forget_file(struct queue *q, const struct store_op *op);
void queue_count_messages(struct queue *q, int64_t by);

/* queue_jobs.c */
void queue_dispatch(struct queue *q);
void queue_on_settle(struct msg *m);
void queue_job_free(struct queue *q, struct job *job);

/* queue_sync.c */
void queue_sync_init(struct queue *q);
void queue_sync_free(struct queue *q);
void queue_on_submit(struct msg *m);
void queue_sync_remove(struct queue *q, const char *id); /* a body file, off the queue loop */

/* queue_requests.c */
void queue_run_requests(struct queue *q);

#endif
