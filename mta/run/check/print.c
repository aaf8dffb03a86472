/* The document of `danelaw check` as text: the answer first, then how it came about. Words that
 * came from outside go through queue_text_safe. */
#include <stdio.h>

#include "mta/run/check/private.h"
#include "mta/run/check/text.h"
#include "mta/run/queue_text.h"

enum { CAUSES_TOLD = 3 }; /* in the answer; the rest stands where it was found */

static void put(const char *before, const char *words)
{
    fputs(before, stdout);
    queue_text_safe(stdout, words);
}

/* ---- findings */

static enum colour effect_colour(const json_t *finding)
{
    if (equals(finding, "effect", "stops"))
        return BAD;
    return equals(finding, "effect", "costs") ? WARN : DIM;
}

static void print_words(const json_t *f)
{
    printf("%s%s%s: ", paint(effect_colour(f)), text(f, "finding"), paint(PLAIN));
    put("", text(f, "text"));
    if (*text(f, "clause"))
        printf(" (%s)", text(f, "clause"));
    putchar('\n');
}

static void print_mend(const json_t *f, const char *indent)
{
    if (!*text(f, "mend"))
        return;
    printf("%s  publish: ", indent);
    put("", text(f, "mend"));
    putchar('\n');
}

/* In its place; what the answer has told is not told again. */
static void print_finding(const json_t *f, const char *indent)
{
    fputs(indent, stdout);
    if (is(f, "told")) {
        printf("%s%s%s: see above\n", paint(effect_colour(f)), text(f, "finding"), paint(PLAIN));
        return;
    }
    print_words(f);
    print_mend(f, indent);
}

static void print_findings(const json_t *o, const char *indent)
{
    size_t i;
    json_t *f;

    json_array_foreach (json_object_get(o, "findings"), i, f)
        print_finding(f, indent);
}

static bool has_finding(const json_t *o, const char *name)
{
    size_t i;
    json_t *f;

    json_array_foreach (json_object_get(o, "findings"), i, f)
        if (equals(f, "finding", name))
            return true;
    return false;
}

/* The same kind once; the one with a record to publish says more. */
static void add_cause(json_t *into, json_t *finding)
{
    size_t i;
    json_t *f;

    json_array_foreach (into, i, f) {
        if (!equals(f, "finding", text(finding, "finding")))
            continue;
        if (!*text(f, "mend") && *text(finding, "mend"))
            (void)json_array_set(into, i, finding);
        return;
    }
    /* That a second certificate is not covered explains whatever the first one's handshake showed.
     */
    (void)json_array_insert(into, equals(finding, "finding", "key-type-uncovered") ? 0 : i,
                            finding);
}

/* What stops mail, or also what costs it security, in the order of the document. */
static void gather_causes(json_t *o, bool costs, json_t *into)
{
    const char *key;
    json_t *value, *inner;
    size_t i;

    json_array_foreach (json_object_get(o, "findings"), i, value)
        if (equals(value, "effect", "stops") || (costs && equals(value, "effect", "costs")))
            add_cause(into, value);
    json_object_foreach (o, key, value)
        if (json_is_array(value))
            json_array_foreach (value, i, inner)
                gather_causes(inner, costs, into);
}

/* ---- the answer */

/* Two findings may be mended by one record. */
static bool is_mended_before(const json_t *causes, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (equals(json_array_get(causes, i), "mend", text(json_array_get(causes, at), "mend")))
            return true;
    return false;
}

/* What stops the message; if nothing does, what stops it at other hosts, or costs it security. */
static void print_causes(const json_t *d, bool stopped)
{
    json_t *causes = json_array(), *f, *hop;
    size_t i;

    json_array_foreach (json_object_get(d, "hops"), i, hop)
        gather_causes(hop, !stopped, causes);
    json_array_foreach (causes, i, f) {
        if (i == CAUSES_TOLD)
            break;
        fputs(stopped ? "  likely cause  " : "  also found    ", stdout);
        print_words(f);
        if (!is_mended_before(causes, i))
            print_mend(f, "");
        (void)json_object_set_new(f, "told", json_true());
    }
    json_decref(causes);
}

static void print_reason(const json_t *d, const json_t *reason)
{
    printf("%swould be %s%s: ", paint(BAD), text(d, "outcome"), paint(PLAIN));
    put("", text(reason, "text"));
    printf(" (%s)\n", text(reason, "dsn"));
}

static void print_outcome(const json_t *d)
{
    const json_t *reason = json_object_get(d, "reason");

    if (reason)
        print_reason(d, reason);
    else
        printf("%swould be delivered%s by %s, tls=%s\n", paint(GOOD), paint(PLAIN),
               text(d, "relay"), text(d, "tls"));
}

