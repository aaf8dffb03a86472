/* The SQLite store's inside, shared by its files only. */
#ifndef DANELAW_QUEUE_STORE_SQLITE_PRIVATE_H
#define DANELAW_QUEUE_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include "queue/store.h"

/* Every statement that runs after the start, prepared once. STATEMENT(name, sql) */
#define SQLITE_STORE_STATEMENTS(STATEMENT)                                                         \
    STATEMENT(BEGIN, "BEGIN IMMEDIATE")                                                            \
    STATEMENT(COMMIT, "COMMIT")                                                                    \
    STATEMENT(ROLLBACK, "ROLLBACK")                                                                \
    STATEMENT(PUT_MESSAGE, "INSERT INTO message(row, queue_id, arrival_ms, sender, size, flags,"   \
                           " client, file, rcpts, user, envid, ret, held_for)"                     \
                           " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")      \
    STATEMENT(PUT_RCPT, "INSERT INTO rcpt(message, n, address, domain, state, attempts, next_ms,"  \
                        " remote, cause, code, esc_class, esc_subject, esc_detail, from_peer,"     \
                        " text, notify, orcpt) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"    \
                        " ?11, ?12, ?13, ?14, ?15, ?16, ?17)")                                     \
    STATEMENT(PUT_BODY, "INSERT INTO body(message, content) VALUES(?1, ?2)")                       \
    STATEMENT(LOOK, "SELECT queue_id, file, rcpts FROM message WHERE row = ?1")                    \
    STATEMENT(CHANGE, "UPDATE rcpt SET state = ?3, attempts = attempts + 1, next_ms = ?4,"         \
                      " remote = ?5, cause = ?6, code = ?7, esc_class = ?8, esc_subject = ?9,"     \
                      " esc_detail = ?10, from_peer = ?11, text = ?12"                             \
                      " WHERE message = ?1 AND n = ?2 AND state = 0")                              \
    STATEMENT(QUEUED, "SELECT 1 FROM rcpt WHERE message = ?1 AND state = 0 LIMIT 1")               \
    STATEMENT(FLAGS, "UPDATE message SET flags = (flags | ?2) & ~?3 WHERE row = ?1")               \
    STATEMENT(RETRY, "UPDATE rcpt SET next_ms = ?2 WHERE message = ?1 AND state = 0")              \
    STATEMENT(DELETE_MESSAGE, "DELETE FROM message WHERE row = ?1")                                \
    STATEMENT(DELETE_RCPT, "DELETE FROM rcpt WHERE message = ?1")                                  \
    STATEMENT(DELETE_BODY, "DELETE FROM body WHERE message = ?1")                                  \
    STATEMENT(LOAD, "SELECT row, queue_id, arrival_ms, sender, size, flags, client, file,"         \
                    " user, envid, ret, held_for FROM message WHERE row = ?1")                     \
    STATEMENT(SCAN, "SELECT row, queue_id, arrival_ms, sender, size, flags, client, file,"         \
                    " user, envid, ret, held_for FROM message WHERE row > ?1"                      \
                    " ORDER BY row LIMIT ?2")                                                      \
    STATEMENT(RCPTS, "SELECT address, domain, state, attempts, next_ms, remote, cause, code,"      \
                     " esc_class, esc_subject, esc_detail, from_peer, text, notify, orcpt"         \
                     " FROM rcpt WHERE message = ?1 ORDER BY n")                                   \
    STATEMENT(BODY, "SELECT content FROM body WHERE message = ?1")                                 \
    STATEMENT(FIND, "SELECT row FROM message WHERE queue_id = ?1")                                 \
    STATEMENT(COUNT_ALL, "SELECT count(*) FROM message")

enum sqlite_store_statement {
#define STATEMENT(name, sql) SQL_##name,
    SQLITE_STORE_STATEMENTS(STATEMENT)
#undef STATEMENT
    SQL_COUNT
};

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_COUNT];
    char *bodies; /* STATE_DIRECTORY/bodies */
    char *marker; /* there while the store is open: an unclean stop leaves it */
    char *state_directory;
    uint64_t last_row; /* never used again while the process lives, so a late settle finds nothing */
    int wal_pages; /* after the last commit */
};

enum { SQLITE_STORE_CHECKPOINT_PAGES = 4000 };

struct sqlite_store *sqlite_store_of(struct store *s);
/* What an SQLite result means for the caller. */
enum store_result sqlite_store_result(int rc);
/* A prepared statement; it is reset after every use. */
sqlite3_stmt *sqlite_store_sql(struct sqlite_store *s, enum sqlite_store_statement which);
/* Runs it to its end, resets it. SQLITE_OK (rows are ignored) or the error. */
int sqlite_store_run(sqlite3_stmt *st);
void sqlite_store_bind_text(sqlite3_stmt *st, int at, const char *text); /* NULL binds NULL */

extern const struct store_ops sqlite_store_ops;
enum store_result sqlite_store_apply(struct store *s, struct store_op *ops, size_t n);
struct message *sqlite_store_load(struct store *s, uint64_t row, bool with_body,
                                  enum store_result *out_result);
size_t sqlite_store_scan(struct store *s, uint64_t after, size_t limit,
                         struct message **out_messages, enum store_result *out_result);
void sqlite_store_close(struct store *s);

/* Body files against rows, at start. False with a line in errors. */
MUST_USE bool sqlite_store_sweep(struct sqlite_store *s, struct buf *errors);

#endif
