/* Why no record fits the certificate. First what the records are made of, which is certain; then
 * what is likely. RFC 7672 §3.1, RFC 7671 §8, §9. */
#include <openssl/x509v3.h>
#include <string.h>

#include "tls/diagnose_private.h"

enum { DAY_S = 86400, RECENT_DAYS = 30, MAX_CANDIDATES = 4 };

static const char *const form_words[] = {
    [OBJECT_CERT] = "the certificate",         [OBJECT_SPKI] = "the public key",
    [OBJECT_CERT_PEM] = "the PEM certificate", [OBJECT_KEY_PEM] = "the PEM public key",
    [OBJECT_BARE_KEY] = "the bare public key",
};
static const char *const mtype_words[] = {
    [TLSA_FULL] = "a copy", [TLSA_SHA256] = "the SHA-256", [TLSA_SHA512] = "the SHA-512"};

static bool is_of_issuer(const struct tlsa_record *r)
{
    return r->usage == TLSA_DANE_TA || r->usage == TLSA_PKIX_TA;
}

/* Whether r is what it says: that part, in that form, of a certificate at such a place. */
static bool fits(const struct tlsa_record *r, const struct object *o, int mtype)
{
    return o && (o->form == OBJECT_CERT || o->form == OBJECT_SPKI) &&
           (int)o->form == (int)r->selector && mtype == r->mtype &&
           is_of_issuer(r) == (o->depth > 0);
}

/* What r is rightly made of; NULL: nothing that was sent. */
static const struct object *fitting(const struct diagnosis *d, const struct tlsa_record *r)
{
    int mtype;
    const struct object *o = objects_find(&d->objects, r, &mtype);
    return fits(r, o, mtype) ? o : NULL;
}

static enum finding_id mistake(const struct tlsa_record *r, const struct object *o, int mtype)
{
    if (o->form == OBJECT_CERT_PEM || o->form == OBJECT_KEY_PEM)
        return FINDING_RECORD_OF_PEM;
    if (o->form == OBJECT_BARE_KEY)
        return FINDING_RECORD_OF_BARE_KEY;
    if ((int)o->form != (int)r->selector)
        return FINDING_WRONG_SELECTOR;
    if (mtype != r->mtype)
        return FINDING_WRONG_MATCHING_TYPE;
    return o->depth ? FINDING_RECORD_OF_ISSUER : FINDING_RECORD_OF_LEAF;
}

static void mend_mistake(const struct diagnosis *d, struct finding *finding,
                         const struct tlsa_record *r, const struct object *o)
{
    int selector = o->form == OBJECT_CERT || o->form == OBJECT_CERT_PEM ? TLSA_CERT : TLSA_SPKI;

    if (o->depth == 0 || (!is_of_issuer(r) && !leaf_is_named(d)))
        mend_with_leaf(d, finding);
    else
        mend_with_issuer(d, finding, selector, o->depth);
}

/* Whether r is explained by what it is made of. */
static bool recognised(const struct diagnosis *d, const struct tlsa_record *r)
{
    int mtype;
    char text[RECORD_TEXT];
    uint8_t digest[CERTIFICATE_DIGEST];
    const struct object *o = objects_find(&d->objects, r, &mtype);

    if (o && !fits(r, o, mtype)) {
        struct finding *finding =
            finding_add(d->f, mistake(r, o, mtype), "%s is %s of %s of %.90s", record_text(r, text),
                        mtype_words[mtype], form_words[o->form], d->certs[o->depth].subject);
        mend_mistake(d, finding, r, o);
        return true;
    }
    if (!o && is_empty_digest(r)) {
        mend_with_leaf(d, finding_add(d->f, FINDING_EMPTY_DIGEST, "%s", record_text(r, text)));
        return true;
    }
    if (!o && hex_of_hex(r, digest)) {
        mend_with_leaf(d, finding_add(d->f, FINDING_HEX_OF_HEX, "%s", record_text(r, text)));
        return true;
    }
    return false;
}

/* ---- a record that fits and does not count ---- */

static bool stronger_beside(const struct verdict *v, const struct tlsa_record *r)
{
    return r->mtype == TLSA_SHA256 && mtype_that_counts(v, r->usage, r->selector) == TLSA_SHA512;
}

