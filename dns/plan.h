/* The lookup plan of RFC 7672 §2 as a pure machine: MX → addresses → (CNAME) → TLSA. It yields
 * queries, takes answers in any order, and ends in finished facts. No resolver, no clock inside.
 *
 *   struct plan *p = plan_new(kind, name, port);
 *   while (plan_next(p, &q)) send(q);          // several may be out at once
 *   on answer: plan_feed(p, q.id, &answer);    // then plan_next again
 *   when plan_done(p): facts = plan_finish(&p, now);
 *
 * Order per host (§2.2.2): A and AAAA together; a type CNAME query if the addresses are insecure and
 * the name is an alias; then TLSA candidates one after another. Hosts run side by side. */
#ifndef DANELAW_DNS_PLAN_H
#define DANELAW_DNS_PLAN_H

#include "dns/answer.h"

enum plan_kind { PLAN_MX, PLAN_HOST };

struct plan_query {
    uint32_t id;
    char name[DNS_NAME_MAX];
    uint16_t type;
};

struct plan;

/* name: normalised. port: of the TLSA owner name (RFC 6698 §3). */
struct plan *plan_new(enum plan_kind kind, const char *name, uint16_t port);
void plan_free(struct plan **p);
bool plan_next(struct plan *p, struct plan_query *out_query);
/* The answer is copied. Unknown or repeated ids are ignored. */
void plan_feed(struct plan *p, uint32_t id, const struct dns_answer *answer);
bool plan_done(const struct plan *p); /* nothing to ask and nothing awaited */
/* One reference. Frees the plan. */
struct dest_facts *plan_finish(struct plan **p, int64_t wall_ms);

#endif
