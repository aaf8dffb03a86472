/* The certificates a peer sent, kept for diagnosis even when the handshake fails over them, and
 * words about them. Private to tls/. Everything that comes from a certificate is a peer's input:
 * text is escaped and cut here. */
#ifndef DANELAW_TLS_CHAIN_H
#define DANELAW_TLS_CHAIN_H

#include <openssl/ssl.h>

#include "config/base/buf.h"
#include "tls/verdict.h"

/* Client contexts that authenticate: verification is left to the library and its result unchanged,
 * but the certificates are remembered. */
void tls_chain_observe(SSL_CTX *ctx);
/* Client contexts that do not authenticate: no chain is built at all, and the result says so. */
void tls_chain_ignore(SSL_CTX *ctx);

/* What the peer sent, leaf first; NULL if nothing. Borrows from ssl. */
STACK_OF(X509) * tls_chain_sent(SSL *ssl);

enum { TLS_DATE_MAX = 24, TLS_HEX_MAX = 2 * 64 + 1 };
const char *tls_date_text(const ASN1_TIME *t, char text[TLS_DATE_MAX]); /* "2026-11-25" */
/* DER of the certificate or its SubjectPublicKeyInfo; OPENSSL_free. Returns the octets, or <= 0. */
int tls_der(X509 *cert, int selector, unsigned char **out_der);
/* Lower case, as much as fits. Returns text. */
char *tls_hex(const uint8_t *p, size_t n, char *text, size_t size);
/* Hex of SHA-256 over the SubjectPublicKeyInfo: the data of a TLSA record x 1 1. Returns text. */
const char *tls_spki_hex(X509 *cert, char text[TLS_HEX_MAX]);
/* The DNS names of a certificate, "a.example, b.example", cut to fit; the CN if it has none (RFC
 * 7672 §3.2.3). Returns text. */
const char *tls_names_text(X509 *cert, char *text, size_t size);
/* Whether the record's data is made of this certificate, whatever the record's usage. */
bool tls_record_is_of(const struct tlsa_record *r, X509 *cert);

#endif
