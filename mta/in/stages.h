/* What has to say yes before a client is answered. Every point of a session (its connection, HELO,
 * AUTH, XCLIENT, MAIL, RCPT, DATA, the end of the content) has a row of stages, run in order; the first that
 * refuses ends it. A stage that needs others (the queue, DNS, a milter, a hash) sends its request
 * and waits; the server machine is held and nothing is read meanwhile, so replies stay in order
 * (RFC 2920 §3.2).
 *
 * A new check is a function in a file of its own and a row in the table of stages.c.
 *
 * A session whose client is gone while a stage waits: with `cancel` the request is withdrawn and
 * never comes home; without, the session waits for it as an orphan, without a connection.
 *
 * Thread: the worker's loop. Private to mta/in. */
#ifndef DANELAW_IN_STAGES_H
#define DANELAW_IN_STAGES_H

#include "mta/smtp/server.h"

struct in_session;

enum stage_point {
    AT_CONNECT,
    AT_HELO,
    AT_AUTH,
    AT_XCLIENT,
    AT_MAIL,
    AT_RCPT,
    AT_DATA,
    AT_END,
    STAGE_POINTS
};

enum stage_result {
    STAGE_NEXT,
    STAGE_REFUSE, /* *st says why */
    STAGE_WAIT,   /* stages_resume follows, once, from the loop and never from inside run */
};

struct stage {
    const char *name;
    /* st is OK at first. The event is stages_event(s). */
    enum stage_result (*run)(struct in_session *s, struct status *st);
    void (*cancel)(struct in_session *s); /* NULL: cannot be withdrawn */
};

/* Where a session stands; part of it. */
struct stage_cursor {
    enum stage_point at;
    size_t next;                     /* row of the point's table */
    const struct stage *waiting;     /* NULL: none waits */
    struct smtp_server_event *event; /* a copy while a point is being passed; owned */
};

/* Passes a point; ev: what the machine raised, NULL at AT_CONNECT. The answer is given when the last
 * stage has agreed, which may be before this returns. */
void stages_begin(struct in_session *s, enum stage_point at, const struct smtp_server_event *ev);
/* The waiting stage is done: OK goes on with the next, all else refuses. The last thing that a
 * function does, as it may free the session. */
void stages_resume(struct in_session *s, const struct status *st);
bool stages_waiting(const struct in_session *s);
/* True: nothing waits any more. False: what waits cannot be withdrawn. */
bool stages_cancel(struct in_session *s);
/* What is being judged. Its address and parameters are the machine's and stay while it is held. */
const struct smtp_server_event *stages_event(const struct in_session *s);

#endif
