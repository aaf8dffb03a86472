/* The operator's requests. */
#include <stdlib.h>
#include <string.h>

#include "config/base/counter.h"
#include "tests/queue/rig.h"

static void submit(struct rig *r, const char *rcpts)
{
    struct rig_submit s;

    rig_submit(r, &s, rig_message(rcpts, "x"));
    rig_pump(r);
    cr_assert_eq(s.answered, 1);
}

static uint64_t act(struct rig *r, enum queue_action action, const char *to)
{
    struct queue_request ask = {.filter.all = to == NULL};

    ask.filter.to = to ? base_strdup(to) : NULL;
    rig_ask(r, &ask, action);
    cr_assert_eq(ask.status.cause, CAUSE_OK);
    uint64_t affected = ask.affected;
    queue_request_clear(&ask);
    return affected;
}

static const char *name_of(struct rig *r, const char *to)
{
    struct queue_request ask = {0};
    const char *name;

    ask.filter.to = base_strdup(to);
    rig_ask(r, &ask, QUEUE_LIST);
    name = ask.n_listed == 1 ? ask.listed[0].queue_name : "none";
    queue_request_clear(&ask);
    return name;
}

Test(requests, queue_names)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "active@one.example");
    submit(&r, "deferred@one.example");
    submit(&r, "held@one.example");
    rig_defer(&r, 1, RIG_START_MS + 60000);
    rig_defer(&r, 1, RIG_START_MS + 60000);
    rig_pump(&r);
    cr_assert_eq(act(&r, QUEUE_HOLD, "held@one.example"), 1);
    queue_pause(r.queue);
    submit(&r, "incoming@one.example");
    cr_assert_str_eq(name_of(&r, "active@one.example"), "active");
    cr_assert_str_eq(name_of(&r, "deferred@one.example"), "deferred");
    cr_assert_str_eq(name_of(&r, "held@one.example"), "hold");
    cr_assert_str_eq(name_of(&r, "incoming@one.example"), "incoming");
    cr_assert_str_eq(name_of(&r, "nobody@one.example"), "none");
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, filters)
{
    static const struct {
        const char *name, *to, *to_domain, *from;
        int64_t older_ms;
        size_t want;
    } rows[] = {
        {"all", NULL, NULL, NULL, 0, 3},
        {"to", "A@One.Example", NULL, NULL, 0, 1},
        {"to is whole", "a@one", NULL, NULL, 0, 0},
        {"domain", NULL, "ONE.example", NULL, 0, 2},
        {"to and domain", "a@one.example", "two.example", NULL, 0, 0},
        {"from", NULL, NULL, "FROM@example.org", 0, 3},
        {"null sender", NULL, NULL, "", 0, 0},
        {"old enough", NULL, NULL, NULL, 5000, 3},
        {"not old enough", NULL, NULL, NULL, 5001, 0},
    };
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    submit(&r, "b@one.example c@two.example");
    submit(&r, "d@three.example");
    rig_advance(&r, 5000);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct queue_request ask = {0};
        ask.filter.to = rows[i].to ? base_strdup(rows[i].to) : NULL;
        ask.filter.to_domain = rows[i].to_domain ? base_strdup(rows[i].to_domain) : NULL;
        ask.filter.from = rows[i].from ? base_strdup(rows[i].from) : NULL;
        ask.filter.from_set = rows[i].from != NULL;
        ask.filter.older_ms = rows[i].older_ms;
        rig_ask(&r, &ask, QUEUE_LIST);
        cr_expect_eq(ask.n_listed, rows[i].want, "%s: %zu", rows[i].name, ask.n_listed);
        queue_request_clear(&ask);
    }
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, by_id)
{
    struct rig r;
    struct queue_request ask = {0};

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    submit(&r, "b@one.example");
    memcpy(ask.filter.id, r.out[1]->message->id, QUEUE_ID_MAX);
    rig_ask(&r, &ask, QUEUE_LIST);
    cr_assert_eq(ask.n_listed, 1);
    cr_assert_not(ask.more);
    cr_assert_str_eq(ask.listed[0].message->rcpts[0].address, "b@one.example");
    queue_request_clear(&ask);
    memcpy(ask.filter.id, "nothing0000", sizeof("nothing0000"));
    ask.after = 0;
    rig_ask(&r, &ask, QUEUE_DELETE);
    cr_assert_eq(ask.affected, 0);
    queue_request_clear(&ask);
    rig_close(&r);
    NO_LEAKS();
}

