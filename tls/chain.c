#include "tls/chain.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls/dane.h"
#include "tls/tlsa.h"

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

const char *tls_date_text(const ASN1_TIME *t, char text[TLS_DATE_MAX])
{
    struct tm tm;
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        (void)snprintf(text, TLS_DATE_MAX, "?");
    else
        (void)snprintf(text, TLS_DATE_MAX, "%04d-%02d-%02d", (tm.tm_year + 1900) % 10000,
                       (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
    return text;
}

static int der_of(X509 *cert, int selector, unsigned char **out_der)
{
    return selector == TLSA_SPKI ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), out_der)
                                 : i2d_X509(cert, out_der);
}

const char *tls_spki_hex(X509 *cert, char text[TLS_HEX_MAX])
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int len = der_of(cert, TLSA_SPKI, &der);

    if (len <= 0 || EVP_Digest(der, (size_t)len, digest, &n, EVP_sha256(), NULL) != 1)
        n = 0;
    OPENSSL_free(der);
    text[0] = '\0';
    for (unsigned i = 0; i < n; i++)
        (void)snprintf(text + 2 * i, TLS_HEX_MAX - 2 * i, "%02x", digest[i]);
    return text;
}

bool tls_record_is_of(const struct tlsa_record *r, X509 *cert)
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    const EVP_MD *md = r->mtype == TLSA_SHA512 ? EVP_sha512() : EVP_sha256();
    unsigned n = 0;
    int len = der_of(cert, r->selector, &der);
    bool same = false;

    if (len > 0 && r->mtype == TLSA_FULL)
        same = r->len == len && memcmp(r->data, der, r->len) == 0;
    else if (len > 0 && EVP_Digest(der, (size_t)len, digest, &n, md, NULL) == 1)
        same = r->len == n && memcmp(r->data, digest, n) == 0;
    OPENSSL_free(der);
    return same;
}

/* Appends a name of the peer's certificate; anything but printable ASCII becomes '?'. */
static void append_name(struct buf *b, const ASN1_STRING *name)
{
    const unsigned char *p = ASN1_STRING_get0_data(name);
    int n = ASN1_STRING_length(name);

    if (n <= 0 || (size_t)n + 2 > buf_room(b))
        return;
    if (b->n && !buf_append(b, SLICE(", ")))
        return;
    for (int i = 0; i < n; i++)
        (void)!buf_append_byte(b, p[i] > ' ' && p[i] < 0x7f ? (char)p[i] : '?');
}

static void append_dns_names(struct buf *b, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            append_name(b, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
}

static void append_common_name(struct buf *b, X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        append_name(b, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

const char *tls_names_text(X509 *cert, char *text, size_t size)
{
    struct buf b;
    buf_init(&b, size - 1);
    append_dns_names(&b, cert);
    if (b.n == 0)
        append_common_name(&b, cert);
    (void)slice_copy(b.n ? buf_slice(&b) : SLICE("nothing"), text, size);
    buf_free(&b);
    ERR_clear_error();
    return text;
}

/* RFC 4514 form, which escapes control characters and all that is not ASCII. */
static void subject_text(const X509_NAME *name, char *text, size_t size)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *p = NULL;
    long n = 0;

    if (mem && X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_get_mem_data(mem, &p);
    (void)slice_copy(n > 0 ? slice_make(p, (size_t)n) : SLICE("(empty)"), text, size);
    BIO_free(mem);
}

static bool describe(X509 *cert, int depth, struct buf *out)
{
    char subject[200], issuer[200], from[TLS_DATE_MAX], to[TLS_DATE_MAX], hex[TLS_HEX_MAX];

    subject_text(X509_get_subject_name(cert), subject, sizeof(subject));
    subject_text(X509_get_issuer_name(cert), issuer, sizeof(issuer));
    return buf_printf(out, "%d: %s, issued by %s, valid %s to %s, %d 1 1 %s\n", depth, subject,
                      issuer, tls_date_text(X509_get0_notBefore(cert), from),
                      tls_date_text(X509_get0_notAfter(cert), to),
                      depth == 0 ? TLSA_DANE_EE : TLSA_DANE_TA, tls_spki_hex(cert, hex));
}

bool tls_describe_chain(SSL *ssl, struct buf *out)
{
    STACK_OF(X509) *chain = ssl ? tls_chain_sent(ssl) : NULL;
    bool ok = true;

    for (int i = 0; ok && i < sk_X509_num(chain); i++)
        ok = describe(sk_X509_value(chain, i), i, out);
    ERR_clear_error();
    return ok;
}