static void print_answer(const json_t *d)
{
    const json_t *audited = json_object_get(d, "audited"), *ahead = json_object_get(d, "ahead");
    const json_t *reason = audited ? audited : json_object_get(d, "reason");

    printf("%s: ", text(d, "domain"));
    print_outcome(d);
    if (audited) {
        put("  audit only    DANE would keep it from this host: ", text(audited, "text"));
        printf(" (%s)\n", text(audited, "dsn"));
    }
    if (reason)
        printf("  whose fault   %s\n", text(reason, "fault"));
    print_causes(d, reason != NULL);
    if (reason && *text(reason, "remedy"))
        printf("  what mends it %s\n", text(reason, "remedy"));
    if (ahead) {
        printf("  in %lld days (%s) ", number(ahead, "days"), text(ahead, "date"));
        print_outcome(ahead);
    }
}

static void print_policy(const char *label, const json_t *p)
{
    printf("%s%s%s by %s (%s)", label, text(p, "tls"), is(p, "audit") ? ", audit only," : "",
           text(p, "rule"), text(p, "where"));
    if (*text(p, "until"))
        printf(", until %s", text(p, "until"));
    if (*text(p, "note"))
        put(", note: ", text(p, "note"));
    printf("\n          %s\n", text(p, "words"));
}

static void print_rules(const json_t *d)
{
    const json_t *route = json_object_get(d, "route"), *resolver = json_object_get(d, "resolver");

    putchar('\n');
    print_policy("policy    ", json_object_get(d, "policy"));
    printf("route     %s (%s)\n", equals(route, "to", "mx") ? "by MX" : text(route, "to"),
           text(route, "where"));
    printf("resolver  %s%s", text(resolver, "state"), *text(resolver, "detail") ? ": " : "");
    put("", text(resolver, "detail"));
    putchar('\n');
}

/* ---- DNS */

static enum colour security_colour(const char *security)
{
    if (strcmp(security, "secure") == 0)
        return GOOD;
    return strcmp(security, "insecure") == 0 ? PLAIN : BAD;
}

static void print_step(const json_t *s)
{
    const char *security = text(s, "security");

    printf("  %-40s %-6s %s%-9s%s ", text(s, "name"), text(s, "type"),
           paint(security_colour(security)), security, paint(PLAIN));
    if (number(s, "records"))
        printf("%lld record%s, ttl %lld", number(s, "records"),
               number(s, "records") == 1 ? "" : "s", number(s, "ttl"));
    else
        fputs(text(s, "lookup"), stdout);
    if (*text(s, "alias"))
        printf(", alias of %s", text(s, "alias"));
    if (*text(s, "why"))
        put(": ", text(s, "why"));
    if (*text(s, "explanation"))
        printf(" (%s)", text(s, "clause"));
    putchar('\n');
}

static void print_dns(const json_t *hop)
{
    size_t i;
    json_t *s;

    json_array_foreach (json_object_get(hop, "dns"), i, s)
        print_step(s);
    print_findings(hop, "  ");
}

/* ---- hosts */

static void print_candidates(const json_t *host)
{
    size_t i;
    json_t *c;

    json_array_foreach (json_object_get(host, "candidates"), i, c)
        printf("  %s%s: %s, %s%s\n", i ? "          " : "tried     ", text(c, "base"),
               text(c, "security"), text(c, "lookup"),
               is(c, "chosen") ? " (the TLSA base domain)" : "");
}

static void print_record(const json_t *r)
{
    bool usable = is(r, "usable");

    printf("  TLSA      %lld %lld %lld %s %s%s%s%s\n", number(r, "usage"), number(r, "selector"),
           number(r, "matching"), text(r, "data"), paint(usable ? GOOD : BAD),
           usable ? "usable" : "unusable: ", usable ? "" : text(r, "why"), paint(PLAIN));
}

static void print_verdict(const json_t *host)
{
    const json_t *v = json_object_get(host, "verdict"), *audited = json_object_get(host, "audited");
    json_t *r, *name;
    size_t i;

    printf("  verdict   %s%s: ", text(v, "mode"), is(v, "audit") ? ", audit only" : "");
    put("", text(v, "why"));
    putchar('\n');
    if (audited) {
        put("  audited   ", text(audited, "text"));
        putchar('\n');
    }
    print_candidates(host);
    json_array_foreach (json_object_get(v, "names"), i, name)
        printf("  %s%s\n", i ? "          " : "names     ", json_string_value(name));
    json_array_foreach (json_object_get(v, "tlsa"), i, r)
        print_record(r);
}

static void print_certificate(const json_t *c)
{
    size_t i;
    json_t *tlsa;

    printf("      %s%lld: ", paint(DIM), number(c, "depth"));
    put("", text(c, "subject"));
    put(", issued by ", text(c, "issuer"));
    printf(", %s, %.10s to %.10s\n", text(c, "key"), text(c, "not_before"), text(c, "not_after"));
    if (*text(c, "names")) {
        put(is(c, "names_are_cn") ? "         common name " : "         names ", text(c, "names"));
        putchar('\n');
    }
    json_array_foreach (json_object_get(c, "tlsa"), i, tlsa)
        printf("         %s\n", json_string_value(tlsa));
    fputs(paint(PLAIN), stdout);
}

