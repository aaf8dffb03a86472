/* What a handshake proved, and words for what it did not. RFC 7672 §2.2, §3; RFC 8460 §4.3. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls/chain.h"
#include "tls/dane.h"
#include "tls/tlsa.h"

struct x509_error {
    int code;
    const char *symbol;
};

#define X509_ERROR(name)                                                                           \
    {                                                                                              \
        X509_V_ERR_##name, "X509_V_ERR_" #name                                                     \
    }
static const struct x509_error x509_errors[] = {
    X509_ERROR(DANE_NO_MATCH),
    X509_ERROR(HOSTNAME_MISMATCH),
    X509_ERROR(IP_ADDRESS_MISMATCH),
    X509_ERROR(CERT_HAS_EXPIRED),
    X509_ERROR(CERT_NOT_YET_VALID),
    X509_ERROR(ERROR_IN_CERT_NOT_BEFORE_FIELD),
    X509_ERROR(ERROR_IN_CERT_NOT_AFTER_FIELD),
    X509_ERROR(UNABLE_TO_GET_ISSUER_CERT),
    X509_ERROR(UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
    X509_ERROR(UNABLE_TO_VERIFY_LEAF_SIGNATURE),
    X509_ERROR(DEPTH_ZERO_SELF_SIGNED_CERT),
    X509_ERROR(SELF_SIGNED_CERT_IN_CHAIN),
    X509_ERROR(CERT_SIGNATURE_FAILURE),
    X509_ERROR(CERT_CHAIN_TOO_LONG),
    X509_ERROR(INVALID_CA),
    X509_ERROR(INVALID_PURPOSE),
    X509_ERROR(PATH_LENGTH_EXCEEDED),
    X509_ERROR(PERMITTED_VIOLATION),
    X509_ERROR(EXCLUDED_VIOLATION),
    X509_ERROR(UNHANDLED_CRITICAL_EXTENSION),
    X509_ERROR(EE_KEY_TOO_SMALL),
    X509_ERROR(CA_KEY_TOO_SMALL),
    X509_ERROR(CA_MD_TOO_WEAK),
    X509_ERROR(CERT_REVOKED),
    X509_ERROR(APPLICATION_VERIFICATION),
};

static void copy_symbol(long code, char *text, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(x509_errors); i++) {
        if (x509_errors[i].code == code) {
            (void)slice_copy(slice_of(x509_errors[i].symbol), text, size);
            return;
        }
    }
    (void)snprintf(text, size, "X509_V_ERR %ld", code);
}

static X509 *leaf_of(SSL *ssl)
{
    STACK_OF(X509) *chain = tls_chain_sent(ssl);
    return chain && sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
}

static bool all_usage_2(const struct verdict *v)
{
    for (size_t i = 0; i < v->n_records; i++)
        if ((v->usable & (UINT64_C(1) << i)) && v->records[i].usage != TLSA_DANE_TA)
            return false;
    return true;
}

static bool usage_2_holds(const struct verdict *v, X509 *leaf)
{
    for (size_t i = 0; i < v->n_records; i++)
        if ((v->usable & (UINT64_C(1) << i)) && v->records[i].usage == TLSA_DANE_TA &&
            tls_record_is_of(&v->records[i], leaf))
            return true;
    return false;
}

/* The mistakes that receivers make most often. */
static const char *mismatch_hint(const struct verdict *v, X509 *leaf)
{
    if (usage_2_holds(v, leaf))
        return "; a usage 2 record holds the server's own certificate and should be usage 3";
    if (all_usage_2(v))
        return "; with usage 2 the server must send the trust anchor's certificate too (RFC 7671 "
               "section 5.2)";
    return "";
}

static struct status mismatch(const struct verdict *v, X509 *leaf, const char *symbol)
{
    char from[TLS_DATE_MAX], hex[TLS_HEX_MAX];
    return status_make(CAUSE_DANE_MISMATCH,
                       "no TLSA record of %s matches: leaf issued %s, its 3 1 1 would be %s (%s)%s",
                       v->base, tls_date_text(X509_get0_notBefore(leaf), from),
                       tls_spki_hex(leaf, hex), symbol, mismatch_hint(v, leaf));
}

static struct status wrong_name(const struct verdict *v, X509 *leaf, enum cause cause,
                                const char *symbol)
{
    char names[120], wanted[160] = "";
    size_t n = 0;

    for (size_t i = 0; i < v->n_names && n < sizeof(wanted); i++)
        n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, "%s%s", i ? " or " : "", v->names[i]);
    return status_make(cause, "the certificate names %s, expected was %s (%s)",
                       tls_names_text(leaf, names, sizeof(names)), wanted, symbol);
}

static struct status wrong_date(X509 *leaf, long code, const char *symbol)
{
    char from[TLS_DATE_MAX], to[TLS_DATE_MAX];
    return status_make(
        code == X509_V_ERR_CERT_HAS_EXPIRED ? CAUSE_DANE_EXPIRED : CAUSE_DANE_NOT_YET_VALID,
        "a certificate of the chain is not valid today; the leaf's dates are %s to %s (%s)",
        tls_date_text(X509_get0_notBefore(leaf), from), tls_date_text(X509_get0_notAfter(leaf), to),
        symbol);
}

