/* The SQLite store's transactions: a batch of operations, one commit, one sync. */
#include <string.h>

#include "queue/body_private.h"
#include "queue/store_sqlite_private.h"

static void bind_status(sqlite3_stmt *st, int at, const struct status *s)
{
    if (!s) {
        for (int i = 0; i < 7; i++)
            (void)sqlite3_bind_null(st, at + i);
        return;
    }
    sqlite_store_bind_text(st, at, cause_info(s->cause)->name);
    (void)sqlite3_bind_int(st, at + 1, s->code);
    (void)sqlite3_bind_int(st, at + 2, s->esc.cls);
    (void)sqlite3_bind_int(st, at + 3, s->esc.subject);
    (void)sqlite3_bind_int(st, at + 4, s->esc.detail);
    (void)sqlite3_bind_int(st, at + 5, s->from_peer);
    sqlite_store_bind_text(st, at + 6, s->text);
}

static int put_message(struct sqlite_store *s, const struct message *m, uint64_t row)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_PUT_MESSAGE);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    sqlite_store_bind_text(st, 2, m->id);
    (void)sqlite3_bind_int64(st, 3, m->arrival_ms);
    sqlite_store_bind_text(st, 4, m->sender);
    (void)sqlite3_bind_int64(st, 5, (sqlite3_int64)m->size);
    (void)sqlite3_bind_int64(st, 6, m->flags);
    sqlite_store_bind_text(st, 7, m->client);
    (void)sqlite3_bind_int(st, 8, body_is_file(m->body));
    (void)sqlite3_bind_int64(st, 9, (sqlite3_int64)m->n_rcpts);
    sqlite_store_bind_text(st, 10, m->user);
    sqlite_store_bind_text(st, 11, m->envid);
    (void)sqlite3_bind_int(st, 12, (int)m->ret);
    sqlite_store_bind_text(st, 13, m->held_for);
    return sqlite_store_run(st);
}

static int put_rcpt(struct sqlite_store *s, uint64_t row, size_t n, const struct recipient *r)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_PUT_RCPT);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)n);
    sqlite_store_bind_text(st, 3, r->address);
    sqlite_store_bind_text(st, 4, r->domain);
    (void)sqlite3_bind_int(st, 5, (int)r->state);
    (void)sqlite3_bind_int64(st, 6, r->attempts);
    (void)sqlite3_bind_int64(st, 7, r->next_ms);
    sqlite_store_bind_text(st, 8, r->remote);
    bind_status(st, 9, r->last);
    (void)sqlite3_bind_int64(st, 16, r->notify);
    sqlite_store_bind_text(st, 17, r->orcpt);
    return sqlite_store_run(st);
}

static int put_body(struct sqlite_store *s, uint64_t row, const struct body *b)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_PUT_BODY);
    struct slice content;

    if (body_is_file(b))
        return SQLITE_OK;
    content = body_memory(b);
    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    (void)sqlite3_bind_blob64(st, 2, content.p, content.n, SQLITE_STATIC);
    return sqlite_store_run(st);
}

/* The row is kept in the operation until the commit makes it the message's. */
static int put(struct sqlite_store *s, struct store_op *op)
{
    const struct message *m = op->message;
    int rc;

    op->row = ++s->last_row;
    rc = put_message(s, m, op->row);
    for (size_t i = 0; i < m->n_rcpts && rc == SQLITE_OK; i++)
        rc = put_rcpt(s, op->row, i, &m->rcpts[i]);
    return rc == SQLITE_OK ? put_body(s, op->row, m->body) : rc;
}

struct found {
    bool any, file;
    uint64_t rcpts;
    char id[QUEUE_ID_MAX];
};

static int look(struct sqlite_store *s, uint64_t row, struct found *out_found)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_LOOK);

    *out_found = (struct found){0};
    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        (void)slice_copy(slice_of(id), out_found->id, sizeof(out_found->id));
        out_found->file = sqlite3_column_int(st, 1) != 0;
        out_found->rcpts = (uint64_t)sqlite3_column_int64(st, 2);
        out_found->any = true;
    }
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_on_row(struct sqlite_store *s, enum sqlite_store_statement which, uint64_t row)
{
    sqlite3_stmt *st = sqlite_store_sql(s, which);
    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    return sqlite_store_run(st);
}

static int drop(struct sqlite_store *s, const struct found *f, struct store_op *op)
{
    int rc = run_on_row(s, SQL_DELETE_MESSAGE, op->row);

    if (rc == SQLITE_OK)
        rc = run_on_row(s, SQL_DELETE_RCPT, op->row);
    if (rc == SQLITE_OK && !f->file)
        rc = run_on_row(s, SQL_DELETE_BODY, op->row);
    op->out_gone = true;
    if (f->file)
        memcpy(op->out_file, f->id, sizeof(op->out_file));
    return rc;
}

