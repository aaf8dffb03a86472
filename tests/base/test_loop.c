/* Loops: messages across loops, timers on the fake clock, and once with real threads. */
#include <event2/event.h>
#include <stdatomic.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/loop.h"
#include "tests/base/leaks.h"

/* A request that goes to another loop and comes home. */
struct trip {
    struct msg msg; /* first, so that a message is its trip */
    struct loop *home, *away;
    int there, back, rounds;
    int *order;
    int number;
};

static void came_home(struct msg *m)
{
    struct trip *t = (struct trip *)(void *)m;
    t->back++;
}

static void arrived(struct msg *m)
{
    struct trip *t = (struct trip *)(void *)m;
    t->there++;
    if (t->order)
        t->number = ++*t->order;
    loop_post(t->home, m, came_home);
}

Test(loop, a_request_comes_home_once)
{
    struct loop *home = loop_new("home"), *away = loop_new("away");
    struct trip t = {.home = home, .away = away};

    loop_post(away, &t.msg, arrived);
    cr_expect_not(loop_pump(home));
    cr_expect_eq(t.there, 0, "nothing runs before its loop turns");
    cr_expect(loop_pump(away));
    cr_expect_eq(t.there, 1);
    cr_expect_eq(t.back, 0);
    cr_expect(loop_pump(home));
    cr_expect_eq(t.back, 1);
    cr_expect_not(loop_pump(home) || loop_pump(away));
    loop_free(&home);
    loop_free(&away);
    cr_expect_null(home);
    CHECK_LEAKS();
}

static void count_drain(void *arg)
{
    ++*(int *)arg;
}

Test(loop, messages_keep_their_order_and_drain_together)
{
    struct loop *home = loop_new("home"), *away = loop_new("away");
    struct trip trips[50] = {0};
    int order = 0, drains = 0;

    loop_on_drained(away, count_drain, &drains);
    for (int i = 0; i < 50; i++) {
        trips[i] = (struct trip){.home = home, .away = away, .order = &order};
        loop_post(away, &trips[i].msg, arrived);
    }
    cr_expect(loop_pump(away));
    cr_expect_eq(drains, 1, "one drain is one group");
    for (int i = 0; i < 50; i++)
        cr_expect_eq(trips[i].number, i + 1);
    cr_expect(loop_pump(home));
    cr_expect_not(loop_pump(away));
    cr_expect_eq(drains, 1, "an empty mailbox is no group");
    loop_free(&home);
    loop_free(&away);
    CHECK_LEAKS();
}

struct ring {
    struct timer timer;
    struct loop *loop;
    int rung, again;
};

static void ring(struct timer *t)
{
    struct ring *r = CONTAINER_OF(t, struct ring, timer);
    cr_expect_not(loop_timer_is_set(t), "a timer that runs is not set");
    r->rung++;
    if (r->again) {
        r->again--;
        loop_timer_set(r->loop, t, 10, ring);
    }
}

Test(loop, timers_on_the_fake_clock)
{
    clock_fake_start(INT64_C(1000000000000));
    struct loop *l = loop_new("timers");
    struct ring a = {.loop = l}, b = {.loop = l, .again = 1}, c = {.loop = l};

    loop_timer_set(l, &a.timer, 100, ring);
    loop_timer_set(l, &b.timer, 50, ring);
    loop_timer_set(l, &c.timer, 10, ring);
    loop_timer_set(l, &c.timer, 200, ring); /* moved */
    clock_fake_advance(49);
    cr_expect_not(loop_pump(l));
    clock_fake_advance(1);
    cr_expect(loop_pump(l));
    cr_expect(a.rung == 0 && b.rung == 1 && c.rung == 0);
    cr_expect(loop_timer_is_set(&b.timer));
    clock_fake_advance(100);
    cr_expect(loop_pump(l));
    cr_expect(a.rung == 1 && b.rung == 2 && c.rung == 0);
    cr_expect(loop_timer_is_set(&c.timer));
    loop_timer_clear(l, &c.timer);
    loop_timer_clear(l, &c.timer);
    clock_fake_advance(1000);
    cr_expect_not(loop_pump(l));
    cr_expect_eq(c.rung, 0);
    loop_free(&l);
    clock_fake_stop();
    CHECK_LEAKS();
}

