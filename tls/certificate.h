/* What a certificate says, as plain data: for `check`, the diagnosis and the log. Everything comes
 * from a peer, so text is escaped and cut here. Pure. */
#ifndef DANELAW_TLS_CERTIFICATE_H
#define DANELAW_TLS_CERTIFICATE_H

#include <openssl/ssl.h>

#include "config/base/slice.h"

enum {
    CERTIFICATE_NAMES = 512,
    CERTIFICATE_DIGEST = 64,
    CERTIFICATE_HEX = 2 * CERTIFICATE_DIGEST + 1
};

struct certificate {
    char subject[200], issuer[200]; /* RFC 4514 form */
    char names[CERTIFICATE_NAMES]; /* DNS names, "a.example, b.example"; the CN if there are none */
    bool names_are_cn;             /* RFC 7672 §3.2.3: the CN counts only without DNS names */
    char key[24];                  /* "RSA 2048", "ECDSA P-256", "Ed25519" */
    char signature[32];            /* "ecdsa-with-SHA256", "sha256WithRSAEncryption" */
    int64_t not_before_s, not_after_s; /* Unix seconds; 0 if unreadable */
    bool self_issued, is_ca;
    /* [0 certificate, 1 SubjectPublicKeyInfo][0 SHA-256, 1 SHA-512]: TLSA data by selector and
     * matching type less one. */
    uint8_t digest[2][2][CERTIFICATE_DIGEST];
};

/* What the peer of ssl sent, leaf first; returns how many, at most max. Zero for a NULL ssl, a
 * resumed session and an anonymous suite. Works on failed handshakes too. */
size_t tls_certificates(SSL *ssl, struct certificate *out, size_t max);
struct certificate tls_certificate(X509 *cert);

/* The data of a TLSA record of c in hexadecimal; selector 0 or 1, mtype 1 or 2. Returns text. */
const char *tls_certificate_hex(const struct certificate *c, int selector, int mtype,
                                char text[CERTIFICATE_HEX]);

#endif
