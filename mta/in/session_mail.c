/* The transaction of an inbound session: MAIL, RCPT, DATA, the content as it streams by, the
 * submit, and the 250 that means the message is safe. RFC 5321 §3.3, §4.1.1.4, §4.4, §6.1, §6.3.
 *
 * Content that is refused is read to its true end, and only then answered: bytes of a refused
 * message must never be read as commands. */
#include "mta/in/session_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "mta/in/relay.h"
#include "mta/mail/trace.h"

enum { TRACE_MAX = 4096 }; /* octets of our Received field: names of at most 255 octets */

void tx_reset(struct in_session *s)
{
    struct transaction *tx = s->tx;

    if (!tx)
        return;
    REQUIRE(!s->submitting);
    body_writer_abort(&tx->writer);
    message_free(&tx->message); /* a body that never got a row takes its file with it */
    free(tx->sender);
    free(tx);
    s->tx = NULL;
}

void session_on_reset(struct in_session *s, const struct smtp_server_event *ev)
{
    tx_reset(s);
}

/* Answers what awaits an answer, and tells the log of a refusal. */
static void answer(struct in_session *s, const struct status *st, const char *from, const char *to)
{
    if (!status_ok(st))
        session_log_reject(s, st, from, to);
    session_answer(s, st);
}

/* MAIL */

static struct status queue_readiness(const struct in_session *s)
{
    switch (queue_health(s->worker->queue)) {
    case QUEUE_DISK_FULL:
        return status_of(CAUSE_QUEUE_FULL);
    case QUEUE_FAILING:
        return status_of(CAUSE_QUEUE_ERROR);
    case QUEUE_HEALTHY:
        break;
    }
    return status_of(CAUSE_OK);
}

static char *client_text(const struct in_session *s)
{
    struct buf b;
    char *text;

    buf_init(&b, LIMIT_DOMAIN + IP_TEXT_MAX + 2);
    if (!buf_printf(&b, "%s[%s]", s->server.helo, s->client))
        buf_clear(&b);
    text = slice_dup(buf_slice(&b));
    buf_free(&b);
    return text;
}

static void set_text(char **member, char *text)
{
    free(*member);
    *member = text;
}

static void tx_begin(struct in_session *s, const struct smtp_server_event *ev)
{
    struct transaction *tx = base_alloc(sizeof(*tx));

    tx_reset(s);
    tx->session = s;
    tx->sender = base_strdup(ev->address->text);
    tx->message = message_new();
    set_text(&tx->message->sender, base_strdup(ev->address->text));
    set_text(&tx->message->client, client_text(s));
    if (ev->mail && ev->mail->eight_bit)
        tx->message->flags |= MESSAGE_8BIT;
    s->tx = tx;
}

void session_on_mail(struct in_session *s, const struct smtp_server_event *ev)
{
    struct status st = queue_readiness(s);

    if (status_ok(&st))
        tx_begin(s, ev);
    answer(s, &st, ev->address->text, NULL);
}

/* RCPT */

/* The same mailbox: domains in any case, local parts to the letter (RFC 5321 §2.4). */
static bool same_mailbox(const struct recipient *r, const char *address, size_t local_len,
                         const char *domain)
{
    return strcmp(r->domain, domain) == 0 && strlen(r->address) == strlen(address) &&
           memcmp(r->address, address, local_len + 1) == 0;
}

/* One message to a mailbox however often it was named (RFC 5321 §3.3 leaves it to us). */
static void add_once(struct message *m, const char *address, size_t local_len, const char *domain)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (same_mailbox(&m->rcpts[i], address, local_len, domain))
            return;
    (void)message_add_rcpt(m, slice_of(address), slice_of(domain));
}

