/* A plain lookup: one name, one type, through the dns process; never libc's resolver. The answer needs no
 * security and has none (dns/records.h). The resolver keeps answers by their TTL and asks the world once
 * for equal questions, so there is neither cache nor sharing here.
 *
 * At most LIMIT_LOOKUPS_IN_FLIGHT are out at a time; the others wait in line, and the deadline holds for
 * the whole wait. */
#ifndef DANELAW_DNS_QUERY_H
#define DANELAW_DNS_QUERY_H

#include "config/base/list.h"
#include "dns/link.h"
#include "dns/records.h"

struct dns_query {
    struct msg msg;
    struct loop *home;
    void (*done)(struct dns_query *); /* on home, exactly once, never before dns_link_query returns */
    uint16_t type;           /* A, AAAA, PTR, TXT */
    char name[DNS_NAME_MAX]; /* normalised */
    int64_t timeout_ms;
    struct dns_records records; /* what came of it; a deadline that passed is an error */
    /* private: */
    struct dns_link *link;
};

/* Any thread. q belongs to the link until done is called on q->home. */
void dns_link_query(struct dns_link *l, struct dns_query *q);

/* On the link's loop: whether every query is home. */
bool dns_link_is_quiet(const struct dns_link *l);

/* Tests: a script instead of a process. */
typedef struct dns_records dns_query_script_fn(void *arg, uint16_t type, const char *name);
void dns_link_script_queries(struct dns_link *l, dns_query_script_fn *fn, void *arg);

#endif
