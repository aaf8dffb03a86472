/* A rig with a control socket. */
#ifndef DANELAW_TEST_DESK_H
#define DANELAW_TEST_DESK_H

#include <pthread.h>

#include "mta/run/control.h"
#include "rig.h"

struct desk {
    struct rig *r;
    struct control *control;
    int reloads, stops;
    bool reload_fails;
};

extern const struct control_ops desk_ops;
struct desk *desk_new(void);
void desk_free(struct desk *d);
/* The daemon's loops on a thread of their own while a blocking client calls. */
pthread_t desk_pump_start(struct desk *d);
void desk_pump_stop(pthread_t t);
void desk_put_messages(struct desk *d, size_t n); /* from sN@a.example, two recipients each */

#endif
