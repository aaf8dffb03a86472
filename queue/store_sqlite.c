/* The SQLite store: what its files share. One connection, used by the queue loop alone; see
 * store.h for the states and what repairs them. */
#include "queue/store_sqlite_private.h"

struct sqlite_store *sqlite_store_of(struct store *s)
{
    return CONTAINER_OF(s, struct sqlite_store, store);
}

/* After a failed sync or write the kernel may have dropped pages that it no longer calls dirty: a
 * second try would succeed without the data. So every I/O error is the end of the process. */
enum store_result sqlite_store_result(int rc)
{
    if (rc == SQLITE_READONLY_DBMOVED)
        return STORE_FATAL; /* the file was moved away under us: commits go nowhere */
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STORE_OK;
    case SQLITE_FULL:
        return STORE_FULL;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_FATAL;
    default:
        return STORE_ERROR;
    }
}

sqlite3_stmt *sqlite_store_sql(struct sqlite_store *s, enum sqlite_store_statement which)
{
    return s->sql[which];
}

int sqlite_store_run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    int reset = sqlite3_reset(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

/* Text stays where it is until the statement has run. */
void sqlite_store_bind_text(sqlite3_stmt *st, int at, const char *text)
{
    (void)sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

/* The first column of the first row; 0 if there is none. */
static uint64_t ask_u64(sqlite3_stmt *st)
{
    uint64_t value = 0;

    if (sqlite3_step(st) == SQLITE_ROW)
        value = (uint64_t)sqlite3_column_int64(st, 0);
    (void)sqlite3_reset(st);
    return value;
}

static uint64_t sqlite_store_find(struct store *store, const char *id)
{
    sqlite3_stmt *st = sqlite_store_sql(sqlite_store_of(store), SQL_FIND);
    sqlite_store_bind_text(st, 1, id);
    return ask_u64(st);
}

static uint64_t sqlite_store_count(struct store *store)
{
    return ask_u64(sqlite_store_sql(sqlite_store_of(store), SQL_COUNT_ALL));
}

const struct store_ops sqlite_store_ops = {
    .apply = sqlite_store_apply,
    .load = sqlite_store_load,
    .scan = sqlite_store_scan,
    .find = sqlite_store_find,
    .count = sqlite_store_count,
    .close = sqlite_store_close,
};
