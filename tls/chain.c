#include "tls/chain.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

static CRYPTO_ONCE slot_once = CRYPTO_ONCE_STATIC_INIT;
static int slot; /* of the SSL object: the certificates */

static void free_chain(void *parent, void *chain, CRYPTO_EX_DATA *ad, int idx, long argl,
                       void *argp)
{
    sk_X509_pop_free(chain, X509_free);
}

static void make_slot(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_chain);
}

static SSL *ssl_of(X509_STORE_CTX *store)
{
    return X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
}

/* A failed verification ends the handshake before the library keeps the certificates. */
static int verify_observed(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = ssl_of(store);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);

    if (ssl && sent && !SSL_get_ex_data(ssl, slot)) {
        STACK_OF(X509) *kept = X509_chain_up_ref(sent);
        if (kept && SSL_set_ex_data(ssl, slot, kept) != 1)
            sk_X509_pop_free(kept, X509_free);
    }
    int ok = X509_verify_cert(store);
    return ok > 0;
}

/* Unauthenticated TLS asks nothing of the certificate, so chain building would be wasted work. The
 * result is an error all the same: nobody can take it for authentication. */
static int verify_nothing(X509_STORE_CTX *store, void *arg)
{
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

void tls_chain_observe(SSL_CTX *ctx)
{
    REQUIRE(CRYPTO_THREAD_run_once(&slot_once, make_slot) == 1 && slot >= 0);
    SSL_CTX_set_cert_verify_callback(ctx, verify_observed, NULL);
}

void tls_chain_ignore(SSL_CTX *ctx)
{
    SSL_CTX_set_cert_verify_callback(ctx, verify_nothing, NULL);
}

STACK_OF(X509) * tls_chain_sent(SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    if (chain && sk_X509_num(chain) > 0)
        return chain;
    REQUIRE(CRYPTO_THREAD_run_once(&slot_once, make_slot) == 1);
    return SSL_get_ex_data(ssl, slot);
}
