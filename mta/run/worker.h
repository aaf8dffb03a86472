/* A worker: one loop that carries inbound sessions and outbound deliveries. */
#ifndef DANELAW_RUN_WORKER_H
#define DANELAW_RUN_WORKER_H

#include "mta/in/session.h"
#include "mta/worker_ctx.h"

struct worker;

struct worker_host { /* what a worker reports to, on the main loop */
    struct loop *main;
    void (*session_ended)(void *arg, unsigned worker, const char *listener, const struct ip *client);
    void (*session_moves)(void *arg, struct in_move *m); /* sets cause and rates */
    void *arg;
    const struct worker *first; /* asks next hops for all; NULL: this is the first */
};

/* Takes a reference to settings. number: from 0. */
struct worker *worker_new(unsigned number, struct settings *settings, struct queue *queue,
                          struct dns_link *dns, struct auth_desk *auth,
                          const struct worker_host *host);
void worker_start(struct worker *w); /* its thread begins */
/* Main loop: hands over an accepted connection. Takes a reference to its settings; on_end and arg are the
 * worker's own. */
void worker_give(struct worker *w, const struct in_start *start);
/* Main loop: the listener is nearly full, or no longer. */
void worker_overload(struct worker *w, const char *listener, bool on);
void worker_configure(struct worker *w, struct settings *settings); /* takes a reference; main loop */
/* Main loop: the files of recipients from now on; takes a reference. */
void worker_take_recipients(struct worker *w, struct recipient_files *files);
void worker_drain(struct worker *w);  /* main loop: end the sessions, close idle connections */
void worker_end(struct worker *w);    /* stops and joins its loop */
void worker_free(struct worker **w);  /* after that */

#endif
