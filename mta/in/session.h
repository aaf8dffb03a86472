/* An inbound session: drives the server machine on a connection, applies the relay rules, streams the
 * body, submits to the queue; 250 only after the commit. Lives and dies on one worker. A session whose
 * socket died while its submit is out waits as an orphan. */
#ifndef DANELAW_IN_SESSION_H
#define DANELAW_IN_SESSION_H

#include "config/base/list.h"
#include "mta/in/rates.h"
#include "mta/worker_ctx.h"

struct in_session;

/* A connection becomes another client's (XCLIENT) and is counted anew. Embedded in what asks. */
struct in_move {
    struct msg msg;
    struct loop *home; /* done is called there, once */
    void (*done)(struct in_move *m);
    void *host;        /* of whoever carries it */
    const struct listener_config *listener;
    struct ip from, to;
    enum cause cause;       /* OK: to is counted, from no more; else nothing has changed */
    struct rate_hold rates; /* OK: instead of those before */
};

struct in_start {
    int fd;
    struct ip_port peer;
    struct settings *settings; /* the session takes a reference of its own */
    size_t listener;           /* index into settings->config->listeners */
    struct rate_hold rates;    /* of admission_enter; valid until on_end */
    bool overloaded;           /* the listener is, now */
    /* On the worker's loop, once, when the session is over (for admission_leave). */
    void (*on_end)(void *arg, const char *listener, const struct ip *client);
    void (*on_move)(void *arg, struct in_move *m); /* for admission_move; done follows */
    void *arg;
};
void in_session_start(struct worker_ctx *w, const struct in_start *start);
/* Finishes or 421s all sessions of the worker; those with a submit out end when it is home. */
void in_session_stop_all(struct worker_ctx *w);
/* The listener is nearly full, or no longer: the patience with its sessions on this worker shrinks
 * or is as before. Those that have been idle for longer are told 421, the oldest first; content
 * on its way is not touched. */
void in_session_overload(struct worker_ctx *w, const char *listener, bool on);

#endif
