/* The verdict table, a case per row and clause. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tls/verdict.h"

static const uint8_t digest[64] = {1, 2, 3};

/* RRsets, by what they hold. */
enum rrset { NO_RRSET, GOOD, TA, BAD, MIXED, BASELESS };

// clang-format off
static struct tlsa_record records[][2] = {
    [GOOD] = {{3, 1, 1, 32, digest}},
    [TA] = {{2, 0, 1, 32, digest}},
    [BAD] = {{3, 1, 1, 31, digest}, {1, 1, 1, 32, digest}},
    [MIXED] = {{0, 0, 1, 32, digest}, {3, 1, 2, 64, digest}},
    [BASELESS] = {{3, 1, 1, 32, digest}},
};
// clang-format on
static const size_t rrset_size[] = {[GOOD] = 1, [TA] = 1, [BAD] = 2, [MIXED] = 2, [BASELESS] = 1};

/* What DNS says; everything left out is the plain good case: secure MX, secure addresses, no TLSA.
 */
struct facts {
    enum dest_kind kind;
    enum dns_security mx;
    const char *expanded; /* of the next hop */
    const char *host;
    enum dns_lookup addresses;
    enum dns_security addresses_security, alias;
    enum dns_lookup tlsa_lookup;
    const char *base;
    enum rrset rrset;
    bool not_asked;
};

struct row {
    const char *name; /* with the clause */
    enum tls_level level;
    bool blind, literal;
    struct facts f;
    enum verdict_mode mode;
    enum cause skip;
    bool half, sole_unusable;
    const char *names; /* joined by a space */
    uint64_t usable;
};

#define S              DNS_SECURE
#define I              DNS_INSECURE
#define SECURE_MX      .mx = S, .addresses_security = S, .alias = S
#define WITH_TLSA(set) .base = "mx.d.example", .rrset = set

