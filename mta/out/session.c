/* One outbound connection: the client machine (mta/smtp) between a connection (tls/conn) and the
 * one who delivers. RFC 5321 §3, §4.5.3.2; RFC 3207; RFC 7672 §2.2.
 *
 * Phases: connecting → (implicit TLS: handshake) → talking → (STARTTLS: handshake → talking) →
 * dead. While talking, what comes next is the client machine's to say.
 *
 * What the verdict asks for is asked of the machine: REQUIRED never gets past EHLO without TLS, and
 * a handshake that did not prove what the verdict wants ends here, before MAIL FROM exists.
 *
 * One worker. Callbacks to the owner come from the loop, are the last thing a function does, and
 * may free the session. */
#include "mta/out/session_private.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/counter.h"

static void advance(struct out_session *s);

/* ---- telling the owner ---- */

static void fail(struct out_session *s, const struct status *why, bool no_tls)
{
    struct status copy = *why; /* why may live in what the owner frees */

    s->phase = PHASE_DEAD;
    s->ops->on_failed(s->arg, &copy, no_tls);
}

static void tell_finished(struct out_session *s)
{
    s->finished = false;
    s->ops->on_finished(s->arg);
}

/* ---- deadlines ---- */

static const struct delivery_config *delivery_of(const struct out_session *s)
{
    return &s->settings->config->delivery;
}

static void arm_deadline(struct out_session *s)
{
    s->armed = smtp_client_state(s->client);
    conn_deadline(s->conn, s->armed == CLIENT_ST_IDLE ? 0 : smtp_client_timeout_ms(s->client));
}

/* Whether in holds the last line of a reply. The deadline is of a whole reply (RFC 5321 §4.5.3.2):
 * a server that sends one continuation line after another does not move it. */
static bool has_reply_end(struct slice in)
{
    while (in.n) {
        size_t end = slice_find(in, '\n');
        if (end == in.n)
            return false;
        if (end < 4 || in.p[3] != '-')
            return true;
        in = slice_skip(in, end + 1);
    }
    return false;
}

/* ---- TLS ---- */

static void begin_handshake(struct out_session *s)
{
    SSL *ssl = tls_dane_client(&s->settings->tls, &s->verdict, s->level, s->host);

    if (!ssl) {
        struct status why =
            s->verdict.mode == VERDICT_SKIP ? s->verdict.skip : status_of(CAUSE_TLS_LOCAL);
        fail(s, &why, why.cause != CAUSE_TLS_LOCAL); /* our own trouble is no reason for less */
        return;
    }
    if (s->probe && !tls_probe_prepare(ssl, s->probe)) { /* an answer to another question is none */
        struct status why = status_of(CAUSE_TLS_LOCAL);
        SSL_free(ssl);
        fail(s, &why, false);
        return;
    }
    s->phase = PHASE_HANDSHAKE;
    conn_tls(s->conn, ssl, false);
    conn_deadline(s->conn, delivery_of(s)->timeouts.tls_ms);
}

static void on_tls(void *arg, bool ok, const char *error)
{
    struct out_session *s = arg;

    s->outcome = tls_dane_outcome(conn_ssl(s->conn), &s->verdict, ok, error);
    s->has_outcome = true;
    if (!status_ok(&s->outcome.status)) {
        s->polite = ok && !s->implicit_tls;
        fail(s, &s->outcome.status, true);
        return;
    }
    s->phase = PHASE_TALKING;
    if (!s->implicit_tls)
        smtp_client_tls_done(s->client);
    s->armed = CLIENT_ST_TLS;
    advance(s);
}

/* ---- events of the machine: each returns whether stepping goes on ---- */

static bool on_starttls(struct out_session *s)
{
    begin_handshake(s);
    return false;
}

static bool on_auth(struct out_session *s)
{
    struct status why;

    if (!out_login_answer(&s->login, s->client, &why))
        smtp_client_abort(s->client, &why);
    return true;
}

/* What was said of the password does not stay in memory longer than the login. */
static void end_login(struct out_session *s)
{
    struct buf *out = conn_out(s->conn);

    if (!s->login.username)
        return;
    out_login_end(&s->login);
    if (out->n == 0 && out->p)
        explicit_bzero(out->p, out->cap);
}

static bool on_ready(struct out_session *s)
{
    end_login(s);
    arm_deadline(s);
    if (s->finished)
        tell_finished(s);
    else
        s->ops->on_ready(s->arg);
    return false;
}

static bool on_body(struct out_session *s)
{
    struct status why;

    if (!body_source_pump(&s->source, s->client, conn_out(s->conn), &why))
        smtp_client_abort(s->client, &why);
    s->dot_sent = smtp_client_state(s->client) == CLIENT_ST_DOT;
    return true;
}

static bool on_finished(struct out_session *s)
{
    s->finished = true;
    s->dot_sent = false;
    body_source_end(&s->source); /* a kept connection keeps no message */
    return true;
}

/* After these the server still listens to a QUIT. Never in the middle of a message, where it would
 * be content. */
static bool ends_politely(enum cause cause)
{
    return cause == CAUSE_STARTTLS_NOT_OFFERED || cause == CAUSE_STARTTLS_REFUSED ||
           cause == CAUSE_REMOTE_TEMPFAIL;
}

static bool is_want_of_tls(enum cause cause)
{
    return cause == CAUSE_STARTTLS_NOT_OFFERED || cause == CAUSE_STARTTLS_REFUSED;
}

static bool on_failed(struct out_session *s)
{
    const struct status *why = smtp_client_failure(s->client);

    s->phase = PHASE_DEAD;
    if (s->finished) {
        tell_finished(s);
        return false;
    }
    s->polite = ends_politely(why->cause) && s->armed != CLIENT_ST_BODY && !s->dot_sent;
    fail(s, why, is_want_of_tls(why->cause));
    return false;
}

