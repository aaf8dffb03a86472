#include "mta/run/policy_command.h"

#include <stdio.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/ip.h"
#include "config/routes.h"
#include "dns/name.h"
#include "mta/run/destination.h"
#include "mta/run/queue_text.h"
#include "tls/verdict.h"

enum { USAGE = 2, SHOWN_MATCHES = 64 };

const char policy_command_help[] =
    "usage: danelaw policy explain ADDRESS [--json]\n"
    "\n"
    "ADDRESS is a mail address or a domain. Says whether anyone may send there through this "
    "relay,\n"
    "where the mail goes, which security it gets and for how long, and which rules were passed "
    "over,\n"
    "each with file and line. `danelaw check` says what that comes to with the destination's DNS.\n"
    "exit status: 0 done, 2 usage or configuration\n";

/* What each level asks for. */
static const char *const level_words[] = {
    [TLS_LEVEL_NONE] = "no TLS, even if offered",
    [TLS_LEVEL_MAY] = "TLS if offered, unauthenticated",
    [TLS_LEVEL_ENCRYPT] = "TLS or nothing, unauthenticated",
    [TLS_LEVEL_DANE] = "a matching TLSA record where one is published, else TLS if offered "
                       "(RFC 7672 section 2)",
    [TLS_LEVEL_DANE_ONLY] = "a matching TLSA record, also where none is published "
                            "(RFC 7672 section 6)",
    [TLS_LEVEL_VERIFY] = "a publicly trusted certificate with the MX host's name",
    [TLS_LEVEL_SECURE] = "a publicly trusted certificate with the next hop's name",
};

/* ---- the document */

static json_t *where_json(const struct config_where *where)
{
    char text[300];
    return queue_text_json(config_where_text(where, text));
}

/* "2026-12-01", the last day; null: for ever. */
static json_t *until_json(int64_t until_ms)
{
    char text[CLOCK_TEXT_MAX];

    if (!until_ms)
        return json_null();
    (void)clock_rfc3339(until_ms, text);
    return json_stringn(text, 10);
}

static json_t *host_json(const struct hop_host *h)
{
    char text[DNS_NAME_MAX + 16];

    (void)snprintf(text, sizeof(text), h->mx_lookup ? "%s:%u" : "[%s]:%u", h->name, h->port);
    return json_pack("{s:s, s:b, s:b}", "host", text, "mx_lookup", h->mx_lookup, "implicit_tls",
                     h->implicit_tls);
}

static json_t *route_json(const struct config *c, struct slice domain)
{
    struct route r = routes_find(c, domain);
    json_t *hosts = json_array();

    for (size_t i = 0; r.hop && i < r.hop->n_hosts; i++)
        (void)json_array_append_new(hosts, host_json(&r.hop->hosts[i]));
    return json_pack("{s:s, s:o, s:o}", "to", r.hop ? r.hop->name : "mx", "where",
                     where_json(&r.where), "hosts", hosts);
}

static bool is_expired(const struct policy_config *p, int64_t wall_ms)
{
    return p->until_ms && wall_ms > p->until_ms;
}

/* The rules whose pattern fits but which do not apply: past their date, or behind a better match.
 */
static json_t *passed_over_json(const struct config *c, struct slice domain, int64_t wall_ms)
{
    const struct policy_config *match[SHOWN_MATCHES];
    size_t n = routes_matching_policies(c, domain, match, SHOWN_MATCHES);
    json_t *rules = json_array();
    bool decided = false;

    for (size_t i = 0; i < n; i++) {
        bool expired = is_expired(match[i], wall_ms), applies = !expired && !decided;
        decided |= applies;
        if (!applies)
            (void)json_array_append_new(
                rules,
                json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "pattern", match[i]->pattern, "tls",
                          tls_level_name(match[i]->tls), "where", where_json(&match[i]->where),
                          "until", until_json(match[i]->until_ms), "note", match[i]->note,
                          "because", expired ? "expired" : "a longer match applies"));
    }
    return rules;
}

/* The option that decides, as a path: "policies.example.org". */
static json_t *rule_json(const struct config *c, struct slice domain, int64_t wall_ms)
{
    const struct policy_config *match[SHOWN_MATCHES];
    const struct next_hop_config *hop = routes_find(c, domain).hop;
    size_t n = routes_matching_policies(c, domain, match, SHOWN_MATCHES);

    for (size_t i = 0; i < n; i++)
        if (!is_expired(match[i], wall_ms))
            return json_sprintf("policies \"%s\"", match[i]->pattern);
    return hop && hop->has_tls ? json_sprintf("next_hops.%s.tls", hop->name)
                               : json_string("delivery.tls");
}