// clang-format off
static const struct row rows[] = {
    /* Address literals, RFC 7672 §2.2. */
    {.name = "literal none", TLS_LEVEL_NONE, .literal = true, .mode = VERDICT_CLEAR},
    {.name = "literal may", TLS_LEVEL_MAY, .literal = true, .mode = VERDICT_OPPORTUNISTIC},
    {.name = "literal encrypt", TLS_LEVEL_ENCRYPT, .literal = true, .mode = VERDICT_ENCRYPT},
    {.name = "literal dane", TLS_LEVEL_DANE, .literal = true, .blind = true,
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "literal dane-only", TLS_LEVEL_DANE_ONLY, .literal = true,
     .skip = CAUSE_DANE_UNAVAILABLE},
    {.name = "literal verify", TLS_LEVEL_VERIFY, .literal = true, .mode = VERDICT_PKIX},
    {.name = "literal secure", TLS_LEVEL_SECURE, .literal = true, .mode = VERDICT_PKIX},

    /* A resolver that does not validate, §2.1.1. */
    {.name = "blind dane", TLS_LEVEL_DANE, .blind = true, .f = {SECURE_MX},
     .skip = CAUSE_RESOLVER_NOT_VALIDATING},
    {.name = "blind dane with records", TLS_LEVEL_DANE, .blind = true, .f = {SECURE_MX,
     WITH_TLSA(GOOD)}, .skip = CAUSE_RESOLVER_NOT_VALIDATING},
    {.name = "blind dane, MX in error: ours to mend first", TLS_LEVEL_DANE, .blind = true,
     .f = {.kind = DEST_ERROR}, .skip = CAUSE_RESOLVER_NOT_VALIDATING},
    {.name = "blind dane-only", TLS_LEVEL_DANE_ONLY, .blind = true, .f = {SECURE_MX},
     .skip = CAUSE_RESOLVER_NOT_VALIDATING},
    {.name = "blind may", TLS_LEVEL_MAY, .blind = true, .f = {.mx = I},
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "blind none", TLS_LEVEL_NONE, .blind = true, .f = {.mx = I}, .mode = VERDICT_CLEAR},
    {.name = "blind encrypt", TLS_LEVEL_ENCRYPT, .blind = true, .f = {.mx = I},
     .mode = VERDICT_ENCRYPT},
    {.name = "blind verify", TLS_LEVEL_VERIFY, .blind = true, .f = {.mx = I}, .mode = VERDICT_PKIX,
     .names = "mx.d.example"},
    {.name = "blind secure", TLS_LEVEL_SECURE, .blind = true, .f = {.mx = S,
     .expanded = "e.example"}, .mode = VERDICT_PKIX, .names = "d.example"},

    /* MX step, §2.1.2, §2.2.1; RFC 7505; RFC 5321 §5.1. */
    {.name = "MX error may", TLS_LEVEL_MAY, .f = {.kind = DEST_ERROR}, .skip = CAUSE_MX_LOOKUP},
    {.name = "MX error none", TLS_LEVEL_NONE, .f = {.kind = DEST_ERROR}, .skip = CAUSE_MX_LOOKUP},
    {.name = "MX error dane", TLS_LEVEL_DANE, .f = {.kind = DEST_ERROR}, .skip = CAUSE_MX_LOOKUP},
    {.name = "MX bogus is an error whatever the kind", TLS_LEVEL_DANE, .f = {.mx = DNS_BOGUS},
     .skip = CAUSE_MX_LOOKUP},
    {.name = "null MX", TLS_LEVEL_DANE, .f = {.kind = DEST_NULL_MX}, .skip = CAUSE_NULL_MX},
    {.name = "no domain", TLS_LEVEL_MAY, .f = {.kind = DEST_NXDOMAIN}, .skip = CAUSE_NO_DOMAIN},
    {.name = "no host", TLS_LEVEL_DANE, .f = {SECURE_MX, .host = ""}, .skip = CAUSE_NO_ADDRESS},
    {.name = "MX names an address, §2.2", TLS_LEVEL_DANE, .f = {SECURE_MX, .host = "192.0.2.1"},
     .skip = CAUSE_ADDRESS_LOOKUP},

    /* Addresses, §2.1.2, §2.2.2. */
    {.name = "addresses error dane", TLS_LEVEL_DANE, .f = {SECURE_MX, .addresses = DNS_ERROR},
     .skip = CAUSE_ADDRESS_LOOKUP},
    {.name = "addresses error may", TLS_LEVEL_MAY, .f = {SECURE_MX, .addresses = DNS_ERROR},
     .skip = CAUSE_ADDRESS_LOOKUP},
    {.name = "addresses bogus", TLS_LEVEL_DANE, .f = {.mx = S, .addresses_security = DNS_BOGUS,
     .alias = DNS_BOGUS}, .skip = CAUSE_ADDRESS_LOOKUP},
    {.name = "no addresses", TLS_LEVEL_DANE, .f = {SECURE_MX, .addresses = DNS_NODATA},
     .skip = CAUSE_NO_ADDRESS},
    {.name = "host does not exist", TLS_LEVEL_NONE, .f = {SECURE_MX, .addresses = DNS_NXDOMAIN},
     .skip = CAUSE_NO_ADDRESS},
    {.name = "alias error dane, §2.1.3", TLS_LEVEL_DANE, .f = {.mx = S, .addresses_security = I,
     .alias = DNS_FAILED}, .skip = CAUSE_ADDRESS_LOOKUP},
    {.name = "alias error may: nobody asked", TLS_LEVEL_MAY, .f = {.mx = S, .addresses_security = I,
     .alias = DNS_FAILED}, .mode = VERDICT_OPPORTUNISTIC},
    {.name = "addresses insecure: no TLSA asked, §2.2.2", TLS_LEVEL_DANE, .f = {.mx = S,
     .not_asked = true}, .mode = VERDICT_OPPORTUNISTIC},
    {.name = "addresses insecure dane-only, §6", TLS_LEVEL_DANE_ONLY, .f = {.mx = S,
     .not_asked = true}, .skip = CAUSE_DANE_UNAVAILABLE},

    /* Levels that do not look at TLSA. */
    {.name = "none with records", TLS_LEVEL_NONE, .f = {SECURE_MX, WITH_TLSA(GOOD)},
     .mode = VERDICT_CLEAR},
    {.name = "may with records", TLS_LEVEL_MAY, .f = {SECURE_MX, WITH_TLSA(GOOD)},
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "may with TLSA error", TLS_LEVEL_MAY, .f = {SECURE_MX, .tlsa_lookup = DNS_ERROR},
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "encrypt with records", TLS_LEVEL_ENCRYPT, .f = {SECURE_MX, WITH_TLSA(GOOD)},
     .mode = VERDICT_ENCRYPT},
    {.name = "verify", TLS_LEVEL_VERIFY, .f = {SECURE_MX, WITH_TLSA(GOOD)}, .mode = VERDICT_PKIX,
     .names = "mx.d.example"},
    {.name = "secure", TLS_LEVEL_SECURE, .f = {SECURE_MX}, .mode = VERDICT_PKIX,
     .names = "d.example"},
    {.name = "secure, signed expansion", TLS_LEVEL_SECURE, .f = {SECURE_MX,
     .expanded = "e.example"}, .mode = VERDICT_PKIX, .names = "d.example e.example"},
    {.name = "secure, unsigned expansion", TLS_LEVEL_SECURE, .f = {.mx = I,
     .expanded = "e.example"}, .mode = VERDICT_PKIX, .names = "d.example"},

    /* TLSA, §2.1.2, §2.2, §2.2.1, §3.1.3, §3.2.2, §6. */
    {.name = "TLSA error", TLS_LEVEL_DANE, .f = {SECURE_MX, .tlsa_lookup = DNS_ERROR},
     .skip = CAUSE_TLSA_LOOKUP},
    {.name = "TLSA error dane-only", TLS_LEVEL_DANE_ONLY, .f = {SECURE_MX,
     .tlsa_lookup = DNS_ERROR}, .skip = CAUSE_TLSA_LOOKUP},
    {.name = "TLSA error, MX insecure", TLS_LEVEL_DANE, .f = {.mx = I, .addresses_security = S,
     .alias = S, .tlsa_lookup = DNS_ERROR}, .skip = CAUSE_TLSA_LOOKUP},
    {.name = "records without a base fail closed", TLS_LEVEL_DANE, .f = {SECURE_MX, .base = "",
     .rrset = BASELESS}, .skip = CAUSE_TLSA_LOOKUP},
    {.name = "3 1 1", TLS_LEVEL_DANE, .f = {SECURE_MX, WITH_TLSA(GOOD)}, .mode = VERDICT_DANE,
     .names = "mx.d.example d.example", .usable = 1},
    {.name = "3 1 1 dane-only", TLS_LEVEL_DANE_ONLY, .f = {SECURE_MX, WITH_TLSA(GOOD)},
     .mode = VERDICT_DANE, .names = "mx.d.example d.example", .usable = 1},
    {.name = "2 0 1, three names, §3.2.2", TLS_LEVEL_DANE, .f = {SECURE_MX, WITH_TLSA(TA),
     .expanded = "e.example"}, .mode = VERDICT_DANE, .names = "mx.d.example d.example e.example",
     .usable = 1},
    {.name = "usage 0 beside 3 1 2, §3.1.3", TLS_LEVEL_DANE, .f = {SECURE_MX, WITH_TLSA(MIXED)},
     .mode = VERDICT_DANE, .names = "mx.d.example d.example", .usable = 2},
    {.name = "half-dane, MX insecure, §2.2.1", TLS_LEVEL_DANE, .f = {.mx = I,
     .addresses_security = S, .alias = S, WITH_TLSA(TA), .expanded = "e.example"},
     .mode = VERDICT_DANE, .half = true, .names = "mx.d.example", .usable = 1},
    {.name = "MX insecure dane-only, §2.2.1", TLS_LEVEL_DANE_ONLY, .f = {.mx = I,
     .addresses_security = S, .alias = S, WITH_TLSA(GOOD)}, .skip = CAUSE_DANE_UNAVAILABLE},
    {.name = "implicit MX", TLS_LEVEL_DANE, .f = {SECURE_MX, .kind = DEST_IMPLICIT,
     .host = "d.example", .base = "d.example", .rrset = TA}, .mode = VERDICT_DANE,
     .names = "d.example", .usable = 1},
    {.name = "implicit MX, expanded base, §3.2.2", TLS_LEVEL_DANE, .f = {SECURE_MX,
     .kind = DEST_IMPLICIT, .host = "d.example", .base = "e.example", .rrset = TA,
     .expanded = "e.example"}, .mode = VERDICT_DANE, .names = "e.example d.example", .usable = 1},
    {.name = "implicit MX by an insecure denial is no half-dane", TLS_LEVEL_DANE_ONLY,
     .f = {.kind = DEST_IMPLICIT, .mx = I, .addresses_security = S, .alias = S, .host = "d.example",
     .base = "d.example", .rrset = GOOD}, .mode = VERDICT_DANE, .names = "d.example", .usable = 1},
    {.name = "implicit MX by an insecure denial, expanded base, §3.2.2", TLS_LEVEL_DANE,
     .f = {.kind = DEST_IMPLICIT, .mx = I, .addresses_security = S, .alias = S, .host = "d.example",
     .base = "e.example", .rrset = TA}, .mode = VERDICT_DANE, .names = "e.example d.example",
     .usable = 1},
    {.name = "relay host", TLS_LEVEL_DANE_ONLY, .f = {SECURE_MX, .kind = DEST_HOST,
     .host = "d.example", .base = "d.example", .rrset = GOOD}, .mode = VERDICT_DANE,
     .names = "d.example", .usable = 1},
    {.name = "relay host, expanded base", TLS_LEVEL_DANE, .f = {SECURE_MX, .kind = DEST_HOST,
     .host = "d.example", .base = "e.example", .rrset = TA}, .mode = VERDICT_DANE,
     .names = "e.example d.example", .usable = 1},
    {.name = "relay host, base is the name: its expansion is no reference", TLS_LEVEL_DANE,
     .f = {SECURE_MX, .kind = DEST_HOST, .host = "d.example", .base = "d.example", .rrset = TA,
     .expanded = "e.example"}, .mode = VERDICT_DANE, .names = "d.example", .usable = 1},
    {.name = "none usable", TLS_LEVEL_DANE, .f = {SECURE_MX, WITH_TLSA(BAD)},
     .mode = VERDICT_ENCRYPT, .sole_unusable = true},
    {.name = "none usable, MX insecure, §2.2.3", TLS_LEVEL_DANE, .f = {.mx = I,
     .addresses_security = S, .alias = S, WITH_TLSA(BAD)}, .mode = VERDICT_ENCRYPT,
     .sole_unusable = true},
    {.name = "none usable dane-only, §6", TLS_LEVEL_DANE_ONLY, .f = {SECURE_MX, WITH_TLSA(BAD)},
     .skip = CAUSE_DANE_UNAVAILABLE},
    {.name = "securely absent", TLS_LEVEL_DANE, .f = {SECURE_MX, .tlsa_lookup = DNS_NXDOMAIN},
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "no data", TLS_LEVEL_DANE, .f = {SECURE_MX, .tlsa_lookup = DNS_NODATA},
     .mode = VERDICT_OPPORTUNISTIC},
    {.name = "securely absent dane-only, §6", TLS_LEVEL_DANE_ONLY, .f = {SECURE_MX,
     .tlsa_lookup = DNS_NXDOMAIN}, .skip = CAUSE_DANE_UNAVAILABLE},
    {.name = "MX insecure, no records", TLS_LEVEL_DANE, .f = {.mx = I, .not_asked = true},
     .mode = VERDICT_OPPORTUNISTIC},
};
// clang-format on

