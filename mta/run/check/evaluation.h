/* What would happen to a message for a destination: its DNS facts, a policy and a day, put to the
 * code of a delivery, and every address connected to. */
#ifndef DANELAW_RUN_CHECK_EVALUATION_H
#define DANELAW_RUN_CHECK_EVALUATION_H

#include "config/routes.h"
#include "dns/facts.h"
#include "mta/run/check/private.h"

struct evaluation;

struct evaluation_start {
    struct check_ctx *ctx;
    const char *domain;
    struct route route;
    struct policy policy;
    struct dest_facts *
        *facts;   /* one per hop of the route, NULL for an address; outlive the evaluation */
    int64_t at_s; /* Unix seconds at which certificates are judged; 0: now */
};

/* done: once, from the loop. */
struct evaluation *evaluation_open(const struct evaluation_start *start, void (*done)(void *arg),
                                   void *arg);
/* The end: into o go the members "outcome" ("delivered" with "tls" and "relay", and "audited" for
 * what an audit-only policy let pass; "deferred" or "bounced" with "reason") and "hops". Frees the
 * evaluation. */
enum check_answer evaluation_close(struct evaluation **e, json_t *o);

#endif
