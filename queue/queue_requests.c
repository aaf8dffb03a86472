/* The operator's requests: listing, and the five things that can be done to messages. A long queue
 * is gone through in pages, with the mailbox served between two of them. Queue loop. */
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/log.h"
#include "queue/queue_private.h"

enum {
    LIST_MAX = 200,   /* messages in one answer */
    PAGE = 500,       /* rows looked at in one transaction */
    LIST_ROWS = 5000, /* rows looked at for one answer */
};

static void on_answered(struct msg *m)
{
    struct queue_request *r = CONTAINER_OF(m, struct queue_request, msg);
    r->done(r);
}

static void answer(struct queue_request *r, enum cause cause)
{
    r->status = status_of(cause);
    loop_post(r->home, &r->msg, on_answered);
}

static void on_ask(struct msg *m)
{
    fifo_push(&CONTAINER_OF(m, struct queue_request, msg)->queue->requests, m);
}

void queue_ask(struct queue *q, struct queue_request *r)
{
    r->queue = q;
    r->listed = NULL;
    r->n_listed = 0;
    r->more = false;
    r->affected = 0;
    if (r->action != QUEUE_LIST)
        r->after = 0;
    loop_post(q->loop, &r->msg, on_ask);
}

static void free_listed(struct queue_request *r)
{
    for (size_t i = 0; i < r->n_listed; i++)
        message_free(&r->listed[i].message);
    free(r->listed);
    r->listed = NULL;
    r->n_listed = 0;
}

void queue_request_clear(struct queue_request *r)
{
    free_listed(r);
    free(r->filter.to);
    free(r->filter.to_domain);
    free(r->filter.from);
    memset(&r->filter, 0, sizeof(r->filter));
}

/* Filters */

static bool same_text(const char *a, const char *b)
{
    return slice_caseeq(slice_of(a), slice_of(b));
}

static bool has_rcpt(const struct message *m, const struct queue_filter *f)
{
    for (size_t i = 0; i < m->n_rcpts; i++) {
        const struct recipient *r = &m->rcpts[i];
        if (r->state == RCPT_QUEUED && (!f->to || same_text(f->to, r->address)) &&
            (!f->to_domain || same_text(f->to_domain, r->domain)))
            return true;
    }
    return false;
}

static bool matches(const struct message *m, const struct queue_filter *f)
{
    if (f->id[0] && strcmp(f->id, m->id) != 0)
        return false;
    if ((f->to || f->to_domain) && !has_rcpt(m, f))
        return false;
    if (f->from_set && !same_text(f->from, m->sender))
        return false;
    return f->older_ms <= 0 || clock_wall_ms() - m->arrival_ms >= f->older_ms;
}

/* Up to limit messages after r->after; by id there is one at most. */
static size_t read_page(struct queue *q, struct queue_request *r, size_t limit,
                        struct message **out_page, enum store_result *out_result)
{
    uint64_t row;

    if (!r->filter.id[0])
        return q->store->ops->scan(q->store, r->after, limit, out_page, out_result);
    *out_result = STORE_OK;
    row = q->store->ops->find(q->store, r->filter.id);
    if (row == 0 || row <= r->after)
        return 0;
    out_page[0] = q->store->ops->load(q->store, row, false, out_result);
    return out_page[0] ? 1 : 0;
}

static void free_page(struct message **page, size_t n)
{
    for (size_t i = 0; i < n; i++)
        message_free(&page[i]);
}

/* After a fatal one there is nothing to say. */
static void fail(struct queue_request *r, enum store_result result)
{
    free_listed(r);
    if (result != STORE_FATAL)
        answer(r, result == STORE_FULL ? CAUSE_QUEUE_FULL : CAUSE_QUEUE_ERROR);
}

/* Listing */

static const char *name_of(const struct queue *q, const struct message *m)
{
    const struct row_note *note = queue_note_find(q, m->row);
    int64_t now = clock_wall_ms();

    if (m->flags & MESSAGE_HELD)
        return "hold";
    if (note && !list_is_empty(&note->jobs))
        return "active";
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].attempts || m->rcpts[i].next_ms > now)
            return "deferred";
    return "incoming";
}

/* Takes what matches out of the page. False: the answer was full before the page was through. */
static bool list_page(struct queue *q, struct queue_request *r, struct message **page, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (r->n_listed == LIST_MAX)
            return false;
        r->after = page[i]->row;
        if (!matches(page[i], &r->filter))
            continue;
        r->listed[r->n_listed++] =
            (struct queue_listed){.message = page[i], .queue_name = name_of(q, page[i])};
        page[i] = NULL;
    }
    return true;
}

static void list(struct queue *q, struct queue_request *r)
{
    struct message *page[LIST_MAX];
    enum store_result result = STORE_OK;
    size_t n = LIST_MAX;
    bool whole = true;

    r->listed = base_alloc_array(LIST_MAX, sizeof(*r->listed));
    for (size_t rows = 0; n == LIST_MAX && rows < LIST_ROWS && r->n_listed < LIST_MAX; rows += n) {
        n = read_page(q, r, LIST_MAX, page, &result);
        whole = list_page(q, r, page, n);
        free_page(page, n);
        if (result != STORE_OK) {
            queue_note_result(q, result);
            fail(r, result);
            return;
        }
    }
    r->more = n == LIST_MAX || !whole;
    answer(r, CAUSE_OK);
}

