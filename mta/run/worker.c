#include "mta/run/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "mta/in/recipient_files.h"
#include "mta/out/delivery.h"
#include "mta/out/session.h"
#include "mta/out/verify.h"

struct worker {
    struct worker_ctx ctx;
    struct worker_host host;
    unsigned number;
    bool started;
};

/* One letter between the main loop and a worker; freed by whom it reaches. */
struct letter {
    struct msg msg;
    struct worker *worker;
    struct in_start start;     /* take_connection */
    struct settings *settings; /* take_settings */
    struct recipient_files *recipients; /* take_recipients */
    char listener[128];        /* session_ended, take_overload: its name */
    struct ip client;          /* session_ended */
    bool on;                   /* take_overload */
};

static void run_job(struct job *job, void *arg)
{
    struct worker *w = arg;
    delivery_start(&w->ctx, job);
}

struct worker *worker_new(unsigned number, struct settings *settings, struct queue *queue,
                          struct dns_link *dns, struct auth_desk *auth,
                          const struct worker_host *host)
{
    struct worker *w = base_alloc(sizeof(*w));
    char name[16];

    (void)snprintf(name, sizeof(name), "worker-%u", number % 1000);
    w->number = number;
    w->host = *host;
    w->ctx.loop = loop_new(name);
    w->ctx.settings = settings_ref(settings);
    w->ctx.queue = queue;
    w->ctx.dns = dns;
    w->ctx.auth = auth;
    list_init(&w->ctx.sessions);
    w->ctx.pool = pool_new(&w->ctx);
    w->ctx.verify = verifier_ask;
    w->ctx.verifier = host->first ? host->first->ctx.verifier : verifier_new(&w->ctx);
    queue_add_worker(queue, w->ctx.loop, run_job, w);
    return w;
}

void worker_start(struct worker *w)
{
    w->started = true;
    loop_start(w->ctx.loop);
}

static struct letter *letter_to(struct worker *w)
{
    struct letter *l = base_alloc(sizeof(*l));
    l->worker = w;
    return l;
}

static void session_ended_on_main(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    struct worker *w = l->worker;
    w->host.session_ended(w->host.arg, w->number, l->listener, &l->client);
    free(l);
}

static void session_ended(void *arg, const char *listener, const struct ip *client)
{
    struct worker *w = arg;
    struct letter *l = letter_to(w);
    l->client = *client;
    (void)slice_copy(slice_of(listener), l->listener, sizeof(l->listener));
    loop_post(w->host.main, &l->msg, session_ended_on_main);
}

static void tell_moved(struct msg *msg)
{
    struct in_move *m = CONTAINER_OF(msg, struct in_move, msg);
    m->done(m);
}

static void session_moves_on_main(struct msg *msg)
{
    struct in_move *m = CONTAINER_OF(msg, struct in_move, msg);
    struct worker *w = m->host;
    w->host.session_moves(w->host.arg, m);
    loop_post(m->home, &m->msg, tell_moved);
}

static void session_moves(void *arg, struct in_move *m)
{
    struct worker *w = arg;
    m->host = w;
    loop_post(w->host.main, &m->msg, session_moves_on_main);
}

static void take_connection(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    in_session_start(&l->worker->ctx, &l->start);
    settings_unref(&l->start.settings);
    free(l);
}

void worker_give(struct worker *w, const struct in_start *start)
{
    struct letter *l = letter_to(w);
    l->start = *start;
    l->start.settings = settings_ref(start->settings);
    l->start.on_end = session_ended;
    l->start.on_move = session_moves;
    l->start.arg = w;
    loop_post(w->ctx.loop, &l->msg, take_connection);
}

static void take_overload(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    in_session_overload(&l->worker->ctx, l->listener, l->on);
    free(l);
}

void worker_overload(struct worker *w, const char *listener, bool on)
{
    struct letter *l = letter_to(w);
    (void)slice_copy(slice_of(listener), l->listener, sizeof(l->listener));
    l->on = on;
    loop_post(w->ctx.loop, &l->msg, take_overload);
}

static void take_settings(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    settings_unref(&l->worker->ctx.settings);
    l->worker->ctx.settings = l->settings;
    free(l);
}

void worker_configure(struct worker *w, struct settings *settings)
{
    struct letter *l = letter_to(w);
    l->settings = settings_ref(settings);
    loop_post(w->ctx.loop, &l->msg, take_settings);
}

static void take_recipients(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    recipient_files_unref(&l->worker->ctx.recipients);
    l->worker->ctx.recipients = l->recipients;
    free(l);
}

void worker_take_recipients(struct worker *w, struct recipient_files *files)
{
    struct letter *l = letter_to(w);
    l->recipients = recipient_files_ref(files);
    loop_post(w->ctx.loop, &l->msg, take_recipients);
}

static void drain(struct msg *m)
{
    struct letter *l = CONTAINER_OF(m, struct letter, msg);
    l->worker->ctx.stopping = true;
    in_session_stop_all(&l->worker->ctx);
    if (!l->worker->host.first)
        verifier_stop(l->worker->ctx.verifier);
    free(l);
}

void worker_drain(struct worker *w)
{
    loop_post(w->ctx.loop, &letter_to(w)->msg, drain);
}

void worker_end(struct worker *w)
{
    if (!w->started)
        return;
    loop_stop(w->ctx.loop);
    loop_join(w->ctx.loop);
}

void worker_free(struct worker **wp)
{
    struct worker *w = *wp;
    if (!w)
        return;
    while (loop_pump(w->ctx.loop)) /* letters that came too late */
        ;
    if (!w->host.first)
        verifier_free(&w->ctx.verifier);
    pool_free(&w->ctx.pool);
    recipient_files_unref(&w->ctx.recipients);
    settings_unref(&w->ctx.settings);
    loop_free(&w->ctx.loop);
    free(w);
    *wp = NULL;
}
