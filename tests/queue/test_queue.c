/* The queue loop on pumped loops, a fake clock and a worker that does as it is told. */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/limits.h"
#include "tests/queue/rig.h"

static void submit_one(struct rig *r, const char *rcpts)
{
    struct rig_submit s;

    rig_submit(r, &s, rig_message(rcpts, "content"));
    rig_pump(r);
    cr_assert_eq(s.answered, 1);
    cr_assert_eq(s.submit.status.cause, CAUSE_OK);
}

static uint64_t stored(const struct rig *r)
{
    return r->store->ops->count(r->store);
}

Test(queue, in_and_out)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    cr_assert_eq(stored(&r), 1);
    cr_assert_eq(counter_read(COUNTER_queue_messages), 1);
    cr_assert_eq(r.n_out, 1);
    cr_assert_eq(queue_jobs_out(r.queue), 1);
    cr_assert_eq(r.out[0]->n_rcpts, 1);
    cr_assert_str_eq(r.out[0]->domain, "one.example");
    cr_assert(slice_starts(slice_of(r.out[0]->destination), SLICE("mx:one.example")));
    cr_assert(slice_eq(body_memory(r.out[0]->message->body), SLICE("content")));
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 0);
    cr_assert_eq(queue_jobs_out(r.queue), 0);
    cr_assert_eq(counter_read(COUNTER_queue_messages), 0);
    cr_assert_eq(rig_log_count("queue.removed"), 1);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, group_commit)
{
    enum { N = 50 };
    struct rig_submit s[N];
    struct rig r;
    int64_t before;

    rig_open(&r, NULL);
    rig_start(&r);
    before = counter_read(COUNTER_queue_commits);
    for (int i = 0; i < N; i++)
        rig_submit(&r, &s[i], rig_message("a@one.example", "x"));
    cr_assert_eq(stored(&r), 0);
    rig_pump(&r);
    cr_assert_eq(counter_read(COUNTER_queue_commits) - before, 1);
    for (int i = 0; i < N; i++)
        cr_assert_eq(s[i].answered, 1);
    cr_assert_eq(r.n_out, 20, "the destination's concurrency");
    while (r.n_out) {
        while (r.n_out)
            rig_deliver(&r, 0);
        rig_pump(&r);
    }
    cr_assert_eq(r.taken, N);
    cr_assert_eq(stored(&r), 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, slot_is_free_in_the_same_turn)
{
    struct rig r;

    rig_open(&r, NULL);
    r.config->delivery.destination_concurrency = 1;
    queue_configure(r.queue, r.config);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    submit_one(&r, "b@one.example");
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    (void)loop_pump(r.queue_loop);
    (void)loop_pump(r.home);
    cr_assert_eq(r.n_out, 1, "one turn settles and hands out");
    rig_deliver(&r, 0);
    rig_close(&r);
}

Test(queue, several_destinations_are_several_jobs)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example b@two.example c@one.example");
    cr_assert_eq(r.n_out, 2);
    size_t one = r.out[0]->n_rcpts == 2 ? 0 : 1;
    cr_assert_eq(r.out[one]->n_rcpts, 2);
    cr_assert_eq(r.out[one]->rcpts[1], 2);
    cr_assert_eq(r.out[1 - one]->n_rcpts, 1);
    cr_assert_str_eq(r.out[1 - one]->domain, "two.example");
    rig_deliver(&r, one);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 1);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 0);
    cr_assert_eq(r.taken, 2);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, retry_at_its_time)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    rig_defer(&r, 0, RIG_START_MS + 300000);
    rig_pump(&r);
    cr_assert_eq(r.n_out, 0);
    rig_advance(&r, 299999);
    cr_assert_eq(r.n_out, 0);
    rig_advance(&r, 1);
    cr_assert_eq(r.n_out, 1);
    cr_assert_eq(r.out[0]->message->rcpts[0].attempts, 1);
    cr_assert_eq(r.out[0]->message->rcpts[0].last->cause, CAUSE_REMOTE_TEMPFAIL);
    cr_assert(r.out[0]->message->body);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 0);
    rig_close(&r);
    NO_LEAKS();
}

