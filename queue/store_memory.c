/* The store in memory: for tests, and the shortest statement of what a store does. Fault injection
 * makes any apply end as a real disk may make it end. Belongs to the queue loop. */
#include <stdlib.h>
#include <string.h>

#include "config/base/map.h"
#include "queue/body_private.h"
#include "queue/store.h"

struct kept {
    uint64_t row;
    struct message *message;
    UT_hash_handle hh; /* uthash iterates in order of insertion: by row, ascending */
};

struct memory_store {
    struct store store;
    struct kept *kept;
    uint64_t last_row;
    unsigned fail_in; /* applies until the one that fails; 0: none */
    enum store_result fail_with;
};

static struct memory_store *self(struct store *s)
{
    return CONTAINER_OF(s, struct memory_store, store);
}

static struct kept *kept_of(struct memory_store *s, uint64_t row)
{
    struct kept *k;
    HASH_FIND(hh, s->kept, &row, sizeof(row), k);
    return k;
}

static char *copy_text(const char *text)
{
    return text ? base_strdup(text) : NULL;
}

static void copy_rcpt(struct message *to, const struct recipient *r)
{
    size_t i = message_add_rcpt(to, slice_of(r->address), slice_of(r->domain));
    struct recipient *c = &to->rcpts[i];

    c->state = r->state;
    c->attempts = r->attempts;
    c->next_ms = r->next_ms;
    c->remote = copy_text(r->remote);
    c->notify = r->notify;
    c->orcpt = copy_text(r->orcpt);
    if (r->last) {
        c->last = base_alloc(sizeof(*c->last));
        *c->last = *r->last;
    }
}

static struct message *copy(const struct message *m, bool with_body)
{
    struct message *c = message_new();

    free(c->sender);
    free(c->client);
    free(c->user);
    (void)slice_copy(slice_of(m->id), c->id, sizeof(c->id));
    c->row = m->row;
    c->arrival_ms = m->arrival_ms;
    c->sender = base_strdup(m->sender);
    c->client = base_strdup(m->client);
    c->user = base_strdup(m->user);
    c->envid = copy_text(m->envid);
    c->ret = m->ret;
    c->held_for = copy_text(m->held_for);
    c->size = m->size;
    c->flags = m->flags;
    c->body = with_body && m->body ? body_ref(m->body) : NULL;
    for (size_t i = 0; i < m->n_rcpts; i++)
        copy_rcpt(c, &m->rcpts[i]);
    return c;
}

static uint64_t memory_find(struct store *store, const char *id)
{
    struct kept *k, *next;

    HASH_ITER (hh, self(store)->kept, k, next)
        if (strcmp(k->message->id, id) == 0)
            return k->row;
    return 0;
}

static void put(struct memory_store *s, struct store_op *op)
{
    struct kept *k = base_alloc(sizeof(*k));

    k->row = op->message->row = ++s->last_row;
    k->message = copy(op->message, true);
    HASH_ADD(hh, s->kept, row, sizeof(k->row), k);
    body_keep_file(op->message->body);
}

static void drop(struct memory_store *s, struct kept *k, struct store_op *op)
{
    if (body_is_file(k->message->body))
        (void)slice_copy(slice_of(k->message->id), op->out_file, sizeof(op->out_file));
    op->out_gone = true;
    HASH_DEL(s->kept, k);
    message_free(&k->message);
    free(k);
}

static void change(struct message *m, const struct rcpt_change *c)
{
    struct recipient *r = c->rcpt < m->n_rcpts ? &m->rcpts[c->rcpt] : NULL;

    if (!r || r->state != RCPT_QUEUED)
        return;
    free(r->last);
    free(r->remote);
    r->last = NULL;
    r->remote = c->remote[0] ? base_strdup(c->remote) : NULL;
    r->state = c->state;
    r->next_ms = c->next_ms;
    r->attempts++;
    if (c->state == RCPT_DELIVERED)
        return;
    r->last = base_alloc(sizeof(*r->last));
    *r->last = c->status;
}

static bool is_finished(const struct message *m)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].state == RCPT_QUEUED)
            return false;
    return true;
}

static void settle(struct memory_store *s, struct kept *k, struct store_op *op)
{
    for (size_t i = 0; i < op->n_changes; i++)
        change(k->message, &op->changes[i]);
    k->message->flags |= op->set_flags;
    if (is_finished(k->message))
        drop(s, k, op);
}

static void retry(struct message *m, int64_t next_ms)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (m->rcpts[i].state == RCPT_QUEUED)
            m->rcpts[i].next_ms = next_ms;
}

static void perform(struct memory_store *s, struct store_op *op)
{
    struct kept *k = op->kind == STORE_PUT ? NULL : kept_of(s, op->row);

    op->out_gone = op->kind != STORE_PUT && !k;
    op->out_file[0] = '\0';
    if (op->kind == STORE_PUT)
        put(s, op);
    else if (k && op->kind == STORE_SETTLE)
        settle(s, k, op);
    else if (k && op->kind == STORE_FLAGS)
        k->message->flags = (k->message->flags | op->set_flags) & ~op->clear_flags;
    else if (k && op->kind == STORE_RETRY)
        retry(k->message, op->next_ms);
    else if (k)
        drop(s, k, op);
}

/* The one thing that can be wrong with a batch: an id that is there already. */
static bool ids_are_new(struct store *store, const struct store_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != STORE_PUT)
            continue;
        if (memory_find(store, ops[i].message->id))
            return false;
        for (size_t j = 0; j < i; j++)
            if (ops[j].kind == STORE_PUT && strcmp(ops[i].message->id, ops[j].message->id) == 0)
                return false;
    }
    return true;
}

static enum store_result memory_apply(struct store *store, struct store_op *ops, size_t n)
{
    struct memory_store *s = self(store);

    if (s->fail_in && --s->fail_in == 0)
        return s->fail_with;
    if (!ids_are_new(store, ops, n))
        return STORE_ERROR;
    for (size_t i = 0; i < n; i++)
        perform(s, &ops[i]);
    return STORE_OK;
}

static struct message *memory_load(struct store *store, uint64_t row, bool with_body,
                                   enum store_result *out_result)
{
    struct kept *k = kept_of(self(store), row);

    *out_result = STORE_OK;
    return k ? copy(k->message, with_body) : NULL;
}

static size_t memory_scan(struct store *store, uint64_t after, size_t limit,
                          struct message **out_messages, enum store_result *out_result)
{
    struct kept *k, *next;
    size_t n = 0;

    *out_result = STORE_OK;
    HASH_ITER (hh, self(store)->kept, k, next)
        if (k->row > after && n < limit)
            out_messages[n++] = copy(k->message, false);
    return n;
}

static uint64_t memory_count(struct store *store)
{
    return HASH_COUNT(self(store)->kept);
}

static void memory_close(struct store *store)
{
    struct memory_store *s = self(store);
    struct kept *k, *next;

    HASH_ITER (hh, s->kept, k, next) {
        HASH_DEL(s->kept, k);
        message_free(&k->message);
        free(k);
    }
    free(s);
}

struct store *store_memory_open(void)
{
    static const struct store_ops ops = {
        .apply = memory_apply,
        .load = memory_load,
        .scan = memory_scan,
        .find = memory_find,
        .count = memory_count,
        .close = memory_close,
    };
    struct memory_store *s = base_alloc(sizeof(*s));
    s->store.ops = &ops;
    return &s->store;
}

void store_memory_fail(struct store *store, unsigned fail_at, enum store_result result)
{
    self(store)->fail_in = fail_at;
    self(store)->fail_with = result;
}
