#include "tests/tls/mistakes.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

static void digest(struct tlsa_record *r, uint8_t *to, const void *p, size_t n)
{
    unsigned len = 0;
    REQUIRE(EVP_Digest(p, n, to, &len, r->mtype == 2 ? EVP_sha512() : EVP_sha256(), NULL) == 1);
    r->len = (uint16_t)len;
}

static BIO *pem_of(const struct cert *c, const struct cert *issuer, enum how how)
{
    BIO *pem = BIO_new(BIO_s_mem());
    const bool key = how == OF_KEY_PEM || how == OF_KEY_PEM_CUT;

    REQUIRE(pem && (key ? PEM_write_bio_PUBKEY(pem, c->key) : PEM_write_bio_X509(pem, c->x509)));
    if (how == OF_CHAIN_PEM)
        REQUIRE(PEM_write_bio_X509(pem, issuer->x509) == 1);
    return pem;
}

static void digest_pem(struct tlsa_record *r, uint8_t *to, BIO *pem, enum how how)
{
    char text[16384], *p = NULL;
    size_t n = (size_t)BIO_get_mem_data(pem, &p), at = 0;

    if (how == OF_PEM_CUT || how == OF_KEY_PEM_CUT)
        n--;
    REQUIRE(2 * n < sizeof(text));
    for (size_t i = 0; i < n; i++) {
        if (how == OF_PEM_CRLF && p[i] == '\n')
            text[at++] = '\r';
        text[at++] = p[i];
    }
    digest(r, to, text, at);
    BIO_free(pem);
}

static void digest_bare_key(struct tlsa_record *r, uint8_t *to, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int n = i2d_PublicKey(key, &der);
    REQUIRE(n > 0);
    digest(r, to, der, (size_t)n);
    OPENSSL_free(der);
}

static void to_hex(struct tlsa_record *r, uint8_t *data)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = r->len; i-- > 0;) {
        uint8_t octet = data[i];
        data[2 * i] = (uint8_t)digits[octet >> 4];
        data[2 * i + 1] = (uint8_t)digits[octet & 15];
    }
    r->len = (uint16_t)(2 * r->len);
}

static uint8_t mtype_made(const struct tlsa_record *meant, enum how how)
{
    return how == OF_512 ? 2 : how == OF_256 ? 1 : how == OF_DER ? 0 : meant->mtype;
}

struct tlsa_record cert_record_made(const struct cert *c, const struct cert *issuer,
                                    const struct tlsa_record *meant, enum how how,
                                    uint8_t data[RECORD_MAX])
{
    const uint8_t selector = how == OTHER_SELECTOR ? !meant->selector : meant->selector;
    struct tlsa_record r =
        cert_record(c, meant->usage, selector, mtype_made(meant, how), how == WRONG, data);

    r.selector = meant->selector;
    r.mtype = meant->mtype;
    if (how >= OF_PEM && how <= OF_KEY_PEM_CUT)
        digest_pem(&r, data, pem_of(c, issuer, how), how);
    if (how == OF_BARE_KEY)
        digest_bare_key(&r, data, c->key);
    if (how == OF_NOTHING)
        digest(&r, data, "", 0);
    if (how == HEX_TEXT)
        to_hex(&r, data);
    return r;
}
