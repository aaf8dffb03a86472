#include "tls/door.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "tls/chain.h"

/* The identity with that name: an exact match before a wildcard, the earlier before the later. */
static const struct tls_identity *find(const struct tls_door *door, const char *name)
{
    const struct tls_identity *best = NULL;
    enum tls_name_match how = NAME_DIFFERS;

    for (size_t i = 0; i < door->n_identities; i++) {
        enum tls_name_match match = tls_names_match(&door->identities[i]->names, name);
        if (match > how) {
            best = door->identities[i];
            how = match;
        }
    }
    return best;
}

/* RFC 6066 §3: the name is acknowledged if it was used. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const struct tls_door *door = SSL_get_app_data(ssl);
    const char *wanted = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    char name[HOSTNAME_MAX];

    if (!door || !wanted || !hostname_normalise(slice_of(wanted), name))
        return SSL_TLSEXT_ERR_NOACK;
    const struct tls_identity *id = find(door, name);
    if (!id)
        return SSL_TLSEXT_ERR_NOACK;
    if (id != door->identities[0])
        REQUIRE(SSL_set_SSL_CTX(ssl, id->ctx));
    return SSL_TLSEXT_ERR_OK;
}

/* Replaces the library's building of chains. */
static int take_any_chain(X509_STORE_CTX *store, void *arg)
{
    return 1;
}

void tls_door_prepare(SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_cert_verify_callback(ctx, take_any_chain, NULL);
}

/* A ticket would carry the client's right past the listener's list and past its key's life. */
static void ask_certificate(SSL *ssl)
{
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    (void)SSL_set_num_tickets(ssl, 0);
}

SSL *tls_door_ssl(struct tls_door *door)
{
    SSL *ssl = door->n_identities ? SSL_new(door->identities[0]->ctx) : NULL;

    if (!ssl) {
        ERR_clear_error();
        return NULL;
    }
    SSL_set_app_data(ssl, door);
    if (door->asks_certificate)
        ask_certificate(ssl);
    return ssl;
}

bool tls_client_key(SSL *ssl, struct key_digest *out_digest)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    unsigned char *der = NULL;
    int n = cert ? tls_der(cert, 1, &der) : 0;

    if (n <= 0)
        return false;
    bool ok = EVP_Digest(der, (size_t)n, out_digest->sha256, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok;
}