/* The row's facts; storage is the caller's. */
static void build(const struct facts *f, struct dest_facts *dest, struct host_facts *host)
{
    *host = (struct host_facts){
        .name = f->host ? f->host : "mx.d.example",
        .addresses_lookup = f->addresses,
        .addresses_security = f->addresses_security,
        .alias_security = f->alias,
        .n_candidates = f->not_asked ? 0 : 1,
        .tlsa_lookup = f->tlsa_lookup,
        .tlsa_base = f->base ? f->base : "",
        .tlsa = f->rrset ? records[f->rrset] : NULL,
        .n_tlsa = f->rrset ? rrset_size[f->rrset] : 0,
        .why = "the reason",
    };
    host->expanded = host->name;
    if (f->tlsa_lookup == DNS_DATA && !f->rrset)
        host->tlsa_lookup = DNS_NODATA;
    *dest = (struct dest_facts){
        .name = "d.example",
        .expanded = f->expanded ? f->expanded : "d.example",
        .kind = f->kind,
        .security = f->mx,
        .why = "the reason",
        .hosts = host,
        .n_hosts = host->name[0] ? 1 : 0,
    };
    if (f->kind == DEST_ERROR || f->kind == DEST_NULL_MX || f->kind == DEST_NXDOMAIN)
        dest->n_hosts = 0;
}