static struct status dane_refused(const struct verdict *v, X509 *leaf, long code,
                                  const char *symbol)
{
    if (code == X509_V_ERR_DANE_NO_MATCH)
        return mismatch(v, leaf, symbol);
    if (code == X509_V_ERR_HOSTNAME_MISMATCH)
        return wrong_name(v, leaf, CAUSE_DANE_NAME, symbol);
    if (code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID)
        return wrong_date(leaf, code, symbol);
    return status_make(CAUSE_DANE_CHAIN, "the certificate chain of %s is not valid: %s (%s)",
                       v->base, X509_verify_cert_error_string(code), symbol);
}

static struct status pkix_refused(const struct verdict *v, X509 *leaf, long code,
                                  const char *symbol)
{
    if (code == X509_V_ERR_HOSTNAME_MISMATCH)
        return wrong_name(v, leaf, CAUSE_PKIX_FAILED, symbol);
    return status_make(CAUSE_PKIX_FAILED, "the certificate is not trusted: %s (%s)",
                       X509_verify_cert_error_string(code), symbol);
}

static bool authenticates(const struct verdict *v)
{
    return v->mode == VERDICT_DANE || v->mode == VERDICT_PKIX;
}

static struct status handshake_failed(const char *error_text)
{
    return status_make(CAUSE_TLS_HANDSHAKE, "TLS handshake failed%s%s",
                       error_text && error_text[0] ? ": " : "", error_text ? error_text : "");
}

/* The verify result stays "ok" where no certificate was looked at at all, so it is never enough:
 * the certificate must be there, and with DANE the record that vouched for it. */
static struct status judge(SSL *ssl, const struct verdict *v, bool done, const char *error_text,
                           struct tls_outcome *o)
{
    long code = SSL_get_verify_result(ssl);
    X509 *leaf = leaf_of(ssl);
    bool dane = v->mode == VERDICT_DANE;

    if (!authenticates(v))
        return done ? status_of(CAUSE_OK) : handshake_failed(error_text);
    if (leaf && code != X509_V_OK) {
        copy_symbol(code, o->error, sizeof(o->error));
        return dane ? dane_refused(v, leaf, code, o->error) : pkix_refused(v, leaf, code, o->error);
    }
    if (!done)
        return handshake_failed(error_text);
    if (!SSL_get0_peer_certificate(ssl))
        return status_make(dane ? CAUSE_DANE_MISMATCH : CAUSE_PKIX_FAILED,
                           "the server presented no certificate");
    if (SSL_session_reused(ssl) || (dane && SSL_get0_dane_authority(ssl, NULL, NULL) < 0))
        return status_make(dane ? CAUSE_DANE_MISMATCH : CAUSE_PKIX_FAILED,
                           "the certificate was not verified in this connection");
    return status_of(CAUSE_OK);
}

static int matched_record(SSL *ssl, const struct verdict *v)
{
    struct tlsa_record r = {0};
    const unsigned char *data = NULL;
    size_t len = 0;

    if (SSL_get0_dane_tlsa(ssl, &r.usage, &r.selector, &r.mtype, &data, &len) < 0 ||
        len > UINT16_MAX)
        return -1;
    r.data = data;
    r.len = (uint16_t)len;
    for (size_t i = 0; i < v->n_records; i++)
        if ((v->usable & (UINT64_C(1) << i)) && tlsa_compare(&v->records[i], &r) == 0)
            return (int)i;
    return -1;
}

static void note_match(SSL *ssl, const struct verdict *v, struct tls_outcome *o)
{
    const char *name = SSL_get0_peername(ssl);

    if (v->mode == VERDICT_DANE) {
        o->depth = SSL_get0_dane_authority(ssl, NULL, NULL);
        o->record = matched_record(ssl, v);
    }
    if (authenticates(v) && name)
        (void)slice_copy(slice_of(name), o->peer_name, sizeof(o->peer_name));
}

struct tls_outcome tls_dane_outcome(SSL *ssl, const struct verdict *v, bool handshake_done,
                                    const char *error_text)
{
    struct tls_outcome o = {.mode = VERDICT_CLEAR, .depth = -1, .record = -1};

    if (!ssl) {
        o.status = status_of(CAUSE_TLS_LOCAL);
        return o;
    }
    o.mode = handshake_done ? VERDICT_OPPORTUNISTIC : VERDICT_CLEAR;
    if (handshake_done) {
        (void)slice_copy(slice_of(SSL_get_version(ssl)), o.protocol, sizeof(o.protocol));
        (void)slice_copy(slice_of(SSL_get_cipher_name(ssl)), o.cipher, sizeof(o.cipher));
    }
    o.status = judge(ssl, v, handshake_done, error_text, &o);
#ifdef SABOTAGE_SKIP_TLSA
    if (handshake_done)
        o.status = status_of(CAUSE_OK);
#endif
    if (status_ok(&o.status)) {
        o.mode = v->mode;
        o.half_dane = v->half_dane;
        note_match(ssl, v, &o);
    }
    ERR_clear_error();
    return o;
}

const char *tls_outcome_label(const struct tls_outcome *o)
{
    static const char *const labels[] = {
        [VERDICT_SKIP] = "none",       [VERDICT_CLEAR] = "none", [VERDICT_OPPORTUNISTIC] = "may",
        [VERDICT_ENCRYPT] = "encrypt", [VERDICT_DANE] = "dane",  [VERDICT_PKIX] = "pkix",
    };
    if (!o)
        return "none";
    return o->mode == VERDICT_DANE && o->half_dane ? "half-dane" : labels[o->mode];
}
