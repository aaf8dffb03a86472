#include "config/base/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/slice.h"

struct loop {
    struct event_base *base;
    struct event *wake, *tick;
    struct heap timers;
    int64_t now_ms;     /* valid if now_known: the wait for events makes it old */
    int64_t tick_at_ms; /* what the libevent timer is set to; 0: not set */
    void (*drained)(void *);
    void *drained_arg;
    char name[16];
    pthread_t thread;
    bool started, busy, now_known;
    _Atomic bool stopping;
    int wake_fd;

    pthread_mutex_t lock; /* guards the mailbox only */
    struct msg *first, **last;
};

static bool drain(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct msg *m = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    if (!m)
        return false;
    for (struct msg *next; m; m = next) {
        next = m->next;
        m->run(m);
    }
    if (l->drained)
        l->drained(l->drained_arg);
    return true;
}

/* At most as many as were set when the pass began, so that a timer that sets itself again at once
 * leaves a turn to the sockets. */
static bool run_due_timers(struct loop *l)
{
    struct heap_node *node;
    bool ran = false;

    for (size_t n = l->timers.n;
         n && (node = heap_first(&l->timers)) && node->key <= loop_now_ms(l); n--) {
        struct timer *t = CONTAINER_OF(node, struct timer, node);
        heap_remove(&l->timers, node);
        t->run(t);
        ran = true;
    }
    return ran;
}

/* Keeps the libevent timer on the earliest of ours. */
static void arm_tick(struct loop *l)
{
    struct heap_node *node = heap_first(&l->timers);
    int64_t at = node ? node->key : 0;

    if (at == l->tick_at_ms)
        return;
    l->tick_at_ms = at;
    if (!node) {
        (void)event_del(l->tick);
        return;
    }
    int64_t wait = at - clock_mono_ms();
    wait = wait < 0 ? 0 : wait;
    struct timeval tv = {.tv_sec = (time_t)(wait / 1000), .tv_usec = (wait % 1000) * 1000};
    (void)event_add(l->tick, &tv);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    uint64_t n;
    (void)!read(fd, &n, sizeof(n));
    l->busy |= drain(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    l->tick_at_ms = 0;
    l->busy |= run_due_timers(l);
}

struct loop *loop_new(const char *name)
{
    struct loop *l = base_alloc(sizeof(*l));
    struct event_config *cfg = event_config_new();

    REQUIRE(cfg);
    (void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    l->base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    REQUIRE(l->base && l->wake_fd >= 0);
    l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    l->tick = event_new(l->base, -1, 0, on_tick, l);
    REQUIRE(l->wake && l->tick && event_add(l->wake, NULL) == 0);
    REQUIRE(pthread_mutex_init(&l->lock, NULL) == 0);
    l->last = &l->first;
    (void)slice_copy(slice_of(name), l->name, sizeof(l->name));
    return l;
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (!l)
        return;
    event_free(l->wake);
    event_free(l->tick);
    event_base_free(l->base);
    close(l->wake_fd);
    heap_free(&l->timers);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *lp = NULL;
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

static bool turn(struct loop *l, int flags)
{
    l->busy = false;
    arm_tick(l);
    l->now_known = false;
    (void)event_base_loop(l->base, EVLOOP_ONCE | flags);
    l->now_known = false;
    l->busy |= run_due_timers(l);
    return l->busy;
}

void loop_run(struct loop *l)
{
    while (!l->stopping)
        (void)turn(l, 0);
}

bool loop_pump(struct loop *l)
{
    return turn(l, EVLOOP_NONBLOCK);
}

static void *thread_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

void loop_start(struct loop *l)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    REQUIRE(pthread_create(&l->thread, NULL, thread_main, l) == 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_setname_np(l->thread, l->name);
    l->started = true;
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    (void)!write(l->wake_fd, &one, sizeof(one));
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
    wake(l);
}

void loop_join(struct loop *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    l->started = false;
}

void loop_post(struct loop *to, struct msg *m, void (*run)(struct msg *))
{
    m->run = run;
    m->next = NULL;
    pthread_mutex_lock(&to->lock);
    bool was_empty = to->first == NULL;
    *to->last = m;
    to->last = &m->next;
    pthread_mutex_unlock(&to->lock);
    if (was_empty)
        wake(to);
}

void loop_on_drained(struct loop *l, void (*run)(void *), void *arg)
{
    l->drained = run;
    l->drained_arg = arg;
}

int64_t loop_now_ms(struct loop *l)
{
    if (!l->now_known)
        l->now_ms = clock_mono_ms();
    l->now_known = true;
    return l->now_ms;
}

void loop_timer_set(struct loop *l, struct timer *t, int64_t delay_ms, void (*run)(struct timer *))
{
    t->run = run;
    heap_change(&l->timers, &t->node, loop_now_ms(l) + (delay_ms > 0 ? delay_ms : 0));
}

void loop_timer_clear(struct loop *l, struct timer *t)
{
    heap_remove(&l->timers, &t->node);
}

bool loop_timer_is_set(const struct timer *t)
{
    return t->node.at != 0;
}
