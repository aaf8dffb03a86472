/* Who may connect: limits per listener and per client address (IPv6: per /64), how often a client
 * may, and whether a listener is nearly full. Owned by the main loop, so there is no lock. */
#ifndef DANELAW_IN_ADMISSION_H
#define DANELAW_IN_ADMISSION_H

#include "config/base/status.h"
#include "config/config.h"
#include "mta/in/overload.h"
#include "mta/in/rates.h"

struct admission;
struct admission *admission_new(void);
void admission_free(struct admission **a);
/* Counts the connection if it may stay: OK, else TOO_MANY_CONNECTIONS or CONNECTION_RATE and nothing
 * is counted. The hold is for the rates of what the connection will ask for, and is valid until
 * admission_leave. Listeners are known by name, so that counts survive a reload. */
enum cause admission_enter(struct admission *a, const struct listener_config *l,
                           const struct ip *client, int64_t now_ms, struct rate_hold *out_hold);
void admission_leave(struct admission *a, const char *listener, const struct ip *client,
                     int64_t now_ms);
/* A counted connection is another client's from now on: that one's limit and rates are asked, the
 * listener's total stays. Causes and hold as above; what is refused changes nothing. */
enum cause admission_move(struct admission *a, const struct listener_config *l, const struct ip *from,
                          const struct ip *to, int64_t now_ms, struct rate_hold *out_hold);
/* The client is one of the listener's own and these have no rates. Pure. */
bool admission_exempt(const struct listener_config *l, const struct ip *client);

/* Whether a refusal should be logged. In a flood some are not; *out_untold is their number since the
 * last that was. */
MUST_USE bool admission_tell(struct admission *a, const char *listener, int64_t now_ms,
                             uint64_t *out_untold);

/* Judges the listener anew. descriptors_full: the process is nearly out of them. */
enum overload_change admission_overload(struct admission *a, const struct listener_config *l,
                                        bool descriptors_full, int64_t now_ms);
bool admission_is_overloaded(const struct admission *a, const char *listener);

#endif
