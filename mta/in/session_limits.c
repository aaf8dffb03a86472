/* Patience with errors, with slow clients, and with all while the listener is nearly full. */
#include <string.h>

#include "config/base/limits.h"
#include "mta/in/session_private.h"

/* --- Errors --- */

static void penalty_over(struct timer *t)
{
    struct in_session *s = CONTAINER_OF(t, struct in_session, penalty);

    conn_flush(s->conn); /* what comes next may be another error */
    session_turn(s);
}

/* The reply to an error is written already and goes out when the penalty is over. Who guesses
 * addresses or commands waits longer with each; the one that closes the session comes at once, and
 * so do all while connections are scarce. */
void session_penalise(struct in_session *s)
{
    const struct listener_limits *l = &s->listener->limits;
    unsigned errors = s->server.errors, free_errors = (unsigned)l->errors / 2;
    bool new_error = errors > s->errors_seen;

    s->errors_seen = errors;
    if (!new_error || errors <= free_errors || s->ending != ENDING_NO || s->server.closing ||
        l->error_delay_ms == 0 || s->overloaded || s->stopping)
        return;
    COUNT(smtpd_delayed_replies);
    loop_timer_set(s->worker->loop, &s->penalty, l->error_delay_ms * (errors - free_errors),
                   penalty_over);
}

void session_count_patience(const struct in_session *s)
{
    const struct listener_limits *l = &s->listener->limits;

    if (s->server.errors > l->errors || s->server.noise > l->junk_commands)
        COUNT(smtpd_too_many_errors);
}

/* --- Slow clients --- */

uint64_t session_data_block(const struct listener_config *l)
{
    uint64_t block = (uint64_t)l->timeout_data_ms * l->limits.data_rate / 1000;
    return block ? block : 1;
}

struct status session_too_slow(const struct in_session *s)
{
    bool idle = s->wait == WAIT_COMMAND && !s->tx;

    if (s->overloaded && idle) {
        COUNT(smtpd_overload_closed);
        return status_of(CAUSE_OVERLOADED);
    }
    COUNT(smtpd_timeouts);
    return status_of(CAUSE_CLIENT_TIMEOUT);
}

/* --- Overload --- */

int64_t session_patience(const struct in_session *s, int64_t usual_ms)
{
    return s->overloaded && usual_ms > LIMIT_OVERLOAD_COMMAND_MS ? LIMIT_OVERLOAD_COMMAND_MS
                                                                 : usual_ms;
}

/* The wait that is on has a new end. In a transaction there is a moment to go on with it. */
static void hurry(struct in_session *s)
{
    int64_t waited = s->tx ? 0 : loop_now_ms(s->worker->loop) - s->waiting_since_ms;
    int64_t left = session_patience(s, s->listener->timeout_command_ms) - waited;

    if (s->wait != WAIT_COMMAND || !s->conn)
        return;
    if (left > 0)
        session_deadline(s, left);
    else
        session_give_up(s);
}

/* The list is in the order of their begin. */
void in_session_overload(struct worker_ctx *w, const char *listener, bool on)
{
    LIST_EACH(it, &w->sessions)
    {
        struct in_session *s = LIST_ENTRY(it, struct in_session, node);
        if (strcmp(s->listener->name, listener) != 0)
            continue;
        s->overloaded = on;
        hurry(s);
    }
}
