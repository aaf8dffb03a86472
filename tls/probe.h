/* A handshake that is made to learn something: by one kind of key, or as it would end on another
 * day. Only `danelaw check` makes them; no mail goes over such a connection. */
#ifndef DANELAW_TLS_PROBE_H
#define DANELAW_TLS_PROBE_H

#include <openssl/ssl.h>

#include "config/base/base.h"

enum tls_key { TLS_KEY_ANY, TLS_KEY_RSA, TLS_KEY_ECDSA };
const char *tls_key_name(enum tls_key key); /* "any", "RSA", "ECDSA" */

struct tls_probe {
    enum tls_key key; /* of the server's certificate; a server may have one of each */
    int64_t at_s;     /* Unix seconds at which certificates are judged; 0: now */
};

/* Changes a client of tls_dane_client accordingly, before its handshake. False: the library failed.
 */
MUST_USE bool tls_probe_prepare(SSL *ssl, const struct tls_probe *probe);
/* The kind of the key in the certificate that the server sent; ANY if neither, or none came. */
enum tls_key tls_probe_key_seen(SSL *ssl);

#endif
