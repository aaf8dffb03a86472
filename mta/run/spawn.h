/* Starting our own program again in another role, with just the descriptors it needs, and passing
 * descriptors between supervisor and mta. */
#ifndef DANELAW_RUN_SPAWN_H
#define DANELAW_RUN_SPAWN_H

#include <sys/types.h>

#include "config/base/base.h"

/* The first descriptor a role finds open, besides 0 to 2. */
enum { SPAWN_FIRST_FD = 3 };

/* Execs this program as `danelaw ROLE -c FILE --fds=N` with fds[i] as descriptor 3+i and nothing else
 * above 2. The child dies with us. Returns its pid, or -1. */
pid_t spawn_role(const char *role, const char *config_file, const int *fds, size_t n_fds);

/* Messages on the channel between supervisor (S) and mta (M), one octet each. */
enum channel_kind {
    CHANNEL_DNS = 'D',     /* S→M with a descriptor: the link to a new dns process */
    CHANNEL_STATUS = 'S',  /* S→M with a descriptor: the link to a new status process */
    CHANNEL_READY = 'R',   /* M→S: mail is accepted */
    CHANNEL_NEW_DNS = 'N', /* M→S: start the dns process anew (its configuration changed) */
    CHANNEL_STOP = 'X',    /* M→S: the operator asked to stop */
};
MUST_USE bool spawn_send(int channel, enum channel_kind kind, int fd); /* fd -1: none */
/* 1: a message (*out_fd is -1 or a descriptor the caller owns), 0: the other end closed, -1: none now. */
int spawn_receive(int channel, char *out_kind, int *out_fd);
/* A connected pair of close-on-exec, non-blocking stream sockets. */
MUST_USE bool spawn_pair(int fds[2]);

#endif
