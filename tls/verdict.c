/* The verdict per MX host: the table that decides how, and whether, mail goes to one host. Pure.
 *
 * RFC 7672 §2.1 (errors), §2.2 (what DNS must say), §3.1.3 (unusable records), §3.2 (names), §6
 * (mandatory DANE). The rows are tried from the top; the first one whose level and predicate fit
 * decides. Errors stand before every row that reads data, so an error is never "no record".
 *
 * RFC 8689: a message with REQUIRETLS has rows of its own (RAISED) where the policy asks for less than
 * the standard does; "TLS-Required: No" takes what DANE refuses as audit-only mode does. */
#include "tls/verdict.h"

#include <stdio.h>
#include <string.h>

#include "config/base/limits.h"
#include "tls/tlsa.h"

#define LEVEL(name) (1u << TLS_LEVEL_##name)

enum { TLS_LEVEL_RAISED = TLS_LEVEL_SECURE + 1 }; /* by a message with REQUIRETLS */

enum {
    ON_ANY = LEVEL(NONE) | LEVEL(MAY) | LEVEL(ENCRYPT) | LEVEL(DANE) | LEVEL(DANE_ONLY) |
             LEVEL(VERIFY) | LEVEL(SECURE) | LEVEL(RAISED),
    ON_DANE = LEVEL(DANE) | LEVEL(DANE_ONLY),
    ON_PKIX = LEVEL(VERIFY) | LEVEL(SECURE),
    ON_TLSA = ON_DANE | LEVEL(RAISED),
    ON_LOOSE = LEVEL(MAY) | LEVEL(DANE),
};

/* What the predicates look at. */
struct view {
    const struct verdict_input *in;
    unsigned level; /* that of the policy, or RAISED */
    const struct dest_facts *dest; /* NULL: address literal */
    const struct host_facts *host; /* NULL: there is none */
    uint64_t usable;
};

struct row {
    unsigned levels;
    bool (*when)(const struct view *);
    enum verdict_mode mode;
    enum cause skip; /* if mode is SKIP */
    const char *words, *clause;
};

static bool is_error(enum dns_security s)
{
    return s == DNS_BOGUS || s == DNS_FAILED;
}

static bool always(const struct view *v)
{
    return true;
}

static bool literal(const struct view *v)
{
    return !v->dest;
}

static bool resolver_blind(const struct view *v)
{
    return !v->in->resolver_validates;
}

static bool mx_error(const struct view *v)
{
    return v->dest->kind == DEST_ERROR || is_error(v->dest->security);
}

static bool null_mx(const struct view *v)
{
    return v->dest->kind == DEST_NULL_MX;
}

static bool no_domain(const struct view *v)
{
    return v->dest->kind == DEST_NXDOMAIN;
}

static bool no_host(const struct view *v)
{
    return !v->host;
}

static bool mx_names_address(const struct view *v)
{
    struct ip ip;
    return v->dest->kind == DEST_MX && ip_parse(slice_of(v->host->name), &ip);
}

static bool address_error(const struct view *v)
{
    return v->host->addresses_lookup == DNS_ERROR || is_error(v->host->addresses_security);
}

static bool no_address(const struct view *v)
{
    return v->host->addresses_lookup != DNS_DATA;
}

static bool alias_error(const struct view *v)
{
    return is_error(v->host->alias_security);
}

static bool mx_insecure(const struct view *v)
{
    return v->dest->kind == DEST_MX && v->dest->security != DNS_SECURE;
}

/* RFC 8689 §4.2.1 (2). At `secure` the certificate speaks for the recipient's domain itself, so that
 * no MX record could lead astray (§8.2); at `verify` one could. */
static bool requires_signed_mx(const struct view *v)
{
    return v->in->demand == DEMAND_REQUIRETLS && mx_insecure(v);
}

static bool requires_validation(const struct view *v)
{
    return v->in->demand == DEMAND_REQUIRETLS && resolver_blind(v);
}

