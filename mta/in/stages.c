/* The table of stages and the walk through it. */
#include "mta/in/stages.h"

#include <stdlib.h>

#include "mta/in/milter.h"
#include "mta/in/session_private.h"

/* --- The table --- */

static const struct stage at_connect[] = {
    {"dns", stage_checks_begin, NULL}, /* awaited at RCPT */
    {"milter", stage_milter_connect, stage_milter_cancel},
};

static const struct stage at_helo[] = {
    {"milter", stage_milter_helo, stage_milter_cancel},
};

/* From "client" on the session is another's. */
static const struct stage at_xclient[] = {
    {"admission", stage_move, NULL},
    {"client", stage_become, NULL},
    {"milter", stage_milter_connect, stage_milter_cancel},
};

/* The command and each line of its exchange pass here. */
static const struct stage at_auth[] = {
    {"auth", stage_auth, NULL},
};

static const struct stage at_mail[] = {
    {"sender", stage_sender, NULL},
    {"queue", stage_queue_health, NULL},
    {"rate", stage_message_rate, NULL},
    {"begin", stage_begin_transaction, NULL},
    {"dns", stage_checks_begin, NULL},
    {"milter", stage_milter_mail, stage_milter_cancel},
};

static const struct stage at_rcpt[] = {
    {"relay", stage_relay, NULL},
    {"rate", stage_recipient_rate, NULL},
    {"count", stage_recipient_count, NULL},
    {"dns", stage_checks_verdict, stage_checks_cancel},
    {"recipient", stage_recipient_known, NULL},
    {"verify", stage_recipient_verified, NULL},
    {"milter", stage_milter_rcpt, stage_milter_cancel},
};

static const struct stage at_data[] = {
    {"milter", stage_milter_data, stage_milter_cancel},
    {"content", stage_begin_content, NULL},
};

/* The queue is asked last: its yes cannot be taken back. */
static const struct stage at_end[] = {
    {"content", stage_finish_content, NULL},
    {"milter", stage_milter_end, stage_milter_cancel},
    {"queue", stage_submit, NULL},
};

static const struct {
    const struct stage *stages;
    size_t n;
    void (*finish)(struct in_session *s, const struct smtp_server_event *ev,
                   const struct status *st);
} points[STAGE_POINTS] = {
    [AT_CONNECT] = {at_connect, ARRAY_LEN(at_connect), session_finish_connect},
    [AT_HELO] = {at_helo, ARRAY_LEN(at_helo), session_finish_helo   },
    [AT_XCLIENT] = {at_xclient, ARRAY_LEN(at_xclient), session_finish_xclient},
    [AT_AUTH] = {at_auth, ARRAY_LEN(at_auth), session_finish_auth   },
    [AT_MAIL] = {at_mail, ARRAY_LEN(at_mail), session_finish_mail   },
    [AT_RCPT] = {at_rcpt, ARRAY_LEN(at_rcpt), session_finish_rcpt   },
    [AT_DATA] = {at_data, ARRAY_LEN(at_data), session_finish_data   },
    [AT_END] = {at_end,  ARRAY_LEN(at_end),  session_finish_end    },
};

/* --- The walk --- */

static void finish(struct in_session *s, const struct status *st)
{
    struct smtp_server_event *ev = s->stages.event;

    s->stages.event = NULL;
    points[s->stages.at].finish(s, ev, st);
    free(ev);
}

static void walk(struct in_session *s)
{
    struct status st = status_of(CAUSE_OK);
    enum stage_result result = STAGE_NEXT;

    while (result == STAGE_NEXT && s->stages.next < points[s->stages.at].n) {
        const struct stage *stage = &points[s->stages.at].stages[s->stages.next++];
        s->stages.waiting = stage;
        result = stage->run(s, &st);
        if (result != STAGE_WAIT)
            s->stages.waiting = NULL;
    }
    if (result != STAGE_WAIT)
        finish(s, &st);
}

void stages_begin(struct in_session *s, enum stage_point at, const struct smtp_server_event *ev)
{
    REQUIRE(!s->stages.event && !s->stages.waiting);
    s->stages = (struct stage_cursor){.at = at, .event = base_alloc(sizeof(*s->stages.event))};
    if (ev)
        *s->stages.event = *ev;
    walk(s);
}

static void forget(struct in_session *s)
{
    s->stages.waiting = NULL;
    free(s->stages.event);
    s->stages.event = NULL;
}

void stages_resume(struct in_session *s, const struct status *st)
{
    REQUIRE(s->stages.waiting);
    s->stages.waiting = NULL;
    if (!s->conn) {
        forget(s);
        session_end(s);
        return;
    }
    if (status_ok(st))
        walk(s);
    else
        finish(s, st);
    session_turn(s);
}

bool stages_waiting(const struct in_session *s)
{
    return s->stages.waiting != NULL;
}

bool stages_cancel(struct in_session *s)
{
    if (s->stages.waiting && !s->stages.waiting->cancel)
        return false;
    if (s->stages.waiting)
        s->stages.waiting->cancel(s);
    forget(s);
    return true;
}

const struct smtp_server_event *stages_event(const struct in_session *s)
{
    return s->stages.event;
}
