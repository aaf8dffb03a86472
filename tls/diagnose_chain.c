/* A record or an authority vouches for the chain, but the chain itself does not hold: from the code
 * of OpenSSL's verification to what a person can do. RFC 7672 §3.2.2, RFC 6698 §2.1.1. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls/diagnose_private.h"

enum { DAY_S = 86400, SOON_DAYS = 14, PARTICULARS = 300 };

typedef void describer(const struct diagnosis *d, long code, char *text, size_t size);

static void error_words(const struct diagnosis *d, long code, char *text, size_t size)
{
    (void)slice_copy(slice_of(X509_verify_cert_error_string(code)), text, size);
}

static void names(const struct diagnosis *d, long code, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "the certificate names %.120s; expected was ",
                                d->certs[0].names[0] ? d->certs[0].names : "nothing");

    for (size_t i = 0; i < d->v->n_names && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? " or " : "", d->v->names[i]);
}

/* The certificates whose dates are wrong, or, if none is by our reckoning, the leaf. */
static void dates(const struct diagnosis *d, long code, char *text, size_t size)
{
    const int64_t now = d->in->now_s;
    char day[DAY_TEXT];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < d->n && n < size; i++) {
        const struct certificate *c = &d->certs[i];
        const bool early = now < c->not_before_s;
        if (early || now > c->not_after_s)
            n += (size_t)snprintf(
                text + n, size - n, "%s%s %s %s, %s%lld days%s", n ? "; " : "", c->subject,
                early ? "is valid from" : "expired",
                day_text(early ? c->not_before_s : c->not_after_s, day), early ? "in " : "",
                (long long)(early ? c->not_before_s - now : now - c->not_after_s) / DAY_S,
                early ? "" : " ago");
    }
    if (n == 0)
        error_words(d, code, text, size);
}

/* The certificate with the least of something measured in bits. */
static void weakest(const struct diagnosis *d, int (*bits)(X509 *),
                    const char *(*what)(const struct certificate *), char *text, size_t size)
{
    size_t at = 0;
    int least = INT_MAX;

    for (size_t i = 0; i < d->n; i++) {
        int b = bits(sk_X509_value(d->sent, (int)i));
        if (b > 0 && b < least) {
            least = b;
            at = i;
        }
    }
    (void)snprintf(text, size, "%s: %s", d->certs[at].subject, what(&d->certs[at]));
}

static int key_strength(X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    return key ? EVP_PKEY_get_security_bits(key) : 0;
}

static int signature_strength(X509 *cert)
{
    int bits = 0;
    return X509_get_signature_info(cert, NULL, NULL, &bits, NULL) == 1 ? bits : 0;
}

static const char *key_name(const struct certificate *c)
{
    return c->key;
}

static const char *signature_name(const struct certificate *c)
{
    return c->signature;
}

static void weak_key(const struct diagnosis *d, long code, char *text, size_t size)
{
    weakest(d, key_strength, key_name, text, size);
}

static void weak_signature(const struct diagnosis *d, long code, char *text, size_t size)
{
    weakest(d, signature_strength, signature_name, text, size);
}

static void issuers(const struct diagnosis *d, long code, char *text, size_t size)
{
    const struct certificate *last = &d->certs[d->n - 1];
    (void)snprintf(text, size, "%s; the last of %zu sent is %s, issued by %s",
                   X509_verify_cert_error_string(code), d->n, last->subject, last->issuer);
}