static bool on_nothing(struct out_session *s)
{
    return false;
}

static bool (*const on_event[])(struct out_session *) = {
    [CLIENT_WAIT] = on_nothing,     [CLIENT_STARTTLS] = on_starttls, [CLIENT_READY] = on_ready,
    [CLIENT_AUTH] = on_auth,
    [CLIENT_BODY] = on_body,        [CLIENT_FINISHED] = on_finished, [CLIENT_FAILED] = on_failed,
    [CLIENT_QUIT_DONE] = on_nothing};

/* Steps the machine until it waits. */
static void advance(struct out_session *s)
{
    bool answered = has_reply_end(buf_slice(conn_in(s->conn)));
    enum smtp_client_event ev;

    while ((ev = smtp_client_step(s->client, conn_in(s->conn), conn_out(s->conn))) != CLIENT_WAIT)
        if (!on_event[ev](s))
            return;
    if (s->finished) { /* octets nobody asked for follow: not to be used again */
        s->phase = PHASE_DEAD;
        tell_finished(s);
        return;
    }
    conn_flush(s->conn);
    if (answered || smtp_client_state(s->client) != s->armed)
        arm_deadline(s);
}

/* ---- events of the connection ---- */

static void on_connected(void *arg)
{
    struct out_session *s = arg;

    if (s->implicit_tls) {
        begin_handshake(s);
        return;
    }
    s->phase = PHASE_TALKING;
    arm_deadline(s);
    advance(s);
}

static void on_readable(void *arg)
{
    struct out_session *s = arg;

    if (s->phase == PHASE_TALKING)
        advance(s);
}

/* The next block of the message, and with it the next deadline: half the buffer within data_block
 * is the slowest that is borne. */
static void on_drained(void *arg)
{
    struct out_session *s = arg;

    if (s->phase != PHASE_TALKING)
        return;
    if (smtp_client_state(s->client) == CLIENT_ST_BODY)
        (void)on_body(s);
    if (s->armed == CLIENT_ST_BODY || s->dot_sent)
        arm_deadline(s);
    advance(s);
}

static void lose(struct out_session *s, const struct status *why)
{
    smtp_client_lost(s->client, why);
    advance(s);
}

static void on_closed(void *arg, const struct status *why)
{
    struct out_session *s = arg;

    if (s->phase == PHASE_TALKING)
        lose(s, why);
    else if (s->phase == PHASE_HANDSHAKE)
        fail(s, why, true);
    else if (s->phase == PHASE_CONNECTING)
        fail(s, why, false);
}

static void on_timeout(void *arg)
{
    struct out_session *s = arg;
    struct status why;

    if (s->phase == PHASE_CONNECTING) {
        why = status_make(CAUSE_CONNECT_FAILED, "connection failed: timed out");
        fail(s, &why, false);
    } else if (s->phase == PHASE_HANDSHAKE) {
        why = status_make(CAUSE_TLS_HANDSHAKE, "TLS handshake timed out");
        fail(s, &why, true);
    } else if (s->phase == PHASE_TALKING) {
        why = status_make(CAUSE_REMOTE_TIMEOUT, "timed out");
        lose(s, &why);
    }
}

const struct conn_ops out_session_calls = {.on_connected = on_connected,
                                           .on_readable = on_readable,
                                           .on_drained = on_drained,
                                           .on_tls = on_tls,
                                           .on_closed = on_closed,
                                           .on_timeout = on_timeout};

/* ---- the owner's calls ---- */

static void on_kick(struct timer *t)
{
    struct out_session *s = CONTAINER_OF(t, struct out_session, kick);

    if (s->phase == PHASE_TALKING)
        advance(s);
}

/* Sending begins from the loop, so that no result arrives inside this call. */
void out_session_send(struct out_session *s, struct smtp_transaction *t, struct body *body,
                      const struct survey *conversion)
{
    body_source_begin(&s->source, body, conversion);
    s->finished = s->dot_sent = false;
    smtp_client_start(s->client, t);
    loop_timer_set(s->w->loop, &s->kick, 0, on_kick);
}

void out_session_adopt(struct out_session *s, const struct out_session_ops *ops, void *arg)
{
    s->ops = ops;
    s->arg = arg;
}

bool out_session_reusable(const struct out_session *s)
{
    return s->phase == PHASE_TALKING && smtp_client_reusable(s->client);
}

/* The loop that would see a QUIT off may end with a probe, or with the process: then what the
 * socket takes at once must do. */
static void close_connection(struct out_session *s)
{
    bool loop_ends = s->probe != NULL || s->w->stopping;

    if (s->polite && buf_append(conn_out(s->conn), SLICE("QUIT\r\n"))) {
        if (!loop_ends) {
            conn_finish(&s->conn);
            return;
        }
        conn_flush(s->conn);
    }
    conn_free(&s->conn);
}

void out_session_free(struct out_session **sp)
{
    struct out_session *s = *sp;

    *sp = NULL;
    if (!s)
        return;
    loop_timer_clear(s->w->loop, &s->kick);
    close_connection(s);
    smtp_client_free(&s->client);
    out_login_end(&s->login);
    body_source_end(&s->source);
    dest_facts_unref(&s->facts);
    settings_unref(&s->settings);
    free(s);
}

/* The reply to QUIT is not waited for: nothing depends on it. */
void out_session_quit(struct out_session **sp)
{
    if (*sp)
        (*sp)->polite = out_session_reusable(*sp);
    out_session_free(sp);
}
