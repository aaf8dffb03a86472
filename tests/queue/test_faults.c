/* The queue loop over a store that fails: what is answered, what is kept, what is never done. */
#include <stdlib.h>
#include <string.h>

#include "tests/queue/rig.h"

static void submit_wants(struct rig *r, enum cause want)
{
    struct rig_submit s;

    rig_submit(r, &s, rig_message("a@one.example", "x"));
    rig_pump(r);
    cr_assert_eq(s.answered, 1);
    cr_assert_eq(s.submit.status.cause, want);
    if (want != CAUSE_OK)
        message_free(&s.submit.message); /* the asker's again */
}

static uint64_t stored(const struct rig *r)
{
    return r->store->ops->count(r->store);
}

Test(faults, failed_commit_is_451_and_nothing_is_scheduled)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    store_memory_fail(r.store, 1, STORE_ERROR);
    submit_wants(&r, CAUSE_QUEUE_ERROR);
    cr_assert_eq(queue_health(r.queue), QUEUE_FAILING);
    cr_assert_eq(rig_log_count("queue.error"), 1);
    rig_advance(&r, 100000);
    cr_assert_eq(r.taken, 0);
    cr_assert_eq(stored(&r), 0);
    cr_assert_eq(queue_health(r.queue), QUEUE_HEALTHY, "worth another try");
    submit_wants(&r, CAUSE_OK);
    cr_assert_eq(r.taken, 1);
    rig_deliver(&r, 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(faults, full_disk_is_452_then_recovers)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    store_memory_fail(r.store, 1, STORE_FULL);
    submit_wants(&r, CAUSE_QUEUE_FULL);
    cr_assert_eq(queue_health(r.queue), QUEUE_DISK_FULL);
    submit_wants(&r, CAUSE_OK);
    cr_assert_eq(queue_health(r.queue), QUEUE_HEALTHY, "a commit proves it");
    rig_deliver(&r, 0);
    rig_close(&r);
    NO_LEAKS();
}

/* The mail is delivered whether we can write it down or not: it waits, and is not sent again. */
Test(faults, settle_is_retried_and_not_delivered_again)
{
    static const enum store_result failures[] = {STORE_FULL, STORE_ERROR};

    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        struct queue_request ask = {.filter.all = true};
        struct rig r;

        rig_open(&r, NULL);
        rig_start(&r);
        submit_wants(&r, CAUSE_OK);
        store_memory_fail(r.store, 1, failures[i]);
        rig_deliver(&r, 0);
        rig_pump(&r);
        cr_assert_eq(stored(&r), 1);
        cr_assert_neq(queue_health(r.queue), QUEUE_HEALTHY);
        /* Even an operator who wants it sent at once does not get it sent twice. */
        rig_ask(&r, &ask, QUEUE_RETRY);
        cr_assert_eq(ask.affected, 1);
        queue_request_clear(&ask);
        cr_assert_eq(r.taken, 1);
        store_memory_fail(r.store, 1, failures[i]);
        rig_advance(&r, 1000);
        rig_advance(&r, 1000);
        rig_advance(&r, 1000);
        cr_assert_eq(stored(&r), 0);
        cr_assert_eq(r.taken, 1);
        cr_assert_eq(queue_health(r.queue), QUEUE_HEALTHY);
        rig_advance(&r, 1000000);
        cr_assert_eq(r.taken, 1);
        rig_close(&r);
    }
    NO_LEAKS();
}

/* One settle that can never be committed (its DSN's id is taken) does not keep the others back. */
Test(faults, one_bad_settle_stays_alone)
{
    struct rig r;
    struct message *dsn = rig_message("from@example.org", "report");

    rig_open(&r, NULL);
    rig_start(&r);
    submit_wants(&r, CAUSE_OK);
    submit_wants(&r, CAUSE_OK);
    memcpy(dsn->id, r.out[1]->message->id, sizeof(dsn->id));
    r.out[0]->dsns = base_alloc_array(1, sizeof(struct message *));
    r.out[0]->dsns[0] = dsn;
    r.out[0]->n_dsns = 1;
    rig_deliver(&r, 0);
    rig_defer(&r, 0, RIG_START_MS + 1000000);
    rig_pump(&r);
    cr_assert_eq(stored(&r), 2);
    rig_advance(&r, 1000);
    rig_advance(&r, 999000);
    cr_assert_eq(r.n_out, 1, "the good one was settled and is due again");
    rig_deliver(&r, 0);
    rig_pump(&r);
    rig_advance(&r, 2000);
    cr_assert_eq(r.taken, 4, "with the id free again the bad one ends, its DSN goes");
    cr_assert_eq(stored(&r), 1);
    rig_close(&r);
    NO_LEAKS();
}

Test(faults, fatal_ends_without_an_answer)
{
    struct rig r;
    struct rig_submit s;

    rig_open(&r, NULL);
    rig_start(&r);
    submit_wants(&r, CAUSE_OK);
    store_memory_fail(r.store, 1, STORE_FATAL);
    rig_submit(&r, &s, rig_message("b@one.example", "x"));
    rig_deliver(&r, 0);
    rig_pump(&r);
    rig_advance(&r, 100000);
    cr_assert_eq(r.fatal, 1);
    cr_assert_eq(s.answered, 0);
    cr_assert_eq(r.taken, 1, "nothing more is handed out");
    cr_assert_eq(rig_log_count("queue.fatal"), 1);
    message_free(&s.submit.message);
    rig_close(&r);
    NO_LEAKS();
}