static const char *joined_names(const struct verdict *v, char text[200])
{
    text[0] = '\0';
    for (size_t i = 0; i < v->n_names; i++)
        snprintf(text + strlen(text), 200 - strlen(text), "%s%s", i ? " " : "", v->names[i]);
    return text;
}

Test(verdict, table)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct dest_facts dest;
        struct host_facts host;
        char names[200];
        build(&r->f, &dest, &host);
        struct verdict_input in = {r->level, !r->blind, r->literal ? NULL : &dest, 0};
        struct verdict v = verdict_decide(&in);

        cr_expect_eq(v.mode, r->mode, "%s: %s", r->name, verdict_mode_name(v.mode));
        cr_expect_eq(v.skip.cause, r->skip, "%s: %s", r->name, cause_info(v.skip.cause)->name);
        cr_expect_eq(v.half_dane, r->half, "%s", r->name);
        cr_expect_eq(v.sole_unusable, r->sole_unusable, "%s", r->name);
        cr_expect_eq(v.usable, r->usable, "%s", r->name);
        cr_expect_str_eq(joined_names(&v, names), r->names ? r->names : "", "%s", r->name);
        cr_expect(v.why[0] && strlen(v.why) < VERDICT_WHY, "%s", r->name);
        if (v.mode == VERDICT_DANE || v.sole_unusable)
            cr_expect(v.base[0] && v.n_records, "%s", r->name);
        else if (v.mode != VERDICT_SKIP)
            cr_expect(!v.base[0] && !v.n_records, "%s", r->name);
    }
}

