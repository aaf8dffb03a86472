/* Accepting: the listening sockets the supervisor bound, admission limits, and the choice of a worker.
 * Main loop. When descriptors run out, accepting rests for a moment instead of spinning. */
#ifndef DANELAW_RUN_LISTEN_H
#define DANELAW_RUN_LISTEN_H

#include "mta/run/worker.h"

struct listen;

/* workers: borrowed, n of them, for the life of the listen. */
struct listen *listen_new(struct loop *main, struct worker **workers, size_t n_workers);
/* fds are matched to listeners by their bound address. False with a line in errors for a listener's
 * address that has no socket (it was added since the start: that needs a restart). When the process
 * itself is started anew the file may have changed meanwhile: then the lines are there too, but all
 * other doors open, because mail that can be taken must be. Takes a reference. */
MUST_USE bool listen_configure(struct listen *l, struct settings *settings, const int *fds,
                               size_t n_fds, struct buf *errors);
void listen_session_ended(struct listen *l, unsigned worker, const char *listener,
                          const struct ip *client);
void listen_session_moves(struct listen *l, struct in_move *m); /* sets its cause and rates */
void listen_stop(struct listen *l);      /* accepts no more */
size_t listen_sessions(const struct listen *l);
void listen_free(struct listen **l);

#endif
