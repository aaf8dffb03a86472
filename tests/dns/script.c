#include "tests/dns/script.h"

#include <stdio.h>
#include <string.h>

#include "config/base/arena.h"

enum { MAX_LINES = 64, MAX_OPEN = 512 };

struct line {
    struct slice owner, type, security, alias, result;
    bool asked;
};

static struct slice word(struct slice *left)
{
    *left = slice_trim(*left);
    struct slice w = slice_head(*left, slice_find(*left, ' '));
    *left = slice_trim(slice_skip(*left, w.n));
    return w;
}

static size_t read_script(const char *script, struct line v[MAX_LINES])
{
    size_t n = 0;

    for (struct slice left = slice_of(script); left.n && n < MAX_LINES;) {
        struct slice text = slice_head(left, slice_find(left, '\n'));
        left = slice_skip(left, text.n + 1);
        if (slice_trim(text).n == 0)
            continue;
        struct line *l = &v[n++];
        *l = (struct line){.owner = word(&text)};
        l->type = word(&text);
        l->security = word(&text);
        if (text.n && text.p[0] == '>')
            l->alias = slice_skip(word(&text), 1);
        l->result = text;
    }
    return n;
}

static void add_record(struct arena *arena, struct dns_answer *a, uint16_t type, struct slice s)
{
    uint64_t number = 0;

    if (type == DNS_MX) {
        a->mx = arena_grow(arena, a->mx, a->n, sizeof(*a->mx));
        REQUIRE(slice_to_u64(word(&s), 65535, &number));
        const char *exchange = arena_strdup(arena, slice_eq(s, SLICE(".")) ? SLICE("") : s);
        a->mx[a->n] = (struct mx_record){(uint16_t)number, s.n && *s.p == '?' ? NULL : exchange};
    } else if (type == DNS_TLSA) {
        a->tlsa = arena_grow(arena, a->tlsa, a->n, sizeof(*a->tlsa));
        a->tlsa[a->n] =
            (struct tlsa_record){3, 1, 1, (uint16_t)s.n, (const uint8_t *)arena_strdup(arena, s)};
    } else if (type == DNS_CNAME) {
        a->cname = arena_strdup(arena, s);
    } else {
        a->addresses = arena_grow(arena, a->addresses, a->n, sizeof(*a->addresses));
        REQUIRE(ip_parse(s, &a->addresses[a->n]));
    }
    a->n++;
}

static void add_records(struct arena *arena, struct dns_answer *a, uint16_t type, struct slice s)
{
    while (s.n) {
        struct slice one = slice_head(s, slice_find(s, ','));
        s = slice_skip(s, one.n + 1);
        add_record(arena, a, type, slice_trim(one));
    }
}

static struct dns_answer answer_of(struct arena *arena, const struct line *l, uint16_t type)
{
    static const char letters[] = "ISBF";
    struct dns_answer a = {.ttl = 300, .why = ""};

    a.security = (enum dns_security)(strchr(letters, l->security.p[0]) - letters);
    a.aliased = l->alias.n > 0;
    a.expanded = arena_strdup(arena, a.aliased ? l->alias : l->owner);
    if (a.security == DNS_BOGUS || a.security == DNS_FAILED) {
        a = dns_answer_failed(arena, a.expanded, "scripted");
        a.security = l->security.p[0] == 'B' ? DNS_BOGUS : DNS_FAILED;
    } else if (slice_eq(l->result, SLICE("nd"))) {
        a.lookup = DNS_NODATA;
    } else if (slice_eq(l->result, SLICE("nx"))) {
        a.lookup = DNS_NXDOMAIN;
    } else {
        add_records(arena, &a, type, l->result);
    }
    return a;
}

static struct line *find(struct line *v, size_t n, const struct plan_query *q)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(v[i].owner, slice_of(q->name)) &&
            slice_eq(v[i].type, slice_of(dns_type_name(q->type))))
            return &v[i];
    return NULL;
}

/* The answer may be freed as soon as the plan has it: it is. */
static bool feed(struct plan *p, const struct plan_query *q, struct line *v, size_t n)
{
    struct line nothing = {slice_of(q->name), SLICE("AAAA"), SLICE("S"),
                           SLICE(""),         SLICE("nd"),   false};
    struct line *l = find(v, n, q);

    if (!l && q->type == DNS_AAAA)
        l = &nothing;
    if (!l || l->asked)
        return false;
    l->asked = true;
    struct arena *arena = arena_new();
    struct dns_answer a = answer_of(arena, l, q->type);
    plan_feed(p, q->id, &a);
    plan_feed(p, q->id, &a); /* a repeated answer is ignored */
    plan_feed(p, q->id + 1000, &a);
    arena_free(&arena);
    return true;
}