/* Records without a base domain cannot come from our plan: as bad as an answer in error. */
static bool tlsa_error(const struct view *v)
{
    return v->host->tlsa_lookup == DNS_ERROR || (v->host->n_tlsa && !v->host->tlsa_base[0]);
}

static bool usable(const struct view *v)
{
    return v->usable != 0;
}

static bool half_dane(const struct view *v)
{
    return usable(v) && mx_insecure(v);
}

static bool none_usable(const struct view *v)
{
    return v->host->n_tlsa && !v->usable;
}

static bool tlsa_not_asked(const struct view *v)
{
    return v->host->n_candidates == 0;
}

// clang-format off
static const struct row rows[] = {
    /* The next hop is an address: DANE does not apply, the level alone decides. */
    {LEVEL(NONE), literal, VERDICT_CLEAR, CAUSE_OK, "the policy asks for no TLS", "tls: none"},
    {ON_LOOSE, literal, VERDICT_OPPORTUNISTIC, CAUSE_OK,
     "the next hop is an address, DANE does not apply", "RFC 7672 section 2.2"},
    {LEVEL(ENCRYPT), literal, VERDICT_ENCRYPT, CAUSE_OK, "the policy asks for TLS", "tls: encrypt"},
    {LEVEL(DANE_ONLY), literal, VERDICT_SKIP, CAUSE_DANE_UNAVAILABLE,
     "DANE is required, but the next hop is an address", "RFC 7672 section 2.2"},
    {ON_PKIX, literal, VERDICT_PKIX, CAUSE_OK, "the policy asks for a publicly trusted certificate",
     "tls: verify or secure"},
    {LEVEL(RAISED), literal, VERDICT_PKIX, CAUSE_OK,
     "REQUIRETLS asks for a publicly trusted certificate", "RFC 8689 section 4.2.1"},

    /* A resolver that does not validate tells neither "secure" nor "insecure". */
    {ON_TLSA, resolver_blind, VERDICT_SKIP, CAUSE_RESOLVER_NOT_VALIDATING,
     "our resolver does not validate DNSSEC", "RFC 7672 section 2.1.1"},
    {LEVEL(VERIFY), requires_validation, VERDICT_SKIP, CAUSE_RESOLVER_NOT_VALIDATING,
     "our resolver does not validate DNSSEC", "RFC 8689 section 4.2.1"},

    /* The destination as a whole. */
    {ON_ANY, mx_error, VERDICT_SKIP, CAUSE_MX_LOOKUP, "the MX lookup failed",
     "RFC 7672 section 2.1.2"},
    {ON_ANY, null_mx, VERDICT_SKIP, CAUSE_NULL_MX, "the domain accepts no mail",
     "RFC 7505 section 3"},
    {ON_ANY, no_domain, VERDICT_SKIP, CAUSE_NO_DOMAIN, "the domain does not exist",
     "RFC 5321 section 5.1"},
    {ON_ANY, no_host, VERDICT_SKIP, CAUSE_NO_ADDRESS, "the destination names no host",
     "RFC 5321 section 5.1"},

    /* The host's addresses. */
    {ON_ANY, mx_names_address, VERDICT_SKIP, CAUSE_ADDRESS_LOOKUP,
     "the MX record holds an address instead of a name", "RFC 5321 section 5.1"},
    {ON_ANY, address_error, VERDICT_SKIP, CAUSE_ADDRESS_LOOKUP, "the address lookup failed",
     "RFC 7672 section 2.1.2"},
    {ON_ANY, no_address, VERDICT_SKIP, CAUSE_NO_ADDRESS, "the host has no address",
     "RFC 7672 section 2.2.2"},

    /* Whom REQUIRETLS would not know to be the right host, whatever its certificate says. */
    {LEVEL(RAISED) | LEVEL(VERIFY), requires_signed_mx, VERDICT_SKIP, CAUSE_REQUIRETLS_NO_TLS,
     "REQUIRETLS asks for signed MX records", "RFC 8689 section 4.2.1"},

    /* Levels that do not look at TLSA. */
    {LEVEL(NONE), always, VERDICT_CLEAR, CAUSE_OK, "the policy asks for no TLS", "tls: none"},
    {LEVEL(MAY), always, VERDICT_OPPORTUNISTIC, CAUSE_OK, "the policy asks for TLS if offered",
     "tls: may"},
    {LEVEL(ENCRYPT), always, VERDICT_ENCRYPT, CAUSE_OK, "the policy asks for TLS", "tls: encrypt"},
    {LEVEL(VERIFY), always, VERDICT_PKIX, CAUSE_OK,
     "the policy asks for a publicly trusted certificate with the host's name", "tls: verify"},
    {LEVEL(SECURE), always, VERDICT_PKIX, CAUSE_OK,
     "the policy asks for a publicly trusted certificate with the next hop's name", "tls: secure"},

    /* DANE: errors first, then what was found. */
    {ON_TLSA, alias_error, VERDICT_SKIP, CAUSE_ADDRESS_LOOKUP,
     "the host's name is an alias whose lookup failed", "RFC 7672 section 2.1.3"},
    {ON_TLSA, tlsa_error, VERDICT_SKIP, CAUSE_TLSA_LOOKUP, "the TLSA lookup failed",
     "RFC 7672 section 2.1.2"},
    {LEVEL(DANE_ONLY), mx_insecure, VERDICT_SKIP, CAUSE_DANE_UNAVAILABLE,
     "DANE is required, but the MX records are not signed", "RFC 7672 section 2.2.1"},
    {LEVEL(DANE), half_dane, VERDICT_DANE, CAUSE_OK,
     "usable TLSA records, but the MX records are not signed: the host is authenticated, the "
     "domain is not",
     "RFC 7672 section 2.2.1"},
    {ON_TLSA, usable, VERDICT_DANE, CAUSE_OK, "usable TLSA records: TLS and a match, or nothing",
     "RFC 7672 section 2.2"},
    {LEVEL(RAISED), always, VERDICT_PKIX, CAUSE_OK,
     "REQUIRETLS asks for a publicly trusted certificate with the host's name",
     "RFC 8689 section 4.2.1"},
    {LEVEL(DANE_ONLY), none_usable, VERDICT_SKIP, CAUSE_DANE_UNAVAILABLE,
     "DANE is required, but none of the TLSA records is usable", "RFC 7672 section 6"},
    {LEVEL(DANE), none_usable, VERDICT_ENCRYPT, CAUSE_OK,
     "TLSA records exist, but none is usable: TLS is required, unauthenticated",
     "RFC 7672 section 2.2"},
    {LEVEL(DANE_ONLY), tlsa_not_asked, VERDICT_SKIP, CAUSE_DANE_UNAVAILABLE,
     "DANE is required, but the host's addresses are not signed", "RFC 7672 section 2.2.2"},
    {LEVEL(DANE_ONLY), always, VERDICT_SKIP, CAUSE_DANE_UNAVAILABLE,
     "DANE is required, but the host has no secure TLSA records", "RFC 7672 section 6"},
    {LEVEL(DANE), tlsa_not_asked, VERDICT_OPPORTUNISTIC, CAUSE_OK,
     "the host's addresses are not signed: TLS if offered", "RFC 7672 section 2.2.2"},
    {LEVEL(DANE), always, VERDICT_OPPORTUNISTIC, CAUSE_OK, "no secure TLSA records: TLS if offered",
     "RFC 7672 section 2.2"},
};
// clang-format on

