#include "tls/probe.h"

#include <openssl/err.h>

#include "tls/chain.h"

/* TLS 1.3 chooses the certificate by the signature algorithms that the client takes, TLS 1.2 by the
 * ciphers as well. Issuers may sign with the other algorithm: SHA-2 with either is always there. */
static const struct key_kind {
    const char *name, *signatures, *ciphers;
} kinds[] = {
    [TLS_KEY_ANY] = {"any",   NULL,                                                   NULL         },
    [TLS_KEY_RSA] = {"RSA",
                     "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
                     "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
                     "RSA+SHA256:RSA+SHA384:RSA+SHA512",                              "aRSA:!eNULL"},
    [TLS_KEY_ECDSA] = {"ECDSA", "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448",
                     "aECDSA:!eNULL"                                                               },
};

const char *tls_key_name(enum tls_key key)
{
    return kinds[key].name;
}

static bool only_key(SSL *ssl, const struct key_kind *kind)
{
    int level = SSL_get_security_level(ssl); /* a cipher list may reset it */
    bool ok = SSL_set1_sigalgs_list(ssl, kind->signatures) == 1 &&
              SSL_set_cipher_list(ssl, kind->ciphers) == 1;

    SSL_set_security_level(ssl, level);
    return ok;
}

bool tls_probe_prepare(SSL *ssl, const struct tls_probe *probe)
{
    bool ok = probe->key == TLS_KEY_ANY || only_key(ssl, &kinds[probe->key]);

    if (probe->at_s)
        X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), probe->at_s);
    ERR_clear_error();
    return ok;
}

enum tls_key tls_probe_key_seen(SSL *ssl)
{
    STACK_OF(X509) *sent = ssl ? tls_chain_sent(ssl) : NULL;
    EVP_PKEY *key = sk_X509_num(sent) > 0 ? X509_get0_pubkey(sk_X509_value(sent, 0)) : NULL;

    if (!key)
        return TLS_KEY_ANY;
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
        return TLS_KEY_RSA;
    return EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")
               ? TLS_KEY_ECDSA
               : TLS_KEY_ANY;
}
