/* What the queue's tests share: messages, scratch directories, log lines, and a whole queue on
 * pumped loops with a fake clock and a worker that does what the test says. */
#ifndef DANELAW_TESTS_QUEUE_RIG_H
#define DANELAW_TESTS_QUEUE_RIG_H

#include <criterion/criterion.h>

#include "queue/queue.h"

/* Criterion does not look at leaks that are found when a test's process ends; so tests ask. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define NO_LEAKS() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked")
#else
#define NO_LEAKS() ((void)0)
#endif

enum { RIG_T0 = 1000000000 }; /* seconds; where the fake clock starts */
#define RIG_START_MS ((int64_t)RIG_T0 * 1000)

/* A message with its body, due at RIG_START_MS. rcpts: addresses divided by blanks. */
struct message *rig_message(const char *rcpts, const char *content);
struct rcpt_change rig_change(size_t rcpt, enum rcpt_state state, enum cause cause,
                              int64_t next_ms);

char *rig_directory(void);         /* a new one under $TMPDIR or /tmp; rig_remove frees it */
void rig_remove(char **directory); /* with all that is in it */
char *rig_join(const char *directory, const char *name);
bool rig_exists(const char *directory, const char *name);

void rig_log_start(void);                 /* captures log lines from here on */
unsigned rig_log_count(const char *text); /* lines with that text since then */

struct rig {
    struct loop *queue_loop, *sync_loop, *home;
    struct store *store;
    struct config *config;
    struct queue *queue;
    struct job *out[64]; /* jobs handed out and not settled, oldest first */
    size_t n_out;
    unsigned taken; /* jobs handed out in all */
    unsigned fatal;
};

/* directory NULL: the store in memory. */
void rig_open(struct rig *r, const char *directory);
void rig_start(struct rig *r);
void rig_pump(struct rig *r); /* until nothing moves */
void rig_advance(struct rig *r, int64_t ms);
void rig_close(struct rig *r);

struct rig_submit {
    struct queue_submit submit;
    unsigned answered;
};
void rig_submit(struct rig *r, struct rig_submit *s, struct message *m);
/* Settles the i-th job that is out, all recipients alike. */
void rig_settle(struct rig *r, size_t i, enum rcpt_state state, enum cause cause, int64_t next_ms,
                enum sched_result contact);
void rig_deliver(struct rig *r, size_t i);
void rig_defer(struct rig *r, size_t i, int64_t next_ms);

/* An operator's request, pumped until it is home; the caller clears it. */
void rig_ask(struct rig *r, struct queue_request *request, enum queue_action action);

#endif