const char *verdict_mode_name(enum verdict_mode m)
{
    static const char *const names[] = {
        [VERDICT_SKIP] = "skip",       [VERDICT_CLEAR] = "clear", [VERDICT_OPPORTUNISTIC] = "may",
        [VERDICT_ENCRYPT] = "encrypt", [VERDICT_DANE] = "dane",   [VERDICT_PKIX] = "pkix",
    };
    return (size_t)m < ARRAY_LEN(names) ? names[m] : "?";
}

static uint64_t usable_records(const struct host_facts *host)
{
    uint64_t bits = 0;
    _Static_assert(LIMIT_TLSA_RECORDS <= 64, "one bit per record");
    for (size_t i = 0; i < host->n_tlsa && i < LIMIT_TLSA_RECORDS; i++)
        if (!tlsa_unusable_why(&host->tlsa[i]))
            bits |= UINT64_C(1) << i;
    return bits;
}

/* What the policy asks for in any case is at least what REQUIRETLS does, but for the rows above. */
static unsigned level_of(const struct verdict_input *in)
{
    bool enough = (1u << in->level) & (LEVEL(DANE_ONLY) | ON_PKIX);

    return in->demand == DEMAND_REQUIRETLS && !enough ? (unsigned)TLS_LEVEL_RAISED : in->level;
}

