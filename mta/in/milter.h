/* Mail filters of a listener (milter protocol), asked in their order at every point of a session; each
 * sees what those before it changed. A filter that is hung, dead or out of its mind costs its session
 * what on_error says, and others nothing.
 *
 * Private to mta/in. Thread: the worker's loop. */
#ifndef DANELAW_IN_MILTER_H
#define DANELAW_IN_MILTER_H

#include "mta/in/stages.h"

struct milters;

/* Rows of the table of stages; all of them may be withdrawn by stage_milter_cancel. */
enum stage_result stage_milter_connect(struct in_session *s, struct status *st);
enum stage_result stage_milter_helo(struct in_session *s, struct status *st);
enum stage_result stage_milter_mail(struct in_session *s, struct status *st);
enum stage_result stage_milter_rcpt(struct in_session *s, struct status *st);
enum stage_result stage_milter_data(struct in_session *s, struct status *st);
/* The body is in the message; afterwards it is the changed one. */
enum stage_result stage_milter_end(struct in_session *s, struct status *st);
void stage_milter_cancel(struct in_session *s);

void milters_reset(struct in_session *s); /* the transaction is over */
void milters_end(struct in_session *s);   /* the session is over */

#endif
