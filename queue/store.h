/* The store: where messages are safe. One interface, two stores (SQLite; memory with fault injection
 * for tests), one conformance suite.
 *
 *   state      where it is                        a crash here leaves            repaired by
 *   ---------  ---------------------------------  -----------------------------  ----------------------
 *   writing    memory, or a body file without     perhaps a file without a row   the sweep at start
 *              a row; the client has no 250
 *   queued     committed; only now 250            the row                        scheduled at start
 *   leased     queued, and a worker has it        the row, still queued          scheduled at start
 *              (the lease is memory only)
 *   attempted  the next hop answered, our         the row, still queued          sent again: the one
 *              commit did not happen                                             duplicate window
 *   delivered  per recipient, committed           nothing to do                  –
 *   retry      per recipient, with its next time  the row                        scheduled at start
 *   bounced    per recipient, its DSN queued in   nothing to do                  –
 *              the same transaction
 *   gone       no recipient is left queued: row   perhaps a file without a row   the sweep at start
 *              deleted by commit, then the file
 *
 * Legal moves: writing → queued → leased → attempted → (delivered | retry | bounced), retry → leased;
 * all delivered or bounced → gone. Held is a flag of the message that keeps it from being leased.
 *
 * Threads: a store belongs to the queue loop; its calls block. */
#ifndef DANELAW_QUEUE_STORE_H
#define DANELAW_QUEUE_STORE_H

#include "queue/message.h"

struct store;

enum store_result {
    STORE_OK,
    STORE_FULL,   /* no space: nothing changed; 452 */
    STORE_ERROR,  /* nothing changed; 451 */
    STORE_FATAL,  /* a sync failed or the file is damaged: what is on disk is unknown. The process must
                     end at once and recover from the file; never try again */
};

struct rcpt_change { /* of one recipient of a settled message */
    size_t rcpt;
    enum rcpt_state state;
    int64_t next_ms;
    struct status status;
    char remote[320];
};

enum store_op_kind {
    STORE_PUT,     /* message (its row is set on success) */
    STORE_SETTLE,  /* row, changes; attempts of each changed recipient grow by one; the message goes
                      when no recipient is queued. set_flags are or-ed in */
    STORE_FLAGS,   /* row, set_flags, clear_flags */
    STORE_RETRY,   /* row: all queued recipients due at next_ms */
    STORE_DELETE,  /* row */
};

struct store_op {
    enum store_op_kind kind;
    struct message *message;          /* PUT; borrows */
    uint64_t row;                     /* the others */
    const struct rcpt_change *changes;
    size_t n_changes;
    unsigned set_flags, clear_flags;
    int64_t next_ms;
    bool out_gone;                    /* SETTLE, DELETE: the row is deleted */
    char out_file[QUEUE_ID_MAX];      /* its body file to remove after the commit, or "" */
};

struct store_summary { /* one row, without body */
    uint64_t row;
    struct message *message; /* with recipients; the visitor takes it */
};

struct store_ops {
    /* All of ops in one transaction; on anything but OK nothing changed (FATAL: unknown). */
    enum store_result (*apply)(struct store *s, struct store_op *ops, size_t n);
    /* The message with recipients, and with its body if with_body (a file body is opened lazily). NULL:
     * no such row, or *out_result says why. */
    struct message *(*load)(struct store *s, uint64_t row, bool with_body,
                            enum store_result *out_result);
    /* Messages with row > after, ascending, without bodies, at most limit. Returns how many. */
    size_t (*scan)(struct store *s, uint64_t after, size_t limit, struct message **out_messages,
                   enum store_result *out_result);
    uint64_t (*find)(struct store *s, const char *id); /* row of an id, 0: none */
    uint64_t (*count)(struct store *s);
    void (*close)(struct store *s);
};

struct store {
    const struct store_ops *ops;
};

/* STATE_DIRECTORY/queue.db and STATE_DIRECTORY/bodies (made if missing). Refuses a file of a newer
 * version, a file that is damaged, another process's lock, a file system it cannot write to; NULL
 * with one clear line in errors, and nothing is overwritten. Sweeps body files without rows; a row
 * without its file is put on hold. Logs QUEUE_OPEN, QUEUE_SWEPT, QUEUE_QUARANTINE. */
struct store *store_sqlite_open(const char *state_directory, struct buf *errors);

/* A store in memory. fail_at: the n-th apply from now returns result (0: never). */
struct store *store_memory_open(void);
void store_memory_fail(struct store *s, unsigned fail_at, enum store_result result);

#endif
