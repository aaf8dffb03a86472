#include "mta/run/check/document.h"

#include <stdio.h>
#include <string.h>

#include "config/base/clock.h"
#include "mta/run/policy_command.h"
#include "mta/run/queue_text.h"
#include "tls/certificate.h"

enum { SHOWN_DATA = 64, SHOWN_CHAIN = 12 }; /* octets of a TLSA record, certificates */

static void set(json_t *o, const char *key, json_t *value)
{
    (void)json_object_set_new(o, key, value);
}

/* The clause, and with --explain what it says. */
static void add_clause(json_t *o, const struct check_ctx *ctx, const char *clause)
{
    const char *words = ctx->explain ? check_clause_words(clause) : NULL;

    set(o, "clause", json_string(clause));
    if (words)
        set(o, "explanation", json_string(words));
}

/* ---- the destination */

static json_t *resolver_json(const struct check_ctx *ctx)
{
    static const char *const words[] = {[RESOLVER_UNKNOWN] = "unknown",
                                        [RESOLVER_VALIDATES] = "validates",
                                        [RESOLVER_NOT_VALIDATING] = "does not validate"};
    return json_pack("{s:s, s:o}", "state", words[dns_link_resolver(ctx->dns)], "detail",
                     queue_text_json(ctx->resolver_detail));
}

json_t *check_document_json(const struct check_ctx *ctx, const char *asked, const char *domain)
{
    char time[CLOCK_TEXT_MAX];
    json_t *rules = policy_explain(ctx->settings->config, asked, domain, ctx->now_ms);
    json_t *d = json_pack("{s:s, s:o, s:s}", "domain", domain, "asked", queue_text_json(asked),
                          "time", clock_rfc3339(ctx->now_ms, time));

    (void)json_object_set(d, "policy", json_object_get(rules, "policy"));
    (void)json_object_set(d, "route", json_object_get(rules, "route"));
    set(d, "resolver", resolver_json(ctx));
    json_decref(rules);
    return d;
}

/* ---- next hops and lookups */

/* Which clause asks for a lookup, or says what its failure means. */
static const char *step_clause(const struct dns_step *s)
{
    if (s->lookup == DNS_ERROR)
        return "RFC 7672 section 2.1.2";
    if (s->type == DNS_MX)
        return "RFC 7672 section 2.2.1";
    return s->type == DNS_TLSA ? "RFC 7672 section 2.2.3" : "RFC 7672 section 2.2.2";
}

static json_t *step_json(const struct check_ctx *ctx, const struct dns_step *s)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:o}", "name", s->name, "type",
                          dns_type_name(s->type), "security", dns_security_name(s->security),
                          "lookup", dns_lookup_name(s->lookup), "ttl", (int)s->ttl, "records",
                          (int)s->records, "alias", s->alias, "why", queue_text_json(s->why));
    add_clause(o, ctx, step_clause(s));
    return o;
}

static void add_lookups(json_t *hop, const struct check_ctx *ctx, const struct dest_facts *facts)
{
    struct finding found[CHECK_FINDINGS];
    json_t *steps = json_array();

    for (size_t i = 0; i < facts->n_steps; i++)
        (void)json_array_append_new(steps, step_json(ctx, &facts->steps[i]));
    set(hop, "dns", steps);
    check_add_findings(
        hop, ctx, found,
        tls_diagnose_dns(facts, SIZE_MAX, ctx->now_ms / 1000, found, CHECK_FINDINGS));
}

json_t *check_hop_json(const struct check_ctx *ctx, const struct hop *hop,
                       const struct dest_facts *facts, bool with_dns)
{
    static const char *const kinds[] = {
        [HOP_MX] = "mx", [HOP_HOST] = "host", [HOP_ADDRESS] = "address"};
    json_t *o = json_pack("{s:s, s:s, s:i, s:b}", "next_hop", hop->name, "kind", kinds[hop->kind],
                          "port", hop->port, "implicit_tls", hop->implicit_tls);

    if (facts) {
        set(o, "expanded", json_string(facts->expanded));
        set(o, "mx_security", json_string(dns_security_name(facts->security)));
    }
    if (facts && facts->why && *facts->why)
        set(o, "why", queue_text_json(facts->why));
    if (facts && with_dns)
        add_lookups(o, ctx, facts);
    set(o, "hosts", json_array());
    return o;
}

void check_add_host_facts(json_t *host, const struct check_ctx *ctx, const struct dest_facts *facts,
                          size_t i)
{
    const struct host_facts *h = &facts->hosts[i];
    json_t *candidates = json_array();

    for (size_t k = 0; k < h->n_candidates; k++) {
        const struct tlsa_candidate *c = &h->candidates[k];
        (void)json_array_append_new(candidates,
                                    json_pack("{s:s, s:s, s:s, s:b}", "base", c->base, "security",
                                              dns_security_name(c->security), "lookup",
                                              dns_lookup_name(c->lookup), "chosen", c->chosen));
    }
    set(host, "expanded", json_string(h->expanded));
    set(host, "addresses_security", json_string(dns_security_name(h->addresses_security)));
    set(host, "candidates", candidates);
}

/* ---- verdict and handshake */

