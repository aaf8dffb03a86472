/* The dns process's end of plain lookups: one question to the resolver, its answer back as a frame.
 * Private to dns; one loop. */
#ifndef DANELAW_DNS_CLERK_H
#define DANELAW_DNS_CLERK_H

#include "config/base/frame.h"
#include "config/base/list.h"
#include "config/base/loop.h"
#include "dns/resolver.h"

struct clerk {
    struct loop *loop;
    struct list open;
    size_t n_open;
    int64_t deadline_ms;
    /* Sends the body of a frame RECORDS. */
    void (*send)(void *arg, struct slice body);
    void *arg;
};

/* The body of a frame QUERY; false: it makes no sense. The answer may be sent inside. */
MUST_USE bool clerk_ask(struct clerk *c, struct resolver *r, struct slice body);
void clerk_drop_all(struct clerk *c); /* while the resolver is there */

#endif
