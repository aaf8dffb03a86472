/* TLS of an inbound session: STARTTLS (RFC 3207) and TLS from the start (RFC 8314 §3.3). */
#include "mta/in/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"

static struct tls_door *door_of(const struct in_session *s)
{
    return &s->settings->doors[s->listener - s->settings->config->listeners];
}

bool session_offers_starttls(const struct in_session *s)
{
    enum listener_tls tls = s->listener->tls;
    return (tls == LISTENER_TLS_MAY || tls == LISTENER_TLS_REQUIRE) && door_of(s)->n_identities;
}

void session_tls_failed(struct in_session *s, const char *reason)
{
    LOG(SMTPD_TLS_FAILED, NULL, F_STR("client", s->client), F_STR("listener", s->listener->name),
        F_STR("reason", reason && *reason ? reason : "unknown"));
}

void session_handshake(struct in_session *s)
{
    SSL *ssl = tls_door_ssl(door_of(s));

    if (!ssl) { /* fail closed: 220 was said, or TLS is all this listener speaks */
        session_tls_failed(s, "our TLS engine failed");
        s->ending = ENDING_AT_ONCE;
        return;
    }
    s->wait = WAIT_HANDSHAKE;
    session_deadline(s, session_patience(s, s->listener->timeout_tls_ms));
    conn_tls(s->conn, ssl, true);
    conn_flush(s->conn);
}

static bool is_listed(const struct listener_config *l, const struct key_digest *key)
{
    for (size_t i = 0; i < l->n_client_keys; i++)
        if (memcmp(l->client_keys[i].sha256, key->sha256, sizeof(key->sha256)) == 0)
            return true;
    return false;
}

/* A key that is not listed is told too: so the operator learns what to list. */
void session_learn_key(struct in_session *s)
{
    char hex[2 * sizeof(struct key_digest) + 1];
    struct key_digest key;

    if (!tls_client_key(conn_ssl(s->conn), &key))
        return;
    session_forget_key(s);
    for (size_t i = 0; i < sizeof(key.sha256); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", key.sha256[i]);
    s->client_key = base_strdup(hex);
    s->key_listed = is_listed(s->listener, &key);
    LOG(SMTPD_CLIENT_KEY, NULL, F_STR("client", s->client), F_STR("listener", s->listener->name),
        F_STR("client_key", s->client_key), F_STR("listed", s->key_listed ? "yes" : "no"));
}

void session_forget_key(struct in_session *s)
{
    free(s->client_key);
    s->client_key = NULL;
    s->key_listed = false;
}

/* RFC 3207 §4.2: what was known before the handshake is forgotten, and what was sent in clear after
 * the command must never be taken for something that came inside TLS. The machine ends such
 * a session itself; this is the second lock on that door. */
void session_on_starttls(struct in_session *s, const struct smtp_server_event *ev)
{
    tx_reset(s);
    if (conn_in(s->conn)->n > 0) {
        session_tls_failed(s, "plaintext after STARTTLS");
        s->ending = ENDING_AT_ONCE;
        return;
    }
    session_handshake(s);
}
