/* Body files against rows, when the store is opened: a file without a row was never acknowledged
 * and goes; a row without its file waits on hold for the operator. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/log.h"
#include "config/base/map.h"
#include "queue/store_sqlite_private.h"

struct expected { /* a row whose body is a file */
    char id[QUEUE_ID_MAX];
    uint64_t row;
    UT_hash_handle hh;
};

static int read_expected(struct sqlite_store *s, struct expected **out_rows)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT queue_id, row FROM message WHERE file = 1", -1, &st,
                                NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct expected *e = base_alloc(sizeof(*e));
        const char *id = (const char *)sqlite3_column_text(st, 0);
        (void)slice_copy(slice_of(id), e->id, sizeof(e->id));
        e->row = (uint64_t)sqlite3_column_int64(st, 1);
        HASH_ADD_STR(*out_rows, id, e);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void forget(struct expected **rows, struct expected *e)
{
    HASH_DEL(*rows, e);
    free(e);
}

static void meet_file(int dir, const char *name, struct expected **rows)
{
    struct expected *e;

    if (!message_id_ok(slice_of(name)))
        return;
    HASH_FIND_STR(*rows, name, e);
    if (e)
        forget(rows, e);
    else if (unlinkat(dir, name, 0) == 0)
        LOG(QUEUE_SWEPT, name, F_STR("reason", "no row names this body file"));
}

/* Leaves in rows what has no file. */
static bool meet_files(const char *bodies, struct expected **rows)
{
    DIR *dir = opendir(bodies);
    struct dirent *entry;

    if (!dir)
        return false;
    while ((entry = readdir(dir)))
        meet_file(dirfd(dir), entry->d_name, rows);
    closedir(dir);
    return true;
}

static int hold(struct sqlite_store *s, const struct expected *e)
{
    sqlite3_stmt *st = sqlite_store_sql(s, SQL_FLAGS);

    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)e->row);
    (void)sqlite3_bind_int64(st, 2, MESSAGE_HELD);
    (void)sqlite3_bind_int64(st, 3, 0);
    LOG(QUEUE_QUARANTINE, e->id, F_STR("reason", cause_info(CAUSE_BODY_LOST)->words),
        F_STR("remedy", cause_info(CAUSE_BODY_LOST)->remedy));
    return sqlite_store_run(st);
}

bool sqlite_store_sweep(struct sqlite_store *s, struct buf *errors)
{
    struct expected *rows = NULL, *e, *next;
    int rc = read_expected(s, &rows);
    bool met = rc == SQLITE_OK && meet_files(s->bodies, &rows);

    HASH_ITER (hh, rows, e, next) {
        if (met && rc == SQLITE_OK)
            rc = hold(s, e);
        forget(&rows, e);
    }
    if (met && rc == SQLITE_OK)
        return true;
    (void)!buf_printf(errors, "queue: %s: %s\n", s->bodies,
                      rc == SQLITE_OK ? strerror(errno) : sqlite3_errstr(rc));
    return false;
}
