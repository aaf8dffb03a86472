/* Where a domain's mail goes, as a list of next hops in order. Pure. Private to mta/out. */
#ifndef DANELAW_OUT_HOPS_H
#define DANELAW_OUT_HOPS_H

#include "config/routes.h"

enum hop_kind { HOP_MX, HOP_HOST, HOP_ADDRESS };

struct hop {
    enum hop_kind kind;
    const char *name; /* to look up; of an address its text. Borrows from configuration or domain */
    struct ip ip;     /* HOP_ADDRESS */
    uint16_t port;
    bool implicit_tls;
    bool configured; /* by the operator: our own and refused addresses are allowed */
};

/* How many hops the route has. */
size_t out_hops_count(const struct route *route);
/* The i-th. domain: normalised, or an address literal with its brackets (RFC 5321 §4.1.3). */
struct hop out_hops_get(const struct route *route, const char *domain, size_t i);

#endif
