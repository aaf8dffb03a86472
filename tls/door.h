/* What a listener shows in TLS: which of its identities by SNI, and whether it asks for the client's
 * certificate. Made with the settings, then only read; any thread. */
#ifndef DANELAW_TLS_DOOR_H
#define DANELAW_TLS_DOOR_H

#include "tls/keys.h"

struct tls_door {
    struct tls_identity **identities; /* borrowed; the first is the default */
    size_t n_identities;
    bool asks_certificate;
};

/* A server's SSL for one handshake; NULL if there is no identity or the library fails. The caller owns
 * it; door must stay until the handshake has ended.
 *
 * RFC 7672 §8.1: a client without SNI, or with a name that we do not have, gets the default.
 * A client's certificate is asked for without a list of authorities, and every chain is taken: what
 * counts is the key, whose possession TLS itself proves. */
SSL *tls_door_ssl(struct tls_door *door);

/* Of keys.c: the callbacks of a server context. */
void tls_door_prepare(SSL_CTX *ctx);

/* SHA-256 of the SubjectPublicKeyInfo that the client proved to have; false if it showed none. */
MUST_USE bool tls_client_key(SSL *ssl, struct key_digest *out_digest);

#endif