static struct view view_of(const struct verdict_input *in)
{
    struct view v = {.in = in, .dest = in->dest, .level = level_of(in)};
    if (v.dest && in->host < v.dest->n_hosts)
        v.host = &v.dest->hosts[in->host];
    if (v.host)
        v.usable = usable_records(v.host);
    return v;
}

static const struct row *first_match(const struct view *v, unsigned level)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((rows[i].levels & (1u << level)) && rows[i].when(v))
            return &rows[i];
    REQUIRE(!"the last rows of every level match always");
    return NULL;
}

static void add_name(struct verdict *out, const char *name)
{
    for (size_t i = 0; i < out->n_names; i++)
        if (strcmp(out->names[i], name) == 0)
            return;
    out->names[out->n_names++] = name;
}

/* RFC 7672 §3.2.2. The next hop's names count only where DNSSEC led from them to the base domain.
 * Without MX records it has: the base domain is the next hop or its signed expansion, however the
 * absence of MX records was proved. */
static void dane_names(const struct view *v, struct verdict *out)
{
    add_name(out, v->host->tlsa_base);
    if (mx_insecure(v))
        return;
    add_name(out, v->dest->name);
    if (v->dest->kind == DEST_MX)
        add_name(out, v->dest->expanded);
}

/* At `secure` the expansion of the next hop counts only if no unsigned answer could have chosen it.
 */
static void pkix_names(const struct view *v, struct verdict *out)
{
    if (!v->dest)
        return;
    if (v->level != TLS_LEVEL_SECURE) {
        add_name(out, v->host->name);
        return;
    }
    add_name(out, v->dest->name);
    if (v->dest->kind == DEST_MX && v->dest->security == DNS_SECURE && v->in->resolver_validates)
        add_name(out, v->dest->expanded);
}

static void take_records(const struct view *v, struct verdict *out)
{
    out->base = v->host->tlsa_base;
    out->records = v->host->tlsa;
    out->n_records = v->host->n_tlsa < LIMIT_TLSA_RECORDS ? v->host->n_tlsa : LIMIT_TLSA_RECORDS;
    out->usable = v->usable;
}

static const char *error_detail(const struct view *v, const struct row *row)
{
    if (row->mode != VERDICT_SKIP || !v->dest)
        return "";
    if (row->skip == CAUSE_MX_LOOKUP)
        return v->dest->why ? v->dest->why : "";
    if (row->skip != CAUSE_ADDRESS_LOOKUP && row->skip != CAUSE_TLSA_LOOKUP)
        return "";
    return v->host->why ? v->host->why : "";
}

/* The clause always fits; a long reason of the resolver is cut. */
static void explain(const struct view *v, const struct row *row, struct verdict *out)
{
    const char *detail = error_detail(v, row);
    int fixed = snprintf(NULL, 0, "%s:  (%s)", row->words, row->clause);
    int room = VERDICT_WHY - 1 - fixed;

    (void)snprintf(out->why, sizeof(out->why), "%s%s%.*s (%s)", row->words, detail[0] ? ": " : "",
                   room > 0 ? room : 0, detail, row->clause);
}

static struct status skip_status(const struct view *v, const struct row *row, const char *why)
{
    const char *who = v->host ? v->host->name : v->dest ? v->dest->name : "";
    return status_make(row->skip, "%s%s%s", who, who[0] ? ": " : "", why);
}

