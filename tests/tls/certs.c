#include "tests/tls/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    REQUIRE(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void set_dates(X509 *x, int dates)
{
    const long day = 86400;
    static const long from[] = {[VALID] = -10, [EXPIRED] = -30, [FUTURE] = 10, [BACKWARDS] = 30};
    static const long to[] = {[VALID] = 10, [EXPIRED] = -1, [FUTURE] = 30, [BACKWARDS] = -30};
    X509_gmtime_adj(X509_getm_notBefore(x), from[dates] * day);
    X509_gmtime_adj(X509_getm_notAfter(x), to[dates] * day);
}

static EVP_PKEY *make_key(enum cert_key kind)
{
    static const unsigned bits[] = {
        [CERT_RSA_768] = 768, [CERT_RSA_1024] = 1024, [CERT_RSA_2048] = 2048};
    if (kind == CERT_ED25519)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return kind == CERT_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(bits[kind]);
}

static void add_extensions(X509 *x, const struct cert_wish *w)
{
    char ca[64];
    const struct {
        int nid;
        const char *value;
    } wanted[] = {
        {NID_basic_constraints, w->ca ? ca : NULL  },
        {NID_subject_alt_name,  w->san             },
        {NID_ext_key_usage,     w->eku             },
        {NID_name_constraints,  w->name_constraints},
    };

    (void)snprintf(ca, sizeof(ca), "critical,CA:TRUE%s%s", w->constraints ? "," : "",
                   w->constraints ? w->constraints : "");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (wanted[i].value)
            extend(x, x, wanted[i].nid, wanted[i].value);
}

/* Ed25519 has its own. */
static const EVP_MD *digest_for(const struct cert_wish *w, const EVP_PKEY *signer)
{
    if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
        return NULL;
    return w->sha1 ? EVP_sha1() : EVP_sha256();
}

struct cert cert_make(const struct cert_wish *w)
{
    static long serial = 1;
    struct cert c = {X509_new(), make_key(w->key)};
    X509_NAME *name = X509_NAME_new();
    EVP_PKEY *signer = w->issuer && !w->forged ? w->issuer->key : c.key;

    REQUIRE(c.x509 && c.key && name);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)w->cn, -1, -1, 0);
    X509_set_version(c.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
    X509_set_subject_name(c.x509, name);
    X509_set_issuer_name(c.x509, w->issuer ? X509_get_subject_name(w->issuer->x509) : name);
    X509_NAME_free(name);
    set_dates(c.x509, w->dates);
    X509_set_pubkey(c.x509, c.key);
    add_extensions(c.x509, w);
    REQUIRE(X509_sign(c.x509, signer, digest_for(w, signer)) > 0);
    return c;
}

void cert_free(struct cert *c)
{
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    *c = (struct cert){0};
}

SSL_CTX *cert_server(const struct cert *leaf, const struct cert *issuer)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    REQUIRE(ctx);
    SSL_CTX_set_security_level(ctx, 0); /* a server that is proud of its old key */
    REQUIRE(SSL_CTX_use_certificate(ctx, leaf->x509) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(ctx, leaf->key) == 1);
    if (issuer)
        REQUIRE(SSL_CTX_add1_chain_cert(ctx, issuer->x509) == 1);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

struct tlsa_record cert_record(const struct cert *c, uint8_t usage, uint8_t selector, uint8_t mtype,
                               bool wrong, uint8_t data[RECORD_MAX])
{
    unsigned char *der = NULL;
    unsigned n = 0;
    int len =
        selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x509), &der) : i2d_X509(c->x509, &der);

    REQUIRE(len > 0 && len <= RECORD_MAX);
    if (mtype == 0) {
        memcpy(data, der, (size_t)len);
        n = (unsigned)len;
    } else {
        EVP_Digest(der, (size_t)len, data, &n, mtype == 1 ? EVP_sha256() : EVP_sha512(), NULL);
    }
    OPENSSL_free(der);
    if (wrong)
        data[n - 1] ^= 1;
    return (struct tlsa_record){usage, selector, mtype, (uint16_t)n, data};
}

void cert_write_pem(const struct cert *c, const char *cert_file, const char *key_file)
{
    BIO *out = BIO_new_file(cert_file, "w");
    REQUIRE(out && PEM_write_bio_X509(out, c->x509) == 1);
    BIO_free(out);
    out = BIO_new_file(key_file, "w");
    REQUIRE(out && PEM_write_bio_PrivateKey(out, c->key, NULL, NULL, 0, NULL, NULL) == 1);
    BIO_free(out);
}
