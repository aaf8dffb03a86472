/* What the files of the control socket share; nobody else includes this.
 *
 *   control.c        the socket, its clients, frames in and out
 *   control_queue.c  the queue commands: filters, pages, rows
 *   control_json.c   rows and filters as JSON; pure
 *   control_client.c the other end, for the commands */
#ifndef DANELAW_RUN_CONTROL_PRIVATE_H
#define DANELAW_RUN_CONTROL_PRIVATE_H

#include "config/base/frame.h"
#include "config/base/limits.h"
#include "config/base/list.h"
#include "mta/run/control.h"
#include "tls/conn.h"

enum {
    CONTROL_ASK_MAX = 64 * 1024, /* octets of a request: a command and a filter */
    CONTROL_FRAME_HEAD = 5,
};

struct control {
    struct loop *loop;
    struct event *listening;
    struct timer rest; /* set: no descriptor was left, and nobody is accepted for a moment */
    int fd;
    char *path;
    struct queue *queue;
    const struct control_ops *ops;
    void *arg;
    struct list clients;
    size_t n_clients;
};

struct control_command;

/* One connection, one request. With its socket dead and a queue request out it is an orphan. */
struct control_client {
    struct list node;        /* in control.clients; alone once closed */
    struct control *control; /* NULL once closed */
    struct conn *conn;       /* NULL once closed */
    const struct control_command *command;
    bool asked, asking; /* asking: the queue has request */
    struct queue_request request;
    size_t next; /* LIST: first of request.listed that was not sent */
    uint64_t sent;
};

enum control_exit {
    EXIT_DONE = 0,
    EXIT_NO = 1,
    EXIT_USAGE = 2,
    EXIT_UNDETERMINED = 3,
    EXIT_UNREACHABLE = 4
};

struct control_command {
    const char *name;
    void (*run)(struct control_client *c, const json_t *ask);
    enum queue_action action;
    bool wants_filter; /* refuses to mean everything unless told */
    bool full;         /* rows with all there is */
    const char *done;  /* "3 messages …" */
};

/* control.c. After control_end and control_drop c must not be touched. */
MUST_USE bool control_send_row(struct control_client *c,
                               const json_t *row); /* false: no room now */
void control_end(struct control_client *c, enum control_exit exit, const char *text);
void control_drop(struct control_client *c);
void control_patience(struct control_client *c);

/* control_queue.c */
void control_queue_run(struct control_client *c, const json_t *ask);
void control_queue_go_on(struct control_client *c); /* the client took output */

/* control_json.c */
/* The body of a request: a JSON object, a new reference; NULL: it is none. */
json_t *control_ask_parse(struct slice body);
enum { ROW_ALL_RECIPIENTS = LIMIT_RECIPIENTS };
/* The members of `postqueue -j` and our own. At most max_rcpts recipients; the rest is counted. */
json_t *control_row_of(const struct queue_listed *l, bool full, size_t max_rcpts);
/* False with a line in error: a member that is unknown or badly typed. Unset members stay zero. */
MUST_USE bool control_filter_of(const json_t *ask, struct queue_filter *out, struct buf *error);
bool control_filter_is_empty(const struct queue_filter *f);

#endif
