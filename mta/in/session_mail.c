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
#include "mta/in/milter.h"
#include "mta/in/checks.h"
#include "mta/in/relay.h"
#include "mta/mail/trace.h"

enum { TRACE_MAX = 4096 }; /* octets of our Received field: names of at most 255 octets */

void tx_reset(struct in_session *s)
{
    struct transaction *tx = s->tx;

    if (!tx)
        return;
    REQUIRE(!stages_waiting(s));
    milters_reset(s);
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

static enum stage_result refuse(struct status *st, enum cause cause)
{
    *st = status_of(cause);
    return STAGE_REFUSE;
}

enum stage_result stage_queue_health(struct in_session *s, struct status *st)
{
    switch (queue_health(s->worker->queue)) {
    case QUEUE_DISK_FULL:
        return refuse(st, CAUSE_QUEUE_FULL);
    case QUEUE_FAILING:
        return refuse(st, CAUSE_QUEUE_ERROR);
    case QUEUE_HEALTHY:
        break;
    }
    return STAGE_NEXT;
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

static void take_mail_params(struct message *m, const struct mail_params *p)
{
    m->flags |= p->smtputf8 ? MESSAGE_SMTPUTF8 : 0;
    m->flags |= p->requiretls ? MESSAGE_REQUIRETLS : 0;
    m->ret = (enum dsn_ret)p->ret;
    if (p->envid[0])
        set_text(&m->envid, base_strdup(p->envid));
}

enum stage_result stage_begin_transaction(struct in_session *s, struct status *st)
{
    const struct smtp_server_event *ev = stages_event(s);
    struct transaction *tx = base_alloc(sizeof(*tx));

    tx_reset(s);
    tx->session = s;
    tx->sender = base_strdup(ev->address->text);
    tx->message = message_new();
    set_text(&tx->message->sender, base_strdup(ev->address->text));
    set_text(&tx->message->client, client_text(s));
    if (s->login)
        set_text(&tx->message->user, base_strdup(s->login));
    take_mail_params(tx->message, ev->mail);
    s->tx = tx;
    return STAGE_NEXT;
}

void session_finish_mail(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st)
{
    if (!status_ok(st))
        tx_reset(s);
    answer(s, st, ev->address->text, NULL);
}

/* RCPT */

/* The same mailbox: domains in any case, local parts to the letter (RFC 5321 §2.4). */
static bool same_mailbox(const struct recipient *r, const char *address, size_t local_len,
                         const char *domain)
{
    return strcmp(r->domain, domain) == 0 && strlen(r->address) == strlen(address) &&
           memcmp(r->address, address, local_len + 1) == 0;
}

/* Said twice, a recipient gets every notification that either asked for. Nothing said is what RFC 3461
 * §4.1 lets it mean. */
static unsigned merge_notify(unsigned a, unsigned b)
{
    enum { UNSAID = NOTIFY_FAILURE | NOTIFY_DELAY };

    if (a == b)
        return a;
    a = a ? a : UNSAID;
    b = b ? b : UNSAID;
    return (a | b) & ~(unsigned)NOTIFY_NEVER;
}

static void take_rcpt_params(struct recipient *r, bool again, const struct rcpt_params *p)
{
    r->notify = again ? merge_notify(r->notify, p->notify) : p->notify;
    if (p->orcpt[0] && !r->orcpt)
        r->orcpt = base_strdup(p->orcpt);
}

/* One message to a mailbox however often it was named (RFC 5321 §3.3 leaves it to us). */
static void add_once(struct message *m, const char *address, size_t local_len, const char *domain,
                     const struct rcpt_params *params)
{
    size_t i = 0;

    while (i < m->n_rcpts && !same_mailbox(&m->rcpts[i], address, local_len, domain))
        i++;
    bool again = i < m->n_rcpts;
    if (!again)
        i = message_add_rcpt(m, slice_of(address), slice_of(domain));
    take_rcpt_params(&m->rcpts[i], again, params);
}

/* <postmaster> without a domain is the postmaster of this relay (RFC 5321 §4.5.1). */
static void add_postmaster(const struct in_session *s, const char *local,
                           const struct rcpt_params *params)
{
    const char *hostname = s->settings->config->hostname;
    char address[LIMIT_PATH + 1 + LIMIT_DOMAIN + 1];
    struct buf b;

    buf_init(&b, sizeof(address) - 1);
    if (buf_printf(&b, "%s@%s", local, hostname) &&
        slice_copy(buf_slice(&b), address, sizeof(address)))
        add_once(s->tx->message, address, strlen(local), hostname, params);
    buf_free(&b);
}

void session_add_recipient(const struct in_session *s, const struct address *rcpt,
                           const struct rcpt_params *params)
{
    if (rcpt->kind == ADDRESS_POSTMASTER)
        add_postmaster(s, rcpt->text, params);
    else
        add_once(s->tx->message, rcpt->text, rcpt->local_len, rcpt->domain, params);
}

void session_remove_recipient(const struct in_session *s, const struct address *rcpt)
{
    struct message *m = s->tx->message;

    for (size_t i = 0; i < m->n_rcpts; i++) {
        if (!same_mailbox(&m->rcpts[i], rcpt->text, rcpt->local_len, rcpt->domain))
            continue;
        message_remove_rcpt(m, i);
        return;
    }
}

enum stage_result stage_relay(struct in_session *s, struct status *st)
{
    *st = relay_check(s->settings->config, s->listener, &s->peer.ip,
                      s->login != NULL || s->key_listed,
                      stages_event(s)->address);
    return status_ok(st) ? STAGE_NEXT : STAGE_REFUSE;
}

enum stage_result stage_recipient_count(struct in_session *s, struct status *st)
{
    bool full = s->tx->message->n_rcpts >= LIMIT_RECIPIENTS;
    return full ? refuse(st, CAUSE_TOO_MANY_RECIPIENTS) : STAGE_NEXT;
}

void session_finish_rcpt(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st)
{
    if (status_ok(st))
        session_add_recipient(s, ev->address, ev->rcpt);
    answer(s, st, s->tx->sender, ev->address->text);
}

/* DATA */

static bool write_trace(const struct in_session *s, int64_t now_ms, struct buf *out)
{
    const struct transaction *tx = s->tx;
    SSL *ssl = conn_ssl(s->conn);
    struct trace t = {
        .helo = s->server.helo,
        .client = s->peer.ip,
        .client_name = s->client_name ? s->client_name : checks_client_name(s),
        .by = s->settings->config->hostname,
        .esmtp = s->server.esmtp,
        .auth = s->server.authenticated,
        .utf8 = tx->message->flags & MESSAGE_SMTPUTF8,
        .tls = ssl != NULL,
        .tls_protocol = ssl ? SSL_get_version(ssl) : NULL,
        .tls_cipher = ssl ? SSL_get_cipher_name(ssl) : NULL,
        .id = tx->id,
        .rcpt = tx->message->n_rcpts == 1 ? tx->message->rcpts[0].address : NULL,
        .wall_ms = now_ms,
    };
    return trace_received(&t, out);
}

bool session_spool(const struct in_session *s, char *out, size_t size)
{
    struct buf b;

    buf_init(&b, size - 1);
    bool ok = buf_printf(&b, "%s/bodies", s->settings->config->state_directory) &&
              slice_copy(buf_slice(&b), out, size);
    buf_free(&b);
    return ok;
}

/* The limit is on what the client sends; our own line comes on top. 0: no limit. */
static struct body_writer *open_writer(const struct in_session *s, size_t own)
{
    uint64_t max = s->listener->max_message_size;
    char spool[PATH_MAX];

    if (!session_spool(s, spool, sizeof(spool)))
        return NULL;
    return body_writer_new(spool, s->tx->id, max ? max + own : UINT64_MAX);
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
    tx->own = trace.n;
    if (tx->writer) {
        body_writer_append(tx->writer, buf_slice(&trace));
        cause = body_writer_cause(tx->writer);
    }
    buf_free(&trace);
    return cause;
}

enum stage_result stage_begin_content(struct in_session *s, struct status *st)
{
    enum cause cause = begin_content(s);
    return cause == CAUSE_OK ? STAGE_NEXT : refuse(st, cause);
}

void session_finish_data(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st)
{
    answer(s, st, s->tx->sender, NULL);
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

/* A chunk is home when its octets are; what is wrong with them already is said at once (RFC 3030 §2), bare
 * newlines at the end, as after DATA. A refusal ends the transaction: RESET follows. */
void session_on_chunk(struct in_session *s, const struct smtp_server_event *ev)
{
    answer(s, &s->tx->refused, s->tx->sender, NULL);
}

/* The end of the data, the submit, home */

static void answer_queued(struct in_session *s, const char *id)
{
    struct status st = status_make(CAUSE_OK, "Ok: queued as %s", id);
    session_answer(s, &st);
}

/* The request is home: on the worker's loop, exactly once. On OK the message is the queue's and may
 * be gone already; if not it is ours again, and ends with the transaction. */
static void on_home(struct queue_submit *r)
{
    struct transaction *tx = CONTAINER_OF(r, struct transaction, submit);
    struct in_session *s = tx->session;

    if (status_ok(&r->status))
        session_log_accept(s, tx);
    else
        tx->message = r->message;
    if (!s->conn && !status_ok(&r->status))
        session_log_reject(s, &r->status, tx->sender, NULL);
    stages_resume(s, &r->status);
}

/* RFC 8689 §4.1: the parameter of MAIL is stronger than the header field. */
static void note_tls_required(struct transaction *tx)
{
    if (!(tx->message->flags & MESSAGE_REQUIRETLS) && header_scan_tls_optional(&tx->headers))
        tx->message->flags |= MESSAGE_TLS_OPTIONAL;
}

enum stage_result stage_submit(struct in_session *s, struct status *st)
{
    struct transaction *tx = s->tx;

    if (tx->discarded)
        return STAGE_NEXT;
    note_tls_required(tx);
    tx->size = tx->message->size;
    tx->n_rcpts = tx->message->n_rcpts;
    tx->protocol = session_protocol(s);
    tx->tls = session_tls_version(s);
    tx->submit =
        (struct queue_submit){.home = s->worker->loop, .done = on_home, .message = tx->message};
    tx->message = NULL;
#ifdef SABOTAGE_ACK_EARLY
    answer_queued(s, tx->id);
#endif
    queue_submit(s->worker->queue, &tx->submit);
    return STAGE_WAIT;
}

void session_finish_end(struct in_session *s, const struct smtp_server_event *ev,
                        const struct status *st)
{
    if (!status_ok(st))
        answer(s, st, s->tx->sender, NULL);
#ifndef SABOTAGE_ACK_EARLY
    else
        answer_queued(s, s->tx->id);
#endif
    tx_reset(s);
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

enum stage_result stage_finish_content(struct in_session *s, struct status *st)
{
    *st = finish_content(s->tx, stages_event(s)->bad);
    return status_ok(st) ? STAGE_NEXT : STAGE_REFUSE;
}
