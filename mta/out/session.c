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
#include "mta/out/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "mta/out/session_body.h"

enum phase { PHASE_CONNECTING, PHASE_HANDSHAKE, PHASE_TALKING, PHASE_DEAD };

struct out_session {
    struct worker_ctx *w;
    struct settings *settings;
    struct ip_port to;
    char host[DNS_NAME_MAX];
    char remote[320];
    struct verdict verdict;
    struct dest_facts *facts;
    enum tls_level level;
    bool implicit_tls;
    const struct tls_probe *probe;
    const struct out_session_ops *ops;
    void *arg;

    struct conn *conn;
    struct smtp_client *client;
    enum phase phase;
    enum client_state armed; /* the state the deadline was set for */
    bool finished;           /* the transaction has its results; its end is not yet told */
    bool polite;             /* QUIT is said before the connection closes */
    bool dot_sent;           /* the final dot is out, its reply is not in */
    bool has_outcome;
    struct tls_outcome outcome;
    struct body_source source;
    struct timer kick;
};

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

static bool on_ready(struct out_session *s)
{
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

static const struct conn_ops conn_calls = {.on_connected = on_connected,
                                           .on_readable = on_readable,
                                           .on_drained = on_drained,
                                           .on_tls = on_tls,
                                           .on_closed = on_closed,
                                           .on_timeout = on_timeout};

/* ---- the owner's calls ---- */

enum client_tls out_session_client_tls(enum verdict_mode mode, bool implicit_tls)
{
    static const enum client_tls modes[] = {[VERDICT_SKIP] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_CLEAR] = CLIENT_TLS_NEVER,
                                            [VERDICT_OPPORTUNISTIC] = CLIENT_TLS_IF_OFFERED,
                                            [VERDICT_ENCRYPT] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_DANE] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_PKIX] = CLIENT_TLS_REQUIRED};

    return implicit_tls ? CLIENT_TLS_NEVER : modes[mode];
}

static struct smtp_client *make_client(const struct out_session *s)
{
    const struct delivery_config *d = delivery_of(s);
    struct smtp_client_config cfg = {.hostname = s->settings->config->hostname,
                                     .tls =
                                         out_session_client_tls(s->verdict.mode, s->implicit_tls),
                                     .tls_from_start = s->implicit_tls,
                                     .greeting_ms = d->timeouts.greeting_ms,
                                     .command_ms = d->timeouts.command_ms,
                                     .data_start_ms = d->timeouts.data_start_ms,
                                     .data_block_ms = d->timeouts.data_block_ms,
                                     .final_dot_ms = d->timeouts.final_dot_ms};

    return smtp_client_new(&cfg);
}

/* "mx.example[192.0.2.1]:25", of an address "[192.0.2.1]:25". A recipient's literal is the address
 * in it, without brackets and tag, also as what a certificate has to name. */
static void name_remote(struct out_session *s, const char *host)
{
    char ip[IP_TEXT_MAX];
    struct ip address;

    if (host[0] == '[')
        host = ip_text(&s->to.ip, ip);
    (void)slice_copy(slice_of(host), s->host, sizeof(s->host));
    (void)snprintf(s->remote, sizeof(s->remote), "%s[%s]:%u",
                   ip_parse(slice_of(s->host), &address) ? "" : s->host, ip_text(&s->to.ip, ip),
                   s->to.port);
}

struct out_session *out_session_open(struct worker_ctx *w, const struct out_session_start *start,
                                     const struct out_session_ops *ops, void *arg)
{
    struct out_session *s = base_alloc(sizeof(*s));

    REQUIRE(start->verdict.mode != VERDICT_SKIP);
    s->w = w;
    s->settings = settings_ref(w->settings);
    s->to = start->to;
    s->verdict = start->verdict;
    s->facts = start->facts ? dest_facts_ref(start->facts) : NULL;
    s->level = start->level;
    s->implicit_tls = start->implicit_tls;
    s->probe = start->probe;
    s->ops = ops;
    s->arg = arg;
    name_remote(s, start->host);
    s->client = make_client(s);
    s->conn = conn_connect(w->loop, &s->to, LIMIT_REPLY, LIMIT_CLIENT_OUT, &conn_calls, s);
    conn_deadline(s->conn, delivery_of(s)->timeouts.connect_ms);
    COUNT(smtp_connections);
    return s;
}

static void on_kick(struct timer *t)
{
    struct out_session *s = CONTAINER_OF(t, struct out_session, kick);

    if (s->phase == PHASE_TALKING)
        advance(s);
}

/* Sending begins from the loop, so that no result arrives inside this call. */
void out_session_send(struct out_session *s, struct smtp_transaction *t, struct body *body)
{
    body_source_begin(&s->source, body);
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

const struct tls_outcome *out_session_tls(const struct out_session *s)
{
    return s->has_outcome ? &s->outcome : NULL;
}

const char *out_session_remote(const struct out_session *s)
{
    return s->remote;
}

const struct verdict *out_session_verdict(const struct out_session *s)
{
    return &s->verdict;
}

struct smtp_client *out_session_client(struct out_session *s)
{
    return s->client;
}

SSL *out_session_ssl(struct out_session *s)
{
    return conn_ssl(s->conn);
}

bool out_session_dot_sent(const struct out_session *s)
{
    return s->dot_sent;
}

const struct ip_port *out_session_to(const struct out_session *s)
{
    return &s->to;
}

bool out_session_is_fresh(const struct out_session *s, int64_t wall_ms)
{
    return !s->facts || dest_facts_are_fresh(s->facts, wall_ms);
}