/* Of two recipients one is told to come back sooner: each is tried at its time, neither twice. */
Test(queue, recipients_part_and_each_has_its_time)
{
    struct rig r;
    struct job *job;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example b@one.example");
    job = r.out[0];
    r.n_out = 0;
    job->changes[0] = rig_change(0, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, RIG_START_MS + 60000);
    job->changes[1] = rig_change(1, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, RIG_START_MS + 200000);
    job->contact = SCHED_MADE_CONTACT;
    queue_settle(job);
    rig_advance(&r, 60000);
    cr_assert_eq(r.n_out, 1);
    cr_assert_eq(r.out[0]->n_rcpts, 1);
    cr_assert_eq(r.out[0]->rcpts[0], 0);
    rig_advance(&r, 140000); /* the first is still out */
    cr_assert_eq(r.n_out, 2);
    cr_assert_eq(r.out[1]->n_rcpts, 1);
    cr_assert_eq(r.out[1]->rcpts[0], 1);
    rig_deliver(&r, 0);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 0);
    cr_assert_eq(r.taken, 3);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, bounce_with_its_dsn)
{
    struct rig r;
    struct job *job;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    job = r.out[0];
    r.n_out = 0;
    job->changes[0] = rig_change(0, RCPT_BOUNCED, CAUSE_REMOTE_PERMFAIL, 0);
    job->dsns = base_alloc_array(1, sizeof(*job->dsns));
    job->dsns[0] = rig_message("from@example.org", "report");
    job->n_dsns = 1;
    job->contact = SCHED_MADE_CONTACT;
    queue_settle(job);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 1);
    cr_assert_eq(r.n_out, 1, "the notification goes out at once");
    cr_assert_str_eq(r.out[0]->domain, "example.org");
    cr_assert_eq(rig_log_count("queue.dsn"), 1);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(counter_read(COUNTER_queue_messages), 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, warned_is_kept)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    r.out[0]->warned = true;
    rig_defer(&r, 0, RIG_START_MS + 1000);
    rig_advance(&r, 1000);
    cr_assert_eq(r.n_out, 1);
    cr_assert_eq(r.out[0]->message->flags & MESSAGE_WARNED, MESSAGE_WARNED);
    rig_deliver(&r, 0);
    rig_close(&r);
}

/* A worker that says nothing makes no message run in circles or vanish. */
Test(queue, silent_worker)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    queue_settle(r.out[0]);
    r.n_out = 0;
    rig_pump(&r);
    cr_assert_eq(r.n_out, 0);
    cr_assert_eq(stored(&r), 1);
    rig_advance(&r, 300000);
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    rig_close(&r);
}

/* The clock jumps over the whole lifetime: what comes is an attempt, not a verdict. */
Test(queue, clock_jump_expires_nothing)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    rig_defer(&r, 0, RIG_START_MS + 300000);
    rig_pump(&r);
    rig_advance(&r, (int64_t)400 * 24 * 3600 * 1000);
    cr_assert_eq(stored(&r), 1);
    cr_assert_eq(r.n_out, 1);
    cr_assert_not(r.out[0]->force_bounce);
    rig_deliver(&r, 0);
    rig_close(&r);
}

Test(queue, dead_destination_holds_up_nobody)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@dead.example");
    rig_settle(&r, 0, RCPT_QUEUED, CAUSE_CONNECT_FAILED, RIG_START_MS + 300000, SCHED_NO_CONTACT);
    rig_pump(&r);
    submit_one(&r, "b@dead.example");
    cr_assert_eq(r.n_out, 0, "the destination backs off");
    submit_one(&r, "a@live.example");
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    rig_advance(&r, SCHED_BACKOFF_MIN_MS);
    cr_assert_eq(r.n_out, 1, "and is probed");
    rig_deliver(&r, 0);
    rig_close(&r);
}

Test(queue, pause_lets_jobs_come_home)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    queue_pause(r.queue);
    submit_one(&r, "b@one.example");
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 1);
    cr_assert_eq(r.n_out, 0);
    rig_close(&r);
    NO_LEAKS();
}

