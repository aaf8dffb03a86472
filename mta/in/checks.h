/* What DNS says of a client: lists of addresses (mta/in/dnsbl.h), its address's name, the name in its
 * HELO. The lookups start when it connects and delay nothing; RCPT waits for what they found, so that a
 * refusal names sender and recipient. Clients that may relay are never asked about.
 *
 *   dnsbl        a listing refuses with the list's words (550 5.7.1); trouble with a list refuses nobody
 *   client_name  the address has a name, and one of its names has the address: 550 5.7.25, or 450 4.7.25
 *                if DNS was in trouble (RFC 7372 §3.3). A name that held is in the trace and the log
 *   helo         the name in HELO has an address, or is the client's address as a literal (RFC 5321
 *                §2.3.5). That the name is the client's own is not asked: §4.1.4 forbids to refuse for that
 *
 * Thread: the session's. Private to mta/in. */
#ifndef DANELAW_IN_CHECKS_H
#define DANELAW_IN_CHECKS_H

#include "config/base/status.h"
#include "dns/query.h"

struct in_session;
struct checks;

/* Starts what is not yet asked about the client as it is now: its address and its HELO. */
void checks_begin(struct in_session *s);
/* The session has no use for them any more; what is out comes home to nobody. */
void checks_end(struct in_session *s);
enum checks_answer { CHECKS_PASS, CHECKS_REFUSE, CHECKS_PENDING };
/* PENDING: done is called once, from the loop, when the answer is another (unless forgotten). */
enum checks_answer checks_ask(struct in_session *s, struct status *out_why,
                              void (*done)(struct in_session *s));
void checks_forget(struct in_session *s);
/* The name of the client's address that leads back to it; "" if none is known. */
const char *checks_client_name(const struct in_session *s);

#endif
