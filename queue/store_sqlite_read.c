/* The SQLite store's reading: rows to messages. What the file says is input: ids and enumerations
 * are checked before they become paths and states. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/store_sqlite_private.h"

static struct slice column(sqlite3_stmt *st, int at)
{
    const char *text = (const char *)sqlite3_column_text(st, at);
    return slice_make(text ? text : "", (size_t)sqlite3_column_bytes(st, at));
}

/* A copy; NULL for NULL. */
static char *read_text(sqlite3_stmt *st, int at)
{
    return sqlite3_column_type(st, at) == SQLITE_NULL ? NULL : slice_dup(column(st, at));
}

/* Columns at..at+6: cause, code, the enhanced code's three, from_peer, text. */
static struct status *read_status(sqlite3_stmt *st, int at)
{
    struct status *s;

    if (sqlite3_column_type(st, at) == SQLITE_NULL)
        return NULL;
    s = base_alloc(sizeof(*s));
    if (!cause_from_name(column(st, at), &s->cause))
        s->cause = CAUSE_LOCAL_ERROR; /* a cause of another version */
    s->code = (uint16_t)sqlite3_column_int(st, at + 1);
    s->esc.cls = (uint8_t)sqlite3_column_int(st, at + 2);
    s->esc.subject = (uint16_t)sqlite3_column_int(st, at + 3);
    s->esc.detail = (uint16_t)sqlite3_column_int(st, at + 4);
    s->from_peer = sqlite3_column_int(st, at + 5) != 0;
    (void)slice_copy(column(st, at + 6), s->text, sizeof(s->text));
    return s;
}

/* An unknown state is read as queued: sent twice rather than lost. */
static enum rcpt_state read_state(int value)
{
    return value == RCPT_DELIVERED || value == RCPT_BOUNCED ? (enum rcpt_state)value : RCPT_QUEUED;
}

static enum dsn_ret read_ret(int value)
{
    return value == DSN_RET_FULL || value == DSN_RET_HDRS ? (enum dsn_ret)value : DSN_RET_UNSAID;
}

static void read_rcpt(sqlite3_stmt *st, struct message *m)
{
    size_t i = message_add_rcpt(m, column(st, 0), column(st, 1));
    struct recipient *r = &m->rcpts[i];

    r->state = read_state(sqlite3_column_int(st, 2));
    r->attempts = (uint32_t)sqlite3_column_int64(st, 3);
    r->next_ms = sqlite3_column_int64(st, 4);
    r->remote = read_text(st, 5);
    r->last = read_status(st, 6);
    r->notify = (unsigned)sqlite3_column_int64(st, 13);
    r->orcpt = read_text(st, 14);
}

static int read_rcpts(struct sqlite_store *s, struct message *m)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_RCPTS);
    int rc;

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)m->row);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        read_rcpt(st, m);
    (void)sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool read_message(sqlite3_stmt *st, struct message *m, bool *out_file)
{
    struct slice id = column(st, 1);

    if (!message_id_ok(id))
        return false;
    free(m->sender);
    free(m->client);
    free(m->user);
    m->row = (uint64_t)sqlite3_column_int64(st, 0);
    (void)slice_copy(id, m->id, sizeof(m->id));
    m->arrival_ms = sqlite3_column_int64(st, 2);
    m->sender = slice_dup(column(st, 3));
    m->size = (uint64_t)sqlite3_column_int64(st, 4);
    m->flags = (unsigned)sqlite3_column_int64(st, 5);
    m->client = slice_dup(column(st, 6));
    *out_file = sqlite3_column_int(st, 7) != 0;
    m->user = slice_dup(column(st, 8));
    m->envid = read_text(st, 9);
    m->ret = read_ret(sqlite3_column_int(st, 10));
    m->held_for = read_text(st, 11);
    return true;
}

static struct body *body_in_spool(const struct sqlite_store *s, const struct message *m)
{
    size_t n = strlen(s->bodies) + sizeof(m->id) + 2;
    char *path = base_alloc(n);
    struct body *b;

    (void)snprintf(path, n, "%s/%s", s->bodies, m->id);
    b = body_of_file(path, m->size);
    free(path);
    return b;
}

static int read_body(struct sqlite_store *s, struct message *m)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_BODY);
    int rc;

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)m->row);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(st, 0);
        m->body = body_of_memory(slice_make(p, (size_t)sqlite3_column_bytes(st, 0)));
    }
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/* The message that the statement stands on; NULL with an SQLite error. */
static struct message *read_row(struct sqlite_store *s, sqlite3_stmt *st, bool with_body,
                                int *out_rc)
{
    struct message *m = message_new();
    bool file;

    *out_rc = read_message(st, m, &file) ? read_rcpts(s, m) : SQLITE_CORRUPT;
    if (*out_rc == SQLITE_OK && with_body && file)
        m->body = body_in_spool(s, m);
    else if (*out_rc == SQLITE_OK && with_body)
        *out_rc = read_body(s, m);
    if (*out_rc != SQLITE_OK)
        message_free(&m);
    return m;
}

struct message *sqlite_store_load(struct store *store, uint64_t row, bool with_body,
                                  enum store_result *out_result)
{
    struct sqlite_store *s = sqlite_store_of(store);
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_LOAD);
    struct message *m = NULL;

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)row);
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        m = read_row(s, st, with_body, &rc);
    (void)sqlite3_reset(st);
    *out_result = sqlite_store_result(rc);
    return m;
}

size_t sqlite_store_scan(struct store *store, uint64_t after, size_t limit,
                         struct message **out_messages, enum store_result *out_result)
{
    struct sqlite_store *s = sqlite_store_of(store);
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_SCAN);
    size_t n = 0;
    int rc;

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)limit);
    while (n < limit && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        out_messages[n] = read_row(s, st, false, &rc);
        if (!out_messages[n])
            break;
        n++;
        rc = SQLITE_ROW;
    }
    (void)sqlite3_reset(st);
    *out_result = sqlite_store_result(n < limit ? rc : SQLITE_OK);
    return n;
}
