/* Audit-only mode: which verdicts it changes, and what may be tried after a failure. RFC 7672 §9.1.
 */
#include <criterion/criterion.h>

#include "tls/verdict.h"

static const uint8_t digest[32] = {1};
static struct tlsa_record right = {3, 1, 1, 32, digest}, foreign = {1, 1, 1, 32, digest};

struct scene {
    struct dest_facts dest;
    struct host_facts host;
    struct verdict_input in;
};

/* A signed destination whose host has one usable record. */
static void set_scene(struct scene *s, enum tls_level level)
{
    *s = (struct scene){
        .dest = {.name = "d.example",
                 .expanded = "d.example",
                 .port = 25,
                 .kind = DEST_MX,
                 .security = DNS_SECURE,
                 .why = "",
                 .hosts = &s->host,
                 .n_hosts = 1},
        .host = {.name = "mx.example",
                 .expanded = "mx.example",
                 .addresses_lookup = DNS_DATA,
                 .addresses_security = DNS_SECURE,
                 .alias_security = DNS_SECURE,
                 .n_candidates = 1,
                 .tlsa_lookup = DNS_DATA,
                 .tlsa_base = "mx.example",
                 .tlsa = &right,
                 .n_tlsa = 1,
                 .why = ""},
        .in = {.level = level, .resolver_validates = true, .dest = &s->dest, .audit = true},
    };
}

static void without_tlsa(struct scene *s)
{
    s->host.tlsa_lookup = DNS_NODATA;
    s->host.tlsa_base = "";
    s->host.n_tlsa = 0;
}

static struct verdict decide(const struct scene *s)
{
    return verdict_decide(&s->in);
}

Test(audit, a_match_is_still_asked_for)
{
    struct scene s;
    set_scene(&s, TLS_LEVEL_DANE);
    struct verdict v = decide(&s);

    cr_expect_eq(v.mode, VERDICT_DANE);
    cr_expect(v.audit && status_ok(&v.skip));
    cr_expect_eq(verdict_weaker(&v, false), VERDICT_OPPORTUNISTIC);
    cr_expect_eq(verdict_weaker(&v, true), VERDICT_ENCRYPT);
}

Test(audit, unusable_records_ask_for_tls_first)
{
    struct scene s;
    set_scene(&s, TLS_LEVEL_DANE);
    s.host.tlsa = &foreign;
    struct verdict v = decide(&s);

    cr_expect_eq(v.mode, VERDICT_ENCRYPT);
    cr_expect_eq(verdict_weaker(&v, false), VERDICT_OPPORTUNISTIC);
    cr_expect_eq(verdict_weaker(&v, true), VERDICT_SKIP);
}

Test(audit, what_dane_skips_goes_on_and_is_kept)
{
    struct scene s;
    set_scene(&s, TLS_LEVEL_DANE);
    s.host.tlsa_lookup = DNS_ERROR;
    struct verdict v = decide(&s);
    cr_expect_eq(v.mode, VERDICT_OPPORTUNISTIC);
    cr_expect_eq(v.skip.cause, CAUSE_TLSA_LOOKUP);

    set_scene(&s, TLS_LEVEL_DANE_ONLY);
    without_tlsa(&s);
    v = decide(&s);
    cr_expect_eq(v.mode, VERDICT_OPPORTUNISTIC);
    cr_expect_eq(v.skip.cause, CAUSE_DANE_UNAVAILABLE);

    set_scene(&s, TLS_LEVEL_DANE);
    s.in.resolver_validates = false;
    v = decide(&s);
    cr_expect_eq(v.mode, VERDICT_OPPORTUNISTIC);
    cr_expect_eq(v.skip.cause, CAUSE_RESOLVER_NOT_VALIDATING);
}

Test(audit, what_stops_everybody_stops)
{
    struct scene s;
    set_scene(&s, TLS_LEVEL_DANE);
    s.dest.kind = DEST_ERROR;
    s.dest.security = DNS_BOGUS;
    cr_expect_eq(decide(&s).mode, VERDICT_SKIP);

    set_scene(&s, TLS_LEVEL_DANE);
    s.host.addresses_lookup = DNS_ERROR;
    cr_expect_eq(decide(&s).mode, VERDICT_SKIP);
}

Test(audit, nothing_weaker_without_it)
{
    static const enum verdict_mode modes[] = {VERDICT_SKIP, VERDICT_CLEAR, VERDICT_ENCRYPT,
                                              VERDICT_DANE, VERDICT_PKIX};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct verdict v = {.mode = modes[i], .sole_unusable = true};
        cr_expect_eq(verdict_weaker(&v, false), VERDICT_SKIP, "%s", verdict_mode_name(modes[i]));
        cr_expect_eq(verdict_weaker(&v, true), VERDICT_SKIP, "%s", verdict_mode_name(modes[i]));
    }
    struct verdict may = {.mode = VERDICT_OPPORTUNISTIC};
    cr_expect_eq(verdict_weaker(&may, false), VERDICT_CLEAR);
    cr_expect_eq(verdict_weaker(&may, true), VERDICT_SKIP);
    struct verdict asked = {.mode = VERDICT_ENCRYPT, .audit = true};
    cr_expect_eq(verdict_weaker(&asked, false), VERDICT_SKIP, "tls: encrypt is no DANE");
}
