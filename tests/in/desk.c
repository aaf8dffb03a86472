#include "desk.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool reload(void *arg, struct buf *errors)
{
    struct desk *d = arg;
    d->reloads++;
    if (d->reload_fails)
        (void)!buf_printf(errors, "danelaw.yaml:1:1: \"wrong\"\n");
    return !d->reload_fails;
}

static void stop(void *arg)
{
    ((struct desk *)arg)->stops++;
}

static json_t *status(void *arg)
{
    return json_pack("{s:i}", "answer", 42);
}

const struct control_ops desk_ops = {reload, stop, status};

struct desk *desk_new(void)
{
    struct desk *d = base_alloc(sizeof(*d));
    struct buf errors;

    d->r = rig_new();
    buf_init(&errors, 1000);
    d->control = control_open(d->r->loop, d->r->dir, d->r->queue, &desk_ops, d, &errors);
    cr_assert(d->control, "%s", buf_cstr(&errors));
    buf_free(&errors);
    return d;
}

void desk_free(struct desk *d)
{
    struct rig *r = d->r;
    control_close(&d->control);
    rig_pump(r);
    free(d);
    rig_free(&r);
}

static _Atomic bool pumping;

static void *pump(void *arg)
{
    while (pumping) {
        rig_pump(arg);
        usleep(200);
    }
    return NULL;
}

pthread_t desk_pump_start(struct desk *d)
{
    pthread_t t;
    pumping = true;
    cr_assert_eq(pthread_create(&t, NULL, pump, d->r), 0);
    return t;
}

void desk_pump_stop(pthread_t t)
{
    pumping = false;
    pthread_join(t, NULL);
}

void desk_put_messages(struct desk *d, size_t n)
{
    struct rig *r = d->r;
    char line[100];

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250");
    for (size_t i = 0; i < n; i++) {
        snprintf(line, sizeof(line), "MAIL FROM:<s%zu@a.example>", i);
        rig_ask(r, line, "250");
        rig_ask(r, "RCPT TO:<r@b.example>", "250");
        rig_ask(r, "RCPT TO:<\"q \\\" q\"@c.example>", "250");
        rig_ask(r, "DATA", "354");
        rig_ask(r, "\r\nx\r\n.", "250");
    }
    rig_close(r);
}
