/* The dns process: libunbound with our option values, plans, the self test. It holds no key and no
 * queue. Single-threaded. */
#ifndef DANELAW_DNS_PROCESS_H
#define DANELAW_DNS_PROCESS_H

#include "config/config.h"

/* Whether the trust anchor file exists and holds at least one DS or DNSKEY record; false with words
 * in errors (FILE:LINE:COLUMN of the option first). A start error, also for `check-config`. */
MUST_USE bool dns_trust_anchor_check(const struct config *c, struct buf *errors);

/* Serves questions arriving on fd (a connected stream socket) until it is closed. Logs as an actor.
 * Returns the process's exit status. */
int dns_process_run(const struct config *c, int fd);

#endif
