/* Why the lookups do not lead to DANE, or weaken it: the validator's words sorted into what a
 * zone's operator can do, and what the facts show by themselves. RFC 7672 §2, RFC 4035 §5.
 *
 * The words are libunbound's and may change with it; an unknown reason is told as it is. They only
 * explain: security and lookup have decided already. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/base/ip.h"
#include "tls/diagnose_private.h"

struct reason {
    const char *words;
    enum finding_id id;
};

/* The first that is contained decides: dates before all, denial before other signatures. */
// clang-format off
static const struct reason bogus_reasons[] = {
    {"signature expired", FINDING_DNS_SIGNATURE_EXPIRED},
    {"inception after expiration", FINDING_DNS_SIGNATURE_WRONG},
    {"before inception date", FINDING_DNS_SIGNATURE_FUTURE},
    {"NSEC", FINDING_DNS_DENIAL},
    {"no DNSSEC records", FINDING_DNS_DENIAL},
    {"nodata proof", FINDING_DNS_DENIAL},
    {"nxdomain proof", FINDING_DNS_DENIAL},
    {"proof failed", FINDING_DNS_DENIAL},
    {"wildcard", FINDING_DNS_DENIAL},
    {"keys have a DS", FINDING_DNS_KEY_BROKEN},
    {"DS hash mismatch", FINDING_DNS_KEY_BROKEN},
    {"match DS", FINDING_DNS_KEY_BROKEN},
    {"matches DS", FINDING_DNS_KEY_BROKEN},
    {"DNSKEY", FINDING_DNS_KEY_BROKEN},
    {"unknown keys", FINDING_DNS_KEY_BROKEN},
    {"wrong keytag", FINDING_DNS_KEY_BROKEN},
    {"no signatures", FINDING_DNS_UNSIGNED},
    {"no DS", FINDING_DNS_UNSIGNED}, /* no signature, so it looked for an unsigned zone below */
    {"signature missing", FINDING_DNS_UNSIGNED},
    {"lack of signatures", FINDING_DNS_UNSIGNED},
    {"signature", FINDING_DNS_SIGNATURE_WRONG},
};
// clang-format on

/* A server that does not like the question, as opposed to an answer that makes no sense. */
static const char *const unanswered[] = {"SERVFAIL", "NOTIMP", "REFUSED", "FORMERR", "no answer"};

static bool is_unanswered(const char *why)
{
    for (size_t i = 0; i < ARRAY_LEN(unanswered); i++)
        if (strncmp(why, unanswered[i], strlen(unanswered[i])) == 0)
            return true;
    return false;
}

static enum finding_id classify(const struct dns_step *s, bool addresses_found)
{
    if (s->security != DNS_BOGUS)
        return s->type == DNS_TLSA && addresses_found && is_unanswered(s->why)
                   ? FINDING_DNS_TLSA_HOSTILE
                   : FINDING_DNS_FAILED;
    for (size_t i = 0; i < ARRAY_LEN(bogus_reasons); i++)
        if (strstr(s->why, bogus_reasons[i].words))
            return bogus_reasons[i].id;
    return FINDING_DNS_BOGUS;
}

/* What comes after "validation failure <name type class>: ", which repeats the question, or names
 * the one before at which the zone's key was given up. */
static const char *short_reason(const char *why)
{
    for (const char *end; (end = strstr(why, ">: "));)
        why = end + 3;
    return why;
}

/* Where dates are in question, ours is the other one. */
static const char *clock_text(enum finding_id id, int64_t now_s, char *text, size_t size)
{
    const time_t t = (time_t)now_s;
    struct tm tm;

    text[0] = '\0';
    if ((id == FINDING_DNS_SIGNATURE_EXPIRED || id == FINDING_DNS_SIGNATURE_FUTURE) &&
        gmtime_r(&t, &tm))
        (void)strftime(text, size, "; our clock says %Y-%m-%d %H:%M UTC", &tm);
    return text;
}

static void failed_step(struct findings *f, const struct dns_step *s, bool addresses_found,
                        int64_t now_s)
{
    const enum finding_id id = classify(s, addresses_found);
    char clock[64];
    (void)finding_add(f, id, "%s %.120s: %s%s%.140s%s", dns_type_name(s->type), s->name,
                      dns_security_name(s->security), s->why[0] ? ", " : "", short_reason(s->why),
                      clock_text(id, now_s, clock, sizeof(clock)));
}

static bool step_failed(const struct dns_step *s)
{
    return s->lookup == DNS_ERROR;
}

/* ---- one host ---- */

static bool is_address_step(const struct dns_step *s, const struct host_facts *h)
{
    return (s->type == DNS_A || s->type == DNS_AAAA) && dns_name_eq(s->name, h->name);
}

static bool is_tlsa_step(const struct dns_step *s, const struct host_facts *h, uint16_t port)
{
    char owner[DNS_NAME_MAX];

    for (size_t i = 0; s->type == DNS_TLSA && i < h->n_candidates; i++)
        if (dns_name_tlsa(h->candidates[i].base, port, owner) && dns_name_eq(owner, s->name))
            return true;
    return false;
}

