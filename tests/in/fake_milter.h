/* Mail filters by script: each listens on a local socket in the rig's folder, is pumped with its loops,
 * notes what it hears, and answers what the test says. */
#ifndef DANELAW_TEST_FAKE_MILTER_H
#define DANELAW_TEST_FAKE_MILTER_H

#include "rig.h"

enum { FAKES_MAX = 2 };

struct fake_milter {
    struct milter_config config;
    char path[108];
    int listen_fd, fd; /* fd -1: nobody is connected */
    struct buf in;
    struct buf heard;  /* commands by letter, in order; '.' where the connection ended */
    struct buf detail; /* the packets, one a line, NULs as '|'; macros too */
    struct buf answers[128]; /* by command: octets as they go out; empty: none */
    int close_at;      /* a command; 0: never */
    int connections;
};

struct fakes {
    struct rig *rig;
    size_t n;
    struct fake_milter fake[FAKES_MAX];
    const struct milter_config *list[FAKES_MAX];
};

/* n filters for the rig's listener, in order. All say yes to everything and leave out no step. */
struct fakes *fakes_start(struct rig *r, size_t n);
void fakes_stop(struct fakes **f);
/* The answer to a command from now on: one packet, or none with kind 0. */
void fake_answer(struct fake_milter *f, char command, char kind, struct slice data);
void fake_and(struct fake_milter *f, char command, char kind, struct slice data); /* one more */
void fake_raw(struct fake_milter *f, char command, struct slice octets);
void fake_options(struct fake_milter *f, uint32_t version, uint32_t actions, uint32_t steps);
bool fake_heard(struct fake_milter *f, const char *text); /* in detail */

#endif
