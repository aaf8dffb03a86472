/* A delivery: job → route → facts → plan and verdicts → sessions → outcome per recipient → settle.
 * One worker. */
#ifndef DANELAW_OUT_DELIVERY_H
#define DANELAW_OUT_DELIVERY_H

#include "mta/worker_ctx.h"

void delivery_start(struct worker_ctx *w, struct job *job); /* ends in queue_settle(job) */

#endif
