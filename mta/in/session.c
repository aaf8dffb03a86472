/* The life cycle of an inbound session: start, the turn, deadlines, stopping, the end.
 *
 * All work is done in session_turn: the machine is asked for its next event until it wants more
 * input, room for replies, or an answer that only the queue can give. Reading stops meanwhile, so
 * that a client can make us hold LIMIT_SESSION_IN and LIMIT_SESSION_OUT octets and no more.
 *
 * Thread: the worker's loop. RFC 5321 §4.5.3.2 (timeouts), §3.8 (421). */
#include "mta/in/session_private.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "config/base/log.h"
#include "mta/in/milter.h"
#include "mta/in/checks.h"

enum { STOP_GRACE_MS = 8000 }; /* how long a message on its way in may take to end when stopping */

void session_give_up(struct in_session *s)
{
    struct status st = session_too_slow(s);

    if (s->wait == WAIT_HANDSHAKE) {
        session_tls_failed(s, "the handshake took too long");
        s->ending = ENDING_AT_ONCE;
    } else {
        session_log_reject(s, &st, s->tx ? s->tx->sender : NULL, NULL);
        session_abort(s, &st);
    }
    session_end(s);
}

static void on_deadline(struct timer *t)
{
    session_give_up(CONTAINER_OF(t, struct in_session, deadline));
}

void session_deadline(struct in_session *s, int64_t delay_ms)
{
    if (delay_ms > 0)
        loop_timer_set(s->worker->loop, &s->deadline, delay_ms, on_deadline);
    else
        loop_timer_clear(s->worker->loop, &s->deadline);
}

/* Commands, DATA and the handshake have one deadline each. That of a command moves with each
 * command and that of DATA with each block, never with a single octet. */
static void wait_for_command(struct in_session *s, bool progress)
{
    if (s->wait != WAIT_COMMAND || progress) {
        s->waiting_since_ms = loop_now_ms(s->worker->loop);
        session_deadline(s, session_patience(s, s->listener->timeout_command_ms));
    }
    s->wait = WAIT_COMMAND;
}

static void wait_for_content(struct in_session *s)
{
    if (s->wait == WAIT_DATA && s->block_left > 0)
        return;
    session_deadline(s, s->listener->timeout_data_ms);
    s->block_left = session_data_block(s->listener);
    s->wait = WAIT_DATA;
}

/* The machine stands still, and nothing is read. */
static bool is_held(const struct in_session *s)
{
    return stages_waiting(s) || loop_timer_is_set(&s->penalty);
}

/* A stage that waits has a deadline of its own, and a penalty is one. */
static void wait_for_us(struct in_session *s)
{
    session_deadline(s, 0);
    s->wait = WAIT_NOTHING;
}

static void set_deadline(struct in_session *s, bool progress)
{
    if (s->wait == WAIT_HANDSHAKE)
        return;
    if (is_held(s))
        wait_for_us(s);
    else if (smtp_server_in_message(&s->server))
        wait_for_content(s); /* also between chunks: many small ones are no excuse */
    else
        wait_for_command(s, progress);
}

static void set_reading(struct in_session *s)
{
    bool pause = is_held(s) || conn_out(s->conn)->n > LIMIT_SESSION_OUT / 2;

    if (s->wait == WAIT_HANDSHAKE || pause == s->paused)
        return;
    s->paused = pause;
    if (pause)
        conn_pause(s->conn);
    else
        conn_resume(s->conn);
}

void session_answer(struct in_session *s, const struct status *st)
{
    smtp_server_answer(&s->server, st);
}

void session_abort(struct in_session *s, const struct status *st)
{
    smtp_server_abort(&s->server, st);
    s->ending = ENDING_POLITE;
}

/* Octets that came before the greeting (RFC 5321 §4.3.1): that is no mail client. Over TLS the
 * client has waited for our part of the handshake. */
static bool talks_early(const struct in_session *s)
{
    char c;

    if (conn_ssl(s->conn))
        return false;
    return conn_in(s->conn)->n > 0 ||
           recv(conn_fd(s->conn), &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void session_finish_connect(struct in_session *s, const struct smtp_server_event *ev,
                            const struct status *st)
{
    if (status_ok(st)) {
        smtp_server_greet(&s->server, talks_early(s));
        return;
    }
    session_log_reject(s, st, NULL, NULL);
    session_abort(s, st);
}

void session_finish_helo(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st)
{
    if (!status_ok(st))
        session_log_reject(s, st, NULL, NULL);
    session_answer(s, st);
}

static void on_helo(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_HELO, ev);
}

static void on_mail(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_MAIL, ev);
}

