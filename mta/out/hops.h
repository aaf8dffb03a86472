/* Where a domain's mail goes, as a list of next hops in order, and what each hop's facts come to: its
 * plan and the verdict of each host. A delivery and `danelaw check` both decide here and nowhere else.
 * Pure; randomness is an argument. */
#ifndef DANELAW_OUT_HOPS_H
#define DANELAW_OUT_HOPS_H

#include "config/routes.h"
#include "mta/out/plan.h"
#include "mta/settings.h"
#include "tls/verdict.h"

enum hop_kind { HOP_MX, HOP_HOST, HOP_ADDRESS };

struct hop {
    enum hop_kind kind;
    const char *name; /* to look up; of an address its text. Borrows from configuration or domain */
    struct ip ip;     /* HOP_ADDRESS */
    uint16_t port;
    bool implicit_tls;
    const char *path; /* of a local socket, NULL: none. It is a HOP_ADDRESS; its port tells it from others */
    const struct next_hop_config *configured; /* by the operator: our own and refused addresses are
                                                 allowed; NULL: by the domain */
};

/* How many hops the route has. */
size_t out_hops_count(const struct route *route);
/* The i-th. domain: normalised, or an address literal with its brackets (RFC 5321 §4.1.3). */
struct hop out_hops_get(const struct route *route, const char *domain, size_t i);

struct hop_input {
    const struct settings *settings;
    const struct hop *hop;
    const struct dest_facts *facts; /* NULL: HOP_ADDRESS */
    enum tls_level level;
    bool audit; /* of the policy */
    bool resolver_validates;
    enum verdict_demand demand; /* of the message */
    uint64_t random;
};

/* Whether mail must not be taken to that address (refuse_networks). A configured hop may be anywhere. */
bool out_hops_refuses(const struct settings *s, const struct hop *hop, const struct ip *ip);

/* The plan of a hop. An empty one says whose fault it is: a resolver of ours that is silent or does not
 * validate is not the domain's DNS, and a configured hop that is wrong is the operator's to mend, so
 * its mail waits (LOCAL_ERROR) instead of bouncing. */
void out_hops_plan(const struct hop_input *in, struct out_plan *out);
/* The verdict of a host of the plan. TLS from the first octet cannot be left out. */
struct verdict out_hops_verdict(const struct hop_input *in, size_t host);

#endif
