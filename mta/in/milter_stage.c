/* The filters' stages: whose turn it is, and what becomes of the session. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "config/base/log.h"
#include "mta/in/milter_private.h"

enum { LOOK_MS = 2000 }; /* how long a client that left may keep a filter */

static struct milters *milters_new(struct in_session *s)
{
    const struct listener_config *listener = s->listener;
    struct milters *m = base_alloc(sizeof(*m) + listener->n_milters * sizeof(m->links[0]));

    m->session = s;
    m->n = listener->n_milters;
    m->refusal = status_of(CAUSE_OK);
    for (size_t i = 0; i < m->n; i++)
        m->links[i] = (struct milter_link){.config = listener->milters[i], .all = m};
    return m;
}

static bool is_discarded(const struct milters *m)
{
    return m->session->tx && m->session->tx->discarded;
}

/* All filters that are left, in turn. */
static enum link_result walk(struct milters *m)
{
    enum link_result result = LINK_DONE;

    while (m->turn < m->n && !is_discarded(m)) {
        result = link_work(&m->links[m->turn]);
        if (result != LINK_DONE)
            return result;
        m->turn++;
        if (m->content)
            content_rewind(m);
    }
    return LINK_DONE;
}

/* After the last one. A message without recipients goes nowhere, as if it had been dropped. */
static enum stage_result settle(struct milters *m, struct status *st)
{
    struct transaction *tx = m->session->tx;

    if (m->content && !is_discarded(m)) {
        *st = content_settle(m);
        tx->discarded = status_ok(st) && tx->message->n_rcpts == 0;
    }
    content_free(m);
    if (!is_discarded(m) || m->at != AT_END)
        return status_ok(st) ? STAGE_NEXT : STAGE_REFUSE;
    COUNT(messages_discarded);
    LOG(SMTPD_DISCARD, tx->id, F_ADDR("from", tx->sender), F_STR("client", m->session->client),
        F_STR("reason", tx->message->n_rcpts ? "a filter asked" : "no recipient is left"));
    return STAGE_NEXT;
}

/* Nothing is read from the client while a filter thinks, so its end is not told either. Before the
 * content is complete, a client that will say no more has left; afterwards it may have closed its side
 * alone, and still read the reply. */
