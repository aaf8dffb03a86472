#include "mta/auth/desk.h"

#include <stdlib.h>

#include "config/base/counter.h"
#include "mta/auth/throttle.h"

struct auth_desk {
    struct loop *loop;
    struct auth_engine *engine;
    struct throttle *throttle;
    struct list waiting; /* requests */
    size_t n_waiting;
};

struct auth_desk *auth_desk_new(struct loop *loop)
{
    struct auth_desk *d = base_alloc(sizeof(*d));

    d->loop = loop;
    d->engine = auth_engine_new();
    d->throttle = throttle_new();
    list_init(&d->waiting);
    return d;
}

const struct auth_engine *auth_desk_engine(const struct auth_desk *d)
{
    return d->engine;
}

static void on_home(struct msg *m)
{
    struct auth_request *r = CONTAINER_OF(m, struct auth_request, msg);
    r->done(r);
}

static void send_home(struct auth_request *r, enum auth_outcome outcome)
{
    r->outcome = outcome;
    loop_post(r->home, &r->msg, on_home);
}

static void leave(struct auth_desk *d, struct auth_request *r, enum auth_outcome outcome)
{
    loop_timer_clear(d->loop, &r->timer);
    list_remove(&r->node);
    d->n_waiting--;
    send_home(r, outcome);
}

static void judge(struct timer *t)
{
    struct auth_request *r = CONTAINER_OF(t, struct auth_request, timer);
    struct auth_desk *d = r->desk;
    bool matched = auth_judge(r->exchange);

    if (!matched)
        throttle_failed(d->throttle, &r->client, loop_now_ms(d->loop));
    leave(d, r, matched ? AUTH_MATCHED : AUTH_WRONG);
}

/* By the timer even if it need not wait: then those before it, whose time has come too, come first. */
static void on_submit(struct msg *m)
{
    struct auth_request *r = CONTAINER_OF(m, struct auth_request, msg);
    struct auth_desk *d = r->desk;
    int64_t wait = d->n_waiting < LIMIT_AUTH_IN_FLIGHT
                       ? throttle_wait(d->throttle, &r->client, loop_now_ms(d->loop))
                       : -1;

    if (wait < 0) {
        COUNT(auth_busy);
        send_home(r, AUTH_BUSY);
        return;
    }
    d->n_waiting++;
    list_append(&d->waiting, &r->node);
    loop_timer_set(d->loop, &r->timer, wait, judge);
}

void auth_desk_submit(struct auth_desk *d, struct auth_request *r)
{
    r->desk = d;
    r->timer = (struct timer){0};
    list_init(&r->node);
    loop_post(d->loop, &r->msg, on_submit);
}

void auth_desk_close(struct auth_desk *d)
{
    LIST_EACH(it, &d->waiting)
        leave(d, LIST_ENTRY(it, struct auth_request, node), AUTH_BUSY);
}

void auth_desk_free(struct auth_desk **dp)
{
    struct auth_desk *d = *dp;

    *dp = NULL;
    if (!d)
        return;
    throttle_free(&d->throttle);
    auth_engine_free(&d->engine);
    free(d);
}
