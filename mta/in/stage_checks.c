/* The stages of what DNS says of a client (mta/in/checks.h). */
#include "mta/in/checks.h"
#include "mta/in/relay.h"
#include "mta/in/session_private.h"

/* Never waits: at the connection, and with each MAIL, before which HELO may have changed. */
enum stage_result stage_checks_begin(struct in_session *s, struct status *st)
{
    checks_begin(s);
    return STAGE_NEXT;
}

static void on_checked(struct in_session *s)
{
    struct status st = status_of(CAUSE_OK);

    (void)checks_ask(s, &st, NULL);
    stages_resume(s, &st);
}

enum stage_result stage_checks_verdict(struct in_session *s, struct status *st)
{
    static const enum stage_result results[] = {[CHECKS_PASS] = STAGE_NEXT,
                                                [CHECKS_REFUSE] = STAGE_REFUSE,
                                                [CHECKS_PENDING] = STAGE_WAIT};

    if (relay_is_postmaster(s->settings->config, stages_event(s)->address))
        return STAGE_NEXT; /* RFC 5321 §4.5.1 */
    checks_begin(s); /* the client may be another than at MAIL */
    return results[checks_ask(s, st, on_checked)];
}

void stage_checks_cancel(struct in_session *s)
{
    checks_forget(s);
}
