/* Does the resolver validate? One name has to come back secure and, if configured, another one
 * bogus. At start, hourly, and every half minute while it fails. Private to dns; on the loop. */
#ifndef DANELAW_DNS_SELFTEST_H
#define DANELAW_DNS_SELFTEST_H

#include "dns/link.h"
#include "dns/resolver.h"

struct selftest;

/* done is called after each run, never from within selftest_new. */
typedef void selftest_fn(void *arg, enum resolver_state state, const char *detail);
struct selftest *selftest_new(struct loop *loop, struct resolver *r,
                              const struct resolver_config *c, selftest_fn *done, void *arg);
void selftest_free(struct selftest **t); /* before the resolver; NULL is fine */

#endif
