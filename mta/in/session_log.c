/* The log lines of an inbound session. */
#include <stdio.h>

#include "config/base/log.h"
#include "mta/in/checks.h"
#include "mta/in/session_private.h"

enum { CLIENT_TEXT_MAX = DNS_NAME_MAX + IP_TEXT_MAX + 2 };

const char *session_protocol(const struct in_session *s)
{
    if (!s->server.esmtp)
        return "SMTP"; /* RFC 3848 has no keyword for HELO over TLS */
    if (s->login)
        return s->server.tls ? "ESMTPSA" : "ESMTPA";
    return s->server.tls ? "ESMTPS" : "ESMTP";
}

const char *session_tls_version(const struct in_session *s)
{
    SSL *ssl = s->conn ? conn_ssl(s->conn) : NULL;
    return ssl ? SSL_get_version(ssl) : "none";
}

void session_log_connect(const struct in_session *s)
{
    LOG(SMTPD_CONNECT, NULL, F_STR("client", s->client), F_STR("listener", s->listener->name));
}

void session_log_disconnect(const struct in_session *s, const char *why)
{
    LOG(SMTPD_DISCONNECT, NULL, F_STR("client", s->client), F_STR("helo", s->server.helo),
        F_STR("reason", why));
}

/* "name[192.0.2.1]" if a name is known to hold, else the address. */
static const char *client_text(const struct in_session *s, char *text, size_t size)
{
    const char *name = checks_client_name(s);

    if (!*name)
        return s->client;
    (void)snprintf(text, size, "%s[%s]", name, s->client);
    return text;
}

static void reply_text(const struct status *st, char *text, size_t size)
{
    struct buf b;
    char esc[16];

    buf_init(&b, size - 1);
    if (buf_printf(&b, "%u %s %s", st->code, esc_text(st->esc, esc), st->text))
        (void)slice_copy(buf_slice(&b), text, size);
    else
        (void)slice_copy(slice_of(st->text), text, size);
    buf_free(&b);
}

void session_log_reject(const struct in_session *s, const struct status *st, const char *from,
                        const char *to)
{
    char reply[STATUS_TEXT_MAX + 32], client[CLIENT_TEXT_MAX];
    struct log_field f[5];
    size_t n = 0;

    COUNT(smtpd_rejected);
    if (!log_enabled(EVENT_SMTPD_REJECT))
        return;
    reply_text(st, reply, sizeof(reply));
    f[n++] = F_STR("client", client_text(s, client, sizeof(client)));
    f[n++] = F_STR("helo", s->server.helo);
    if (from)
        f[n++] = F_ADDR("from", from);
    if (to)
        f[n++] = F_ADDR("to", to);
    f[n++] = F_STR("reply", reply);
    log_event(EVENT_SMTPD_REJECT, s->tx ? s->tx->id : NULL, f, n);
}

void session_log_accept(const struct in_session *s, const struct transaction *tx)
{
    char client[CLIENT_TEXT_MAX];
    struct log_field f[11];
    size_t n = 0;

    f[n++] = F_ADDR("from", tx->sender);
    f[n++] = F_INT("nrcpt", (int64_t)tx->n_rcpts);
    f[n++] = F_INT("size", (int64_t)tx->size);
    f[n++] = F_STR("client", client_text(s, client, sizeof(client)));
    f[n++] = F_STR("helo", s->server.helo);
    f[n++] = F_STR("proto", tx->protocol);
    f[n++] = F_STR("tls", tx->tls);
    if (s->client_name)
        f[n++] = F_STR("client_name", s->client_name);
    if (s->login)
        f[n++] = F_STR("user", s->login);
    if (s->key_listed)
        f[n++] = F_STR("client_key", s->client_key);
    if (!s->conn)
        f[n++] = F_STR("note", "the client was gone before the reply and may send it again");
    COUNT(messages_accepted);
    counter_add(COUNTER_bytes_accepted, (int64_t)tx->size);
    log_event(EVENT_SMTPD_ACCEPT, tx->id, f, n);
}
