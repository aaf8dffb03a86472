/* Asks next hops about recipients for the way in (mta/verify.h): MAIL FROM:<>, RCPT TO and no more, by
 * the flow of a delivery, so with its plan, its verdict and its TLS, over the connections that deliveries
 * keep.
 *
 *   2yz to RCPT            accept, known for a week; asked anew in the background after a day
 *   5yz to RCPT            refuse, known for two hours
 *   5yz to MAIL FROM:<>    accept: it cannot be asked, and a real sender may fare better; for an hour
 *   all else               unknown, for a minute; what was accepted before stays accepted meanwhile
 *
 * So while a next hop is away, its known recipients are taken and queued, and others are told to come
 * back (450): nothing is turned away for good that it might have taken, and nothing is taken that would
 * come back as a report to a forged sender.
 *
 * One question per recipient at a time, LIMIT_PROBES of all; who waits longer than some seconds is
 * told that nothing is known, while the probe goes on and its answer is kept.
 *
 * Lives on one worker, and answers all of them. */
#ifndef DANELAW_OUT_VERIFY_H
#define DANELAW_OUT_VERIFY_H

#include "mta/worker_ctx.h"

struct verifier *verifier_new(struct worker_ctx *w);
void verifier_free(struct verifier **v); /* nobody asks any more */
verify_fn verifier_ask; /* any thread; the rest on the worker that it lives on */
void verifier_stop(struct verifier *v); /* ends the probes that are out; w->stopping is set */

#endif