Test(loop, a_timer_of_no_delay_runs_in_the_next_turn)
{
    struct loop *l = loop_new("timers");
    struct ring a = {.loop = l};

    loop_timer_set(l, &a.timer, -5, ring);
    cr_expect_eq(a.rung, 0);
    cr_expect(loop_pump(l));
    cr_expect_eq(a.rung, 1);
    loop_free(&l);
}

/* Two threads, one message to and fro. */
enum { ROUNDS = 2000 };

static void ping(struct msg *m);

static void pong(struct msg *m)
{
    struct trip *t = (struct trip *)(void *)m;
    loop_post(t->home, m, ping);
}

static void ping(struct msg *m)
{
    struct trip *t = (struct trip *)(void *)m;
    if (++t->rounds < ROUNDS) {
        loop_post(t->away, m, pong);
        return;
    }
    loop_stop(t->away);
    loop_stop(t->home);
}

Test(loop, ping_pong_between_threads, .timeout = 60)
{
    struct loop *home = loop_new("home"), *away = loop_new("away");
    struct trip t = {.home = home, .away = away};

    loop_start(home);
    loop_start(away);
    loop_post(home, &t.msg, ping);
    loop_join(home);
    loop_join(away);
    cr_expect_eq(t.rounds, ROUNDS);
    loop_free(&home);
    loop_free(&away);
    CHECK_LEAKS();
}

static void stop_it(struct timer *t)
{
    struct ring *r = CONTAINER_OF(t, struct ring, timer);
    r->rung++;
    loop_stop(r->loop);
}

/* On the true clock: the loop sleeps until its timer. */
Test(loop, a_threaded_loop_wakes_for_its_timer, .timeout = 60)
{
    struct loop *l = loop_new("sleeper");
    struct ring a = {.loop = l};
    int64_t before = clock_mono_ms();

    loop_timer_set(l, &a.timer, 30, stop_it);
    loop_start(l);
    loop_join(l);
    cr_expect_eq(a.rung, 1);
    cr_expect_geq(clock_mono_ms() - before, 30);
    loop_free(&l);
}

struct late {
    struct loop *loop;
    int64_t now_ms;
};

static void on_octet(evutil_socket_t fd, short what, void *arg)
{
    struct late *late = arg;
    late->now_ms = loop_now_ms(late->loop);
    loop_stop(late->loop);
}

/* On the true clock: the time spent waiting for a socket does not count against what is set then. */
Test(loop, the_time_is_read_after_the_wait, .timeout = 60)
{
    struct late late = {.loop = loop_new("late")};
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    struct event *readable =
        event_new(loop_base(late.loop), ends[0], EV_READ, on_octet, &late);
    cr_assert_eq(event_add(readable, NULL), 0);
    loop_start(late.loop);
    (void)usleep(50 * 1000); /* in which it goes to sleep */
    int64_t asked_ms = clock_mono_ms();
    cr_assert_eq(write(ends[1], "x", 1), 1);
    loop_join(late.loop);
    cr_expect_geq(late.now_ms, asked_ms);
    event_free(readable);
    close(ends[0]);
    close(ends[1]);
    loop_free(&late.loop);
}

Test(counter, counts)
{
    int64_t before = counter_read(COUNTER_messages_accepted);

    COUNT(messages_accepted);
    counter_add(COUNTER_messages_accepted, 4);
    cr_expect_eq(counter_read(COUNTER_messages_accepted), before + 5);
    counter_set(COUNTER_queue_messages, -3);
    cr_expect_eq(counter_read(COUNTER_queue_messages), -3);
    cr_expect_str_eq(counter_name(COUNTER_queue_messages), "queue_messages");
}
