/* What only the SQLite store can do wrong: the file, the directory, the other process. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/store_sqlite_private.h"
#include "tests/queue/rig.h"

/* The store, or NULL with the one line it said. */
static struct store *open_store(const char *directory, char line[600])
{
    struct buf errors;
    buf_init(&errors, 4000);
    struct store *s = store_sqlite_open(directory, &errors);
    (void)slice_copy(buf_slice(&errors), line, 600);
    buf_free(&errors);
    cr_assert_eq(s == NULL, line[0] != '\0', "NULL and a line go together: %s", line);
    if (!s)
        cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "one line: %s", line);
    return s;
}

static struct store *must_open(const char *directory)
{
    char line[600];
    struct store *s = open_store(directory, line);
    cr_assert(s, "%s", line);
    return s;
}

static void must_refuse(const char *directory, const char *words)
{
    char line[600];
    cr_assert_null(open_store(directory, line), "%s", words);
    cr_assert(strstr(line, words), "want %s, got %s", words, line);
}

static uint64_t put(struct store *s, struct message *m)
{
    struct store_op op = {.kind = STORE_PUT, .message = m};
    cr_assert_eq(s->ops->apply(s, &op, 1), STORE_OK);
    uint64_t row = m->row;
    message_free(&m);
    return row;
}

/* A store with one message, closed as it should be. */
static char *used_directory(void)
{
    char *directory = rig_directory();
    struct store *s = must_open(directory);
    (void)put(s, rig_message("a@one.example", "content"));
    s->ops->close(s);
    return directory;
}

static void sql(const char *directory, const char *text)
{
    char *path = rig_join(directory, "queue.db");
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    free(path);
}

struct contents {
    char *p;
    size_t n;
};

static struct contents read_file(const char *directory, const char *name)
{
    char *path = rig_join(directory, name);
    struct contents c = {base_alloc(1 << 20), 0};
    FILE *f = fopen(path, "rb");

    cr_assert(f);
    c.n = fread(c.p, 1, 1 << 20, f);
    fclose(f);
    free(path);
    return c;
}

