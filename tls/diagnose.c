/* The diagnosis: its table, its list, and where one attempt to get TLS is taken apart. What no
 * record fits is in diagnose_match.c, what the chain lacks in diagnose_chain.c, the record set by
 * itself in diagnose_records.c, DNS in diagnose_dns.c. */
#include "tls/diagnose.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tls/diagnose_private.h"

const struct finding_info *finding_info(enum finding_id id)
{
    static const struct finding_info table[] = {
#define FINDING(id, name, fault, effect, clause, words)                                            \
    [FINDING_##id] = {name, FAULT_##fault, EFFECT_##effect, clause, words},
#include "tls/findings.def"
#undef FINDING
    };
    REQUIRE((size_t)id < ARRAY_LEN(table));
    return &table[id];
}

struct finding *finding_add(struct findings *f, enum finding_id id, const char *fmt, ...)
{
    const char *words = finding_info(id)->words;
    char particulars[FINDING_TEXT] = "";
    va_list ap;

    if (f->n == f->max)
        return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(particulars, sizeof(particulars), fmt, ap);
    va_end(ap);
    struct finding *made = &f->out[f->n++];
    *made = (struct finding){.id = id};
    const int room = (int)(sizeof(made->text) - strlen(words)) - 4;
    (void)snprintf(made->text, sizeof(made->text), particulars[0] ? "%s (%.*s)" : "%s", words,
                   room > 0 ? room : 0, particulars);
    return made;
}

void finding_mend(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                  unsigned selector, unsigned mtype, const char *hex)
{
    if (finding && base && base[0])
        (void)snprintf(finding->mend, sizeof(finding->mend), "_%u._tcp.%s. IN TLSA %u %u %u %s",
                       port, base, usage, selector, mtype, hex);
}

void finding_mend_data(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                       unsigned selector, unsigned mtype, const struct tlsa_record *r)
{
    char hex[CERTIFICATE_HEX];
    if (r->len <= CERTIFICATE_DIGEST)
        finding_mend(finding, port, base, usage, selector, mtype,
                     tls_hex(r->data, r->len, hex, sizeof(hex)));
}

const char *record_text(const struct tlsa_record *r, char text[RECORD_TEXT])
{
    char hex[9];
    (void)snprintf(text, RECORD_TEXT, "%u %u %u %s%s", r->usage, r->selector, r->mtype,
                   tls_hex(r->data, r->len < 4 ? r->len : 4, hex, sizeof(hex)),
                   r->len > 4 ? "..." : "");
    return text;
}

const char *day_text(int64_t unix_s, char text[DAY_TEXT])
{
    const time_t t = (time_t)unix_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(text, DAY_TEXT, "%Y-%m-%d", &tm) == 0)
        (void)slice_copy(SLICE("?"), text, DAY_TEXT);
    return text;
}

bool is_usable(const struct verdict *v, size_t i)
{
    return i < LIMIT_TLSA_RECORDS && (v->usable >> i & 1);
}

int mtype_that_counts(const struct verdict *v, int usage, int selector)
{
    for (size_t i = 0; i < v->n_records; i++)
        if (is_usable(v, i) && v->records[i].usage == usage && v->records[i].selector == selector &&
            v->records[i].mtype == TLSA_SHA512)
            return TLSA_SHA512;
    return TLSA_SHA256;
}

/* ---- the records that would mend it ---- */

static const char *base_of(const struct diagnosis *d)
{
    return d->v->base && d->v->base[0] ? d->v->base : d->in->host;
}

static void mend_with(const struct diagnosis *d, struct finding *finding, int usage, int selector,
                      size_t depth)
{
    char hex[CERTIFICATE_HEX];
    const int mtype = mtype_that_counts(d->v, usage, selector);

    if (depth < d->n)
        finding_mend(finding, d->in->port, base_of(d), (unsigned)usage, (unsigned)selector,
                     (unsigned)mtype, tls_certificate_hex(&d->certs[depth], selector, mtype, hex));
}

void mend_with_leaf(const struct diagnosis *d, struct finding *finding)
{
    mend_with(d, finding, TLSA_DANE_EE, TLSA_SPKI, 0);
}

