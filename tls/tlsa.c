/* TLSA records by themselves, and the digest of a verdict. Pure.
 * RFC 6698 §2.1 (fields), §4.1 (unusable), RFC 7672 §3.1.3 (usages 0 and 1). */
#include "tls/tlsa.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "tls/verdict.h"

const char *tlsa_unusable_why(const struct tlsa_record *r)
{
    if (r->usage == TLSA_PKIX_TA || r->usage == TLSA_PKIX_EE)
        return "usages 0 and 1 (PKIX) are not for SMTP, RFC 7672 section 3.1.3";
    if (r->usage > TLSA_DANE_EE)
        return "unknown certificate usage, RFC 6698 section 4.1";
    if (r->selector > TLSA_SPKI)
        return "unknown selector, RFC 6698 section 4.1";
    if (r->mtype > TLSA_SHA512)
        return "unknown matching type, RFC 6698 section 4.1";
    if (r->len == 0 || !r->data)
        return "no association data, RFC 6698 section 4.1";
    if (r->mtype == TLSA_SHA256 && r->len != 32)
        return "not the 32 octets of a SHA-256 digest, RFC 6698 section 4.1";
    if (r->mtype == TLSA_SHA512 && r->len != 64)
        return "not the 64 octets of a SHA-512 digest, RFC 6698 section 4.1";
    return NULL;
}

int tlsa_compare(const struct tlsa_record *a, const struct tlsa_record *b)
{
    if (a->usage != b->usage)
        return a->usage - b->usage;
    if (a->selector != b->selector)
        return a->selector - b->selector;
    if (a->mtype != b->mtype)
        return a->mtype - b->mtype;
    if (a->len != b->len)
        return a->len - b->len;
    return a->len ? memcmp(a->data, b->data, a->len) : 0;
}

static int compare_entries(const void *a, const void *b)
{
    return tlsa_compare(*(const struct tlsa_record *const *)a,
                        *(const struct tlsa_record *const *)b);
}

static void add(EVP_MD_CTX *md, const void *p, size_t n)
{
    REQUIRE(EVP_DigestUpdate(md, p, n) == 1);
}

static void add_text(EVP_MD_CTX *md, const char *text)
{
    add(md, text, strlen(text) + 1);
}

/* Each field has a fixed length or its length in front, so that no two verdicts run together. */
static void add_record(EVP_MD_CTX *md, const struct tlsa_record *r)
{
    const uint8_t head[] = {r->usage, r->selector, r->mtype, (uint8_t)(r->len >> 8),
                            (uint8_t)r->len};
    add(md, head, sizeof(head));
    add(md, r->data, r->len);
}

static size_t sorted_usable(const struct verdict *v, const struct tlsa_record **out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_records && i < LIMIT_TLSA_RECORDS; i++)
        if (v->usable & (UINT64_C(1) << i))
            out[n++] = &v->records[i];
    qsort(out, n, sizeof(*out), compare_entries);
    return n;
}

void verdict_key(const struct verdict *v, uint8_t out_key[VERDICT_KEY])
{
    const struct tlsa_record *records[LIMIT_TLSA_RECORDS];
    size_t n = sorted_usable(v, records);
    const uint8_t head[] = {(uint8_t)v->mode, v->half_dane, v->mx_secure, (uint8_t)v->n_names,
                            (uint8_t)n};
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    REQUIRE(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
    add(md, head, sizeof(head));
    add_text(md, v->base ? v->base : "");
    for (size_t i = 0; i < v->n_names; i++)
        add_text(md, v->names[i]);
    for (size_t i = 0; i < n; i++)
        add_record(md, records[i]);
    REQUIRE(EVP_DigestFinal_ex(md, out_key, NULL) == 1);
    EVP_MD_CTX_free(md);
}
