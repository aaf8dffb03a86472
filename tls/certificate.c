/* Certificates as plain data and as words. */
#include "tls/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tls/chain.h"
#include "tls/dane.h"
#include "tls/tlsa.h"

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

int tls_der(X509 *cert, int selector, unsigned char **out_der)
{
    return selector == TLSA_SPKI ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), out_der)
                                 : i2d_X509(cert, out_der);
}

char *tls_hex(const uint8_t *p, size_t n, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < n && 2 * i + 3 <= size; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", p[i]);
    return text;
}

static const EVP_MD *digest_of(int mtype)
{
    return mtype == TLSA_SHA512 ? EVP_sha512() : EVP_sha256();
}

static void digest(X509 *cert, int selector, int mtype, uint8_t out[CERTIFICATE_DIGEST])
{
    unsigned char *der = NULL;
    int len = tls_der(cert, selector, &der);

    if (len <= 0 || EVP_Digest(der, (size_t)len, out, NULL, digest_of(mtype), NULL) != 1)
        memset(out, 0, CERTIFICATE_DIGEST);
    OPENSSL_free(der);
}

const char *tls_spki_hex(X509 *cert, char text[TLS_HEX_MAX])
{
    uint8_t data[CERTIFICATE_DIGEST];
    digest(cert, TLSA_SPKI, TLSA_SHA256, data);
    return tls_hex(data, 32, text, TLS_HEX_MAX);
}

bool tls_record_is_of(const struct tlsa_record *r, X509 *cert)
{
    unsigned char *der = NULL, md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int len = tls_der(cert, r->selector, &der);
    bool same = false;

    if (len > 0 && r->mtype == TLSA_FULL)
        same = r->len == len && memcmp(r->data, der, r->len) == 0;
    else if (len > 0 && EVP_Digest(der, (size_t)len, md, &n, digest_of(r->mtype), NULL) == 1)
        same = r->len == n && memcmp(r->data, md, n) == 0;
    OPENSSL_free(der);
    return same;
}

/* Appends a name of the peer's certificate; anything but printable ASCII, from least on, becomes '?'. */
static void append_name(struct buf *b, const ASN1_STRING *name, unsigned char least)
{
    const unsigned char *p = ASN1_STRING_get0_data(name);
    int n = ASN1_STRING_length(name);

    if (n <= 0 || (size_t)n + 2 > buf_room(b))
        return;
    if (b->n && !buf_append(b, SLICE(", ")))
        return;
    for (int i = 0; i < n; i++)
        (void)!buf_append_byte(b, p[i] >= least && p[i] < 0x7f ? (char)p[i] : '?');
}

static void append_dns_names(struct buf *b, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            append_name(b, name->d.dNSName, '!'); /* a blank would look like two names */
    }
    GENERAL_NAMES_free(names);
}

static void append_common_name(struct buf *b, X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        append_name(b, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), ' ');
}

/* Returns whether they are DNS names. */
static bool names(X509 *cert, char *text, size_t size)
{
    struct buf b;
    buf_init(&b, size - 1);
    append_dns_names(&b, cert);
    bool dns = b.n > 0;
    if (!dns)
        append_common_name(&b, cert);
    (void)slice_copy(buf_slice(&b), text, size);
    buf_free(&b);
    ERR_clear_error();
    return dns;
}

const char *tls_names_text(X509 *cert, char *text, size_t size)
{
    (void)names(cert, text, size);
    if (!text[0])
        (void)slice_copy(SLICE("nothing"), text, size);
    return text;
}

/* RFC 4514 form, which escapes control characters and all that is not ASCII. */
static void name_text(const X509_NAME *name, char *text, size_t size)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *p = NULL;
    long n = 0;

    if (mem && X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_get_mem_data(mem, &p);
    (void)slice_copy(n > 0 ? slice_make(p, (size_t)n) : SLICE("(empty)"), text, size);
    BIO_free(mem);
}

static int64_t unix_time(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void curve_text(const EVP_PKEY *key, char *text, size_t size)
{
    char group[64] = "";
    size_t n = 0;
    (void)EVP_PKEY_get_group_name(key, group, sizeof(group), &n);
    const char *nist = EC_curve_nid2nist(OBJ_sn2nid(group));
    (void)snprintf(text, size, "ECDSA %s", nist ? nist : group);
}

static void key_text(X509 *cert, char *text, size_t size)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    switch (key ? EVP_PKEY_get_base_id(key) : NID_undef) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        (void)snprintf(text, size, "RSA %d", EVP_PKEY_get_bits(key));
        break;
    case EVP_PKEY_EC:
        curve_text(key, text, size);
        break;
    case EVP_PKEY_ED25519:
        (void)snprintf(text, size, "Ed25519");
        break;
    case EVP_PKEY_ED448:
        (void)snprintf(text, size, "Ed448");
        break;
    default:
        (void)snprintf(text, size, "unknown");
    }
}

struct certificate tls_certificate(X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert), *issuer = X509_get_issuer_name(cert);
    const char *signature = OBJ_nid2ln(X509_get_signature_nid(cert));
    struct certificate c = {
        .not_before_s = unix_time(X509_get0_notBefore(cert)),
        .not_after_s = unix_time(X509_get0_notAfter(cert)),
        .self_issued = X509_NAME_cmp(subject, issuer) == 0,
        .is_ca = X509_check_ca(cert) > 0,
    };

    name_text(subject, c.subject, sizeof(c.subject));
    name_text(issuer, c.issuer, sizeof(c.issuer));
    c.names_are_cn = !names(cert, c.names, sizeof(c.names)) && c.names[0];
    key_text(cert, c.key, sizeof(c.key));
    (void)slice_copy(slice_of(signature ? signature : "unknown"), c.signature, sizeof(c.signature));
    for (int selector = TLSA_CERT; selector <= TLSA_SPKI; selector++)
        for (int mtype = TLSA_SHA256; mtype <= TLSA_SHA512; mtype++)
            digest(cert, selector, mtype, c.digest[selector][mtype - 1]);
    ERR_clear_error();
    return c;
}

size_t tls_certificates(SSL *ssl, struct certificate *out, size_t max)
{
    STACK_OF(X509) *chain = ssl ? tls_chain_sent(ssl) : NULL;
    size_t n = chain ? (size_t)sk_X509_num(chain) : 0;

    n = n < max ? n : max;
    for (size_t i = 0; i < n; i++)
        out[i] = tls_certificate(sk_X509_value(chain, (int)i));
    return n;
}

const char *tls_certificate_hex(const struct certificate *c, int selector, int mtype,
                                char text[CERTIFICATE_HEX])
{
    REQUIRE((selector == TLSA_CERT || selector == TLSA_SPKI) &&
            (mtype == TLSA_SHA256 || mtype == TLSA_SHA512));
    return tls_hex(c->digest[selector][mtype - 1], mtype == TLSA_SHA512 ? 64 : 32, text,
                   CERTIFICATE_HEX);
}
