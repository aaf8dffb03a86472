/* Certificates and keys of our identities, and the TLS contexts. */
#ifndef DANELAW_TLS_KEYS_H
#define DANELAW_TLS_KEYS_H

#include <openssl/ssl.h>

#include "config/config.h"
#include "tls/names.h"

/* One of our identities, ready to serve: a context with a certificate for each kind of key, of which
 * the library takes the one that the client's algorithms allow (TLS 1.2 floor, no renegotiation,
 * session cache off, tickets on), and the names by which SNI finds it. Immutable. */
struct tls_identity {
    SSL_CTX *ctx;
    struct tls_names names;
};

/* Reads the files. NULL with a clear line in errors for each that is wrong (FILE:LINE:COLUMN of its
 * option: …): unreadable, empty, not PEM, a key that does not fit, a second pair for one kind of key.
 * warnings gets lines of the same form for what does not stop anybody, such as an expired certificate. */
struct tls_identity *tls_identity_new(const struct identity_config *config, struct buf *errors,
                                      struct buf *warnings);
void tls_identity_free(struct tls_identity **id); /* NULLs the pointer; NULL is fine */

/* Client contexts. Sessions are never reused (a resumed session is not checked against the TLSA set of
 * today). opportunistic: whatever encrypts, SECLEVEL 0. authenticated: SECLEVEL 1, no anonymous
 * suites, TLS 1.2 floor, DANE enabled. pkix: as authenticated with the system's trust store. */
struct tls_clients {
    SSL_CTX *opportunistic, *authenticated, *pkix;
};
MUST_USE bool tls_clients_init(struct tls_clients *c, struct buf *errors);
void tls_clients_free(struct tls_clients *c);

#endif