static void on_rcpt(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_RCPT, ev);
}

static void on_data(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_DATA, ev);
}

static void on_data_end(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_END, ev);
}

static void on_xclient(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_XCLIENT, ev);
}

static void on_close(struct in_session *s, const struct smtp_server_event *ev)
{
    session_count_patience(s);
    s->ending = ENDING_POLITE;
}

static void on_auth(struct in_session *s, const struct smtp_server_event *ev)
{
    stages_begin(s, AT_AUTH, ev);
}

static void on_auth_gone(struct in_session *s, const struct smtp_server_event *ev)
{
    session_auth_end(s);
}

static void handle(struct in_session *s, const struct smtp_server_event *ev)
{
    static void (*const handlers[])(struct in_session *, const struct smtp_server_event *) = {
        [SERVER_HELO] = on_helo,
        [SERVER_MAIL] = on_mail,                 [SERVER_RCPT] = on_rcpt,
        [SERVER_DATA] = on_data,                 [SERVER_CONTENT] = session_on_content,
        [SERVER_END] = on_data_end,              [SERVER_RESET] = session_on_reset,
        [SERVER_STARTTLS] = session_on_starttls, [SERVER_CLOSE] = on_close,
        [SERVER_CHUNK] = session_on_chunk,       [SERVER_AUTH] = on_auth,
        [SERVER_AUTH_LINE] = on_auth,            [SERVER_AUTH_GONE] = on_auth_gone,
        [SERVER_XCLIENT] = on_xclient,
    };

    if (ev->refused.cause != CAUSE_OK)
        session_log_reject(s, &ev->refused, s->tx ? s->tx->sender : NULL, NULL);
    if (ev->kind != SERVER_NONE)
        handlers[ev->kind](s, ev);
}

static bool may_go_on(const struct in_session *s)
{
    return s->ending == ENDING_NO && !is_held(s) && s->wait != WAIT_HANDSHAKE;
}

/* Counts what the machine took: whole commands move the deadline, content fills the block. A chunk is
 * read with the command before it, so among chunks both count. */
static bool next_event(struct in_session *s, struct smtp_server_event *ev, bool *progress)
{
    struct buf *in = conn_in(s->conn);
    size_t before = in->n;
    bool in_message = smtp_server_in_message(&s->server);
    bool any = smtp_server_next(&s->server, in, ev);
    size_t taken = before - in->n;

    if (in_message)
        s->block_left -= taken < s->block_left ? taken : s->block_left;
    else if (taken && !s->server.discarding)
        *progress = true;
    return any;
}

/* When stopping, a message on its way in may end; all else is told to come back (RFC 5321 §3.8). */
static void stop_if_idle(struct in_session *s)
{
    if (!s->stopping || !may_go_on(s) || smtp_server_in_message(&s->server))
        return;
    struct status st = status_of(CAUSE_SHUTTING_DOWN);
    session_abort(s, &st);
}

void session_turn(struct in_session *s)
{
    struct smtp_server_event ev;
    bool progress = false;

    session_penalise(s);
    while (may_go_on(s) && next_event(s, &ev, &progress)) {
        handle(s, &ev);
        session_penalise(s);
    }
    stop_if_idle(s);
    if (s->ending != ENDING_NO) {
        session_end(s);
        return;
    }
    set_deadline(s, progress);
    set_reading(s);
    if (!loop_timer_is_set(&s->penalty))
        conn_flush(s->conn);
}

static void close_connection(struct in_session *s)
{
    if (!s->conn)
        return;
    if (s->ending == ENDING_POLITE)
        conn_finish(&s->conn);
    else
        conn_free(&s->conn);
}

void session_end(struct in_session *s)
{
    close_connection(s);
    session_deadline(s, 0);
    loop_timer_clear(s->worker->loop, &s->penalty);
    if (!stages_cancel(s))
        return; /* an orphan: the request comes home, and then again here */
    tx_reset(s);
    milters_end(s);
    checks_end(s);
    loop_timer_clear(s->worker->loop, &s->grace);
    session_log_disconnect(s, s->ending == ENDING_POLITE ? "closed" : "connection lost");
    counter_add(COUNTER_smtpd_sessions, -1);
    list_remove(&s->node);
    session_auth_end(s);
    smtp_server_free(&s->server);
    session_forget_key(s);
    session_forget_xclient(s);
    session_forget_login(s);
    s->on_end(s->arg, s->listener->name, &s->admitted);
    settings_unref(&s->settings);
    free(s);
}

