/* Where exchanges are judged: a loop of its own, because a hash takes its time and a worker has none.
 * A request is part of the session that asks and comes home exactly once. One hash is made at a time;
 * what waits is bounded by LIMIT_AUTH_IN_FLIGHT, and a client that fails waits longer (throttle.h).
 *
 * Threads: auth_desk_submit from any loop; the rest before the loop's thread starts or after it ended.
 */
#ifndef DANELAW_AUTH_DESK_H
#define DANELAW_AUTH_DESK_H

#include "config/base/ip.h"
#include "config/base/list.h"
#include "config/base/loop.h"
#include "mta/auth/exchange.h"

struct auth_desk;

enum auth_outcome {
    AUTH_MATCHED,
    AUTH_WRONG,
    AUTH_BUSY, /* not judged: too many wait, or this client has failed too often (454 4.7.0) */
};

struct auth_request {
    /* by the caller; exchange is not touched until it is home */
    struct loop *home;
    void (*done)(struct auth_request *r); /* on home */
    const struct auth_exchange *exchange;
    struct ip client;
    /* home with it */
    enum auth_outcome outcome;
    /* the desk's */
    struct msg msg;
    struct timer timer;
    struct list node;
    struct auth_desk *desk;
};

struct auth_desk *auth_desk_new(struct loop *loop);
/* What still waits goes home as AUTH_BUSY. */
void auth_desk_close(struct auth_desk *d);
void auth_desk_free(struct auth_desk **d); /* when no exchange is left: they are the engine's */
const struct auth_engine *auth_desk_engine(const struct auth_desk *d);
void auth_desk_submit(struct auth_desk *d, struct auth_request *r);

#endif