/* Beyond the memory budget only the row is remembered; the message is read again. */
Test(queue, memory_budget)
{
    enum { N = 25 };
    struct rig_submit s[N];
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    for (int i = 0; i < N; i++) {
        struct message *m = rig_message("a@one.example", "x");
        m->size = LIMIT_MEMORY_BODIES / 2; /* said, not real */
        rig_submit(&r, &s[i], m);
    }
    rig_pump(&r);
    for (int done = 0; done < N; done++) {
        cr_assert_geq(r.n_out, 1);
        cr_assert(slice_eq(body_memory(r.out[0]->message->body), SLICE("x")));
        rig_deliver(&r, 0);
        rig_pump(&r);
    }
    cr_assert_eq(stored(&r), 0);
    rig_close(&r);
    NO_LEAKS();
}

/* A key that the configuration changed: the waiting entry ends, another one takes its place. */
Test(queue, destinations_change_with_the_configuration)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_one(&r, "a@one.example b@two.example");
    rig_defer(&r, 0, RIG_START_MS + 60000);
    rig_defer(&r, 0, RIG_START_MS + 60000);
    rig_pump(&r);
    r.config->delivery.tls = TLS_LEVEL_DANE_ONLY; /* part of the key */
    queue_configure(r.queue, r.config);
    rig_advance(&r, 60000);
    cr_assert_eq(r.n_out, 2);
    cr_assert(strstr(r.out[0]->destination, "dane-only"), "%s", r.out[0]->destination);
    rig_deliver(&r, 0);
    rig_deliver(&r, 0);
    rig_advance(&r, 600000);
    cr_assert_eq(r.taken, 4);
    cr_assert_eq(stored(&r), 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(queue, restart_finds_everything)
{
    char *directory = rig_directory();
    struct rig r;

    rig_open(&r, directory);
    rig_start(&r);
    submit_one(&r, "a@one.example");
    submit_one(&r, "b@two.example c@three.example");
    submit_one(&r, "d@one.example");
    rig_defer(&r, 0, RIG_START_MS + 50000);
    rig_deliver(&r, 0);
    rig_close(&r); /* the others are out and never come home */
    r.n_out = 0;

    rig_open(&r, directory);
    rig_start(&r);
    cr_assert_eq(counter_read(COUNTER_queue_messages), 3);
    cr_assert_eq(r.n_out, 2);
    rig_advance(&r, 50000);
    cr_assert_eq(r.n_out, 3);
    while (r.n_out)
        rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 0);
    rig_close(&r);
    rig_remove(&directory);
    NO_LEAKS();
}

Test(queue, large_bodies_pass_the_sync_loop)
{
    char *directory = rig_directory(), *spool = rig_join(directory, "bodies");
    char content[100000], id[QUEUE_ID_MAX];
    struct rig_submit large, small;
    struct rig r;

    memset(content, 'x', sizeof(content));
    rig_open(&r, directory);
    rig_start(&r);
    struct message *m = rig_message("a@one.example", "");
    struct body_writer *w = body_writer_new(spool, m->id, sizeof(content));
    body_writer_append(w, slice_make(content, sizeof(content)));
    body_unref(&m->body);
    m->body = body_writer_finish(&w);
    m->size = sizeof(content);
    memcpy(id, m->id, sizeof(id));
    rig_submit(&r, &large, m);
    rig_submit(&r, &small, rig_message("b@two.example", "x"));
    (void)loop_pump(r.queue_loop);
    (void)loop_pump(r.home);
    cr_assert_eq(small.answered, 1, "the small one does not wait");
    cr_assert_eq(large.answered, 0);
    rig_pump(&r);
    cr_assert_eq(large.answered, 1);
    cr_assert_eq(r.n_out, 2);
    cr_assert_eq(body_read(r.out[1]->message->body, 99999, content, 2), 1);
    cr_assert(rig_exists(spool, id));
    rig_deliver(&r, 1);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_not(rig_exists(spool, id), "gone with its row");
    rig_close(&r);
    free(spool);
    rig_remove(&directory);
    NO_LEAKS();
}