static void print_match(const json_t *tls)
{
    printf("%sready%s, tls=%s, %s %s", paint(GOOD), paint(PLAIN), text(tls, "level"),
           text(tls, "protocol"), text(tls, "cipher"));
    if (number(tls, "record") >= 0)
        printf(", record %lld matched at depth %lld", number(tls, "record") + 1,
               number(tls, "depth"));
    if (*text(tls, "peer_name"))
        put(", name ", text(tls, "peer_name"));
}

static void print_chain(const json_t *p, const json_t *before)
{
    const json_t *chain = json_object_get(p, "chain");
    json_t *c;
    size_t i;

    if (json_array_size(chain) && before && json_equal(chain, json_object_get(before, "chain"))) {
        printf("      %sthe same certificates%s\n", paint(DIM), paint(PLAIN));
        return;
    }
    json_array_foreach (chain, i, c)
        print_certificate(c);
}

static void print_probe(const json_t *p, const json_t *before)
{
    const json_t *tls = json_object_get(p, "tls"), *failure = json_object_get(p, "failure");
    bool absent = is(p, "absent");

    printf("  %s", text(p, "address"));
    if (!equals(p, "key", "any"))
        printf(", %s only", text(p, "key"));
    printf(":  ");
    if (failure && !absent) {
        printf("%sfailed%s: ", paint(BAD), paint(PLAIN));
        put("", text(failure, "text"));
    } else if (!absent && !tls) {
        printf("%sready%s, no TLS", paint(GOOD), paint(PLAIN));
    } else if (!absent) {
        print_match(tls);
    }
    if (*text(p, "note"))
        printf(absent ? "%s" : " (%s)", text(p, "note"));
    putchar('\n');
    print_chain(p, before);
    if (!absent)
        print_findings(p, "    ");
}

/* The findings of the host that no handshake has found too, which knows more. */
static void print_host_findings(const json_t *host)
{
    size_t i, k;
    json_t *f, *p;

    json_array_foreach (json_object_get(host, "findings"), i, f) {
        bool again = false;
        json_array_foreach (json_object_get(host, "addresses"), k, p)
            again |= has_finding(p, text(f, "finding"));
        if (!again)
            print_finding(f, "  ");
    }
}

static void print_host(const json_t *host)
{
    const json_t *before = NULL;
    size_t i;
    json_t *p;

    printf("\nhost %s (preference %lld)\n", text(host, "host"), number(host, "preference"));
    print_verdict(host);
    print_host_findings(host);
    json_array_foreach (json_object_get(host, "addresses"), i, p) {
        print_probe(p, before);
        before = p;
    }
}

static void print_hops(const json_t *d)
{
    size_t i, k;
    json_t *hop, *host;

    json_array_foreach (json_object_get(d, "hops"), i, hop) {
        printf("\nnext hop %s, port %lld%s\n", text(hop, "next_hop"), number(hop, "port"),
               is(hop, "implicit_tls") ? ", TLS at once" : "");
        print_dns(hop);
        json_array_foreach (json_object_get(hop, "hosts"), k, host)
            print_host(host);
    }
}

static void print_ahead(const json_t *ahead)
{
    printf("\n%sin %lld days, on %s%s\n", paint(DIM), number(ahead, "days"), text(ahead, "date"),
           paint(PLAIN));
    print_policy("policy    ", json_object_get(ahead, "policy"));
    print_hops(ahead);
}

/* ---- what the clauses say, each once, in the order of the document */

static void gather_clauses(json_t *o, json_t *into)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_array(o)) {
        json_array_foreach (o, i, value)
            gather_clauses(value, into);
        return;
    }
    if (*text(o, "explanation"))
        (void)json_object_set(into, text(o, "clause"), json_object_get(o, "explanation"));
    json_object_foreach (o, key, value)
        if (json_is_array(value) || json_is_object(value))
            gather_clauses(value, into);
}

static void print_clauses(json_t *d)
{
    json_t *clauses = json_object(), *words;
    const char *clause;

    gather_clauses(d, clauses);
    if (json_object_size(clauses))
        printf("\nwhat the clauses say\n");
    json_object_foreach (clauses, clause, words)
        printf("  %s: %s\n", clause, json_string_value(words));
    json_decref(clauses);
}

void check_print(json_t *d)
{
    const json_t *ahead = json_object_get(d, "ahead");

    print_answer(d);
    print_rules(d);
    print_hops(d);
    if (ahead)
        print_ahead(ahead);
    print_clauses(d);
}
