/* May this client send to this recipient? clients and who has
 * authenticated, by a password or a key: anywhere; everybody: to domains; nobody else
 * anything. Judged on the parsed domain alone, the local part is never looked into. Pure. */
#ifndef DANELAW_IN_RELAY_H
#define DANELAW_IN_RELAY_H

#include "config/routes.h"
#include "mta/smtp/address.h"

/* Whether it is the postmaster of this relay or of a domain of ours, who must be reached by everybody:
 * RFC 5321 §4.5.1, in any case. */
bool relay_is_postmaster(const struct config *c, const struct address *rcpt);
/* OK, or RELAY_DENIED with "<rcpt>: Relay access denied". <postmaster> without domain is ours. */
struct status relay_check(const struct config *c, const struct listener_config *l,
                          const struct ip *client, bool authenticated,
                          const struct address *rcpt);

#endif