static void ignored_or_astray(const struct diagnosis *d, const struct tlsa_record *r,
                              const struct object *o)
{
    char text[RECORD_TEXT], hex[CERTIFICATE_HEX];

    if (stronger_beside(d->v, r))
        finding_mend(finding_add(d->f, FINDING_AGILITY_STALE, "%s fits %.90s", record_text(r, text),
                                 d->certs[o->depth].subject),
                     d->in->port, d->v->base, r->usage, r->selector, TLSA_SHA512,
                     tls_certificate_hex(&d->certs[o->depth], r->selector, TLSA_SHA512, hex));
    else
        mend_with_leaf(d,
                       finding_add(d->f, FINDING_CHAIN_BROKEN,
                                   "%s is of %.80s, which was sent, but did not issue what stands "
                                   "before it",
                                   record_text(r, text), d->certs[o->depth].subject));
}

/* True: the cause is known. */
static bool diagnose_objects(const struct diagnosis *d)
{
    bool known = false;

    for (size_t i = 0; i < d->v->n_records; i++) {
        const struct tlsa_record *r = &d->v->records[i];
        const struct object *o = is_usable(d->v, i) ? fitting(d, r) : NULL;

        if (o) {
            ignored_or_astray(d, r, o);
            known = true;
        } else if (recognised(d, r)) {
            known = true;
        }
    }
    return known;
}

/* ---- usage 3: the key that was published is not the one in use ---- */

static bool any(const struct diagnosis *d, int usage, int selector)
{
    for (size_t i = 0; i < d->v->n_records; i++)
        if (is_usable(d->v, i) && d->v->records[i].usage == usage &&
            (selector < 0 || d->v->records[i].selector == selector))
            return true;
    return false;
}

static enum finding_id likely(const struct diagnosis *d, int64_t age_days)
{
    if (d->certs[0].names[0] && !d->certs[0].self_issued && !leaf_is_named(d))
        return FINDING_OTHER_CERTIFICATE;
    if (age_days > RECENT_DAYS)
        return FINDING_KEY_UNKNOWN;
    return any(d, TLSA_DANE_EE, TLSA_SPKI) ? FINDING_KEY_RENEWED : FINDING_CERTIFICATE_RENEWED;
}

static void diagnose_leaf(const struct diagnosis *d)
{
    const struct certificate *leaf = &d->certs[0];
    const int64_t age = (d->in->now_s - leaf->not_before_s) / DAY_S;
    char day[DAY_TEXT], ttl[40] = "";

    if (d->in->tlsa_ttl_s)
        (void)snprintf(ttl, sizeof(ttl), "; TTL of the TLSA records %u s", d->in->tlsa_ttl_s);
    mend_with_leaf(d, finding_add(d->f, likely(d, age),
                                  "%.60s, names %.70s, issued %s, %lld days ago%s", leaf->subject,
                                  leaf->names[0] ? leaf->names : "nothing",
                                  day_text(leaf->not_before_s, day), (long long)age, ttl));
}

/* ---- usage 2: the trust anchor is not among what was sent ---- */

static X509 *issuer_known(const struct diagnosis *d, X509 *cert)
{
    X509_STORE_CTX *ctx = d->in->known ? X509_STORE_CTX_new() : NULL;
    X509 *issuer = NULL;

    if (ctx && X509_STORE_CTX_init(ctx, d->in->known, cert, NULL) == 1)
        (void)X509_STORE_CTX_get1_issuer(&issuer, ctx, cert);
    X509_STORE_CTX_free(ctx);
    return issuer;
}

/* A usage 2 record of the issuer of the last certificate sent, which we happen to know. */
static bool is_of_known_issuer(const struct diagnosis *d, X509 *last)
{
    X509 *issuer = issuer_known(d, last);
    bool found = false;

    for (size_t i = 0; issuer && i < d->v->n_records && !found; i++)
        found =
            d->v->records[i].usage == TLSA_DANE_TA && tls_record_is_of(&d->v->records[i], issuer);
    X509_free(issuer);
    return found;
}

static int selector_of_usage_2(const struct diagnosis *d)
{
    return any(d, TLSA_DANE_TA, TLSA_SPKI) ? TLSA_SPKI : TLSA_CERT;
}

static void candidates(const struct diagnosis *d)
{
    for (size_t i = 1; i < d->n && i <= MAX_CANDIDATES; i++) {
        struct finding *finding =
            finding_add(d->f, FINDING_CANDIDATE, "certificate %zu: %s", i, d->certs[i].subject);
        mend_with_issuer(d, finding, selector_of_usage_2(d), i);
    }
}

static void not_sent(const struct diagnosis *d, bool sure)
{
    const struct certificate *last = &d->certs[d->n - 1];
    mend_with_leaf(d, finding_add(d->f, FINDING_TA_NOT_SENT,
                                  "%zu sent, the last is %.60s; its issuer %.60s was not sent%s",
                                  d->n, last->subject, last->issuer,
                                  sure ? ", and the record is of that" : ""));
}

