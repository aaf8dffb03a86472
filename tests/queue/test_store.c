/* The conformance suite: every case runs on every store. */
#include <stdlib.h>
#include <string.h>

#include "tests/queue/rig.h"

struct bench {
    struct store *s;
    char *directory; /* NULL: memory */
};

static void open_store(struct bench *b)
{
    struct buf errors;
    buf_init(&errors, 1000);
    b->s = store_sqlite_open(b->directory, &errors);
    cr_assert(b->s, "%s", buf_cstr(&errors));
    buf_free(&errors);
}

/* Only the SQLite store can be closed and found again. */
static void reopen(struct bench *b)
{
    if (!b->directory)
        return;
    b->s->ops->close(b->s);
    open_store(b);
}

static enum store_result apply(struct bench *b, struct store_op *ops, size_t n)
{
    return b->s->ops->apply(b->s, ops, n);
}

static uint64_t put(struct bench *b, const char *rcpts, const char *content)
{
    struct message *m = rig_message(rcpts, content);
    struct store_op op = {.kind = STORE_PUT, .message = m};
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    uint64_t row = m->row;
    cr_assert_neq(row, 0);
    message_free(&m);
    return row;
}

static struct store_op settle(struct bench *b, uint64_t row, const struct rcpt_change *c, size_t n)
{
    struct store_op op = {.kind = STORE_SETTLE, .row = row, .changes = c, .n_changes = n};
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    return op;
}

static struct message *load(struct bench *b, uint64_t row)
{
    enum store_result result = STORE_ERROR;
    struct message *m = b->s->ops->load(b->s, row, true, &result);
    cr_assert_eq(result, STORE_OK);
    return m;
}

static void everything_comes_back(struct bench *b)
{
    struct message *m = rig_message("a@one.example \"q@q\"@two.example", "content\r\n");
    struct status last = status_make(CAUSE_REMOTE_TEMPFAIL, "451 4.3.2 'later'; -- \"%c\"", 'x');
    struct store_op op = {.kind = STORE_PUT, .message = m};
    char id[QUEUE_ID_MAX];

    m->flags = MESSAGE_8BIT | MESSAGE_SMTPUTF8;
    free(m->client);
    m->client = base_strdup("host[192.0.2.9]");
    m->rcpts[1].last = base_alloc(sizeof(last));
    *m->rcpts[1].last = last;
    m->rcpts[1].remote = base_strdup("mx[192.0.2.1]:25");
    m->rcpts[1].attempts = 3;
    m->rcpts[1].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
    m->rcpts[1].orcpt = base_strdup("utf-8;\xc3\xa4@two.example");
    free(m->user);
    m->user = base_strdup("anna");
    m->envid = base_strdup("QQ+314=159 x");
    m->ret = DSN_RET_HDRS;
    m->held_for = base_strdup("quarantined");
    m->rcpts[1].next_ms = RIG_START_MS + 77;
    memcpy(id, m->id, sizeof(id));
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    uint64_t row = m->row;
    message_free(&m);
    reopen(b);

    cr_assert_eq(b->s->ops->find(b->s, id), row);
    cr_assert_eq(b->s->ops->find(b->s, "nothing0000"), 0);
    m = load(b, row);
    cr_assert(m && m->body);
    cr_assert_str_eq(m->id, id);
    cr_assert_eq(m->row, row);
    cr_assert_eq(m->arrival_ms, RIG_START_MS);
    cr_assert_str_eq(m->sender, "from@example.org");
    cr_assert_str_eq(m->client, "host[192.0.2.9]");
    cr_assert_eq(m->flags, MESSAGE_8BIT | MESSAGE_SMTPUTF8);
    cr_assert_eq(m->size, 9);
    cr_assert(slice_eq(body_memory(m->body), SLICE("content\r\n")));
    cr_assert_eq(m->n_rcpts, 2);
    cr_assert_str_eq(m->rcpts[1].address, "\"q@q\"@two.example");
    cr_assert_str_eq(m->rcpts[1].domain, "two.example");
    cr_assert_null(m->rcpts[0].last);
    cr_assert_null(m->rcpts[0].remote);
    cr_assert_null(m->rcpts[0].orcpt);
    cr_assert_eq(m->rcpts[0].notify, 0);
    cr_assert_eq(m->rcpts[1].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
    cr_assert_str_eq(m->rcpts[1].orcpt, "utf-8;\xc3\xa4@two.example");
    cr_assert_str_eq(m->user, "anna");
    cr_assert_str_eq(m->envid, "QQ+314=159 x");
    cr_assert_eq(m->ret, DSN_RET_HDRS);
    cr_assert_str_eq(m->held_for, "quarantined");
    cr_assert_eq(m->rcpts[1].attempts, 3);
    cr_assert_eq(m->rcpts[1].next_ms, RIG_START_MS + 77);
    cr_assert_str_eq(m->rcpts[1].remote, "mx[192.0.2.1]:25");
    cr_assert_str_eq(m->rcpts[1].last->text, last.text);
    cr_assert_eq(m->rcpts[1].last->cause, last.cause);
    cr_assert_eq(m->rcpts[1].last->code, last.code);
    cr_assert_eq(m->rcpts[1].last->esc.subject, last.esc.subject);
    message_free(&m);
}

static void bytes_are_kept(struct bench *b)
{
    char octets[256 * 40];
    struct message *m = rig_message("a@one.example", "");
    struct store_op op = {.kind = STORE_PUT, .message = m};

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)i;
    body_unref(&m->body);
    m->body = body_of_memory(slice_make(octets, sizeof(octets)));
    m->size = sizeof(octets);
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    uint64_t row = m->row;
    message_free(&m);
    reopen(b);
    m = load(b, row);
    cr_assert(slice_eq(body_memory(m->body), slice_make(octets, sizeof(octets))));
    message_free(&m);
}