static void one_family(struct findings *f, const struct dns_step *s)
{
    (void)finding_add(f, FINDING_DNS_ONE_FAMILY, "%s %.120s: %s%s%.140s", dns_type_name(s->type),
                      s->name, dns_security_name(s->security), s->why[0] ? ", " : "",
                      short_reason(s->why));
}

static void failed_lookups(struct findings *f, const struct dest_facts *facts,
                           const struct host_facts *h, int64_t now_s)
{
    const bool found = h->addresses_lookup == DNS_DATA;

    for (size_t i = 0; i < facts->n_steps; i++) {
        const struct dns_step *s = &facts->steps[i];
        const bool address = is_address_step(s, h);
        if (!step_failed(s))
            continue;
        if (address && found)
            one_family(f, s);
        else if (address || is_tlsa_step(s, h, facts->port) ||
                 (s->type == DNS_CNAME && dns_name_eq(s->name, h->name)))
            failed_step(f, s, found, now_s);
    }
}

static void alias(struct findings *f, const struct host_facts *h)
{
    char tried[200] = "";
    size_t n = 0;

    for (size_t i = 0; i < h->n_candidates && n < sizeof(tried); i++)
        n += (size_t)snprintf(tried + n, sizeof(tried) - n, "; %.60s: %s, %s%s",
                              h->candidates[i].base, dns_security_name(h->candidates[i].security),
                              dns_lookup_name(h->candidates[i].lookup),
                              h->candidates[i].chosen ? ", chosen" : "");
    (void)finding_add(f, FINDING_HOST_IS_ALIAS, "%.80s is an alias of %.80s%s", h->name,
                      h->expanded, n ? tried : "; no TLSA lookup was made");
}

static bool any_covered(const struct dest_facts *facts)
{
    for (size_t i = 0; i < facts->n_hosts; i++)
        if (facts->hosts[i].n_tlsa)
            return true;
    return false;
}

static bool is_secure_mx(const struct dest_facts *facts)
{
    return facts->kind == DEST_MX && facts->security == DNS_SECURE;
}

static bool is_address(const struct host_facts *h)
{
    struct ip ip;
    return ip_parse(slice_of(h->name), &ip);
}

static void diagnose_host(struct findings *f, const struct dest_facts *facts,
                          const struct host_facts *h, int64_t now_s)
{
    if (facts->kind == DEST_MX && is_address(h)) {
        (void)finding_add(f, FINDING_MX_ADDRESS, "%s", h->name);
        return;
    }
    failed_lookups(f, facts, h, now_s);
    if (h->addresses_lookup != DNS_DATA)
        return;
    if (facts->kind == DEST_MX && !dns_name_eq(h->name, h->expanded))
        alias(f, h);
    if (is_secure_mx(facts) && h->n_candidates == 0 && h->addresses_security == DNS_INSECURE)
        (void)finding_add(f, FINDING_HOST_UNSIGNED, "%s", h->name);
    if (is_secure_mx(facts) && h->n_candidates && !h->n_tlsa && h->tlsa_lookup != DNS_ERROR &&
        !any_covered(facts))
        (void)finding_add(f, FINDING_NOT_PUBLISHED, "%s", h->candidates[0].base);
}

/* ---- the destination as a whole ---- */

/* A host that cannot be reached, or must not be, does not take the mail of the others. */
static bool is_uncovered(const struct host_facts *h)
{
    return !h->n_tlsa && h->addresses_lookup == DNS_DATA && h->tlsa_lookup != DNS_ERROR;
}

static void coverage(struct findings *f, const struct dest_facts *facts)
{
    size_t covered = 0;

    for (size_t i = 0; i < facts->n_hosts; i++)
        covered += facts->hosts[i].n_tlsa > 0;
    for (size_t i = 0; covered && i < facts->n_hosts; i++)
        if (is_uncovered(&facts->hosts[i]))
            (void)finding_add(
                f, FINDING_HOST_UNCOVERED, "%.100s, preference %u; %zu of %zu hosts have records",
                facts->hosts[i].name, facts->hosts[i].preference, covered, facts->n_hosts);
}

static void diagnose_destination(struct findings *f, const struct dest_facts *facts, int64_t now_s)
{
    for (size_t i = 0; i < facts->n_steps; i++) {
        const struct dns_step *s = &facts->steps[i];
        if (step_failed(s) && s->type == DNS_MX)
            failed_step(f, s, false, now_s);
    }
    if (facts->kind == DEST_MX && facts->security == DNS_INSECURE && any_covered(facts))
        (void)finding_add(f, FINDING_MX_UNSIGNED, "%s", facts->name);
    coverage(f, facts);
}

size_t tls_diagnose_dns(const struct dest_facts *facts, size_t host, int64_t now_s,
                        struct finding *out, size_t max)
{
    struct findings f = {out, 0, max};

    if (host == SIZE_MAX)
        diagnose_destination(&f, facts, now_s);
    else if (host < facts->n_hosts)
        diagnose_host(&f, facts, &facts->hosts[host], now_s);
    return f.n;
}
