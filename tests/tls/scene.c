#include "tests/tls/scene.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t digest[100] = {1, 2, 3};

/* ---- words */

static size_t index_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    cr_assert_fail("no word of a scene: \"%s\"", word);
    return 0;
}

static enum dest_kind kind_of(const char *word)
{
    static const char *const words[] = {
        [DEST_MX] = "MX",           [DEST_IMPLICIT] = "IMPLICIT", [DEST_HOST] = "HOST",
        [DEST_NULL_MX] = "NULL_MX", [DEST_NXDOMAIN] = "NXDOMAIN", [DEST_ERROR] = "ERROR",
    };
    return (enum dest_kind)index_of(word, words, ARRAY_LEN(words));
}

static enum dns_lookup lookup_of(const char *word)
{
    static const char *const words[] = {
        [DNS_DATA] = "data", [DNS_NODATA] = "nd", [DNS_NXDOMAIN] = "nx", [DNS_ERROR] = "err"};
    return (enum dns_lookup)index_of(word, words, ARRAY_LEN(words));
}

static enum dns_security security_of(char letter, char error)
{
    static const char letters[] = "ISBF"; /* as enum dns_security has them */
    const char *at = strchr(letters, letter == 'E' ? error : letter);
    cr_assert(at && *at, "no security: '%c'", letter);
    return (enum dns_security)(at - letters);
}

/* Cuts text at the mark; what stands behind it, or NULL. */
static char *cut(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at)
        *at++ = '\0';
    return at;
}

/* ---- hosts */

static struct tlsa_record read_record(char *word)
{
    unsigned u, s, m;
    char *len = cut(word, ':');
    bool read =
        sscanf(word, "%u.%u.%u", &u, &s, &m) == 3 || sscanf(word, "%1u%1u%1u", &u, &s, &m) == 3;

    cr_assert(read, "no record: %s", word);
    unsigned long n = len ? strtoul(len, NULL, 10) : m == 2 ? 64 : 32;
    return (struct tlsa_record){(uint8_t)u, (uint8_t)s, (uint8_t)m, (uint16_t)n, digest};
}

/* "none", "nd", "nx", "err:B"; or a base domain and records. */
static void read_tlsa(struct host_facts *h, struct tlsa_record *records, char **left, char error)
{
    char *word = strtok_r(NULL, " ", left), *security = cut(word, ':');

    if (strcmp(word, "none") == 0)
        return;
    h->n_candidates = 1;
    if (strcmp(word, "nd") == 0 || strcmp(word, "nx") == 0 || strcmp(word, "err") == 0) {
        h->tlsa_lookup = h->candidates[0].lookup = lookup_of(word);
        if (security)
            h->candidates[0].security = security_of(*security, error);
        return;
    }
    h->tlsa_lookup = DNS_DATA;
    h->tlsa_base = strcmp(word, "-") == 0 ? "" : word;
    h->tlsa = records;
    while ((word = strtok_r(NULL, " ", left)))
        records[h->n_tlsa++] = read_record(word);
}

static void read_host(struct host_facts *h, struct tlsa_record *records, char *text, char error)
{
    char *left, *word = strtok_r(text, " ", &left), *expanded = cut(word, '>');

    *h = (struct host_facts){.name = word,
                             .expanded = expanded ? expanded : word,
                             .tlsa_lookup = DNS_NODATA,
                             .tlsa_base = "",
                             .why = "the reason"};
    word = strtok_r(NULL, " ", &left);
    char *alias = cut(word, '/'), *security = cut(word, ':');
    h->addresses_lookup = lookup_of(word);
    h->addresses_security = security_of(*security, error);
    h->alias_security = alias ? security_of(*alias, error) : h->addresses_security;
    word = strtok_r(NULL, " ", &left);
    if (word && strcmp(word, "tlsa") == 0)
        read_tlsa(h, records, &left, error);
}

/* ---- the destination */