static json_t *policy_json(const struct config *c, struct slice domain, int64_t wall_ms)
{
    struct policy p = routes_policy(c, domain, wall_ms);

    return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:s, s:o, s:s, s:s}", "tls",
                     tls_level_name(p.level), "words", level_words[p.level], "rule",
                     rule_json(c, domain, wall_ms), "audit", p.audit, "where", where_json(&p.where),
                     "until", until_json(p.until_ms), "note", p.note, "passed_over",
                     passed_over_json(c, domain, wall_ms), "requiretls",
                     verdict_demand_words(p.level, DEMAND_REQUIRETLS), "tls_required_no",
                     verdict_demand_words(p.level, DEMAND_TLS_OPTIONAL));
}

json_t *policy_explain(const struct config *c, const char *address, const char *domain,
                       int64_t wall_ms)
{
    struct slice d = slice_of(domain);
    char key[ROUTE_KEY_MAX];

    return json_pack("{s:o, s:s, s:b, s:o, s:o, s:s}", "address", queue_text_json(address),
                     "domain", domain, "ours", routes_is_ours(c, d), "route", route_json(c, d),
                     "policy", policy_json(c, d, wall_ms), "queue",
                     routes_destination(c, d, wall_ms, key));
}

/* ---- as text */

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void print_route(const json_t *route)
{
    size_t i;
    json_t *h;

    printf("route      %s (%s)\n",
           strcmp(text(route, "to"), "mx") == 0 ? "by MX" : text(route, "to"),
           text(route, "where"));
    json_array_foreach (json_object_get(route, "hosts"), i, h)
        printf("           %s%s%s\n", text(h, "host"),
               json_is_true(json_object_get(h, "mx_lookup")) ? ", by its MX records" : "",
               json_is_true(json_object_get(h, "implicit_tls")) ? ", TLS at once" : "");
}

static void print_rule_end(const json_t *rule)
{
    if (*text(rule, "until"))
        printf(", until %s", text(rule, "until"));
    if (*text(rule, "note")) {
        fputs(", note: ", stdout);
        queue_text_safe(stdout, text(rule, "note"));
    }
}

static void print_policy(const json_t *policy)
{
    size_t i;
    json_t *rule;

    printf("policy     %s%s by %s (%s)", text(policy, "tls"),
           json_is_true(json_object_get(policy, "audit")) ? ", audit only," : "",
           text(policy, "rule"), text(policy, "where"));
    print_rule_end(policy);
    printf("\n           %s\n", text(policy, "words"));
    json_array_foreach (json_object_get(policy, "passed_over"), i, rule) {
        printf("%s\"%s\" tls: %s (%s)", i ? "           " : "not used   ", text(rule, "pattern"),
               text(rule, "tls"), text(rule, "where"));
        print_rule_end(rule);
        printf(": %s\n", text(rule, "because"));
    }
    printf("a message  with REQUIRETLS: %s\n", text(policy, "requiretls"));
    printf("           with \"TLS-Required: No\": %s\n", text(policy, "tls_required_no"));
}

static void print_explanation(const json_t *d)
{
    queue_text_safe(stdout, text(d, "address"));
    printf("\naccepted   %s\n", json_is_true(json_object_get(d, "ours"))
                                    ? "from anyone (domains)"
                                    : "only from a listener's clients");
    print_route(json_object_get(d, "route"));
    print_policy(json_object_get(d, "policy"));
    printf("queue      %s\n", text(d, "queue"));
}

int policy_command(const struct config *c, int argc, char **argv, bool as_json)
{
    char domain[DNS_NAME_MAX];

    if (argc != 2 || strcmp(argv[0], "explain") != 0) {
        fputs(policy_command_help, stderr);
        return USAGE;
    }
    if (!destination_parse(argv[1], domain)) {
        fputs("danelaw policy: \"", stderr);
        queue_text_safe(stderr, argv[1]);
        fputs("\" is no address and no domain name\n", stderr);
        return USAGE;
    }
    json_t *d = policy_explain(c, argv[1], domain, clock_wall_ms());
    if (as_json) {
        (void)json_dumpf(d, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        print_explanation(d);
    }
    json_decref(d);
    return 0;
}
