/* What a message asks of its way (RFC 8689), as a delivery has to mind it. Pure. Private to mta/out. */
#ifndef DANELAW_OUT_DEMAND_H
#define DANELAW_OUT_DEMAND_H

#include "dns/facts.h"
#include "queue/message.h"
#include "tls/dane.h"

/* REQUIRETLS is stronger than "TLS-Required: No" (§4.1); of a message from the null reverse-path it
 * must not be what loses it (§4.2.1, §5). */
enum verdict_demand demand_of(const struct message *m);
const char *demand_name(enum verdict_demand demand); /* "requiretls", "tls-optional"; "" for none */

/* Whether REQUIRETLS may be said in this connection (§2): the server is authenticated, and so is its
 * name. tls: what the handshake proved, NULL in clear. facts: NULL if the next hop is an address. */
bool demand_is_met(const struct tls_outcome *tls, const struct verdict *v, const struct dest_facts *facts,
                   enum tls_level level);

/* A host's failure as a message with that demand has to take it. A server that definitely does not
 * give what REQUIRETLS asks for is final, if no other host does (§4.2.1): no STARTTLS, no trusted
 * certificate. What RFC 7672 §2.2 says of DANE stays: it waits, as do failures of the network. */
struct status demand_failure(enum verdict_demand demand, enum verdict_mode mode,
                             const struct status *why);

#endif
