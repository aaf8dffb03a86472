/* An event loop: a libevent base, timers on our own clock, and a mailbox. This is the only file
 * with threads and locks.
 *
 * A message is a struct embedded in the request it stands for. loop_post(to, msg, run) makes
 * run(msg) be called on that loop's thread, in order of posting. A request comes home exactly once:
 * its owner embeds a struct msg, posts it to the other loop, and the other loop posts the same msg
 * back. There are no request ids, no wait tables and no cancel protocol; an owner that closes while
 * its request is out waits as an orphan until the request is home.
 *
 * Threads: loop_post from any thread; everything else on the loop's own thread (or before
 * loop_start). Tests leave loops without a thread and call loop_pump on each in turn, with the fake
 * clock.
 */
#ifndef DANELAW_LOOP_H
#define DANELAW_LOOP_H

#include "config/base/base.h"
#include "config/base/heap.h"

struct event_base;
struct loop;

struct msg {
    struct msg *next;
    void (*run)(struct msg *);
};

struct timer {
    struct heap_node node; /* zero-initialised: not set */
    void (*run)(struct timer *);
};

struct loop *loop_new(const char *name); /* name: of the thread, at most 15 octets */
void loop_free(struct loop **l);         /* after its thread ended */
struct event_base *loop_base(struct loop *l);

void loop_start(struct loop *l);  /* runs it on a new thread, with all signals blocked */
void loop_run(struct loop *l);    /* runs it here until loop_stop */
void loop_stop(struct loop *l);   /* any thread: the loop returns after its current turn */
void loop_join(struct loop *l);   /* waits for the thread of loop_start */
bool loop_pump(struct loop *l);   /* one turn without waiting; true if anything ran */

void loop_post(struct loop *to, struct msg *m, void (*run)(struct msg *));
/* Called on the loop's thread each time the mailbox was drained: the place for group commit. */
void loop_on_drained(struct loop *l, void (*run)(void *arg), void *arg);

/* Monotonic; read once per turn, after the wait for events, so that no time of waiting is taken off a
 * timer that an event sets. */
int64_t loop_now_ms(struct loop *l);
/* Runs once at loop_now_ms() + delay_ms or later. Setting a set timer moves it. */
void loop_timer_set(struct loop *l, struct timer *t, int64_t delay_ms, void (*run)(struct timer *));
void loop_timer_clear(struct loop *l, struct timer *t);
bool loop_timer_is_set(const struct timer *t);

#endif