/* Every message once, in pages of 200 at most, whatever the filter leaves out between. */
Test(requests, pages)
{
    enum { N = 1030 };
    static struct rig_submit s[N];
    struct queue_request ask = {0};
    size_t seen = 0, pages = 0;
    uint64_t last = 0;
    struct rig r;

    rig_open(&r, NULL);
    queue_pause(r.queue);
    rig_start(&r);
    for (int i = 0; i < N; i++)
        rig_submit(&r, &s[i], rig_message(i % 3 ? "a@one.example" : "b@two.example", "x"));
    rig_pump(&r);
    do {
        ask.filter.to_domain = base_strdup("one.example");
        rig_ask(&r, &ask, QUEUE_LIST);
        cr_assert_leq(ask.n_listed, 200);
        for (size_t i = 0; i < ask.n_listed; i++) {
            cr_assert_gt(ask.listed[i].message->row, last);
            last = ask.listed[i].message->row;
            seen++;
        }
        queue_request_clear(&ask);
        pages++;
    } while (ask.more && pages < 20);
    cr_assert_eq(seen, N - (N + 2) / 3);
    /* An action goes through all pages by itself. */
    cr_assert_eq(act(&r, QUEUE_DELETE, "a@one.example"), seen);
    cr_assert_eq(r.store->ops->count(r.store), (N + 2) / 3);
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, hold_and_release)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    rig_defer(&r, 0, RIG_START_MS + 60000);
    rig_pump(&r);
    cr_assert_eq(act(&r, QUEUE_HOLD, NULL), 1);
    cr_assert_eq(act(&r, QUEUE_HOLD, NULL), 0, "held already");
    rig_advance(&r, 120000);
    cr_assert_eq(r.n_out, 0);
    cr_assert_eq(act(&r, QUEUE_RETRY, NULL), 0, "retry does not release");
    rig_advance(&r, 1000);
    cr_assert_eq(r.n_out, 0);
    cr_assert_eq(act(&r, QUEUE_RELEASE, NULL), 1);
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    rig_pump(&r);
    cr_assert_eq(r.store->ops->count(r.store), 0);
    rig_close(&r);
    NO_LEAKS();
}

/* Held while it is out: the attempt goes on, what it leaves is held. */
Test(requests, hold_of_a_message_that_is_out)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    cr_assert_eq(act(&r, QUEUE_HOLD, NULL), 1);
    rig_defer(&r, 0, RIG_START_MS + 1000);
    rig_advance(&r, 600000);
    cr_assert_eq(r.n_out, 0);
    cr_assert_eq(act(&r, QUEUE_RELEASE, NULL), 1);
    cr_assert_eq(r.n_out, 1);
    cr_assert_eq(act(&r, QUEUE_HOLD, NULL), 1);
    cr_assert_eq(act(&r, QUEUE_RELEASE, NULL), 1);
    cr_assert_eq(r.n_out, 1, "released while out: not handed out twice");
    rig_defer(&r, 0, RIG_START_MS + 1000000);
    rig_advance(&r, 400000);
    cr_assert_eq(r.n_out, 1);
    rig_deliver(&r, 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, retry_is_at_once)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    rig_settle(&r, 0, RCPT_QUEUED, CAUSE_CONNECT_FAILED, RIG_START_MS + 9000000, SCHED_NO_CONTACT);
    rig_pump(&r);
    cr_assert_eq(act(&r, QUEUE_RETRY, NULL), 1);
    cr_assert_eq(r.n_out, 1, "neither its time nor the back-off is waited for");
    rig_deliver(&r, 0);
    rig_close(&r);
}

Test(requests, delete_of_a_message_that_is_out)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example b@two.example");
    rig_defer(&r, 1, RIG_START_MS + 60000);
    rig_pump(&r);
    cr_assert_eq(act(&r, QUEUE_DELETE, NULL), 1);
    cr_assert_eq(r.store->ops->count(r.store), 0);
    rig_defer(&r, 0, RIG_START_MS + 1000);
    rig_advance(&r, 600000);
    cr_assert_eq(r.taken, 2);
    cr_assert_eq(rig_log_count("queue.removed"), 1);
    cr_assert_eq(counter_read(COUNTER_queue_messages), 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, bounce)
{
    struct rig r;

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "waits@one.example");
    submit(&r, "out@two.example");
    rig_settle(&r, 0, RCPT_QUEUED, CAUSE_CONNECT_FAILED, RIG_START_MS + 9000000, SCHED_NO_CONTACT);
    rig_pump(&r);
    cr_assert_eq(act(&r, QUEUE_HOLD, "waits@one.example"), 1);
    cr_assert_eq(act(&r, QUEUE_BOUNCE, NULL), 2);
    cr_assert_eq(r.n_out, 2);
    cr_assert(r.out[1]->force_bounce, "held ones too");
    cr_assert_not(r.out[0]->force_bounce, "it was out before");
    rig_defer(&r, 0, RIG_START_MS + 9000000);
    rig_settle(&r, 0, RCPT_BOUNCED, CAUSE_ADMIN_BOUNCE, 0, SCHED_NOT_TRIED);
    rig_pump(&r);
    cr_assert_eq(r.n_out, 1, "what the attempt left is bounced now");
    cr_assert(r.out[0]->force_bounce);
    rig_settle(&r, 0, RCPT_BOUNCED, CAUSE_ADMIN_BOUNCE, 0, SCHED_NOT_TRIED);
    rig_pump(&r);
    cr_assert_eq(r.store->ops->count(r.store), 0);
    rig_close(&r);
    NO_LEAKS();
}

Test(requests, failures_are_told)
{
    struct rig r;
    struct queue_request ask = {.filter.all = true};

    rig_open(&r, NULL);
    rig_start(&r);
    submit(&r, "a@one.example");
    store_memory_fail(r.store, 1, STORE_FULL);
    rig_ask(&r, &ask, QUEUE_HOLD);
    cr_assert_eq(ask.status.cause, CAUSE_QUEUE_FULL);
    cr_assert_eq(ask.affected, 0);
    queue_request_clear(&ask);
    rig_deliver(&r, 0);
    rig_close(&r);
    NO_LEAKS();
}
