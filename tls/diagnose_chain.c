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

/* "CN=leaf expired 2026-08-01, 33 days ago"; nothing if the dates are right. */
static size_t wrong_date(const struct certificate *c, int64_t now_s, char *text, size_t size)
{
    char day[DAY_TEXT];
    int n = 0;

    if (now_s > c->not_after_s)
        n = snprintf(text, size, "; %.80s expired %s, %lld days ago", c->subject,
                     day_text(c->not_after_s, day), (long long)(now_s - c->not_after_s) / DAY_S);
    else if (now_s < c->not_before_s)
        n = snprintf(text, size, "; %.80s is valid from %s, in %lld days", c->subject,
                     day_text(c->not_before_s, day), (long long)(c->not_before_s - now_s) / DAY_S);
    return n > 0 ? (size_t)n : 0;
}

/* The certificates whose dates are wrong; by our reckoning it may be none. */
static void dates(const struct diagnosis *d, long code, char *text, size_t size)
{
    char found[PARTICULARS + 2];
    size_t n = 0;

    for (size_t i = 0; i < d->n && n < sizeof(found); i++)
        n += wrong_date(&d->certs[i], d->in->now_s, found + n, sizeof(found) - n);
    if (n)
        (void)slice_copy(slice_of(found + 2), text, size);
    else
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
    (void)snprintf(text, size, "%.120s: %s", d->certs[at].subject, what(&d->certs[at]));
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
    (void)snprintf(text, size, "%.70s; the last of %zu sent is %.60s, issued by %.60s",
                   X509_verify_cert_error_string(code), d->n, last->subject, last->issuer);
}

/* A usage 3 record asks for nothing but the key, so it mends all but a weak one. */
struct chain_error {
    long code;
    enum finding_id dane, pkix;
    describer *describe;
    bool key_record_mends;
};

// clang-format off
#define ROW(code, dane, pkix, describe, mends) \
    {X509_V_ERR_##code, FINDING_##dane, FINDING_##pkix, describe, mends}
static const struct chain_error errors[] = {
    ROW(HOSTNAME_MISMATCH, NAME_MISMATCH, PKIX_NAME, names, true),
    ROW(IP_ADDRESS_MISMATCH, NAME_MISMATCH, PKIX_NAME, names, true),
    ROW(CERT_HAS_EXPIRED, EXPIRED, PKIX_EXPIRED, dates, true),
    ROW(CERT_NOT_YET_VALID, NOT_YET_VALID, PKIX_EXPIRED, dates, true),
    ROW(EE_KEY_TOO_SMALL, KEY_WEAK, KEY_WEAK, weak_key, false),
    ROW(CA_KEY_TOO_SMALL, KEY_WEAK, KEY_WEAK, weak_key, true),
    ROW(CA_MD_TOO_WEAK, SIGNATURE_WEAK, SIGNATURE_WEAK, weak_signature, true),
    ROW(INVALID_PURPOSE, PURPOSE, PURPOSE, error_words, true),
    ROW(INVALID_CA, PURPOSE, PURPOSE, error_words, true),
    ROW(PATH_LENGTH_EXCEEDED, PATH_LENGTH, PATH_LENGTH, issuers, true),
    ROW(PERMITTED_VIOLATION, NAME_CONSTRAINTS, NAME_CONSTRAINTS, names, true),
    ROW(EXCLUDED_VIOLATION, NAME_CONSTRAINTS, NAME_CONSTRAINTS, names, true),
    ROW(DEPTH_ZERO_SELF_SIGNED_CERT, CHAIN_BROKEN, PKIX_SELF_SIGNED, issuers, true),
    ROW(SELF_SIGNED_CERT_IN_CHAIN, CHAIN_BROKEN, PKIX_SELF_SIGNED, issuers, true),
    ROW(UNABLE_TO_GET_ISSUER_CERT, CHAIN_BROKEN, PKIX_INCOMPLETE, issuers, true),
    ROW(UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CHAIN_BROKEN, PKIX_INCOMPLETE, issuers, true),
    ROW(UNABLE_TO_VERIFY_LEAF_SIGNATURE, CHAIN_BROKEN, PKIX_INCOMPLETE, issuers, true),
};
#undef ROW
// clang-format on
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

    if (left < 0) /* as it was accepted, the date did not count */
        return false;
    if (d->in->soon_days)
        return left < (int64_t)d->in->soon_days * DAY_S;
    return left < SOON_DAYS * DAY_S && left < life / 3;
}

/* Up to the anchor; beyond it nothing was verified, and of the anchor itself the dates only if it
 * is self-signed. */
static size_t certificates_that_count(const struct diagnosis *d)
{
    const struct tls_outcome *o = d->in->o;

    if (d->v->mode == VERDICT_PKIX)
        return d->n;
    if (d->v->mode != VERDICT_DANE || o->record < 0 || (size_t)o->record >= d->v->n_records ||
        d->v->records[o->record].usage != TLSA_DANE_TA || o->depth < 0)
        return 0;
    if ((size_t)o->depth >= d->n)
        return d->n;
    return (size_t)o->depth + d->certs[o->depth].self_issued;
}

void diagnose_soon(const struct diagnosis *d)
{
    const struct certificate *first = NULL;
    const size_t n = certificates_that_count(d);
    char day[DAY_TEXT];

    for (size_t i = 0; i < n; i++)
        if (is_soon(d, &d->certs[i]) && (!first || d->certs[i].not_after_s < first->not_after_s))
            first = &d->certs[i];
    if (first)
        (void)finding_add(d->f, FINDING_EXPIRES_SOON, "%.120s expires %s, in %lld days",
                          first->subject, day_text(first->not_after_s, day),
                          (long long)(first->not_after_s - d->in->now_s) / DAY_S);
}
