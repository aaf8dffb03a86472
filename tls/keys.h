/* Certificates and keys of our identities, and the TLS contexts. */
#ifndef DANELAW_TLS_KEYS_H
#define DANELAW_TLS_KEYS_H

#include <openssl/ssl.h>

#include "config/config.h"

/* A server context: TLS 1.2 floor, no renegotiation, session cache off, tickets on. The caller owns
 * it (SSL_CTX_free). NULL with one clear line in errors (FILE:LINE:COLUMN: … ) if a file cannot be
 * read, does not parse, or the key does not fit the certificate. */
SSL_CTX *tls_server_context(const struct identity_config *id, struct buf *errors);

/* Client contexts. Sessions are never reused (a resumed session is not checked against the TLSA set of
 * today). opportunistic: whatever encrypts, SECLEVEL 0. authenticated: SECLEVEL 1, no anonymous
 * suites, TLS 1.2 floor, DANE enabled. pkix: as authenticated with the system's trust store. */
struct tls_clients {
    SSL_CTX *opportunistic, *authenticated, *pkix;
};
MUST_USE bool tls_clients_init(struct tls_clients *c, struct buf *errors);
void tls_clients_free(struct tls_clients *c);

#endif