static void rotated(const struct diagnosis *d)
{
    const struct certificate *leaf = &d->certs[0];
    char day[DAY_TEXT];
    mend_with_leaf(d, finding_add(d->f, FINDING_TA_ROTATED, "%.80s was issued by %.80s on %s",
                                  leaf->subject, leaf->issuer, day_text(leaf->not_before_s, day)));
}

/* Only the publisher knows whether a record is of something above what was sent, or of something
 * that is no longer used: where both are possible both are said. */
static void diagnose_anchor(const struct diagnosis *d)
{
    const struct certificate *last = &d->certs[d->n - 1];
    const bool above = !last->self_issued;
    const bool sure = above && is_of_known_issuer(d, sk_X509_value(d->sent, (int)d->n - 1));

    if (above)
        not_sent(d, sure);
    if (!sure && (d->n > 1 || !above))
        rotated(d);
    candidates(d);
}

void diagnose_no_match(const struct diagnosis *d)
{
    if (diagnose_objects(d))
        return;
    if (any(d, TLSA_DANE_EE, -1))
        diagnose_leaf(d);
    if (any(d, TLSA_DANE_TA, -1))
        diagnose_anchor(d);
}

/* ---- accepted, but not by every kind of record ---- */

static bool same_kind(const struct tlsa_record *a, const struct tlsa_record *b)
{
    return a->usage == b->usage && a->selector == b->selector && a->mtype == b->mtype;
}

static bool kind_fits(const struct diagnosis *d, const struct tlsa_record *kind)
{
    for (size_t i = 0; i < d->v->n_records; i++) {
        const struct tlsa_record *r = &d->v->records[i];
        if (is_usable(d->v, i) && same_kind(r, kind) && fitting(d, r))
            return true;
    }
    return false;
}

static bool first_of_kind(const struct diagnosis *d, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_usable(d->v, k) && same_kind(&d->v->records[k], &d->v->records[i]))
            return false;
    return true;
}

static void stale_kind(const struct diagnosis *d, const struct tlsa_record *r)
{
    char text[RECORD_TEXT], hex[CERTIFICATE_HEX];
    const size_t depth = is_of_issuer(r) ? 1 : 0;
    struct finding *finding =
        finding_add(d->f, FINDING_COMBINATION_STALE, "%s", record_text(r, text));

    if (depth < d->n && r->mtype != TLSA_FULL)
        finding_mend(finding, d->in->port, d->v->base, r->usage, r->selector, r->mtype,
                     tls_certificate_hex(&d->certs[depth], r->selector, r->mtype, hex));
}

/* A bare key (2 1 0) may have signed the last certificate without being in one: it is not judged.
 */
void diagnose_combinations(const struct diagnosis *d)
{
    for (size_t i = 0; i < d->v->n_records; i++) {
        const struct tlsa_record *r = &d->v->records[i];
        bool bare = is_of_issuer(r) && r->mtype == TLSA_FULL;
        if (!is_usable(d->v, i) || bare || !first_of_kind(d, i) || kind_fits(d, r))
            continue;
        if (!recognised(d, r))
            stale_kind(d, r);
    }
}

/* ---- one of two keys ---- */

static bool differs(const struct tls_key_type *good, const struct tls_key_type *bad)
{
    return good->o && bad->o && good->leaf && bad->leaf && status_ok(&good->o->status) &&
           bad->o->status.cause == CAUSE_DANE_MISMATCH &&
           memcmp(good->leaf->digest[TLSA_SPKI][0], bad->leaf->digest[TLSA_SPKI][0], 32) != 0;
}

size_t tls_diagnose_key_types(const struct verdict *v, uint16_t port, const struct tls_key_type *a,
                              const struct tls_key_type *b, struct finding *out, size_t max)
{
    struct findings f = {out, 0, max};
    char hex[CERTIFICATE_HEX];
    const bool a_good = differs(a, b);

    if (v->mode != VERDICT_DANE || !(a_good || differs(b, a)))
        return 0;
    const struct certificate *good = a_good ? a->leaf : b->leaf, *bad = a_good ? b->leaf : a->leaf;
    const int mtype = mtype_that_counts(v, TLSA_DANE_EE, TLSA_SPKI);
    struct finding *finding =
        finding_add(&f, FINDING_KEY_TYPE_UNCOVERED,
                    "the certificate with key %s fits, that with %s does not", good->key, bad->key);
    finding_mend(finding, port, v->base, TLSA_DANE_EE, TLSA_SPKI, (unsigned)mtype,
                 tls_certificate_hex(bad, TLSA_SPKI, mtype, hex));
    return f.n;
}