/* Only a DANE row can be what audit-only mode lets pass: what stops `may` too, stops. */
static void audit(const struct view *v, struct verdict *out)
{
    const struct row *without = first_match(v, TLS_LEVEL_MAY);

    out->audit = true;
    if (out->mode == VERDICT_SKIP && without->mode != VERDICT_SKIP)
        out->mode = without->mode;
}

/* RFC 8689 §4.2.2: `dane` is what the recipient's domain asks for; all other levels are the operator's
 * own, and stay. */
static bool may_weaken(const struct verdict_input *in)
{
    switch (in->demand) {
    case DEMAND_NONE:
        return in->audit;
    case DEMAND_TLS_OPTIONAL:
        return in->audit || in->level == TLS_LEVEL_DANE;
    case DEMAND_REQUIRETLS:
    case DEMAND_NOTIFICATION:
        break;
    }
    return false;
}

static void leave_no_clear(struct verdict *out)
{
    if (out->mode == VERDICT_CLEAR || out->mode == VERDICT_OPPORTUNISTIC)
        out->mode = VERDICT_ENCRYPT;
}

struct verdict verdict_decide(const struct verdict_input *in)
{
    struct view v = view_of(in);
    const struct row *row = first_match(&v, v.level);
    struct verdict out = {
        .mode = row->mode, .base = "", .skip = status_of(CAUSE_OK), .clause = row->clause};

    explain(&v, row, &out);
    out.mx_secure = v.dest && v.dest->security == DNS_SECURE;
    if (row->mode == VERDICT_SKIP)
        out.skip = skip_status(&v, row, out.why);
    if (row->when == usable || row->when == half_dane || row->when == none_usable)
        take_records(&v, &out);
    out.half_dane = row->when == half_dane;
    out.sole_unusable = row->mode == VERDICT_ENCRYPT && row->when == none_usable;
    if (row->mode == VERDICT_DANE)
        dane_names(&v, &out);
    if (row->mode == VERDICT_PKIX)
        pkix_names(&v, &out);
    if (may_weaken(in))
        audit(&v, &out);
    if (in->demand == DEMAND_NOTIFICATION)
        leave_no_clear(&out);
#ifdef SABOTAGE_PLAINTEXT_OK
    if (out.mode == VERDICT_DANE || out.mode == VERDICT_ENCRYPT)
        out.mode = VERDICT_OPPORTUNISTIC;
#endif
    return out;
}

enum tls_level verdict_session_level(enum tls_level level, enum verdict_demand demand)
{
    return demand == DEMAND_REQUIRETLS && level <= TLS_LEVEL_DANE ? TLS_LEVEL_DANE_ONLY : level;
}

const char *verdict_demand_words(enum tls_level level, enum verdict_demand demand)
{
    static const char raised[] = "DANE or a publicly trusted certificate, signed MX records, or it bounces";

    if (demand == DEMAND_TLS_OPTIONAL)
        return level == TLS_LEVEL_DANE ? "as by the policy; where DANE fails it goes with less"
                                       : "as by the policy";
    if (demand != DEMAND_REQUIRETLS || level == TLS_LEVEL_DANE_ONLY || level == TLS_LEVEL_SECURE)
        return "as by the policy";
    return level == TLS_LEVEL_VERIFY ? "as by the policy, and signed MX records, or it bounces" : raised;
}

enum verdict_mode verdict_weaker(const struct verdict *v, bool implicit_tls)
{
    const enum verdict_mode unauthenticated = implicit_tls ? VERDICT_ENCRYPT : VERDICT_OPPORTUNISTIC;

    if (v->mode == VERDICT_OPPORTUNISTIC)
        return implicit_tls ? VERDICT_SKIP : VERDICT_CLEAR;
    if (v->audit && (v->mode == VERDICT_DANE || (v->mode == VERDICT_ENCRYPT && v->sole_unusable)))
        return unauthenticated == v->mode ? VERDICT_SKIP : unauthenticated;
    return VERDICT_SKIP;
}
