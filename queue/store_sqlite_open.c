/* Opening and closing the SQLite store. Every doubt about the file ends in one clear line and no
 * store; nothing is written before the file is known to be ours and of our version. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/log.h"
#include "queue/store_sqlite_private.h"

enum {
    APPLICATION_ID = 0x444e4c57, /* "DNLW" */
    VERSION = 2,
    QUICK_CHECK_MAX = 256 * 1024 * 1024, /* octets of a file that is checked after an unclean stop:
                                            a second or two of reading */
};

/* The way from an empty file to this version, one transaction each, so that a file of an older relay
 * goes only the rest of it. A step is never changed once it was released. */
static const char *const steps[VERSION] = {
    "BEGIN IMMEDIATE;"
    "CREATE TABLE message("
    " row INTEGER PRIMARY KEY,"
    " queue_id TEXT NOT NULL UNIQUE,"
    " arrival_ms INTEGER NOT NULL,"
    " sender TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " flags INTEGER NOT NULL,"
    " client TEXT NOT NULL,"
    " file INTEGER NOT NULL," /* 1: the body is bodies/queue_id, 0: it is in body */
    " rcpts INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE rcpt("
    " message INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " address TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " state INTEGER NOT NULL," /* enum rcpt_state */
    " attempts INTEGER NOT NULL,"
    " next_ms INTEGER NOT NULL,"
    " remote TEXT,"
    " cause TEXT, code INTEGER, esc_class INTEGER, esc_subject INTEGER, esc_detail INTEGER,"
    " from_peer INTEGER, text TEXT,"
    " PRIMARY KEY(message, n)"
    ") STRICT, WITHOUT ROWID;"
    /* Apart from the envelope, so that a retry or a scan touches no body. */
    "CREATE TABLE body(message INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;"
    "PRAGMA application_id = 1145982039;"
    "PRAGMA user_version = 1;"
    "COMMIT",

    /* RFC 3461 and RFC 4954: what the sender asked for, and who it was. */
    "BEGIN IMMEDIATE;"
    "ALTER TABLE message ADD COLUMN user TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN envid TEXT;"
    "ALTER TABLE message ADD COLUMN ret INTEGER NOT NULL DEFAULT 0;" /* enum dsn_ret */
    "ALTER TABLE message ADD COLUMN held_for TEXT;"
    "ALTER TABLE rcpt ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;" /* enum dsn_notify */
    "ALTER TABLE rcpt ADD COLUMN orcpt TEXT;"
    "PRAGMA user_version = 2;"
    "COMMIT",
};

_Static_assert(APPLICATION_ID == 1145982039 && VERSION == 2, "the steps write them as text");

#ifdef SABOTAGE_NOFSYNC
#define SYNCHRONOUS "0"
#else
#define SYNCHRONOUS "2" /* FULL: the log is synced at each commit; NORMAL may lose commits */
#endif

/* Set at every open, as most of them are of the connection and not of the file, and read back, as
 * SQLite ignores a pragma that it cannot follow. */
struct setting {
    const char *set, *get, *want;
};

/* Before the first access. The exclusive lock means no shared memory, no second process, no second
 * checkpointer; without mmap an I/O error stays an error and is no signal. */
static const struct setting settings_before[] = {
    {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode",    "exclusive"},
    {"PRAGMA mmap_size = 0",            NULL,                     NULL       },
    {"PRAGMA trusted_schema = OFF",     "PRAGMA trusted_schema",  "0"        },
    {"PRAGMA cell_size_check = ON",     "PRAGMA cell_size_check", "1"        },
    {"PRAGMA temp_store = MEMORY",      "PRAGMA temp_store",      "2"        },
    {"PRAGMA secure_delete = OFF",      "PRAGMA secure_delete",   "0"        },
    {"PRAGMA page_size = 4096",         NULL,                     NULL       },
};

/* Once the file is known to be ours. Checkpoints are our own (store_sqlite_apply.c). */
static const struct setting settings_after[] = {
    {"PRAGMA journal_mode = WAL",         "PRAGMA journal_mode",       "wal"      },
    {"PRAGMA synchronous = " SYNCHRONOUS, "PRAGMA synchronous",        SYNCHRONOUS},
    {"PRAGMA wal_autocheckpoint = 0",     "PRAGMA wal_autocheckpoint", "0"        },
    {"PRAGMA cache_size = -32768",        NULL,                        NULL       },
};

struct opening {
    struct sqlite_store *s;
    struct buf *errors;
    char *path, *wal;
    bool fresh, unclean;
    int64_t version; /* of the file; 0: it is fresh */
};

static bool refuse(struct opening *o, const char *what, const char *why)
{
    (void)!buf_printf(o->errors, "queue: %s: %s\n", what, why);
    return false;
}

static bool refuse_sqlite(struct opening *o, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return refuse(o, o->path, "another process has it open");
    case SQLITE_NOTADB:
        return refuse(o, o->path, "is not a queue: its content is no database");
    case SQLITE_CORRUPT:
        return refuse(o, o->path, "is damaged; restore it from a copy");
    case SQLITE_READONLY:
        return refuse(o, o->path, "cannot be written");
    case SQLITE_FULL:
        return refuse(o, o->path, "the disk is full");
    default:
        return refuse(o, o->path, sqlite3_errmsg(o->s->db));
    }
}