static size_t pick(enum script_order order, size_t open, unsigned *random)
{
    *random = *random * 1103515245u + 12345u;
    if (order == SCRIPT_FIRST_FIRST)
        return 0;
    return order == SCRIPT_LAST_FIRST ? open - 1 : *random / 65536 % open;
}

static bool play(struct plan *p, struct line *v, size_t n, enum script_order order,
                 struct plan_query *out_wrong)
{
    struct plan_query open[MAX_OPEN];
    size_t n_open = 0;
    unsigned random = 7;

    while (!plan_done(p)) {
        while (n_open < MAX_OPEN && plan_next(p, &open[n_open]))
            n_open++;
        REQUIRE(n_open > 0);
        size_t i = pick(order, n_open, &random);
        *out_wrong = open[i];
        memmove(&open[i], &open[i + 1], (n_open - i - 1) * sizeof(open[0]));
        n_open--;
        if (!feed(p, out_wrong, v, n))
            return false;
    }
    return true;
}

struct script_run script_play(const char *script, enum plan_kind kind, const char *name,
                              uint16_t port, enum script_order order)
{
    struct line v[MAX_LINES];
    size_t n = read_script(script, v);
    struct script_run run = {0};
    struct plan_query wrong;
    struct plan *p = plan_new(kind, name, port);

    if (!play(p, v, n, order, &wrong)) {
        (void)snprintf(run.problem, sizeof(run.problem), "not in the script: %s %s", wrong.name,
                       dns_type_name(wrong.type));
        plan_free(&p);
        return run;
    }
    for (size_t i = 0; i < n; i++)
        if (!v[i].asked)
            (void)snprintf(run.problem, sizeof(run.problem), "never asked: %.*s %.*s",
                           (int)v[i].owner.n, v[i].owner.p, (int)v[i].type.n, v[i].type.p);
    run.facts = plan_finish(&p, 1234);
    return run;
}

static const char *lookup_word(enum dns_lookup l)
{
    static const char *const words[] = {
        [DNS_DATA] = "data", [DNS_NODATA] = "nd", [DNS_NXDOMAIN] = "nx", [DNS_ERROR] = "err"};
    return words[l];
}

static void tlsa_text(const struct host_facts *h, char text[600])
{
    if (h->tlsa_lookup == DNS_DATA)
        (void)snprintf(text, 600, "%s %zu", h->tlsa_base, h->n_tlsa);
    else if (h->n_candidates == 0 && h->tlsa_lookup == DNS_NODATA)
        (void)snprintf(text, 600, "none");
    else
        (void)snprintf(text, 600, "%s", lookup_word(h->tlsa_lookup));
}

const char *script_summary(const struct dest_facts *f, char text[SCRIPT_TEXT])
{
    static const char *const kinds[] = {
        [DEST_MX] = "MX",           [DEST_IMPLICIT] = "IMPLICIT", [DEST_HOST] = "HOST",
        [DEST_NULL_MX] = "NULL_MX", [DEST_NXDOMAIN] = "NXDOMAIN", [DEST_ERROR] = "ERROR"};
    static const char letters[] = "ISBF";
    char tlsa[600];
    int n = snprintf(text, SCRIPT_TEXT, "%s %c", kinds[f->kind], letters[f->security]);

    for (size_t i = 0; i < f->n_hosts; i++) {
        const struct host_facts *h = &f->hosts[i];
        bool expanded = !dns_name_eq(h->name, h->expanded);
        char alias[3] = {'/', letters[h->alias_security], '\0'};
        tlsa_text(h, tlsa);
        n += snprintf(text + n, SCRIPT_TEXT - (size_t)n, " | %u %s%s%s %s:%c%s tlsa %s",
                      h->preference, h->name, expanded ? ">" : "", expanded ? h->expanded : "",
                      lookup_word(h->addresses_lookup), letters[h->addresses_security],
                      h->alias_security == h->addresses_security ? "" : alias, tlsa);
    }
    return text;
}