static void empty_body_is_kept(struct bench *b)
{
    uint64_t row = put(b, "a@one.example", "");
    struct message *m = load(b, row);
    cr_assert(m && m->body);
    cr_assert_eq(body_size(m->body), 0);
    message_free(&m);
}

static void delivered_means_gone(struct bench *b)
{
    uint64_t row = put(b, "a@one.example", "x");
    struct rcpt_change c = rig_change(0, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0);
    struct store_op op = settle(b, row, &c, 1);

    cr_assert(op.out_gone);
    cr_assert_eq(op.out_file[0], '\0');
    cr_assert_eq(b->s->ops->count(b->s), 0);
    reopen(b);
    cr_assert_null(load(b, row));
}

static void retry_keeps_what_happened(struct bench *b)
{
    uint64_t row = put(b, "a@one.example", "x");
    struct rcpt_change c = rig_change(0, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, RIG_START_MS + 5000);

    cr_assert_not(settle(b, row, &c, 1).out_gone);
    cr_assert_not(settle(b, row, &c, 1).out_gone);
    reopen(b);
    struct message *m = load(b, row);
    cr_assert_eq(m->rcpts[0].attempts, 2);
    cr_assert_eq(m->rcpts[0].next_ms, RIG_START_MS + 5000);
    cr_assert_eq(m->rcpts[0].last->cause, CAUSE_REMOTE_TEMPFAIL);
    cr_assert_str_eq(m->rcpts[0].remote, c.remote);
    message_free(&m);
}

static void each_recipient_ends_for_itself(struct bench *b)
{
    uint64_t row = put(b, "a@one.example b@one.example c@two.example", "x");
    struct rcpt_change first[2] = {rig_change(0, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0),
                                   rig_change(2, RCPT_BOUNCED, CAUSE_REMOTE_PERMFAIL, 0)};
    struct rcpt_change last = rig_change(1, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0);

    cr_assert_not(settle(b, row, first, 2).out_gone);
    reopen(b);
    struct message *m = load(b, row);
    cr_assert_eq(m->rcpts[0].state, RCPT_DELIVERED);
    cr_assert_null(m->rcpts[0].last);
    cr_assert_eq(m->rcpts[1].state, RCPT_QUEUED);
    cr_assert_eq(m->rcpts[1].attempts, 0);
    cr_assert_eq(m->rcpts[2].state, RCPT_BOUNCED);
    cr_assert_eq(m->rcpts[2].last->cause, CAUSE_REMOTE_PERMFAIL);
    message_free(&m);
    cr_assert(settle(b, row, &last, 1).out_gone);
    cr_assert_eq(b->s->ops->count(b->s), 0);
}

/* The same recipient twice must not count for the one that still waits. */
static void settled_twice_counts_once(struct bench *b)
{
    uint64_t row = put(b, "a@one.example b@one.example", "x");
    struct rcpt_change c[2] = {rig_change(0, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0),
                               rig_change(0, RCPT_BOUNCED, CAUSE_REMOTE_PERMFAIL, 0)};
    struct rcpt_change beyond = rig_change(9, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0);

    cr_assert_not(settle(b, row, c, 2).out_gone);
    cr_assert_not(settle(b, row, &beyond, 1).out_gone);
    struct message *m = load(b, row);
    cr_assert_eq(m->rcpts[0].state, RCPT_DELIVERED);
    cr_assert_eq(m->rcpts[0].attempts, 1);
    cr_assert_eq(m->rcpts[1].state, RCPT_QUEUED);
    message_free(&m);
}

