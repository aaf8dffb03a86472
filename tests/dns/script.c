#include "tests/dns/script.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/base/arena.h"

enum { MAX_LINES = 64, MAX_OPEN = 512 };

struct line {
    struct slice owner, type, security, alias, result;
    bool asked, never;
};

struct player {
    struct plan *plan;
    struct line lines[MAX_LINES];
    size_t n_lines;
    struct plan_query open[MAX_OPEN]; /* asked and not answered, the oldest first */
    size_t n_open;
    struct script_order *order;
    size_t n_choices;
    bool oldest_first; /* so far */
    const struct line *last;
    char problem[600];
};

static struct slice word(struct slice *left)
{
    *left = slice_trim(*left);
    struct slice w = slice_head(*left, slice_find(*left, ' '));
    *left = slice_trim(slice_skip(*left, w.n));
    return w;
}

static void read_line(struct line *l, struct slice text)
{
    *l = (struct line){.owner = word(&text)};
    l->never = slice_eq(l->owner, SLICE("not"));
    if (l->never)
        l->owner = word(&text);
    l->type = word(&text);
    l->security = word(&text);
    if (text.n && text.p[0] == '>')
        l->alias = slice_skip(word(&text), 1);
    l->result = text;
}

static size_t line_end(struct slice s)
{
    size_t a = slice_find(s, ';'), b = slice_find(s, '\n');
    return a < b ? a : b;
}

static size_t read_script(const char *script, struct line v[MAX_LINES])
{
    size_t n = 0;

    for (struct slice left = slice_of(script); left.n;) {
        struct slice text = slice_head(left, line_end(left));
        left = slice_skip(left, text.n + 1);
        if (slice_trim(text).n == 0)
            continue;
        REQUIRE(n < MAX_LINES);
        read_line(&v[n++], text);
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

static struct line *find(struct player *g, const char *name, uint16_t type)
{
    for (size_t i = 0; i < g->n_lines; i++)
        if (slice_eq(g->lines[i].owner, slice_of(name)) &&
            slice_eq(g->lines[i].type, slice_of(dns_type_name(type))))
            return &g->lines[i];
    return NULL;
}

static bool complain(struct player *g, const char *what, const struct plan_query *q)
{
    if (!g->problem[0])
        (void)snprintf(g->problem, sizeof(g->problem), "%s: %s %s", what, q->name,
                       dns_type_name(q->type));
    return false;
}

/* ---- what is asked when */

/* "mx.example" of "_25._tcp.mx.example" */
static struct slice base_of(const char *owner)
{
    struct slice s = slice_of(owner);
    for (int i = 0; i < 2; i++)
        s = slice_skip(s, slice_find(s, '.') + 1);
    return s;
}

/* Whether an address question of the host that q is about is still out. */
static bool is_too_early(struct player *g, const struct plan_query *q)
{
    struct slice host = q->type == DNS_TLSA ? base_of(q->name) : slice_of(q->name);

    if (q->type != DNS_TLSA && q->type != DNS_CNAME)
        return false;
    for (size_t i = 0; i < g->n_open; i++) {
        const struct line *l = find(g, g->open[i].name, g->open[i].type);
        if (g->open[i].type != DNS_A && g->open[i].type != DNS_AAAA)
            continue;
        if (slice_eq(slice_of(g->open[i].name), host) || (l && slice_eq(l->alias, host)))
            return true;
    }
    return false;
}

static bool take_questions(struct player *g)
{
    struct plan_query *q;

    while (g->n_open < MAX_OPEN && plan_next(g->plan, q = &g->open[g->n_open])) {
        if (is_too_early(g, q))
            return complain(g, "asked before the addresses are known", q);
        g->n_open++;
    }
    return true;
}

/* ---- what is answered when */

static size_t pick(struct player *g)
{
    struct script_order *o = g->order;
    size_t i = g->n_choices;

    if (!o || g->n_open == 1)
        return 0;
    REQUIRE(i < SCRIPT_CHOICES && g->n_open < 256);
    g->n_choices++;
    if (i == o->n) {
        o->at[i] = 0;
        o->n++;
    }
    o->of[i] = (unsigned char)g->n_open;
    return o->at[i];
}

bool script_order_next(struct script_order *o)
{
    while (o->n > 0 && o->at[o->n - 1] + 1 >= o->of[o->n - 1])
        o->n--;
    if (o->n == 0)
        return false;
    o->at[o->n - 1]++;
    return true;
}

static void answer(struct player *g, const struct plan_query *q, const struct line *l)
{
    struct arena *arena = arena_new();
    struct dns_answer a = answer_of(arena, l, q->type);

    plan_feed(g->plan, q->id, &a);
    plan_feed(g->plan, q->id, &a); /* a repeated answer is ignored */
    plan_feed(g->plan, q->id + 1000, &a);
    arena_free(&arena); /* the plan has copied it */
}

static bool answer_from_script(struct player *g, const struct plan_query *q)
{
    const struct line nothing = {.owner = slice_of(q->name),
                                 .type = SLICE("AAAA"),
                                 .security = SLICE("S"),
                                 .result = SLICE("nd")};
    struct line *l = find(g, q->name, q->type);

    if (!l && q->type == DNS_AAAA) {
        answer(g, q, &nothing);
        return true;
    }
    if (!l || l->asked)
        return complain(g, l ? "asked twice" : "not in the script", q);
    if (l->never)
        return complain(g, "must not be asked", q);
    if (g->oldest_first && l < g->last)
        return complain(g, "asked out of order", q);
    l->asked = true;
    g->last = l;
    answer(g, q, l);
    return true;
}

static bool play(struct player *g)
{
    while (!plan_done(g->plan)) {
        if (!take_questions(g))
            return false;
        REQUIRE(g->n_open > 0);
        size_t i = pick(g);
        struct plan_query q = g->open[i];
        g->oldest_first = g->oldest_first && i == 0;
        memmove(&g->open[i], &g->open[i + 1], (g->n_open - i - 1) * sizeof(g->open[0]));
        g->n_open--;
        if (!answer_from_script(g, &q))
            return false;
    }
    return true;
}

static void find_what_was_not_asked(struct player *g)
{
    for (size_t i = 0; i < g->n_lines; i++)
        if (!g->lines[i].asked && !g->lines[i].never)
            (void)snprintf(g->problem, sizeof(g->problem), "never asked: %.*s %.*s",
                           (int)g->lines[i].owner.n, g->lines[i].owner.p, (int)g->lines[i].type.n,
                           g->lines[i].type.p);
}

struct script_run script_play(const char *script, enum plan_kind kind, const char *name,
                              uint16_t port, struct script_order *order)
{
    static struct player g;
    struct script_run run = {0};

    g = (struct player){.plan = plan_new(kind, name, port), .order = order, .oldest_first = true};
    g.n_lines = read_script(script, g.lines);
    g.last = g.lines;
    if (play(&g)) {
        find_what_was_not_asked(&g);
        run.facts = plan_finish(&g.plan, 1234);
    }
    plan_free(&g.plan);
    (void)snprintf(run.problem, sizeof(run.problem), "%s", g.problem);
    return run;
}

/* ---- facts in short */

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

const char *script_with_error(const char *text, char letter, char out[SCRIPT_TEXT])
{
    size_t n = strlen(text);

    REQUIRE(n < SCRIPT_TEXT);
    for (size_t i = 0; i <= n; i++) {
        bool alone = text[i] == 'E' && (i == 0 || !isalnum((unsigned char)text[i - 1])) &&
                     !isalnum((unsigned char)text[i + 1]);
        out[i] = alone ? letter : text[i];
    }
    return out;
}