/* Actions */

static void add_flags(struct queue *q, const struct message *m, unsigned set, unsigned clear)
{
    struct store_op *op = queue_op_add(q, STORE_FLAGS);
    op->row = m->row;
    op->set_flags = set;
    op->clear_flags = clear;
}

static void add_retry(struct queue *q, const struct message *m)
{
    struct store_op *op = queue_op_add(q, STORE_RETRY);
    op->row = m->row;
    op->next_ms = clock_wall_ms();
}

static void hold_ops(struct queue *q, const struct message *m)
{
    add_flags(q, m, MESSAGE_HELD, 0);
}

static void release_ops(struct queue *q, const struct message *m)
{
    add_flags(q, m, 0, MESSAGE_HELD);
    add_retry(q, m);
}

static void delete_ops(struct queue *q, const struct message *m)
{
    queue_op_add(q, STORE_DELETE)->row = m->row;
}

/* A job that is out goes on; what it leaves is scheduled, and found to be held when it is taken. */
static void held(struct queue *q, struct message *m, const struct store_op *op)
{
    sched_remove(q->sched, m->row);
}

static void due_now(struct queue *q, struct message *m, const struct store_op *op)
{
    int64_t now = clock_wall_ms();

    m->flags &= ~(unsigned)MESSAGE_HELD;
    for (size_t i = 0; i < m->n_rcpts; i++)
        m->rcpts[i].next_ms = now;
    queue_schedule(q, m);
    sched_hurry(q->sched, m->row, now);
}

static void deleted(struct queue *q, struct message *m, const struct store_op *op)
{
    struct row_note *note = queue_note_find(q, m->row);

    if (op->out_gone && !(note && note->deleted)) {
        LOG(QUEUE_REMOVED, m->id, F_STR("reason", "deleted by the operator"));
        queue_count_messages(q, -1);
    }
    queue_forget_file(q, op);
    sched_remove(q->sched, m->row);
    if (note)
        note->deleted = true;
    queue_note_drop(q, note);
}

static void bounced(struct queue *q, struct message *m, const struct store_op *op)
{
    queue_note_of(q, m->row)->forced = true;
    due_now(q, m, op);
}

static const struct action {
    void (*ops)(struct queue *q, const struct message *m);
    void (*done)(struct queue *q, struct message *m, const struct store_op *first_op);
    unsigned needs, refuses; /* flags of the messages it is for */
} actions[] = {
    [QUEUE_HOLD] = {hold_ops, held, 0, MESSAGE_HELD},
    [QUEUE_RELEASE] = {release_ops, due_now, MESSAGE_HELD, 0},
    [QUEUE_RETRY] = {add_retry, due_now, 0, MESSAGE_HELD},
    [QUEUE_DELETE] = {delete_ops, deleted, 0, 0},
    [QUEUE_BOUNCE] = {release_ops, bounced, 0, 0},
};

static bool is_for(const struct action *a, const struct message *m)
{
    return (m->flags & a->needs) == a->needs && (m->flags & a->refuses) == 0;
}

static enum store_result act_on_page(struct queue *q, struct queue_request *r,
                                     struct message **page, size_t n)
{
    const struct action *a = &actions[r->action];
    size_t first_op[PAGE];
    enum store_result result;

    q->n_ops = 0;
    for (size_t i = 0; i < n; i++) {
        r->after = page[i]->row;
        first_op[i] = q->n_ops;
        if (matches(page[i], &r->filter) && is_for(a, page[i]))
            a->ops(q, page[i]);
        else
            message_free(&page[i]);
    }
    if (q->n_ops == 0)
        return STORE_OK;
    result = q->store->ops->apply(q->store, q->ops, q->n_ops);
    queue_note_result(q, result);
    for (size_t i = 0; i < n && result == STORE_OK; i++) {
        if (!page[i])
            continue;
        a->done(q, page[i], &q->ops[first_op[i]]);
        r->affected++;
    }
    return result;
}

static void act(struct queue *q, struct queue_request *r)
{
    struct message *page[PAGE];
    enum store_result result;
    size_t n = read_page(q, r, PAGE, page, &result);

    if (result == STORE_OK)
        result = act_on_page(q, r, page, n);
    else
        queue_note_result(q, result);
    free_page(page, n);
    if (result != STORE_OK)
        fail(r, result);
    else if (n == PAGE)
        loop_post(q->loop, &r->msg, on_ask);
    else
        answer(r, CAUSE_OK);
}

void queue_run_requests(struct queue *q)
{
    struct msg *m;

    while (!q->failed && (m = fifo_pop(&q->requests))) {
        struct queue_request *r = CONTAINER_OF(m, struct queue_request, msg);
        if (r->action == QUEUE_LIST)
            list(q, r);
        else
            act(q, r);
    }
}
