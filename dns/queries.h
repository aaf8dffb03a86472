/* The plain lookups of a link (dns/query.h): who is out, who waits in line. Private to dns; one loop. */
#ifndef DANELAW_DNS_QUERIES_H
#define DANELAW_DNS_QUERIES_H

#include "dns/channel.h"
#include "dns/query.h"

struct queries { /* zero-initialised but for loop and the lists */
    struct loop *loop;
    struct query_flight *by_id;
    struct list line; /* not sent yet, in order of asking */
    size_t n_out, n_waiting;
    uint64_t last_id;
    dns_query_script_fn *script;
    void *script_arg;
};

void queries_init(struct queries *qs, struct loop *loop);
/* c: NULL while there is no process. False: the process does not take questions. */
MUST_USE bool queries_ask(struct queries *qs, struct channel *c, struct dns_query *q);
/* A new process: whatever the old one was asked, this one is. */
MUST_USE bool queries_ask_again(struct queries *qs, struct channel *c);
/* A frame of kind RECORDS; false: it makes no sense. */
MUST_USE bool queries_on_records(struct queries *qs, struct channel *c, struct slice body);
void queries_drop(struct queries *qs); /* nobody is told */
/* Whether nobody waits for an answer. */
bool queries_are_none(const struct queries *qs);

#endif