static int change(struct sqlite_store *s, uint64_t row, const struct rcpt_change *c)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_CHANGE);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)c->rcpt);
    (void)sqlite3_bind_int(st, 3, (int)c->state);
    (void)sqlite3_bind_int64(st, 4, c->next_ms);
    sqlite_store_bind_text(st, 5, c->remote[0] ? c->remote : NULL);
    bind_status(st, 6, c->state == RCPT_DELIVERED ? NULL : &c->status);
    return sqlite_store_run(st);
}

static int any_queued(struct sqlite_store *s, uint64_t row, bool *out_any)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_QUEUED);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    int rc = sqlite3_step(st);
    *out_any = rc == SQLITE_ROW;
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int set_flags(struct sqlite_store *s, const struct store_op *op)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_FLAGS);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)op->row);
    (void)sqlite3_bind_int64(st, 2, op->set_flags);
    (void)sqlite3_bind_int64(st, 3, op->clear_flags);
    return sqlite_store_run(st);
}

/* The common end: the only recipient is done, so nothing need be written before it is deleted. */
static bool ends_all(const struct found *f, const struct store_op *op)
{
    return f->rcpts == 1 && op->n_changes == 1 && op->changes[0].rcpt == 0 &&
           op->changes[0].state != RCPT_QUEUED;
}

static int settle_some(struct sqlite_store *s, const struct found *f, struct store_op *op)
{
    int rc = SQLITE_OK;
    bool queued = true;

    for (size_t i = 0; i < op->n_changes && rc == SQLITE_OK; i++)
        rc = change(s, op->row, &op->changes[i]);
    if (rc == SQLITE_OK)
        rc = any_queued(s, op->row, &queued);
    if (rc == SQLITE_OK && !queued)
        return drop(s, f, op);
    return rc == SQLITE_OK && op->set_flags ? set_flags(s, op) : rc;
}

static int retry(struct sqlite_store *s, const struct store_op *op)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_RETRY);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)op->row);
    (void)sqlite3_bind_int64(st, 2, op->next_ms);
    return sqlite_store_run(st);
}

/* An operation on a row that is gone (deleted while its delivery was out) does nothing. */
static int settle_or_delete(struct sqlite_store *s, struct store_op *op)
{
    struct found f;
    int rc = look(s, op->row, &f);

    if (rc != SQLITE_OK || !f.any) {
        op->out_gone = true;
        return rc;
    }
    if (op->kind == STORE_DELETE || ends_all(&f, op))
        return drop(s, &f, op);
    return settle_some(s, &f, op);
}

static int perform(struct sqlite_store *s, struct store_op *op)
{
    op->out_gone = false;
    op->out_file[0] = '\0';
    switch (op->kind) {
    case STORE_PUT:
        return put(s, op);
    case STORE_SETTLE:
    case STORE_DELETE:
        return settle_or_delete(s, op);
    case STORE_FLAGS:
        return set_flags(s, op);
    case STORE_RETRY:
        return retry(s, op);
    }
    return SQLITE_MISUSE;
}

/* SQLite may have rolled back by itself (a full disk, an I/O error); then there is nothing left to
 * roll back and that is no error. */
static enum store_result give_up(struct sqlite_store *s, int rc)
{
    if (!sqlite3_get_autocommit(s->db) &&
        sqlite_store_run(sqlite_store_sql(s, SQL_ROLLBACK)) != SQLITE_OK)
        return STORE_FATAL;
    return sqlite_store_result(rc);
}

/* Our own checkpoints, as SQLite's automatic one hides a failed sync of the database file. No space
 * for one is no failure: the commit stands in the log. */
static enum store_result checkpoint(struct sqlite_store *s)
{
    if (s->wal_pages < SQLITE_STORE_CHECKPOINT_PAGES)
        return STORE_OK;
    s->wal_pages = 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return sqlite_store_result(rc) == STORE_FATAL ? STORE_FATAL : STORE_OK;
}

static void note_committed(struct store_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != STORE_PUT)
            continue;
        ops[i].message->row = ops[i].row;
        body_keep_file(ops[i].message->body);
    }
}

enum store_result sqlite_store_apply(struct store *store, struct store_op *ops, size_t n)
{
    struct sqlite_store *s = sqlite_store_of(store);
    int rc = sqlite_store_run(sqlite_store_sql(s, SQL_BEGIN));

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = perform(s, &ops[i]);
    if (rc == SQLITE_OK)
        rc = sqlite_store_run(sqlite_store_sql(s, SQL_COMMIT));
    if (rc != SQLITE_OK)
        return give_up(s, rc);
    note_committed(ops, n);
    return checkpoint(s);
}
