/* The queue loop: owns the store's connection, the schedule and the retry times.
 *
 * Group commit needs no timer: the loop drains its mailbox, applies everything in one transaction,
 * answers, and hands out due jobs. While one commit syncs, the mailbox fills. Bodies in files pass
 * through the sync loop first, so that a 50 MB message never delays a small one.
 *
 * Requests are embedded in their askers and come home exactly once, on `home`, by `done`. */
#ifndef DANELAW_QUEUE_QUEUE_H
#define DANELAW_QUEUE_QUEUE_H

#include "config/base/list.h"
#include "config/base/loop.h"
#include "config/config.h"
#include "queue/retry.h"
#include "queue/sched.h"
#include "queue/store.h"

struct queue;

struct queue_submit {
    struct msg msg;
    struct loop *home;
    void (*done)(struct queue_submit *);
    struct message *message; /* the queue takes it if status is OK; else it is the asker's again */
    struct status status;    /* OK only when committed */
    struct queue *queue;     /* private */
};

/* A message towards one destination, handed to a worker. The worker fills results and DSNs and posts
 * it back by queue_settle; from then on it is the queue's. */
struct job {
    struct msg msg;
    struct queue *queue;
    struct sched_entry entry;
    struct message *message;   /* with body; read only */
    const char *destination;   /* routes_destination key */
    const char *domain;        /* of its first recipient */
    size_t *rcpts;             /* indexes into message->rcpts, all queued */
    size_t n_rcpts;
    int64_t taken_ms;          /* monotonic, when it was handed out */
    bool force_bounce;         /* by the operator: settle as bounced with ADMIN_BOUNCE */
    /* results, one per rcpts[i]; the array is the queue's, with rcpt filled in and a retry for the
     * case that nothing else is said */
    struct rcpt_change *changes;
    enum sched_result contact;
    struct message **dsns;     /* queued in the same transaction; the queue takes them and the array */
    size_t n_dsns;
    bool warned;               /* one of them is the delay warning */
    unsigned worker;           /* private, as the rest */
    struct list of_row;
};

typedef void queue_run_job(struct job *job, void *worker); /* on the worker's loop */

/* Takes a reference of config. state_directory: where bodies/ is; NULL with a store in memory. */
struct queue *queue_new(struct loop *queue_loop, struct loop *sync_loop, struct store *store,
                        const struct config *config, const char *state_directory);
/* Before queue_start, one per worker. */
void queue_add_worker(struct queue *q, struct loop *loop, queue_run_job *run, void *worker);
/* On the queue's loop, or before it runs: schedules all that the store has. False: the store failed. */
MUST_USE bool queue_start(struct queue *q);
/* Called on the queue loop when a sync failed (FATAL) after logging; the default ends the process. */
void queue_on_fatal(struct queue *q, void (*run)(void *arg), void *arg);
void queue_free(struct queue **q); /* loops ended; closes the store */

/* Any thread. */
void queue_submit(struct queue *q, struct queue_submit *r);
void queue_settle(struct job *job);
/* A new configuration (takes a reference): concurrency, retry rule, destinations. Any thread. */
void queue_configure(struct queue *q, struct config *c);
/* No further jobs are handed out; those that are out still settle. Any thread. */
void queue_pause(struct queue *q);
size_t queue_jobs_out(const struct queue *q); /* any thread, a hint */

enum queue_health { QUEUE_HEALTHY, QUEUE_DISK_FULL, QUEUE_FAILING };
/* Any thread: read at MAIL, so that clients get their 4xx before the body. */
enum queue_health queue_health(const struct queue *q);

/* Operator's requests, from the control socket. */
enum queue_action { QUEUE_LIST, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_RETRY, QUEUE_DELETE, QUEUE_BOUNCE };

struct queue_filter { /* all that are set must match */
    char id[QUEUE_ID_MAX];
    char *to, *to_domain, *from; /* case-insensitive, whole; from "" is the null sender */
    bool from_set;
    int64_t older_ms;            /* age at least; 0: any */
    bool all;
};

struct queue_listed {
    struct message *message;  /* without body */
    const char *queue_name;   /* "incoming" "active" "deferred" "hold" */
};

struct queue_request {
    struct msg msg;
    struct loop *home;
    void (*done)(struct queue_request *);
    enum queue_action action;
    struct queue_filter filter;
    uint64_t after;           /* LIST: continue after this row; set to the last row seen */
    struct queue_listed *listed; /* LIST: at most 200 at a time; the asker's */
    size_t n_listed;
    bool more;                /* LIST: call again with after */
    uint64_t affected;        /* the others: number of messages */
    struct status status;
    struct queue *queue;      /* private */
};
void queue_ask(struct queue *q, struct queue_request *r); /* any thread */
void queue_request_clear(struct queue_request *r);        /* frees filter and listed */

#endif
