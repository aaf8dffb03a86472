/* The record set by itself: what no certificate could mend. RFC 7672 §3.1.3, RFC 6698 §2.1, §4.1,
 * RFC 7671 §10.1. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "tls/diagnose_private.h"

enum { MANY_RECORDS = 12, LARGE_OCTETS = 1232 }; /* EDNS size that fits everywhere */

bool is_empty_digest(const struct tlsa_record *r)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    const EVP_MD *type = r->len == 32 ? EVP_sha256() : r->len == 64 ? EVP_sha512() : NULL;

    return type && EVP_Digest("", 0, md, NULL, type, NULL) == 1 && memcmp(md, r->data, r->len) == 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (uint8_t)ascii_lower((char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t hex_of_hex(const struct tlsa_record *r, uint8_t out[CERTIFICATE_DIGEST])
{
    if (r->len != 64 && r->len != 128)
        return 0;
    for (size_t i = 0; i < r->len; i++) {
        int digit = hex_digit(r->data[i]);
        if (digit < 0)
            return 0;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | digit : digit);
    }
    return r->len / 2;
}

/* ---- the checks of one record; the first that finds something ends them ---- */

struct set {
    const struct verdict *v;
    uint16_t port;
    struct findings *f;
};

typedef bool check(const struct set *s, const struct tlsa_record *r);

static int mtype_of_length(size_t n)
{
    return n == 32 ? TLSA_SHA256 : n == 64 ? TLSA_SHA512 : -1;
}

/* For a record that has something else to mend: 2 and 3 are what SMTP knows. */
static unsigned smtp_usage(const struct tlsa_record *r)
{
    return r->usage <= TLSA_PKIX_EE ? r->usage + 2u : r->usage;
}

static bool unknown_field(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT];
    if (r->usage <= TLSA_DANE_EE && r->selector <= TLSA_SPKI && r->mtype <= TLSA_SHA512)
        return false;
    const char *which = r->usage > TLSA_DANE_EE   ? "usage"
                        : r->selector > TLSA_SPKI ? "selector"
                                                  : "matching type";
    (void)finding_add(s->f, FINDING_UNKNOWN_FIELD, "%s: %s", record_text(r, text), which);
    return true;
}

static bool empty_digest(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT];
    if (!is_empty_digest(r))
        return false;
    (void)finding_add(s->f, FINDING_EMPTY_DIGEST, "%s", record_text(r, text));
    return true;
}

static bool hex_twice(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT], hex[CERTIFICATE_HEX];
    uint8_t digest[CERTIFICATE_DIGEST];
    size_t n = hex_of_hex(r, digest);

    if (!n)
        return false;
    struct finding *finding = finding_add(s->f, FINDING_HEX_OF_HEX, "%s", record_text(r, text));
    finding_mend(finding, s->port, s->v->base, smtp_usage(r), r->selector,
                 (unsigned)mtype_of_length(n), tls_hex(digest, n, hex, sizeof(hex)));
    return true;
}

static bool wrong_length(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT];
    const int meant = mtype_of_length(r->len);

    if (r->mtype == TLSA_FULL || meant == r->mtype)
        return false;
    struct finding *finding =
        finding_add(s->f, FINDING_WRONG_LENGTH, "%s has %u octets%s", record_text(r, text), r->len,
                    meant > 0 ? ", which is the other digest's length" : "");
    if (meant > 0)
        finding_mend_data(finding, s->port, s->v->base, smtp_usage(r), r->selector, (unsigned)meant,
                          r);
    return true;
}

static bool decodes(const struct tlsa_record *r)
{
    const unsigned char *p = r->data;
    X509 *cert = r->selector == TLSA_CERT ? d2i_X509(NULL, &p, r->len) : NULL;
    EVP_PKEY *key = r->selector == TLSA_SPKI ? d2i_PUBKEY(NULL, &p, r->len) : NULL;
    const bool ok = (cert || key) && p == r->data + r->len;

    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok;
}

static bool not_der(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT];
    const int meant = mtype_of_length(r->len);

    if (r->mtype != TLSA_FULL || (r->len && decodes(r)))
        return false;
    struct finding *finding =
        finding_add(s->f, FINDING_NOT_DER, "%s has %u octets%s", record_text(r, text), r->len,
                    meant > 0 ? ", as a digest has" : "");
    if (meant > 0)
        finding_mend_data(finding, s->port, s->v->base, smtp_usage(r), r->selector, (unsigned)meant,
                          r);
    return true;
}

static bool pkix_usage(const struct set *s, const struct tlsa_record *r)
{
    char text[RECORD_TEXT];
    if (r->usage > TLSA_PKIX_EE)
        return false;
    struct finding *finding = finding_add(s->f, FINDING_PKIX_USAGE, "%s", record_text(r, text));
    finding_mend_data(finding, s->port, s->v->base, smtp_usage(r), r->selector, r->mtype, r);
    return true;
}

static check *const checks[] = {unknown_field, empty_digest, hex_twice,
                                wrong_length,  not_der,      pkix_usage};

/* ---- the set as a whole ---- */

/* As OpenSSL will see it in the handshake. */
static bool is_sound(const struct verdict *v, size_t i)
{
    return is_usable(v, i) && (v->records[i].mtype != TLSA_FULL || decodes(&v->records[i]));
}

static void diagnose_set(const struct set *s)
{
    size_t octets = 0, sound = 0, full = 0;

    for (size_t i = 0; i < s->v->n_records; i++) {
        octets += s->v->records[i].len + 3u;
        sound += is_sound(s->v, i);
        full += is_sound(s->v, i) && s->v->records[i].mtype == TLSA_FULL;
    }
    if (s->v->n_records && !sound)
        (void)finding_add(s->f, FINDING_NONE_USABLE, "records: %zu", s->v->n_records);
    if (sound && full == sound)
        (void)finding_add(s->f, FINDING_ONLY_FULL, "%zu octets of data", octets);
    if (s->v->n_records > MANY_RECORDS || octets > LARGE_OCTETS)
        (void)finding_add(s->f, FINDING_LARGE_RRSET, "records: %zu, with %zu octets of data",
                          s->v->n_records, octets);
}

size_t tls_diagnose_records(const struct verdict *v, uint16_t port, struct finding *out, size_t max)
{
    struct findings f = {out, 0, max};
    const struct set s = {v, port, &f};

    for (size_t i = 0; i < v->n_records; i++)
        for (size_t k = 0; k < ARRAY_LEN(checks) && !checks[k](&s, &v->records[i]); k++)
            ;
    diagnose_set(&s);
    return f.n;
}
