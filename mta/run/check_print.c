/* The document of `danelaw check` as text: the answer first, then how it came about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mta/run/check.h"

enum colour { PLAIN, GOOD, BAD, DIM };

static const char *paint(enum colour colour)
{
    static const char *const code[] = {"\033[0m", "\033[32m", "\033[31m", "\033[2m"};
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? code[colour] : "";
}

static const char *text(json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static long long number(json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static void print_answer(json_t *d)
{
    json_t *reason = json_object_get(d, "reason");

    if (!reason) {
        printf("%s: %swould be delivered%s by %s, tls=%s\n", text(d, "domain"), paint(GOOD),
               paint(PLAIN), text(d, "relay"), text(d, "tls"));
        return;
    }
    printf("%s: %swould be %s%s: %s (%s)\n", text(d, "domain"), paint(BAD), text(d, "outcome"),
           paint(PLAIN), text(reason, "text"), text(reason, "dsn"));
    printf("  whose fault   %s\n", text(reason, "fault"));
    if (*text(reason, "remedy"))
        printf("  what mends it %s\n", text(reason, "remedy"));
}

static void print_rules(json_t *d)
{
    json_t *policy = json_object_get(d, "policy"), *route = json_object_get(d, "route"),
           *resolver = json_object_get(d, "resolver");

    printf("\npolicy    %s (%s)%s%s\n", text(policy, "tls"), text(policy, "where"),
           *text(policy, "note") ? ", note: " : "", text(policy, "note"));
    printf("route     %s (%s)\n", text(route, "to"), text(route, "where"));
    printf("resolver  %s%s%s\n", text(resolver, "state"), *text(resolver, "detail") ? ": " : "",
           text(resolver, "detail"));
}

static enum colour security_colour(const char *security)
{
    if (strcmp(security, "secure") == 0)
        return GOOD;
    return strcmp(security, "insecure") == 0 ? PLAIN : BAD;
}

static void print_dns(json_t *hop)
{
    size_t i;
    json_t *s;

    json_array_foreach(json_object_get(hop, "dns"), i, s) {
        const char *security = text(s, "security");
        printf("  %-40s %-6s %s%-9s%s %s", text(s, "name"), text(s, "type"),
               paint(security_colour(security)), security, paint(PLAIN), text(s, "lookup"));
        if (number(s, "records"))
            printf(" (%lld), ttl %lld", number(s, "records"), number(s, "ttl"));
        if (*text(s, "alias"))
            printf(", alias of %s", text(s, "alias"));
        if (*text(s, "why"))
            printf(": %s", text(s, "why"));
        putchar('\n');
    }
}

static void print_verdict(json_t *host)
{
    json_t *v = json_object_get(host, "verdict"), *r, *name;
    size_t i;

    printf("  verdict   %s: %s\n", text(v, "mode"), text(v, "why"));
    if (*text(v, "tlsa_base"))
        printf("  TLSA base %s\n", text(v, "tlsa_base"));
    json_array_foreach(json_object_get(v, "names"), i, name)
        printf("  %s%s\n", i ? "          " : "names     ", json_string_value(name));
    json_array_foreach(json_object_get(v, "tlsa"), i, r) {
        bool usable = json_is_true(json_object_get(r, "usable"));
        printf("  TLSA      %lld %lld %lld %s %s%s%s%s\n", number(r, "usage"),
               number(r, "selector"), number(r, "matching"), text(r, "data"),
               usable ? paint(GOOD) : paint(BAD), usable ? "usable" : "unusable: ",
               usable ? "" : text(r, "why"), paint(PLAIN));
    }
}

static void print_chain(const char *chain)
{
    for (const char *end; *chain; chain = *end ? end + 1 : end) {
        end = strchrnul(chain, '\n');
        printf("      %s%.*s%s\n", paint(DIM), (int)(end - chain), chain, paint(PLAIN));
    }
}

static void print_probe(json_t *p)
{
    json_t *tls = json_object_get(p, "tls"), *failure = json_object_get(p, "failure");

    printf("  %s  ", text(p, "address"));
    if (failure)
        printf("%sfailed%s: %s", paint(BAD), paint(PLAIN), text(failure, "text"));
    else if (!tls)
        printf("%sready%s, no TLS", paint(GOOD), paint(PLAIN));
    else
        printf("%sready%s, tls=%s, %s %s", paint(GOOD), paint(PLAIN), text(tls, "level"),
               text(tls, "protocol"), text(tls, "cipher"));
    if (tls && !failure && number(tls, "record") >= 0)
        printf(", record %lld matched at depth %lld%s%s", number(tls, "record") + 1,
               number(tls, "depth"), *text(tls, "peer_name") ? ", name " : "",
               text(tls, "peer_name"));
    if (*text(p, "note"))
        printf(" (%s)", text(p, "note"));
    putchar('\n');
    print_chain(text(p, "chain"));
}

static void print_host(json_t *host)
{
    size_t i;
    json_t *p;

    printf("\nhost %s (preference %lld)\n", text(host, "host"), number(host, "preference"));
    print_verdict(host);
    json_array_foreach(json_object_get(host, "addresses"), i, p)
        print_probe(p);
}

void check_print(json_t *d)
{
    size_t i, k;
    json_t *hop, *host;

    print_answer(d);
    print_rules(d);
    json_array_foreach(json_object_get(d, "hops"), i, hop) {
        printf("\nnext hop %s, port %lld\n", text(hop, "next_hop"), number(hop, "port"));
        print_dns(hop);
        json_array_foreach(json_object_get(hop, "hosts"), k, host)
            print_host(host);
    }
}
