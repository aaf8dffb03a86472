/* Facts and rule → ordered attempts. MX hosts in preference order, equal ones shuffled, truncated at our
 * own name or address (RFC 5321 §5.1); several addresses per host; refused networks are not in it. Pure;
 * randomness is an argument. */
#ifndef DANELAW_OUT_PLAN_H
#define DANELAW_OUT_PLAN_H

#include "dns/facts.h"
#include "config/base/status.h"
#include "config/config.h"

struct attempt {
    size_t host;       /* index into facts->hosts */
    struct ip_port to;
};

struct out_plan {
    struct attempt v[32]; /* at most LIMIT_ADDRESSES_PER_ATTEMPT by use; 32 leaves room for skips */
    size_t n;
    struct status why_none; /* if n is 0: NULL_MX, NO_DOMAIN, MX_LOOKUP, NO_ADDRESS, ADDRESS_LOOKUP,
                               MAIL_LOOP, REFUSED_NETWORK */
};

struct out_plan_input {
    const struct dest_facts *facts;
    uint16_t port;
    const char *hostname;           /* ours */
    const struct ip *own;           /* our addresses */
    size_t n_own;
    const struct ip_net *refused;   /* refuse_networks; applies to MX destinations only */
    size_t n_refused;
    bool explicit_hop;              /* configured next hop: own and refused addresses are allowed */
    uint64_t random;
};
void out_plan_make(const struct out_plan_input *in, struct out_plan *out);
/* The attempt at that place comes first, the others keep their order. */
void out_plan_move_first(struct out_plan *plan, size_t at);
/* Without the addresses that were tried. */
void out_plan_leave_out(struct out_plan *plan, const struct ip_port *tried, size_t n);

#endif