static void missing_rows_are_harmless(struct bench *b)
{
    struct rcpt_change c = rig_change(0, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, 1);
    struct store_op ops[] = {
        {.kind = STORE_SETTLE, .row = 999, .changes = &c, .n_changes = 1},
        {.kind = STORE_DELETE, .row = 999},
        {.kind = STORE_FLAGS, .row = 999, .set_flags = MESSAGE_HELD},
        {.kind = STORE_RETRY, .row = 999},
    };

    cr_assert_eq(apply(b, ops, ARRAY_LEN(ops)), STORE_OK);
    cr_assert(ops[0].out_gone);
    cr_assert(ops[1].out_gone);
    cr_assert_null(load(b, 999));
}

static void rows_are_not_used_again(struct bench *b)
{
    uint64_t first = put(b, "a@one.example", "x");
    struct store_op op = {.kind = STORE_DELETE, .row = first};

    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    cr_assert(op.out_gone);
    cr_assert_gt(put(b, "b@one.example", "x"), first);
}

static void flags_set_and_clear(struct bench *b)
{
    uint64_t row = put(b, "a@one.example b@one.example", "x");
    struct rcpt_change c = rig_change(0, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, 5);
    struct store_op ops[] = {
        {.kind = STORE_FLAGS, .row = row, .set_flags = MESSAGE_HELD | MESSAGE_DSN},
        {.kind = STORE_FLAGS, .row = row, .set_flags = MESSAGE_8BIT, .clear_flags = MESSAGE_HELD},
        {.kind = STORE_SETTLE, .row = row, .changes = &c, .n_changes = 1,
         .set_flags = MESSAGE_WARNED},
    };

    cr_assert_eq(apply(b, ops, ARRAY_LEN(ops)), STORE_OK);
    reopen(b);
    struct message *m = load(b, row);
    cr_assert_eq(m->flags, MESSAGE_DSN | MESSAGE_8BIT | MESSAGE_WARNED);
    message_free(&m);
}

static void retry_moves_queued_recipients(struct bench *b)
{
    uint64_t row = put(b, "a@one.example b@one.example", "x");
    struct rcpt_change c = rig_change(0, RCPT_BOUNCED, CAUSE_REMOTE_PERMFAIL, 5);
    struct store_op op = {.kind = STORE_RETRY, .row = row, .next_ms = 42};

    (void)settle(b, row, &c, 1);
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    struct message *m = load(b, row);
    cr_assert_eq(m->rcpts[0].next_ms, 5);
    cr_assert_eq(m->rcpts[1].next_ms, 42);
    message_free(&m);
}

static void scan_pages_in_order(struct bench *b)
{
    struct message *page[4];
    enum store_result result;
    uint64_t rows[10], after = 0;
    size_t seen = 0, n;

    for (size_t i = 0; i < 10; i++)
        rows[i] = put(b, "a@one.example b@two.example", "x");
    reopen(b);
    while ((n = b->s->ops->scan(b->s, after, 4, page, &result))) {
        cr_assert_eq(result, STORE_OK);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(page[i]->row, rows[seen++]);
            cr_assert_null(page[i]->body);
            cr_assert_eq(page[i]->n_rcpts, 2);
            after = page[i]->row;
            message_free(&page[i]);
        }
    }
    cr_assert_eq(seen, 10);
    cr_assert_eq(result, STORE_OK);
    cr_assert_eq(b->s->ops->count(b->s), 10);
}

static void failed_batch_changes_nothing(struct bench *b)
{
    uint64_t row = put(b, "a@one.example", "x");
    struct message *m = rig_message("b@one.example", "y");
    struct rcpt_change c = rig_change(0, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0);
    struct store_op ops[] = {
        {.kind = STORE_PUT, .message = m},
        {.kind = STORE_SETTLE, .row = row, .changes = &c, .n_changes = 1},
        {.kind = STORE_PUT, .message = m}, /* the same id again */
    };

    cr_assert_eq(apply(b, ops, ARRAY_LEN(ops)), STORE_ERROR);
    cr_assert_eq(m->row, 0);
    cr_assert_eq(b->s->ops->count(b->s), 1);
    struct message *kept = load(b, row);
    cr_assert(kept);
    message_free(&kept);
    cr_assert_eq(apply(b, ops, 2), STORE_OK, "and the store goes on");
    cr_assert_eq(b->s->ops->count(b->s), 1);
    message_free(&m);
}

