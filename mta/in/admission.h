/* Who may connect: limits per listener and per client address (IPv6: per /64). Owned by the main loop,
 * so there is no lock. */
#ifndef DANELAW_IN_ADMISSION_H
#define DANELAW_IN_ADMISSION_H

#include "config/base/status.h"
#include "config/config.h"

struct admission;
struct admission *admission_new(void);
void admission_free(struct admission **a);
/* Counts the connection if it may stay: OK, else TOO_MANY_CONNECTIONS and nothing is counted.
 * listener: by name, so that counts survive a reload. */
enum cause admission_enter(struct admission *a, const struct listener_config *l, const struct ip *client);
void admission_leave(struct admission *a, const char *listener, const struct ip *client);

#endif
