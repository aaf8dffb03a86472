/* libunbound on our loop: one context with our option values. Private to dns; one thread, the
 * loop's.
 *
 * An answer may come home inside resolver_ask (from the cache), so a caller has to be ready for it
 * before it asks, and must look at nothing of the lookup's afterwards that the callback may have
 * freed. The packet and the words live only during the callback. */
#ifndef DANELAW_DNS_RESOLVER_H
#define DANELAW_DNS_RESOLVER_H

#include "config/config.h"
#include "dns/answer.h"

struct loop;
struct resolver;

struct lookup { /* the caller's, until done is called or it is cancelled */
    /* The answer lives in an arena of the resolver's, until the callback returns. */
    void (*done)(struct lookup *, const struct dns_answer *answer);
    struct resolver *resolver; /* private below */
    char name[DNS_NAME_MAX];
    uint16_t type;
    int ticket;
};

enum resolver_mode {
    RESOLVER_TRUST_ANCHOR, /* validates, from the configured trust anchor */
    RESOLVER_BLIND,        /* no trust anchor: everything comes back insecure (facts_distrust) */
};

/* NULL with words in errors if libunbound does not take a value of the configuration. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_config *c,
                              enum resolver_mode mode, struct buf *errors);
void resolver_free(struct resolver **r); /* no callback is made any more; NULL is fine */

/* done is set; name: normalised, or "." */
void resolver_ask(struct resolver *r, struct lookup *l, const char *name, uint16_t type);
void resolver_cancel(struct lookup *l); /* done will not be called */

#endif