/* A usage 3 record asks for nothing but the key, so it mends all but a weak one. */
static const struct chain_error {
    long code;
    enum finding_id dane, pkix;
    describer *describe;
    bool key_record_mends;
} errors[] = {
    {X509_V_ERR_HOSTNAME_MISMATCH,                 FINDING_NAME_MISMATCH,    FINDING_PKIX_NAME,        names,          true },
    {X509_V_ERR_IP_ADDRESS_MISMATCH,               FINDING_NAME_MISMATCH,    FINDING_PKIX_NAME,        names,          true },
    {X509_V_ERR_CERT_HAS_EXPIRED,                  FINDING_EXPIRED,          FINDING_PKIX_EXPIRED,     dates,          true },
    {X509_V_ERR_CERT_NOT_YET_VALID,                FINDING_NOT_YET_VALID,    FINDING_PKIX_EXPIRED,     dates,          true },
    {X509_V_ERR_EE_KEY_TOO_SMALL,                  FINDING_KEY_WEAK,         FINDING_KEY_WEAK,         weak_key,       false},
    {X509_V_ERR_CA_KEY_TOO_SMALL,                  FINDING_KEY_WEAK,         FINDING_KEY_WEAK,         weak_key,       true },
    {X509_V_ERR_CA_MD_TOO_WEAK,                    FINDING_SIGNATURE_WEAK,   FINDING_SIGNATURE_WEAK,   weak_signature,
     true                                                                                                                   },
    {X509_V_ERR_INVALID_PURPOSE,                   FINDING_PURPOSE,          FINDING_PURPOSE,          issuers,        true },
    {X509_V_ERR_INVALID_CA,                        FINDING_PURPOSE,          FINDING_PURPOSE,          issuers,        true },
    {X509_V_ERR_PATH_LENGTH_EXCEEDED,              FINDING_PATH_LENGTH,      FINDING_PATH_LENGTH,      issuers,        true },
    {X509_V_ERR_PERMITTED_VIOLATION,               FINDING_NAME_CONSTRAINTS, FINDING_NAME_CONSTRAINTS, names,
     true                                                                                                                   },
    {X509_V_ERR_EXCLUDED_VIOLATION,                FINDING_NAME_CONSTRAINTS, FINDING_NAME_CONSTRAINTS, names,
     true                                                                                                                   },
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,       FINDING_CHAIN_BROKEN,     FINDING_PKIX_SELF_SIGNED,
     issuers,                                                                                                          true },
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,         FINDING_CHAIN_BROKEN,     FINDING_PKIX_SELF_SIGNED, issuers,
     true                                                                                                                   },
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,         FINDING_CHAIN_BROKEN,     FINDING_PKIX_INCOMPLETE,  issuers,
     true                                                                                                                   },
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, FINDING_CHAIN_BROKEN,     FINDING_PKIX_INCOMPLETE,
     issuers,                                                                                                          true },
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,   FINDING_CHAIN_BROKEN,     FINDING_PKIX_INCOMPLETE,
     issuers,                                                                                                          true },
};
static const struct chain_error any_error = {0, FINDING_CHAIN_BROKEN, FINDING_CHAIN_BROKEN, issuers,
                                             true};

static const struct chain_error *error_of(long code)
{
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        if (errors[i].code == code)
            return &errors[i];
    return &any_error;
}

void diagnose_chain(const struct diagnosis *d, long code)
{
    const struct chain_error *error = error_of(code);
    const bool dane = d->v->mode == VERDICT_DANE;
    char text[PARTICULARS];

    error->describe(d, code, text, sizeof(text));
    struct finding *finding = finding_add(d->f, dane ? error->dane : error->pkix, "%s", text);
    if (dane && error->key_record_mends)
        mend_with_leaf(d, finding);
}

/* ---- a hint before it happens ---- */

static bool is_soon(const struct diagnosis *d, const struct certificate *c)
{
    const int64_t left = c->not_after_s - d->in->now_s;
    const int64_t life = c->not_after_s - c->not_before_s;

    if (d->in->soon_days)
        return left < (int64_t)d->in->soon_days * DAY_S;
    return left < SOON_DAYS * DAY_S && left < life / 3;
}

/* Up to the anchor; beyond it nothing was verified. */
static size_t depth_that_counts(const struct diagnosis *d)
{
    if (d->v->mode == VERDICT_PKIX)
        return d->n;
    const struct tls_outcome *o = d->in->o;
    if (d->v->mode != VERDICT_DANE || o->record < 0 || (size_t)o->record >= d->v->n_records ||
        d->v->records[o->record].usage != TLSA_DANE_TA || o->depth < 0)
        return 0;
    return (size_t)o->depth + 1 < d->n ? (size_t)o->depth + 1 : d->n;
}

void diagnose_soon(const struct diagnosis *d)
{
    const struct certificate *first = NULL;
    const size_t n = depth_that_counts(d);
    char day[DAY_TEXT];

    for (size_t i = 0; i < n; i++)
        if (is_soon(d, &d->certs[i]) && (!first || d->certs[i].not_after_s < first->not_after_s))
            first = &d->certs[i];
    if (first)
        (void)finding_add(d->f, FINDING_EXPIRES_SOON, "%s expires %s, in %lld days", first->subject,
                          day_text(first->not_after_s, day),
                          (long long)(first->not_after_s - d->in->now_s) / DAY_S);
}
