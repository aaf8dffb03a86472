/* From a verdict to an SSL object and back from its handshake to a cause: the call order of
 * OpenSSL's DANE interface in one place. */
#ifndef DANELAW_TLS_DANE_H
#define DANELAW_TLS_DANE_H

#include <openssl/ssl.h>

#include "tls/keys.h"
#include "tls/verdict.h"

/* What a handshake proved. Plain data; what the delivery line, the DSN and `check` show. */
struct tls_outcome {
    struct status status;    /* OK, or why the connection must not carry mail */
    enum verdict_mode mode;  /* what was achieved: OPPORTUNISTIC or ENCRYPT: unauthenticated */
    bool half_dane;
    int depth;               /* of the certificate that matched: 0 leaf, n issuer; -1: none */
    int record;              /* index of the matched TLSA record in the verdict, or -1 */
    char peer_name[256];     /* the name in the certificate that matched, "" with usage 3 */
    char protocol[16], cipher[64];
    char error[64];          /* X509_V_ERR_… symbol or "" */
};

/* A client SSL ready for SSL_set_fd and SSL_connect. Sets SNI, names, records; usage 0 and 1 are
 * filtered; records OpenSSL finds unusable are dropped, and if none is left v becomes ENCRYPT
 * (RFC 7672 §2.2) or, under dane-only, SKIP. host: for SNI and PKIX names when there is no TLSA base.
 * NULL: fail closed; v->mode is SKIP and v->skip says why (DANE_UNAVAILABLE, or TLS_LOCAL if our TLS
 * engine failed). CLEAR and SKIP have no client. The caller owns the result. */
SSL *tls_dane_client(const struct tls_clients *clients, struct verdict *v, enum tls_level level,
                     const char *host);

/* After SSL_connect succeeded or failed for good. Tests the peer certificate, the verify result and
 * the authority; only OK if v is satisfied. */
struct tls_outcome tls_dane_outcome(SSL *ssl, const struct verdict *v, bool handshake_done,
                                    const char *error_text);

/* "none", "may", "encrypt", "half-dane", "dane", "pkix" (README, "Log"); NULL outcome: "none". */
const char *tls_outcome_label(const struct tls_outcome *o);

#endif