static bool ask(struct opening *o, const char *sql, char *out_text, size_t size)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(o->s->db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    out_text[0] = '\0';
    if (rc == SQLITE_ROW)
        (void)slice_copy(slice_of((const char *)sqlite3_column_text(st, 0)), out_text, size);
    (void)sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE || refuse_sqlite(o, rc);
}

static bool ask_int(struct opening *o, const char *sql, int64_t *out_value)
{
    char text[32];

    if (!ask(o, sql, text, sizeof(text)))
        return false;
    *out_value = strtoll(text, NULL, 10);
    return true;
}

static bool run(struct opening *o, const char *sql)
{
    int rc = sqlite3_exec(o->s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK || refuse_sqlite(o, rc);
}

static bool apply_settings(struct opening *o, const struct setting *v, size_t n)
{
    char text[32];

    for (size_t i = 0; i < n; i++) {
        if (!run(o, v[i].set))
            return false;
        if (!v[i].get)
            continue;
        if (!ask(o, v[i].get, text, sizeof(text)))
            return false;
        if (strcmp(text, v[i].want) != 0)
            return refuse(o, v[i].set, "SQLite did not accept the setting");
    }
    return true;
}

/* Bodies beside a database that was only just made are mail whose database is gone: deleting them
 * would finish the loss. */
static bool has_bodies(const char *bodies)
{
    DIR *dir = opendir(bodies);
    struct dirent *entry;
    bool any = false;

    while (dir && !any && (entry = readdir(dir)))
        any = message_id_ok(slice_of(entry->d_name));
    if (dir)
        closedir(dir);
    return any;
}

/* What can be seen from outside. The marker without the log means that committed mail is gone:
 * SQLite would open the rest without a word. */
static bool check_files(struct opening *o)
{
    struct stat db, other;
    bool has_db = stat(o->path, &db) == 0;

    if (eaccess(o->s->state_directory, R_OK | W_OK | X_OK) != 0)
        return refuse(o, o->s->state_directory, strerror(errno));
    o->unclean = stat(o->s->marker, &other) == 0;
    o->fresh = !has_db;
    if (o->unclean && !has_db)
        return refuse(o, o->path,
                      "is missing although the relay did not stop cleanly; restore it, "
                      "or remove queue.open to start an empty queue");
    /* bodies/ is made last: without it the first start was cut short, and there was never any mail. */
    if (has_db && db.st_size == 0 && (o->unclean || stat(o->s->bodies, &other) == 0))
        return refuse(o, o->path,
                      "is empty (0 octets); restore it, or remove it to start an empty "
                      "queue");
    if (!has_db && has_bodies(o->s->bodies))
        return refuse(o, o->path,
                      "is missing although bodies/ holds mail; restore it, or move the "
                      "files away to start an empty queue");
    if (o->unclean && stat(o->wal, &other) != 0)
        return refuse(o, o->wal,
                      "is missing although the relay did not stop cleanly; restore it, "
                      "or remove queue.open to go on without the mail in it");
    return true;
}

static bool open_connection(struct opening *o)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(o->path, &o->s->db, flags, NULL);

    if (rc != SQLITE_OK && o->s->db && sqlite3_system_errno(o->s->db))
        return refuse(o, o->path, strerror(sqlite3_system_errno(o->s->db)));
    if (rc != SQLITE_OK)
        return refuse_sqlite(o, rc);
    (void)sqlite3_extended_result_codes(o->s->db, 1);
    (void)sqlite3_db_config(o->s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Until the file is known to be ours, closing must not write to it either. */
    (void)sqlite3_db_config(o->s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return !o->fresh || chmod(o->path, 0600) == 0 || refuse(o, o->path, strerror(errno));
}

static bool check_version(struct opening *o)
{
    int64_t application, tables;
    char why[100];

    if (!ask_int(o, "PRAGMA application_id", &application) ||
        !ask_int(o, "PRAGMA user_version", &o->version) ||
        !ask_int(o, "SELECT count(*) FROM sqlite_schema", &tables))
        return false;
    o->fresh |= application == 0 && o->version == 0 && tables == 0; /* its first start was cut short */
    if (o->fresh)
        return true;
    if (application != APPLICATION_ID)
        return refuse(o, o->path, "is a database of another program");
    if (o->version >= 1 && o->version <= VERSION)
        return true;
    (void)snprintf(why, sizeof(why), "has version %lld, this program knows 1 to %d%s",
                   (long long)o->version, VERSION,
                   o->version > VERSION ? "; a newer relay wrote it" : "");
    return refuse(o, o->path, why);
}

static bool check_content(struct opening *o)
{
    char text[200];
    struct stat st;

    if (!o->unclean || stat(o->path, &st) != 0 || st.st_size > QUICK_CHECK_MAX)
        return true;
    if (!ask(o, "PRAGMA quick_check(1)", text, sizeof(text)))
        return false;
    return strcmp(text, "ok") == 0 || refuse(o, o->path, "is damaged; restore it from a copy");
}

/* After the check of an unclean stop: what is damaged is not built upon. */
static bool bring_up_to_date(struct opening *o)
{
    for (int64_t v = o->version; v < VERSION; v++)
        if (!run(o, steps[v]))
            return false;
    return true;
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* The first commit makes the log, so that from here on a marker without a log is a loss; it also
 * finds out whether the file system can be written. */
static bool set_marker(struct opening *o)
{
    if (!run(o, "BEGIN IMMEDIATE; PRAGMA user_version = 2; COMMIT"))
        return false;
    int fd = open(o->s->marker, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(o, o->s->marker, strerror(errno));
    close(fd);
    return sync_directory(o->s->state_directory) ||
           refuse(o, o->s->state_directory, strerror(errno));
}

static bool make_bodies(struct opening *o)
{
    if (mkdir(o->s->bodies, 0700) != 0 && errno != EEXIST)
        return refuse(o, o->s->bodies, strerror(errno));
    return access(o->s->bodies, R_OK | W_OK | X_OK) == 0 ||
           refuse(o, o->s->bodies, strerror(errno));
}

static int on_commit_to_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_store *s = arg;
    s->wal_pages = pages;
    return SQLITE_OK;
}

static bool prepare(struct opening *o)
{
    static const char *const sql[SQL_COUNT] = {
#define STATEMENT(name, text) [SQL_##name] = text,
        SQLITE_STORE_STATEMENTS(STATEMENT)
#undef STATEMENT
    };
    int64_t last;

    for (int i = 0; i < SQL_COUNT; i++) {
        int rc = sqlite3_prepare_v3(o->s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &o->s->sql[i],
                                    NULL);
        if (rc != SQLITE_OK)
            return refuse_sqlite(o, rc);
    }
    if (!ask_int(o, "SELECT ifnull(max(row), 0) FROM message", &last))
        return false;
    o->s->last_row = (uint64_t)last;
    (void)sqlite3_wal_hook(o->s->db, on_commit_to_wal, o->s);
    return true;
}

static bool open_all(struct opening *o)
{
    if (!check_files(o) || !open_connection(o) ||
        !apply_settings(o, settings_before, ARRAY_LEN(settings_before)) || !check_version(o) ||
        !apply_settings(o, settings_after, ARRAY_LEN(settings_after)))
        return false;
    (void)sqlite3_db_config(o->s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return check_content(o) && bring_up_to_date(o) && set_marker(o) && make_bodies(o) &&
           prepare(o) && sqlite_store_sweep(o->s, o->errors);
}

static char *join(const char *directory, const char *name)
{
    size_t n = strlen(directory) + strlen(name) + 2;
    char *path = base_alloc(n);
    (void)snprintf(path, n, "%s/%s", directory, name);
    return path;
}

static void close_connection(struct sqlite_store *s)
{
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(s->sql[i]);
    (void)sqlite3_close(s->db);
    free(s->bodies);
    free(s->marker);
    free(s->state_directory);
    free(s);
}

/* The log goes into the file first; only then is the stop a clean one. */
void sqlite_store_close(struct store *store)
{
    struct sqlite_store *s = sqlite_store_of(store);
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    if (rc == SQLITE_OK && unlink(s->marker) == 0)
        (void)sync_directory(s->state_directory);
    close_connection(s);
}

struct store *store_sqlite_open(const char *state_directory, struct buf *errors)
{
    struct sqlite_store *s = base_alloc(sizeof(*s));
    struct opening o = {.s = s, .errors = errors};

    s->store.ops = &sqlite_store_ops;
    s->state_directory = base_strdup(state_directory);
    s->bodies = join(state_directory, "bodies");
    s->marker = join(state_directory, "queue.open");
    o.path = join(state_directory, "queue.db");
    o.wal = join(state_directory, "queue.db-wal");
    bool ok = open_all(&o);
    if (ok)
        LOG(QUEUE_OPEN, NULL, F_STR("path", o.path),
            F_INT("messages", (int64_t)s->store.ops->count(&s->store)),
            F_STR("last_stop", o.unclean ? "unclean" : "clean"),
            F_STR("sqlite", sqlite3_libversion()));
    free(o.path);
    free(o.wal);
    if (!ok)
        close_connection(s);
    return ok ? &s->store : NULL;
}
