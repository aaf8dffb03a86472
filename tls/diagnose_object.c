/* What a record's data was made of: everything that people have been seen to hash instead of what
 * RFC 6698 §2.1 says, for each certificate that was sent. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "tls/diagnose_private.h"

/* Takes data. */
static void add(struct objects *o, enum object_form form, size_t depth, uint8_t *data, size_t n)
{
    if (n == 0 || o->n == ARRAY_LEN(o->list)) {
        OPENSSL_free(data);
        return;
    }
    struct object *made = &o->list[o->n++];
    *made = (struct object){.form = form, .depth = depth, .data = data, .n = n};
    REQUIRE(EVP_Digest(data, n, made->sha256, NULL, EVP_sha256(), NULL) == 1 &&
            EVP_Digest(data, n, made->sha512, NULL, EVP_sha512(), NULL) == 1);
}

static void add_der(struct objects *o, enum object_form form, size_t depth, X509 *cert)
{
    unsigned char *der = NULL;
    int n = tls_der(cert, form == OBJECT_SPKI ? TLSA_SPKI : TLSA_CERT, &der);
    add(o, form, depth, der, n > 0 ? (size_t)n : 0);
}

/* PKCS #1 RSAPublicKey, or the point of a curve. */
static void add_bare_key(struct objects *o, size_t depth, X509 *cert)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = X509_get0_pubkey(cert);
    int n = key ? i2d_PublicKey(key, &der) : 0;
    add(o, OBJECT_BARE_KEY, depth, der, n > 0 ? (size_t)n : 0);
}

static uint8_t *copy(const char *p, size_t n)
{
    uint8_t *made = OPENSSL_malloc(n ? n : 1);
    REQUIRE(made);
    memcpy(made, p, n);
    return made;
}

static uint8_t *with_cr(const char *p, size_t n, size_t *out_n)
{
    uint8_t *made = OPENSSL_malloc(2 * n + 1);
    size_t at = 0;

    REQUIRE(made);
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            made[at++] = '\r';
        made[at++] = (uint8_t)p[i];
    }
    *out_n = at;
    return made;
}

/* As tools write it, as $(…) in a shell leaves it, and as it comes from Windows. */
static void add_text(struct objects *o, enum object_form form, size_t depth, BIO *pem)
{
    char *p = NULL;
    long n = BIO_get_mem_data(pem, &p);
    size_t cr_n;

    if (n <= 1)
        return;
    add(o, form, depth, copy(p, (size_t)n), (size_t)n);
    add(o, form, depth, copy(p, (size_t)n - 1), (size_t)n - 1);
    uint8_t *cr = with_cr(p, (size_t)n, &cr_n);
    add(o, form, depth, cr, cr_n);
}

static void add_cert_pem(struct objects *o, size_t depth, X509 *cert)
{
    BIO *pem = BIO_new(BIO_s_mem());
    if (pem && PEM_write_bio_X509(pem, cert) == 1)
        add_text(o, OBJECT_CERT_PEM, depth, pem);
    BIO_free(pem);
}

static void add_key_pem(struct objects *o, size_t depth, X509 *cert)
{
    BIO *pem = BIO_new(BIO_s_mem());
    EVP_PKEY *key = X509_get0_pubkey(cert);
    if (pem && key && PEM_write_bio_PUBKEY(pem, key) == 1)
        add_text(o, OBJECT_KEY_PEM, depth, pem);
    BIO_free(pem);
}

/* The file with the whole chain, as ACME clients leave it. */
static void add_chain_pem(struct objects *o, STACK_OF(X509) * sent, int n)
{
    BIO *pem = BIO_new(BIO_s_mem());
    bool ok = pem && n > 1;
    for (int i = 0; ok && i < n; i++)
        ok = PEM_write_bio_X509(pem, sk_X509_value(sent, i)) == 1;
    if (ok)
        add_text(o, OBJECT_CERT_PEM, 0, pem);
    BIO_free(pem);
}

void objects_make(STACK_OF(X509) * sent, struct objects *out)
{
    int n = sent ? sk_X509_num(sent) : 0;

    out->n = 0;
    n = n < DIAGNOSE_CERTS ? n : DIAGNOSE_CERTS;
    for (int i = 0; i < n; i++) {
        X509 *cert = sk_X509_value(sent, i);
        add_der(out, OBJECT_CERT, (size_t)i, cert);
        add_der(out, OBJECT_SPKI, (size_t)i, cert);
        add_cert_pem(out, (size_t)i, cert);
        add_key_pem(out, (size_t)i, cert);
        add_bare_key(out, (size_t)i, cert);
    }
    add_chain_pem(out, sent, n);
    ERR_clear_error();
}

void objects_free(struct objects *o)
{
    for (size_t i = 0; i < o->n; i++)
        OPENSSL_free(o->list[i].data);
    o->n = 0;
}

static int form_of(const struct object *o, const struct tlsa_record *r)
{
    if (r->len == sizeof(o->sha256) && memcmp(r->data, o->sha256, r->len) == 0)
        return TLSA_SHA256;
    if (r->len == sizeof(o->sha512) && memcmp(r->data, o->sha512, r->len) == 0)
        return TLSA_SHA512;
    return r->len == o->n && memcmp(r->data, o->data, r->len) == 0 ? TLSA_FULL : -1;
}

const struct object *objects_find(const struct objects *o, const struct tlsa_record *r,
                                  int *out_mtype)
{
    for (size_t i = 0; r->len && i < o->n; i++) {
        *out_mtype = form_of(&o->list[i], r);
        if (*out_mtype >= 0)
            return &o->list[i];
    }
    return NULL;
}