/* <postmaster> without a domain is the postmaster of this relay (RFC 5321 §4.5.1). */
static void add_postmaster(const struct in_session *s, const char *local)
{
    const char *hostname = s->settings->config->hostname;
    char address[LIMIT_PATH + 1 + LIMIT_DOMAIN + 1];
    struct buf b;

    buf_init(&b, sizeof(address) - 1);
    if (buf_printf(&b, "%s@%s", local, hostname) &&
        slice_copy(buf_slice(&b), address, sizeof(address)))
        add_once(s->tx->message, address, strlen(local), hostname);
    buf_free(&b);
}

static void add_recipient(const struct in_session *s, const struct address *rcpt)
{
    if (rcpt->kind == ADDRESS_POSTMASTER)
        add_postmaster(s, rcpt->text);
    else
        add_once(s->tx->message, rcpt->text, rcpt->local_len, rcpt->domain);
}

void session_on_rcpt(struct in_session *s, const struct smtp_server_event *ev)
{
    struct status st = relay_check(s->settings->config, s->listener, &s->peer.ip, ev->address);

    if (status_ok(&st) && s->tx->message->n_rcpts >= LIMIT_RECIPIENTS)
        st = status_of(CAUSE_TOO_MANY_RECIPIENTS);
    if (status_ok(&st))
        add_recipient(s, ev->address);
    answer(s, &st, s->tx->sender, ev->address->text);
}

/* DATA */

static bool write_trace(const struct in_session *s, int64_t now_ms, struct buf *out)
{
    const struct transaction *tx = s->tx;
    SSL *ssl = conn_ssl(s->conn);
    struct trace t = {
        .helo = s->server.helo,
        .client = s->peer.ip,
        .by = s->settings->config->hostname,
        .esmtp = s->server.esmtp,
        .tls = ssl != NULL,
        .tls_protocol = ssl ? SSL_get_version(ssl) : NULL,
        .tls_cipher = ssl ? SSL_get_cipher_name(ssl) : NULL,
        .id = tx->id,
        .rcpt = tx->message->n_rcpts == 1 ? tx->message->rcpts[0].address : NULL,
        .wall_ms = now_ms,
    };
    return trace_received(&t, out);
}

/* The limit is on what the client sends; our own line comes on top. 0: no limit. */
static struct body_writer *open_writer(const struct in_session *s, size_t own)
{
    uint64_t max = s->listener->max_message_size;
    char spool[PATH_MAX];
    struct body_writer *w = NULL;
    struct buf b;

    buf_init(&b, sizeof(spool) - 1);
    if (buf_printf(&b, "%s/bodies", s->settings->config->state_directory) &&
        slice_copy(buf_slice(&b), spool, sizeof(spool)))
        w = body_writer_new(spool, s->tx->id, max ? max + own : UINT64_MAX);
    buf_free(&b);
    return w;
}

static enum cause begin_content(struct in_session *s)
{
    struct transaction *tx = s->tx;
    struct buf trace;
    enum cause cause = CAUSE_LOCAL_ERROR;

    message_make_id(tx->id);
    memcpy(tx->message->id, tx->id, sizeof(tx->id));
    tx->message->arrival_ms = clock_wall_ms();
    header_scan_init(&tx->headers);
    buf_init(&trace, TRACE_MAX);
    if (write_trace(s, tx->message->arrival_ms, &trace))
        tx->writer = open_writer(s, trace.n);
    if (tx->writer) {
        body_writer_append(tx->writer, buf_slice(&trace));
        cause = body_writer_cause(tx->writer);
    }
    buf_free(&trace);
    return cause;
}

void session_on_data(struct in_session *s, const struct smtp_server_event *ev)
{
    struct status st = status_of(begin_content(s));
    answer(s, &st, s->tx->sender, NULL);
}

/* Content */

static void refuse_content(struct transaction *tx, const struct status *why)
{
    tx->refused = *why;
    body_writer_abort(&tx->writer);
}