static bool read_demand(struct scene *s, const char *word)
{
    static const char *const words[] = {[DEMAND_REQUIRETLS] = "requiretls",
                                        [DEMAND_NOTIFICATION] = "notification",
                                        [DEMAND_TLS_OPTIONAL] = "tls-optional"};

    for (size_t i = DEMAND_REQUIRETLS; i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            s->demand = (enum verdict_demand)i;
    return s->demand != DEMAND_NONE;
}

static char *read_flags(struct scene *s, char *word, char **left)
{
    for (; word; word = strtok_r(NULL, " ", left)) {
        if (strcmp(word, "literal") == 0)
            s->literal = true;
        else if (strcmp(word, "blind") == 0)
            s->blind = true;
        else if (strcmp(word, "audit") == 0)
            s->audit = true;
        else if (s->demand != DEMAND_NONE || !read_demand(s, word))
            return word;
    }
    return NULL;
}

static void read_dest(struct scene *s, char *text, char error)
{
    char *left, *word = read_flags(s, strtok_r(text, " ", &left), &left);

    if (s->literal)
        return;
    s->dest = (struct dest_facts){
        .name = "d.example", .expanded = "d.example", .hosts = s->hosts, .why = "the reason"};
    s->dest.kind = kind_of(word);
    s->dest.security = security_of(*strtok_r(NULL, " ", &left), error);
    word = strtok_r(NULL, " ", &left);
    if (!word)
        return;
    char *expanded = cut(word, '>');
    s->dest.name = word[0] ? word : "d.example";
    s->dest.expanded = expanded ? expanded : s->dest.name;
}

void scene_read(struct scene *s, const char *text, char error)
{
    *s = (struct scene){0};
    cr_assert(slice_copy(slice_of(text), s->text, sizeof(s->text)));
    char *hosts = cut(s->text, '|');
    read_dest(s, s->text, error);
    while (hosts) {
        char *host = hosts;
        size_t i = s->dest.n_hosts++;
        hosts = cut(host, '|');
        cr_assert(i < SCENE_HOSTS);
        read_host(&s->hosts[i], s->records[i], host, error);
    }
}

struct verdict scene_verdict(const struct scene *s, enum tls_level level, size_t host)
{
    struct verdict_input in = {.level = level,
                               .resolver_validates = !s->blind,
                               .dest = s->literal ? NULL : &s->dest,
                               .host = host,
                               .audit = s->audit,
                               .demand = s->demand};
    return verdict_decide(&in);
}

/* ---- the verdict in words */

__attribute__((format(printf, 2, 3))) static void say(char *text, const char *format, ...)
{
    size_t n = strlen(text);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text + n, SCENE_TEXT - n, format, args);
    va_end(args);
}

static void say_names(const struct verdict *v, char *text)
{
    size_t first = v->base[0] && v->n_names ? 1 : 0;

    if (v->base[0])
        say(text, ", base %s", v->base);
    if (first && strcmp(v->names[0], v->base) != 0)
        say(text, ", but first %s", v->names[0]);
    for (size_t i = first; i < v->n_names; i++)
        say(text, "%s %s", i > first ? "" : first ? ", also" : ", names", v->names[i]);
}

static void say_records(const struct verdict *v, char *text)
{
    if (!v->n_records)
        return;
    say(text, ", usable%s", v->usable ? "" : " none");
    for (size_t i = 0; i < 64; i++)
        if (v->usable & (UINT64_C(1) << i))
            say(text, " %zu", i + 1);
}

const char *verdict_text(const struct verdict *v, char text[SCENE_TEXT])
{
    const struct cause_info *cause = cause_info(v->skip.cause);
    enum verdict_mode weaker = verdict_weaker(v, false);

    text[0] = '\0';
    say(text, "%s%s", v->half_dane ? "half-" : "", verdict_mode_name(v->mode));
    if (v->mode == VERDICT_SKIP)
        say(text, " %s, %s", cause->name, cause->disposition == DISP_RETRY ? "retry" : "bounce");
    else if (!status_ok(&v->skip))
        say(text, " despite %s", cause->name);
    say_names(v, text);
    say_records(v, text);
    if (weaker != VERDICT_SKIP)
        say(text, ", or %s", verdict_mode_name(weaker));
    return text;
}
