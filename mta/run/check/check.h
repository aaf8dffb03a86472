/* `danelaw check`: the live verdict for destinations by the delivery code and the live policy. It
 * asks a dns process of its own, makes the same plan and the same verdicts as a delivery, connects
 * to every address, and stops where MAIL FROM would be said.
 *
 *   check.c       the command: its destinations side by side, progress, exit status
 *   domain.c      one destination: DNS, then an evaluation for now and one for the day ahead
 *   evaluation.c  facts, policy and a day → a probe per address → what would happen to a message
 *   probe.c       one connection
 *   document.c    all that was found, as JSON; print.c and summary.c make text of that JSON alone
 *   explain.c     what the RFC clauses say */
#ifndef DANELAW_RUN_CHECK_H
#define DANELAW_RUN_CHECK_H

#include "config/config.h"

extern const char check_command_help[];

/* argv: what stands behind "check", options included. Takes c's reference. Returns the exit status:
 * 0 all would be delivered, with --in by then too · 1 one would not · 2 usage, a broken configuration, not a domain · 3
 * undetermined. */
int check_command(struct config *c, int argc, char **argv, bool as_json);

#endif