Test(verdict, a_failure_never_bounces_for_dane)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum cause c = rows[i].skip;
        if (c == CAUSE_TLSA_LOOKUP || c == CAUSE_DANE_UNAVAILABLE || c == CAUSE_ADDRESS_LOOKUP ||
            c == CAUSE_MX_LOOKUP || c == CAUSE_RESOLVER_NOT_VALIDATING)
            cr_expect_eq(cause_info(c)->disposition, DISP_RETRY, "%s", rows[i].name);
    }
}

Test(verdict, the_reason_is_told_and_cut)
{
    char reason[500];
    struct dest_facts dest;
    struct host_facts host;
    struct facts f = {SECURE_MX, .tlsa_lookup = DNS_ERROR};

    build(&f, &dest, &host);
    struct verdict_input in = {TLS_LEVEL_DANE, true, &dest, 0};
    struct verdict v = verdict_decide(&in);
    cr_assert_str_eq(v.why, "the TLSA lookup failed: the reason (RFC 7672 section 2.1.2)");
    cr_assert_str_eq(v.skip.text,
                     "mx.d.example: the TLSA lookup failed: the reason (RFC 7672 section "
                     "2.1.2)");
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    host.why = reason;
    v = verdict_decide(&in);
    cr_assert_not_null(strstr(v.why, "x (RFC 7672 section 2.1.2)"));
    cr_assert_eq(strlen(v.why), VERDICT_WHY - 1);
}

static void key_of(enum rrset set, enum dns_security mx, const char *expanded,
                   uint8_t key[VERDICT_KEY])
{
    struct dest_facts dest;
    struct host_facts host;
    struct facts f = {SECURE_MX, WITH_TLSA(set), .expanded = expanded};
    f.mx = mx;
    build(&f, &dest, &host);
    struct verdict_input in = {TLS_LEVEL_DANE, true, &dest, 0};
    struct verdict v = verdict_decide(&in);
    verdict_key(&v, key);
}

static bool same_key(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, VERDICT_KEY) == 0;
}

Test(verdict, key_tells_apart_what_authentication_depends_on)
{
    uint8_t key[VERDICT_KEY], other[VERDICT_KEY];

    key_of(TA, S, NULL, key);
    key_of(TA, S, NULL, other);
    cr_expect(same_key(key, other));
    key_of(GOOD, S, NULL, other);
    cr_expect(!same_key(key, other), "records");
    key_of(TA, S, "e.example", other);
    cr_expect(!same_key(key, other), "names");
    key_of(TA, I, NULL, other);
    cr_expect(!same_key(key, other), "half-dane");
    key_of(BAD, S, NULL, other);
    cr_expect(!same_key(key, other), "mode");
}

Test(verdict, key_does_not_depend_on_the_order_of_records)
{
    struct tlsa_record a = {3, 1, 1, 32, digest}, b = {3, 1, 1, 32, digest + 1},
                       junk = {3, 1, 9, 0, NULL};
    struct tlsa_record one[] = {a, b}, two[] = {b, junk, a};
    struct verdict v = {
        .mode = VERDICT_DANE, .base = "mx", .records = one, .n_records = 2, .usable = 3};
    uint8_t key[VERDICT_KEY], other[VERDICT_KEY];

    verdict_key(&v, key);
    v.records = two;
    v.n_records = 3;
    v.usable = 5;
    verdict_key(&v, other);
    cr_expect(same_key(key, other));
}