void mend_with_issuer(const struct diagnosis *d, struct finding *finding, int selector,
                      size_t depth)
{
    mend_with(d, finding, TLSA_DANE_TA, selector, depth);
}

bool leaf_is_named(const struct diagnosis *d)
{
    X509 *leaf = sk_X509_value(d->sent, 0);
    for (size_t i = 0; i < d->v->n_names; i++)
        if (X509_check_host(leaf, d->v->names[i], 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) ==
            1)
            return true;
    return false;
}

/* ---- one attempt ---- */

static void open_diagnosis(struct diagnosis *d, const struct tls_diagnosis *in, struct findings *f)
{
    d->in = in;
    d->v = in->v;
    d->f = f;
    d->sent = in->ssl ? tls_chain_sent(in->ssl) : NULL;
    d->n = tls_certificates(in->ssl, d->certs, DIAGNOSE_CERTS);
    objects_make(d->sent, &d->objects);
}

static void close_diagnosis(struct diagnosis *d)
{
    objects_free(&d->objects);
    ERR_clear_error();
}

static const struct status *status_seen(const struct tls_diagnosis *in)
{
    static const struct status nothing = {.cause = CAUSE_OK};
    return in->status ? in->status : in->o ? &in->o->status : &nothing;
}

/* RFC 7672 §9.2 speaks to those who publish TLSA records; others may do without TLS. */
static void no_starttls(const struct diagnosis *d, const struct status *s)
{
    if (d->v->n_records)
        (void)finding_add(d->f,
                          s->cause == CAUSE_STARTTLS_REFUSED ? FINDING_STARTTLS_REFUSED
                                                             : FINDING_STARTTLS_HIDDEN,
                          "%.200s", s->text);
}

/* What the library, or the peer by an alert, says when the two cannot agree. */
static const struct {
    const char *words;
    enum finding_id id;
} disagreements[] = {
    {"unsupported protocol",  FINDING_PROTOCOL_FLOOR},
    {"protocol version",      FINDING_PROTOCOL_FLOOR},
    {"version too low",       FINDING_PROTOCOL_FLOOR},
    {"handshake failure",     FINDING_NO_CIPHER     },
    {"no shared cipher",      FINDING_NO_CIPHER     },
    {"insufficient security", FINDING_NO_CIPHER     },
};

static void no_agreement(const struct diagnosis *d, const struct status *s)
{
    for (size_t i = 0; i < ARRAY_LEN(disagreements); i++) {
        const bool ours = d->in->one_key_type && disagreements[i].id == FINDING_NO_CIPHER;
        if (!ours && strcasestr(s->text, disagreements[i].words)) {
            (void)finding_add(d->f, disagreements[i].id, "%.200s", s->text);
            return;
        }
    }
}

static void refused(const struct diagnosis *d)
{
    const bool verified = d->v->mode == VERDICT_DANE || d->v->mode == VERDICT_PKIX;
    const long code =
        d->in->ssl && d->n && verified ? SSL_get_verify_result(d->in->ssl) : X509_V_OK;

    if (code == X509_V_ERR_DANE_NO_MATCH)
        diagnose_no_match(d);
    else if (code != X509_V_OK)
        diagnose_chain(d, code);
    else if (d->in->o->status.cause == CAUSE_TLS_HANDSHAKE)
        no_agreement(d, &d->in->o->status);
}

static void accepted(const struct diagnosis *d)
{
    if (d->v->n_records && !d->v->usable && d->n)
        mend_with_leaf(d, finding_add(d->f, FINDING_NONE_USABLE, "records: %zu", d->v->n_records));
    if (d->v->mode == VERDICT_DANE && d->n)
        diagnose_combinations(d);
    diagnose_soon(d);
}

size_t tls_diagnose_handshake(const struct tls_diagnosis *in, struct finding *out, size_t max)
{
    struct findings f = {out, 0, max};
    struct diagnosis d;
    const struct status *s = status_seen(in);

    open_diagnosis(&d, in, &f);
    if (s->cause == CAUSE_STARTTLS_NOT_OFFERED || s->cause == CAUSE_STARTTLS_REFUSED)
        no_starttls(&d, s);
    else if (in->o && status_ok(&in->o->status))
        accepted(&d);
    else if (in->o)
        refused(&d);
    close_diagnosis(&d);
    return f.n;
}