static void on_turn(void *arg)
{
    session_turn(arg);
}

static void on_closed(void *arg, const struct status *why)
{
    struct in_session *s = arg;

    if (s->wait == WAIT_HANDSHAKE)
        session_tls_failed(s, why->text);
    s->ending = ENDING_AT_ONCE;
    session_end(s);
}

static void on_tls(void *arg, bool ok, const char *error)
{
    struct in_session *s = arg;

    if (!ok) {
        session_tls_failed(s, error);
        s->ending = ENDING_AT_ONCE;
        session_end(s);
        return;
    }
    s->wait = WAIT_NOTHING;
    tx_reset(s);
    session_forget_login(s);
    session_learn_key(s);
    s->server.cfg.auth = session_auth_offer(s); /* TLS 1.3 adds channel binding */
    smtp_server_tls_done(&s->server);
    if (s->listener->tls == LISTENER_TLS_IMPLICIT)
        stages_begin(s, AT_CONNECT, NULL);
    session_turn(s);
}

static const struct conn_ops session_conn_ops = {
    .on_readable = on_turn,
    .on_drained = on_turn,
    .on_tls = on_tls,
    .on_closed = on_closed,
};

static void init_server(struct in_session *s)
{
    const struct listener_config *l = s->listener;
    struct smtp_server_config cfg = {
        .hostname = s->settings->config->hostname,
        .max_message_size = l->max_message_size,
        .offer_starttls = session_offers_starttls(s),
        .require_tls = l->tls == LISTENER_TLS_REQUIRE,
        .convert_newlines = l->bare_newline == BARE_NEWLINE_CONVERT,
        .max_errors = l->limits.errors,
        .max_noise = l->limits.junk_commands,
        .auth = session_auth_offer(s),
        .require_auth = l->auth == LISTENER_AUTH_REQUIRE,
        .offer_chunking = true,
        .offer_requiretls = true,
        .allow_xclient = session_may_xclient(s),
    };
    smtp_server_init(&s->server, &cfg, conn_out(s->conn));
}

static struct in_session *session_new(struct worker_ctx *w, const struct in_start *start)
{
    struct in_session *s = base_alloc(sizeof(*s));

    s->worker = w;
    s->settings = settings_ref(start->settings);
    s->listener = &s->settings->config->listeners[start->listener];
    s->peer = start->peer;
    s->admitted = start->peer.ip;
    s->on_end = start->on_end;
    s->on_move = start->on_move;
    s->arg = start->arg;
    s->rates = start->rates;
    s->overloaded = start->overloaded;
    s->stopping = w->stopping;
    (void)ip_text(&s->peer.ip, s->client);
    list_append(&w->sessions, &s->node);
    COUNT(smtpd_connections);
    counter_add(COUNTER_smtpd_sessions, 1);
    session_log_connect(s);
    return s;
}

void in_session_start(struct worker_ctx *w, const struct in_start *start)
{
    struct in_session *s = session_new(w, start);

    s->conn =
        conn_accept(w->loop, start->fd, LIMIT_SESSION_IN, LIMIT_SESSION_OUT, &session_conn_ops, s);
    init_server(s);
    if (s->listener->tls == LISTENER_TLS_IMPLICIT)
        session_handshake(s);
    else
        stages_begin(s, AT_CONNECT, NULL);
    session_turn(s);
}

static void on_grace_over(struct timer *t)
{
    struct in_session *s = CONTAINER_OF(t, struct in_session, grace);
    struct status st = status_of(CAUSE_SHUTTING_DOWN);

    if (!stages_cancel(s))
        return; /* its answer comes with the commit */
    session_abort(s, &st);
    session_end(s);
}

static void stop(struct in_session *s)
{
    s->stopping = true;
    if (!s->conn)
        return;
    if (s->wait == WAIT_HANDSHAKE) {
        s->ending = ENDING_AT_ONCE;
        session_end(s);
        return;
    }
    loop_timer_set(s->worker->loop, &s->grace, STOP_GRACE_MS, on_grace_over);
    session_turn(s);
}

void in_session_stop_all(struct worker_ctx *w)
{
    LIST_EACH(it, &w->sessions)
        stop(LIST_ENTRY(it, struct in_session, node));
}