static struct status check_headers(const struct header_scan *h)
{
    if (h->hops >= LIMIT_HOPS) /* RFC 5321 §6.3 */
        return status_of(CAUSE_HOP_LIMIT);
    if (h->length > LIMIT_HEADER_SCAN)
        return status_make(CAUSE_MESSAGE_TOO_BIG, "Error: message header too long");
    return status_of(CAUSE_OK);
}

static struct status store_content(struct transaction *tx, struct slice content)
{
    struct status st = status_of(CAUSE_OK);

    if (!tx->headers.ended) {
        header_scan_feed(&tx->headers, content);
        st = check_headers(&tx->headers);
    }
    if (!status_ok(&st))
        return st;
    body_writer_append(tx->writer, content);
    enum cause cause = body_writer_cause(tx->writer);
    return cause == CAUSE_OK ? st : status_of(cause);
}

void session_on_content(struct in_session *s, const struct smtp_server_event *ev)
{
    struct transaction *tx = s->tx;

    tx->read += ev->content.n;
    if (tx->refused.cause == CAUSE_OK) {
        struct status st = store_content(tx, ev->content);
        if (!status_ok(&st))
            refuse_content(tx, &st);
        return;
    }
    if (tx->read > s->listener->max_message_size + LIMIT_REFUSED_CONTENT) {
        session_log_reject(s, &tx->refused, tx->sender, NULL);
        session_abort(s, &tx->refused);
    }
}

/* The end of the data, the submit, home */

static void answer_home(struct in_session *s, const struct status *result)
{
    struct status st = *result;

    if (status_ok(result))
        st = status_make(CAUSE_OK, "Ok: queued as %s", s->tx->id);
    session_answer(s, &st);
}

/* The request is home: on the worker's loop, exactly once. On OK the message is the queue's and may
 * be gone already; if not it is ours again, and ends with the transaction. */
static void on_home(struct queue_submit *r)
{
    struct transaction *tx = CONTAINER_OF(r, struct transaction, submit);
    struct in_session *s = tx->session;

    s->submitting = false;
    if (status_ok(&r->status))
        session_log_accept(s, tx);
    else
        session_log_reject(s, &r->status, tx->sender, NULL);
    if (!status_ok(&r->status))
        tx->message = r->message;
    if (!s->conn) {
        session_end(s);
        return;
    }
#ifndef SABOTAGE_ACK_EARLY
    answer_home(s, &r->status);
#endif
    tx_reset(s);
    session_turn(s);
}

static void submit(struct in_session *s)
{
    struct transaction *tx = s->tx;

    tx->size = tx->message->size;
    tx->n_rcpts = tx->message->n_rcpts;
    tx->protocol = session_protocol(s);
    tx->tls = session_tls_version(s);
    tx->submit =
        (struct queue_submit){.home = s->worker->loop, .done = on_home, .message = tx->message};
    tx->message = NULL;
    s->submitting = true;
#ifdef SABOTAGE_ACK_EARLY
    struct status early = status_of(CAUSE_OK);
    answer_home(s, &early);
#endif
    queue_submit(s->worker->queue, &tx->submit);
}

/* OK: the body is complete and in the message. */
static struct status finish_content(struct transaction *tx, bool bad)
{
    if (bad)
        return status_of(CAUSE_BAD_CONTENT);
    if (tx->refused.cause != CAUSE_OK)
        return tx->refused;
    enum cause cause = body_writer_cause(tx->writer);
    tx->message->body = body_writer_finish(&tx->writer);
    if (!tx->message->body)
        return status_of(cause == CAUSE_OK ? CAUSE_QUEUE_ERROR : cause);
    tx->message->size = body_size(tx->message->body);
    return status_of(CAUSE_OK);
}

void session_on_data_end(struct in_session *s, const struct smtp_server_event *ev)
{
    struct status st = finish_content(s->tx, ev->bad);

    if (status_ok(&st)) {
        submit(s);
        return;
    }
    answer(s, &st, s->tx->sender, NULL);
    tx_reset(s);
}