json_t *check_status_json(const struct status *s)
{
    const struct cause_info *info = cause_info(s->cause);
    char esc[16];
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "cause", info->name, "dsn", esc_text(s->esc, esc),
                     "text", queue_text_json(s->text), "fault", fault_words(info->fault), "remedy",
                     info->remedy);
}

static json_t *record_json(const struct verdict *v, size_t i)
{
    const struct tlsa_record *r = &v->records[i];
    const char *why = tlsa_unusable_why(r);
    char hex[2 * SHOWN_DATA + 4] = "";
    size_t shown = r->len < SHOWN_DATA ? r->len : SHOWN_DATA;
    bool usable = v->usable >> i & 1;

    for (size_t k = 0; k < shown; k++)
        (void)snprintf(hex + 2 * k, 3, "%02x", r->data[k]);
    (void)snprintf(hex + 2 * shown, 4, "%s", shown < r->len ? "..." : "");
    return json_pack("{s:i, s:i, s:i, s:s, s:i, s:b, s:s}", "usage", r->usage, "selector",
                     r->selector, "matching", r->mtype, "data", hex, "octets", r->len, "usable",
                     usable, "why",
                     usable ? ""
                     : why  ? why
                            : "its data is no certificate or key");
}

static json_t *verdict_json(const struct check_ctx *ctx, const struct verdict *v)
{
    json_t *names = json_array(), *records = json_array(), *o;

    for (size_t i = 0; i < v->n_names; i++)
        (void)json_array_append_new(names, json_string(v->names[i]));
    for (size_t i = 0; i < v->n_records; i++)
        (void)json_array_append_new(records, record_json(v, i));
    o = json_pack("{s:s, s:b, s:b, s:b, s:s, s:o, s:o, s:o}", "mode", verdict_mode_name(v->mode),
                  "half_dane", v->half_dane, "mx_secure", v->mx_secure, "audit", v->audit,
                  "tlsa_base", v->base ? v->base : "", "why", queue_text_json(v->why), "names",
                  names, "tlsa", records);
    add_clause(o, ctx, v->clause);
    return o;
}

void check_add_verdict(json_t *host, const struct check_ctx *ctx, const struct verdict *v)
{
    set(host, "verdict", verdict_json(ctx, v));
    if (!status_ok(&v->skip))
        set(host, v->mode == VERDICT_SKIP ? "skipped" : "audited", check_status_json(&v->skip));
}

json_t *check_tls_json(const struct tls_outcome *o)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:s}", "level", tls_outcome_label(o),
                     "protocol", o->protocol, "cipher", o->cipher, "record", o->record, "depth",
                     o->depth, "peer_name", queue_text_json(o->peer_name), "error", o->error);
}

static json_t *date_json(int64_t s)
{
    char text[CLOCK_TEXT_MAX];
    return s ? json_string(clock_rfc3339(s * 1000, text)) : json_null();
}

/* "3 1 1 <hex>" of the leaf, "2 1 1 <hex>" of the others, and the same of the whole certificate. */
static json_t *would_be_json(const struct certificate *c, size_t depth)
{
    char hex[CERTIFICATE_HEX];
    json_t *a = json_array();

    for (int selector = 1; selector >= 0; selector--)
        (void)json_array_append_new(a, json_sprintf("%d %d 1 %s", depth ? 2 : 3, selector,
                                                    tls_certificate_hex(c, selector, 1, hex)));
    return a;
}

static json_t *certificate_json(const struct certificate *c, size_t depth)
{
    json_t *o = json_pack(
        "{s:i, s:o, s:o, s:o, s:b, s:s, s:s, s:o, s:o, s:b, s:o}", "depth", (int)depth, "subject",
        queue_text_json(c->subject), "issuer", queue_text_json(c->issuer), "names",
        queue_text_json(c->names), "names_are_cn", c->names_are_cn, "key", c->key, "signature",
        c->signature, "not_before", date_json(c->not_before_s), "not_after",
        date_json(c->not_after_s), "ca", c->is_ca, "tlsa", would_be_json(c, depth));
    return o ? o : json_object();
}

json_t *check_chain_json(SSL *ssl)
{
    struct certificate sent[SHOWN_CHAIN];
    size_t n = tls_certificates(ssl, sent, SHOWN_CHAIN);
    json_t *chain = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(chain, certificate_json(&sent[i], i));
    return chain;
}

/* ---- findings */

static const char *effect_name(enum finding_effect e)
{
    static const char *const names[] = {
        [EFFECT_STOPS] = "stops", [EFFECT_COSTS] = "costs", [EFFECT_HINT] = "hint"};
    return names[e];
}

void check_add_findings(json_t *o, const struct check_ctx *ctx, const struct finding *found,
                        size_t n)
{
    json_t *a = json_object_get(o, "findings");

    if (!a) {
        a = json_array();
        set(o, "findings", a);
    }
    for (size_t i = 0; i < n; i++) {
        const struct finding_info *info = finding_info(found[i].id);
        json_t *f =
            json_pack("{s:s, s:s, s:s, s:o, s:o}", "finding", info->name, "effect",
                      effect_name(info->effect), "fault", fault_words(info->fault), "text",
                      queue_text_json(found[i].text), "mend", queue_text_json(found[i].mend));
        add_clause(f, ctx, info->clause);
        (void)json_array_append_new(a, f);
    }
}