static void dsn_is_in_the_same_transaction(struct bench *b)
{
    uint64_t row = put(b, "a@one.example", "x");
    struct message *dsn = rig_message("from@example.org", "report");
    struct rcpt_change c = rig_change(0, RCPT_BOUNCED, CAUSE_REMOTE_PERMFAIL, 0);
    struct store_op ops[] = {
        {.kind = STORE_PUT, .message = dsn},
        {.kind = STORE_SETTLE, .row = row, .changes = &c, .n_changes = 1},
    };

    dsn->flags = MESSAGE_DSN;
    cr_assert_eq(apply(b, ops, 2), STORE_OK);
    cr_assert(ops[1].out_gone);
    reopen(b);
    cr_assert_eq(b->s->ops->count(b->s), 1);
    cr_assert_eq(b->s->ops->find(b->s, dsn->id), dsn->row);
    message_free(&dsn);
}

static void file_bodies_are_named_when_gone(struct bench *b)
{
    char *directory = rig_directory();
    char *spool = b->directory ? rig_join(b->directory, "bodies") : base_strdup(directory);
    struct message *m = rig_message("a@one.example", "");
    struct body_writer *w = body_writer_new(spool, m->id, 1000000);
    struct store_op op = {.kind = STORE_PUT, .message = m};
    char content[50000], id[QUEUE_ID_MAX];

    memset(content, 'x', sizeof(content));
    body_writer_append(w, slice_make(content, sizeof(content)));
    body_unref(&m->body);
    m->body = body_writer_finish(&w);
    m->size = body_size(m->body);
    memcpy(id, m->id, sizeof(id));
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    uint64_t row = m->row;
    message_free(&m);
    cr_assert(rig_exists(spool, id), "committed files stay");
    reopen(b);
    m = load(b, row);
    char start[3];
    cr_assert(body_is_file(m->body));
    cr_assert_eq(body_read(m->body, 49998, start, 3), 2);
    message_free(&m);
    op = (struct store_op){.kind = STORE_DELETE, .row = row};
    cr_assert_eq(apply(b, &op, 1), STORE_OK);
    cr_assert_str_eq(op.out_file, id);
    free(spool);
    rig_remove(&directory);
}

static const struct {
    const char *name;
    void (*run)(struct bench *b);
} cases[] = {
    {"everything comes back", everything_comes_back},
    {"bytes are kept", bytes_are_kept},
    {"empty body is kept", empty_body_is_kept},
    {"delivered means gone", delivered_means_gone},
    {"retry keeps what happened", retry_keeps_what_happened},
    {"each recipient ends for itself", each_recipient_ends_for_itself},
    {"settled twice counts once", settled_twice_counts_once},
    {"missing rows are harmless", missing_rows_are_harmless},
    {"rows are not used again", rows_are_not_used_again},
    {"flags set and clear", flags_set_and_clear},
    {"retry moves queued recipients", retry_moves_queued_recipients},
    {"scan pages in order", scan_pages_in_order},
    {"failed batch changes nothing", failed_batch_changes_nothing},
    {"dsn is in the same transaction", dsn_is_in_the_same_transaction},
    {"file bodies are named when gone", file_bodies_are_named_when_gone},
};

Test(store, conformance_memory)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b = {.s = store_memory_open()};
        cr_log_info("%s", cases[i].name);
        cases[i].run(&b);
        b.s->ops->close(b.s);
    }
    NO_LEAKS();
}

Test(store, conformance_sqlite)
{
    rig_log_start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b = {.directory = rig_directory()};
        cr_log_info("%s", cases[i].name);
        open_store(&b);
        cases[i].run(&b);
        b.s->ops->close(b.s);
        rig_remove(&b.directory);
    }
    NO_LEAKS();
}

Test(store, memory_fails_when_told)
{
    struct bench b = {.s = store_memory_open()};
    struct message *m = rig_message("a@one.example", "x");
    struct store_op op = {.kind = STORE_PUT, .message = m};

    store_memory_fail(b.s, 2, STORE_FULL);
    cr_assert_eq(apply(&b, &op, 1), STORE_OK);
    op.kind = STORE_DELETE;
    op.row = m->row;
    cr_assert_eq(apply(&b, &op, 1), STORE_FULL);
    cr_assert_eq(b.s->ops->count(b.s), 1);
    cr_assert_eq(apply(&b, &op, 1), STORE_OK);
    message_free(&m);
    b.s->ops->close(b.s);
}