static bool client_left(const struct in_session *s)
{
    char c;
    ssize_t n = recv(conn_fd(s->conn), &c, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return n == 0 && conn_in(s->conn)->n == 0 && s->stages.at != AT_END;
}

static void on_look(struct timer *t)
{
    struct milters *m = CONTAINER_OF(t, struct milters, look);
    struct in_session *s = m->session;

    if (client_left(s)) {
        s->ending = ENDING_AT_ONCE;
        session_end(s);
    } else {
        loop_timer_set(s->worker->loop, t, LOOK_MS, on_look);
    }
}

static void set_waiting(struct milters *m, bool waiting)
{
    m->waiting = waiting;
    if (!waiting)
        loop_timer_clear(m->session->worker->loop, &m->look);
    else if (!loop_timer_is_set(&m->look))
        loop_timer_set(m->session->worker->loop, &m->look, LOOK_MS, on_look);
}

static enum stage_result stage_result_of(struct milters *m, enum link_result result,
                                         struct status *st)
{
    set_waiting(m, result == LINK_WAITS);
    if (result == LINK_WAITS)
        return STAGE_WAIT;
    if (result == LINK_DONE)
        return settle(m, st);
    COUNT(milter_refused);
    *st = m->refusal;
    content_free(m);
    return STAGE_REFUSE;
}

void milters_go_on(struct milters *m, const struct milter_link *l)
{
    struct status st = status_of(CAUSE_OK);

    if (!m->waiting || l != &m->links[m->turn])
        return;
    if (stage_result_of(m, walk(m), &st) != STAGE_WAIT)
        stages_resume(m->session, &st);
}

static enum stage_result pass(struct in_session *s, enum stage_point at, struct status *st)
{
    struct milters *m = s->milters;

    if (!m)
        return STAGE_NEXT;
    m->at = at;
    m->turn = 0;
    m->refusal = status_of(CAUSE_OK);
    for (size_t i = 0; i < m->n; i++) {
        m->links[i].said = false;
        m->links[i].give_up_ms = loop_now_ms(s->worker->loop) + LIMIT_MILTER_S * INT64_C(1000);
    }
    return stage_result_of(m, walk(m), st);
}

/* Again after XCLIENT: another client, as far as filters can see. */
enum stage_result stage_milter_connect(struct in_session *s, struct status *st)
{
    milters_end(s);
    if (s->listener->n_milters)
        s->milters = milters_new(s);
    return pass(s, AT_CONNECT, st);
}

/* A message that is open goes on until the machine says that it is gone: EHLO may yet be refused. */
enum stage_result stage_milter_helo(struct in_session *s, struct status *st)
{
    for (size_t i = 0; s->milters && i < s->milters->n; i++) {
        struct milter_link *l = &s->milters->links[i];
        if (l->told == TOLD_HELO)
            l->told = TOLD_CONNECT;
        l->helo_again = l->told == TOLD_MAIL;
    }
    return pass(s, AT_HELO, st);
}

/* A new transaction, and a new chance for a filter that failed in the last one. One that refused the
 * client when it heard of it late is asked from the beginning. */
enum stage_result stage_milter_mail(struct in_session *s, struct status *st)
{
    for (size_t i = 0; s->milters && i < s->milters->n; i++) {
        struct milter_link *l = &s->milters->links[i];
        l->failed = l->passed_message = false;
        if (l->open && l->told == TOLD_NOTHING)
            link_close(l);
    }
    return pass(s, AT_MAIL, st);
}

enum stage_result stage_milter_rcpt(struct in_session *s, struct status *st)
{
    return pass(s, AT_RCPT, st);
}

enum stage_result stage_milter_data(struct in_session *s, struct status *st)
{
    return pass(s, AT_DATA, st);
}

static bool anybody_wants_content(const struct milters *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->links[i].told == TOLD_MAIL && !m->links[i].passed_message)
            return true;
    return false;
}

enum stage_result stage_milter_end(struct in_session *s, struct status *st)
{
    if (s->milters && !s->tx->discarded && anybody_wants_content(s->milters))
        *st = content_open(s->milters);
    return status_ok(st) ? pass(s, AT_END, st) : STAGE_REFUSE;
}

void stage_milter_cancel(struct in_session *s)
{
    struct milters *m = s->milters;

    set_waiting(m, false);
    link_close(&m->links[m->turn]); /* it is in the middle of something */
    content_free(m);
}

/* A filter that cannot take the three words is not worth more. */
static void abort_message(struct milter_link *l)
{
    if (l->told < TOLD_MAIL)
        return;
    l->told = l->helo_again ? TOLD_CONNECT : TOLD_HELO;
    l->helo_again = false;
    if (l->awaited || !milter_put_data(conn_out(l->conn), MILTER_ABORT, SLICE("")))
        link_close(l);
    else
        conn_flush(l->conn);
}

void milters_reset(struct in_session *s)
{
    struct milters *m = s->milters;

    if (!m)
        return;
    content_free(m);
    for (size_t i = 0; i < m->n; i++)
        abort_message(&m->links[i]);
}

static void quit(struct milter_link *l)
{
    if (!l->conn)
        return;
    if (l->open && !l->awaited && milter_put_data(conn_out(l->conn), MILTER_QUIT, SLICE("")))
        conn_finish(&l->conn);
    else
        conn_free(&l->conn);
}

void milters_end(struct in_session *s)
{
    struct milters *m = s->milters;

    if (!m)
        return;
    content_free(m);
    for (size_t i = 0; i < m->n; i++)
        quit(&m->links[i]);
    free(m);
    s->milters = NULL;
}
