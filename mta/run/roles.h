/* The processes of the relay (one binary, each role started by exec). Each returns an exit
 * status: 0 done · 2 configuration or start error, said on standard error · 70, 75 to be started again. */
#ifndef DANELAW_RUN_ROLES_H
#define DANELAW_RUN_ROLES_H

#include <stddef.h>

#include "config/config.h"

enum role_exit { ROLE_DONE = 0, ROLE_CONFIG = 2, ROLE_AGAIN = 75 };

/* Binds, becomes the user, starts the others, restarts one that dies. Holds no key. */
int supervisor_run(const struct config *c);
/* fds: the channel to the supervisor, then the listening sockets. Takes c's reference. */
int mta_run(struct config *c, size_t n_fds);
/* fds: the link to mta, then the HTTP listening sockets. */
int status_run(size_t n_fds);

#endif
