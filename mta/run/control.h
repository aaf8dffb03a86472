/* The control socket: RUNTIME_DIRECTORY/control.sock, mode 0600, a SOCK_STREAM speaking frames whose
 * bodies are JSON objects. A client sends one CONTROL_ASK {"command": "...", ...}; the server answers
 * with any number of CONTROL_ROW and one CONTROL_END {"exit": 0, "text": "..."}; clients that say more,
 * or say it badly, are closed. Parsed as hostile input; at most LIMIT_CONTROL_CLIENTS at a time.
 *
 * commands: "status", "reload", "stop", "queue-list", "queue-show", "queue-hold", "queue-release",
 * "queue-retry", "queue-delete", "queue-bounce"; members of a filter: id to to_domain from older_ms
 * all. Rows of queue-list and queue-show have the members of `postqueue -j`, ours under
 * "danelaw". Server: main loop. */
#ifndef DANELAW_RUN_CONTROL_H
#define DANELAW_RUN_CONTROL_H

#include <jansson.h>

#include "queue/queue.h"

enum control_frame { CONTROL_ASK = 1, CONTROL_ROW = 2, CONTROL_END = 3 };

struct control;

struct control_ops {
    /* Reads the configuration again; false with lines in errors: the old one stays. */
    bool (*reload)(void *arg, struct buf *errors);
    void (*stop)(void *arg);
    json_t *(*status)(void *arg); /* a new reference */
};

/* A stale socket file (nobody listens) is replaced; a live one is an error. NULL with one line in
 * errors. */
struct control *control_open(struct loop *loop, const char *runtime_directory, struct queue *queue,
                             const struct control_ops *ops, void *arg, struct buf *errors);
void control_close(struct control **c);

/* The client side, blocking, for the commands. on_row borrows row. Returns the "exit" of the END
 * frame with its text in out_text, or 4 if the daemon cannot be reached or breaks off. */
int control_call(const char *runtime_directory, json_t *request,
                 void (*on_row)(json_t *row, void *arg), void *arg, struct buf *out_text);

#endif