static void write_at(const char *directory, const char *name, long at, const char *text)
{
    char *path = rig_join(directory, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
    close(fd);
    free(path);
}

/* Ends a process that has a store open, without any farewell. */
static void die_with_open_store(const char *directory)
{
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        struct store *s = must_open(directory);
        (void)put(s, rig_message("b@one.example", "more"));
        raise(SIGKILL);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

TestSuite(sqlite, .init = rig_log_start);

static void expect_setting(struct store *s, const char *pragma, const char *want)
{
    sqlite3_stmt *st;

    cr_assert_eq(sqlite3_prepare_v2(sqlite_store_of(s)->db, pragma, -1, &st, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
    cr_expect_str_eq((const char *)sqlite3_column_text(st, 0), want, "%s", pragma);
    sqlite3_finalize(st);
}

Test(sqlite, settings_at_every_open)
{
    static const struct {
        const char *pragma, *want;
    } rows[] = {
        {"PRAGMA journal_mode", "wal"},   {"PRAGMA locking_mode", "exclusive"},
        {"PRAGMA synchronous", "2"},      {"PRAGMA secure_delete", "0"},
        {"PRAGMA cell_size_check", "1"},  {"PRAGMA trusted_schema", "0"},
        {"PRAGMA page_size", "4096"},     {"PRAGMA temp_store", "2"},
        {"PRAGMA user_version", "2"},     {"PRAGMA application_id", "1145982039"},
    };
    char *directory = used_directory();
    struct store *s = must_open(directory);
    struct stat st;
    char *path = rig_join(directory, "queue.db");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_setting(s, rows[i].pragma, rows[i].want);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 077, 0, "mail is nobody else's");
    cr_assert(rig_exists(directory, "queue.db-wal"), "the log is there from the first moment");
    cr_assert(rig_exists(directory, "queue.open"));
    cr_assert_not(rig_exists(directory, "queue.db-shm"), "no shared memory");
    s->ops->close(s);
    cr_assert_not(rig_exists(directory, "queue.open"));
    cr_assert_eq(rig_log_count("last_stop=clean"), 2);
    free(path);
    rig_remove(&directory);
    NO_LEAKS();
}

static void refused_and_untouched(const char *change, const char *words)
{
    char *directory = used_directory();

    sql(directory, change);
    struct contents before = read_file(directory, "queue.db");
    must_refuse(directory, words);
    struct contents after = read_file(directory, "queue.db");
    cr_assert_eq(before.n, after.n);
    cr_assert_eq(memcmp(before.p, after.p, before.n), 0, "%s", words);
    free(before.p);
    free(after.p);
    rig_remove(&directory);
}

Test(sqlite, other_versions_are_refused_and_untouched)
{
    refused_and_untouched("PRAGMA user_version = 3", "a newer relay wrote it");
    refused_and_untouched("PRAGMA user_version = 0", "version 0");
    refused_and_untouched("PRAGMA application_id = 7", "another program");
    NO_LEAKS();
}

/* What version 1 did not have yet is taken away again: then it is a file of that version. */
static const char back_to_1[] =
    "ALTER TABLE message DROP COLUMN user; ALTER TABLE message DROP COLUMN envid;"
    "ALTER TABLE message DROP COLUMN ret; ALTER TABLE message DROP COLUMN held_for;"
    "ALTER TABLE rcpt DROP COLUMN notify; ALTER TABLE rcpt DROP COLUMN orcpt;"
    "PRAGMA user_version = 1";

Test(sqlite, an_older_file_is_brought_up_to_date)
{
    char *directory = used_directory();
    enum store_result result;

    sql(directory, back_to_1);
    struct store *s = must_open(directory);
    struct message *m = s->ops->load(s, 1, true, &result);
    cr_assert(m);
    cr_assert_str_eq(m->rcpts[0].address, "a@one.example");
    cr_assert_str_eq(m->user, "");
    cr_assert_null(m->envid);
    cr_assert_null(m->rcpts[0].orcpt);
    cr_assert_eq(body_size(m->body), strlen("content"));
    message_free(&m);
    expect_setting(s, "PRAGMA user_version", "2");
    s->ops->close(s);
    rig_remove(&directory);
    NO_LEAKS();
}

Test(sqlite, second_opener_is_refused)
{
    char *directory = used_directory();
    struct store *s = must_open(directory);

    must_refuse(directory, "another process has it open");
    (void)put(s, rig_message("c@one.example", "and the first goes on"));
    cr_assert_eq(s->ops->count(s), 2);
    s->ops->close(s);
    rig_remove(&directory);
    NO_LEAKS();
}

Test(sqlite, damage_is_refused)
{
    char *directory = used_directory();
    write_at(directory, "queue.db", 0, "no database any more");
    must_refuse(directory, "no database");
    rig_remove(&directory);

    directory = used_directory();
    write_at(directory, "queue.db", 100, "\x99\x99\x99\x99\x99\x99\x99\x99");
    must_refuse(directory, "damaged");
    rig_remove(&directory);
    NO_LEAKS();
}

/* Damage outside the schema's page is looked for when the last stop was unclean. */
Test(sqlite, damage_after_unclean_stop_is_found)
{
    char *directory = used_directory();

    die_with_open_store(directory);
    sql(directory, "PRAGMA wal_checkpoint(TRUNCATE)");
    for (long page = 1; page < 6; page++)
        write_at(directory, "queue.db", page * 4096, "\x99\x99\x99\x99\x99\x99\x99\x99\x99\x99");
    write_at(directory, "queue.db-wal", 0, "");
    must_refuse(directory, "damaged");
    rig_remove(&directory);
}

Test(sqlite, unclean_stop_loses_nothing)
{
    char *directory = used_directory();

    die_with_open_store(directory);
    cr_assert(rig_exists(directory, "queue.open"));
    struct store *s = must_open(directory);
    cr_assert_eq(rig_log_count("last_stop=unclean"), 1);
    cr_assert_eq(s->ops->count(s), 2);
    s->ops->close(s);
    s = must_open(directory);
    cr_assert_eq(rig_log_count("last_stop=unclean"), 1);
    s->ops->close(s);
    rig_remove(&directory);
}

Test(sqlite, missing_files_are_noticed)
{
    static const struct {
        const char *name, *gone, *words;
        bool unclean;
    } rows[] = {
        {"the log", "queue.db-wal", "queue.db-wal: is missing", true},
        {"the database", "queue.db", "queue.db: is missing", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *directory = used_directory();
        die_with_open_store(directory);
        char *path = rig_join(directory, rows[i].gone);
        cr_assert_eq(unlink(path), 0, "%s", rows[i].name);
        must_refuse(directory, rows[i].words);
        cr_assert_not(rig_exists(directory, rows[i].gone), "%s: nothing is made", rows[i].name);
        free(path);
        rig_remove(&directory);
    }
}

Test(sqlite, empty_file_is_refused)
{
    char *directory = used_directory();
    char *path = rig_join(directory, "queue.db");

    cr_assert_eq(truncate(path, 0), 0);
    must_refuse(directory, "is empty");
    cr_assert_eq(unlink(path), 0);
    write_at(directory, "bodies/orphan0000", 0, "mail");
    must_refuse(directory, "bodies/ holds mail");
    cr_assert(rig_exists(directory, "bodies/orphan0000"));
    free(path);
    rig_remove(&directory);
}

/* A disk that was full at the very first start leaves an empty file: there was never any mail in it. */
Test(sqlite, empty_file_of_a_start_cut_short)
{
    char *directory = rig_directory();
    char *path = rig_join(directory, "queue.db");
    FILE *f = fopen(path, "w");

    cr_assert(f && fclose(f) == 0);
    struct store *s = must_open(directory);
    s->ops->close(s);
    free(path);
    rig_remove(&directory);
}

Test(sqlite, directory_cannot_be_written)
{
    char *directory = rig_directory();

    must_refuse("/nonexistent/state", "No such file");
    cr_assert_eq(chmod(directory, 0555), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    must_refuse(directory, "ermission denied");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(directory, 0755), 0);
    rig_remove(&directory);
}

static struct message *file_message(const char *directory, char out_id[QUEUE_ID_MAX])
{
    char *spool = rig_join(directory, "bodies");
    struct message *m = rig_message("a@one.example", "");
    struct body_writer *w = body_writer_new(spool, m->id, 1 << 20);
    char content[40000];

    memset(content, 'f', sizeof(content));
    body_writer_append(w, slice_make(content, sizeof(content)));
    body_unref(&m->body);
    m->body = body_writer_finish(&w);
    m->size = body_size(m->body);
    memcpy(out_id, m->id, QUEUE_ID_MAX);
    free(spool);
    return m;
}

Test(sqlite, sweep_and_quarantine)
{
    char *directory = used_directory();
    char kept[QUEUE_ID_MAX], lost[QUEUE_ID_MAX];
    struct store *s = must_open(directory);
    enum store_result result;
    char *bodies = rig_join(directory, "bodies");
    uint64_t kept_row = put(s, file_message(directory, kept));
    uint64_t lost_row = put(s, file_message(directory, lost));

    s->ops->close(s);
    char *path = rig_join(bodies, lost);
    cr_assert_eq(unlink(path), 0);
    write_at(bodies, "orphan0000", 0, "x");
    write_at(bodies, "not-an-id", 0, "x");
    s = must_open(directory);
    cr_assert(rig_exists(bodies, kept));
    cr_assert(rig_exists(bodies, "not-an-id"), "what is not ours is left alone");
    cr_assert_not(rig_exists(bodies, "orphan0000"));
    cr_assert_eq(rig_log_count("queue.swept"), 1);
    cr_assert_eq(rig_log_count("queue.quarantine"), 1);
    struct message *m = s->ops->load(s, lost_row, true, &result);
    cr_assert_eq(m->flags & MESSAGE_HELD, MESSAGE_HELD);
    message_free(&m);
    m = s->ops->load(s, kept_row, true, &result);
    cr_assert_eq(m->flags & MESSAGE_HELD, 0);
    message_free(&m);
    s->ops->close(s);
    free(path);
    free(bodies);
    rig_remove(&directory);
    NO_LEAKS();
}

/* A page limit stands for the full disk. */
Test(sqlite, full_disk_changes_nothing_and_passes)
{
    char *directory = used_directory();
    struct store *s = must_open(directory);
    char content[40000];
    struct message *m;
    struct store_op op = {.kind = STORE_PUT};

    memset(content, 'x', sizeof(content));
    content[sizeof(content) - 1] = '\0';
    cr_assert_eq(sqlite3_exec(sqlite_store_of(s)->db, "PRAGMA max_page_count = 9", NULL, NULL, NULL),
                 SQLITE_OK);
    m = op.message = rig_message("a@one.example", content);
    cr_assert_eq(s->ops->apply(s, &op, 1), STORE_FULL);
    cr_assert_eq(m->row, 0);
    cr_assert_eq(s->ops->count(s), 1);
    cr_assert_eq(
        sqlite3_exec(sqlite_store_of(s)->db, "PRAGMA max_page_count = 9999", NULL, NULL, NULL),
        SQLITE_OK);
    cr_assert_eq(s->ops->apply(s, &op, 1), STORE_OK);
    message_free(&m);
    s->ops->close(s);
    rig_remove(&directory);
    NO_LEAKS();
}

Test(sqlite, results)
{
    static const struct {
        int rc;
        enum store_result want;
    } rows[] = {
        {SQLITE_OK, STORE_OK},
        {SQLITE_DONE, STORE_OK},
        {SQLITE_FULL, STORE_FULL},
        {SQLITE_IOERR_FSYNC, STORE_FATAL},
        {SQLITE_IOERR_WRITE, STORE_FATAL},
        {SQLITE_IOERR_READ, STORE_FATAL},
        {SQLITE_CORRUPT, STORE_FATAL},
        {SQLITE_CORRUPT_VTAB, STORE_FATAL},
        {SQLITE_NOTADB, STORE_FATAL},
        {SQLITE_READONLY_DBMOVED, STORE_FATAL},
        {SQLITE_CONSTRAINT_UNIQUE, STORE_ERROR},
        {SQLITE_NOMEM, STORE_ERROR},
        {SQLITE_BUSY, STORE_ERROR},
        {SQLITE_TOOBIG, STORE_ERROR},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(sqlite_store_result(rows[i].rc), rows[i].want, "%d", rows[i].rc);
}

/* The log is moved into the file at its size, by ourselves. */
Test(sqlite, log_is_checkpointed)
{
    char *directory = rig_directory();
    struct store *s = must_open(directory);
    char content[30000];
    struct stat st;
    char *wal = rig_join(directory, "queue.db-wal");

    memset(content, 'x', sizeof(content));
    content[sizeof(content) - 1] = '\0';
    for (int i = 0; i < 1500; i++) {
        struct store_op op = {.kind = STORE_DELETE};
        op.row = put(s, rig_message("a@one.example", content));
        cr_assert_eq(s->ops->apply(s, &op, 1), STORE_OK);
    }
    cr_assert_eq(stat(wal, &st), 0);
    cr_assert_lt(st.st_size, 24 * 1024 * 1024);
    s->ops->close(s);
    free(wal);
    rig_remove(&directory);
}
