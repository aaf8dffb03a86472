/* How many connections, messages and recipients a client and its network have asked for lately.
 *
 * Each rate is a bucket that holds a minute's worth and fills again in a minute; what is refused
 * costs nothing. A bucket is one number, the time at which it will be full again, so a worker
 * takes from it with one atomic exchange and there is no lock.
 *
 * The table belongs to the main loop, which holds the entries of a connection from accept to its
 * end; whoever has the connection meanwhile may take. Entries that nobody holds are kept up to a
 * maximum, the one that will be forgiven soonest goes first: many addresses can push each other
 * out, but not one that has asked for more than they.
 *
 * Pure: time is an argument. */
#ifndef DANELAW_IN_RATES_H
#define DANELAW_IN_RATES_H

#include "config/config.h"

struct rates;
struct rate_entry;

/* A client (IPv4: its address, IPv6: its /64) and its network (/24, /48). Plain data, copied freely
 * while it is held. */
struct rate_hold {
    struct rate_entry *client, *network;
};

struct rates *rates_new(size_t max); /* entries that are kept while nobody holds them */
void rates_free(struct rates **r);
size_t rates_entries(const struct rates *r);

/* Main loop. Each hold is dropped once, by the listener and address it was made with. */
void rates_hold(struct rates *r, const char *listener, const struct ip *ip, int64_t now_ms,
                struct rate_hold *out_hold);
void rates_drop(struct rates *r, const char *listener, const struct ip *ip, int64_t now_ms);

/* One more of that kind; false, and nothing is taken, if the client or its network has had its
 * share. Any thread that has the hold. */
MUST_USE bool rates_take(const struct rate_hold *h, const struct listener_limits *l,
                         enum rate_kind kind, int64_t now_ms);
/* The bucket itself, for what else must not happen too often. full_us: 0 at first. */
MUST_USE bool rate_bucket_take(_Atomic int64_t *full_us, uint64_t per_minute, int64_t now_ms);

#endif
