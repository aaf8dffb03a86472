/* The lookup plan against a hostile DNS: the input chooses kind, name and port, which open question
 * is answered next, and what the answer's packet holds. What is asked is held against what was known
 * when it was asked, the facts against what was answered. RFC 7672 §2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/arena.h"
#include "dns/plan.h"
#include "tests/dns/packet.h"
#include "tests/fuzz/bytes.h"

#define L60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L240 L60 "." L60 "." L60 "." L60

struct asked {
    const char *name;
    uint16_t type;
    bool answered, aliased;
    enum dns_lookup lookup;
    enum dns_security security;
    const char *expanded;
};

struct run {
    struct slice in;
    struct arena *arena; /* of what is remembered; answers are freed as soon as the plan has them */
    uint16_t port;
    struct asked asked[LIMIT_PLAN_QUERIES];
    size_t n_asked;
    const char **hosts; /* names whose addresses may be asked for */
    size_t n_hosts;
};

/* ---- what is answered */

/* The last two are long: before one of them the prefix of a TLSA owner name still fits. */
static const char *pick_name(struct run *r)
{
    static const char *const names[] = {"d.example",   "mx1.d.example", "mx2.d.example",
                                        "a.example",   "h.example",     "192.0.2.1",
                                        "*.d.example", L240,            L240 ".aaaaaaaaa"};
    unsigned i = take_below(&r->in, ARRAY_LEN(names) + 1);
    char text[DNS_NAME_MAX];

    if (i < ARRAY_LEN(names))
        return names[i];
    if (!dns_name_normalise(take(&r->in, take_below(&r->in, 40)), text))
        return names[0];
    return arena_strdup(r->arena, slice_of(text));
}

static const char *next_name(struct run *r)
{
    char text[DNS_NAME_MAX];
    const char *name = pick_name(r);

    return dns_name_normalise(slice_of(name), text) ? name : "d.example";
}

/* A chain of up to three links; only its end may ever be heard of. */
static const char *put_chain(struct run *r, struct packet *p, const char *at)
{
    static const char *const middle[] = {"m1.middle.example", "m2.middle.example"};
    unsigned links = take_below(&r->in, 4);

    for (unsigned i = 0; i < links; i++) {
        const char *to = i + 1 < links ? middle[i] : next_name(r);
        packet_add(p, PACKET_ANSWER, at, DNS_CNAME, 300, to);
        at = to;
    }
    return at;
}

static const char *hex(char *text, struct slice s)
{
    char *end = text;

    for (size_t i = 0; i < s.n; i++)
        end += sprintf(end, "%02x", (unsigned char)s.p[i]);
    *end = '\0';
    return text;
}

static const char *rdata(struct run *r, uint16_t type, char text[1024])
{
    char data[600];
    unsigned number = take_u8(&r->in); /* by itself: arguments have no order */

    if (type == DNS_A)
        (void)snprintf(text, 1024, "192.0.2.%u", number);
    else if (type == DNS_AAAA)
        (void)snprintf(text, 1024, "2001:db8::%x", number);
    else if (type == DNS_MX)
        (void)snprintf(text, 1024, "%u %s", number / 8, number % 8 ? pick_name(r) : "");
    else if (type == DNS_TLSA)
        (void)snprintf(text, 1024, "#%s", hex(data, take(&r->in, number)));
    else
        (void)snprintf(text, 1024, "%s", next_name(r));
    return text;
}

/* Mostly a few records, now and then more than anybody has a limit for. */
static unsigned how_many(struct run *r)
{
    unsigned n = take_u8(&r->in);
    return n < 250 ? n % 4 + 1 : n - 120;
}

static void put_records(struct run *r, struct packet *p, const char *owner, uint16_t type)
{
    char text[1024];

    for (unsigned n = how_many(r); n > 0; n--)
        packet_add(p, PACKET_ANSWER, owner, type, n, rdata(r, type, text));
}

enum shape { BOGUS, SERVFAIL, ANY_PACKET, NO_SUCH_NAME, NO_DATA, RECORDS, SHAPES = RECORDS + 4 };

/* Where the alias chain of the packet ends, or NULL if nobody knows. */
static const char *put_answer(struct run *r, struct packet *p, const struct plan_query *q)
{
    enum shape shape = (enum shape)take_below(&r->in, SHAPES);

    packet_start(p, shape == SERVFAIL ? 2 : shape == NO_SUCH_NAME ? 3 : 0, q->name, q->type);
    if (shape == ANY_PACKET) {
        struct slice s = take(&r->in, take_u8(&r->in));
        packet_put(p, s.p, s.n);
        p->p[7] = take_u8(&r->in);
        return NULL;
    }
    const char *end = q->type == DNS_CNAME ? q->name : put_chain(r, p, q->name);
    if (shape >= RECORDS)
        put_records(r, p, end, q->type);
    else
        packet_add(p, PACKET_AUTHORITY, "example", DNS_SOA, 300, "60");
    return shape == BOGUS ? NULL : end;
}

static struct dns_answer answer_of(struct run *r, struct arena *arena, const struct plan_query *q)
{
    static struct packet p;
    unsigned security = take_below(&r->in, 8); /* 0 is bogus */
    const char *end = put_answer(r, &p, q);
    struct dns_answer a = dns_answer_parse(arena, q->name, q->type, 0, packet_slice(&p), security > 3,
                                           security == 0, "signature expired");

    REQUIRE(a.lookup == DNS_ERROR || !end || dns_name_eq(a.expanded, end));
    return a;
}

/* ---- what is asked */

static bool is_known_host(const struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n_hosts; i++)
        if (dns_name_eq(r->hosts[i], name))
            return true;
    return false;
}

static const struct asked *find(const struct run *r, const char *name, uint16_t type)
{
    for (size_t i = 0; i < r->n_asked; i++)
        if (r->asked[i].answered && r->asked[i].type == type && dns_name_eq(r->asked[i].name, name))
            return &r->asked[i];
    return NULL;
}

static bool is_data(const struct asked *a, enum dns_security security)
{
    return a && a->lookup == DNS_DATA && a->security == security;
}

static bool is_insecure_alias(const struct asked *a)
{
    return is_data(a, DNS_INSECURE) && a->aliased;
}

/* RFC 7672 §2.2.2: secure addresses give the end of the chain and the name itself, a secure alias
 * with insecure addresses the name alone, anything else nothing. */
static bool may_be_base(const struct run *r, const char *host, const char *base)
{
    const struct asked *family[] = {find(r, host, DNS_AAAA), find(r, host, DNS_A)};

    if (!family[0] || !family[1])
        return false;
    for (int i = 0; i < 2; i++)
        if (is_data(family[i], DNS_SECURE) &&
            (dns_name_eq(base, host) || dns_name_eq(base, family[i]->expanded)))
            return true;
    return dns_name_eq(base, host) && is_data(find(r, host, DNS_CNAME), DNS_SECURE) &&
           (is_insecure_alias(family[0]) || is_insecure_alias(family[1]));
}

static bool may_ask_tlsa(const struct run *r, const char *owner)
{
    char prefix[20];
    size_t n = (size_t)snprintf(prefix, sizeof(prefix), "_%u._tcp.", r->port);

    if (strncmp(owner, prefix, n) != 0)
        return false;
    for (size_t i = 0; i < r->n_hosts; i++)
        if (may_be_base(r, r->hosts[i], owner + n))
            return true;
    return false;
}

static bool may_ask_alias(const struct run *r, const char *name)
{
    const struct asked *a = find(r, name, DNS_AAAA), *b = find(r, name, DNS_A);

    return a && b && (is_insecure_alias(a) || is_insecure_alias(b)) && !is_data(a, DNS_SECURE) &&
           !is_data(b, DNS_SECURE);
}

static void note_question(struct run *r, const struct plan_query *q)
{
    REQUIRE(q->id == r->n_asked && r->n_asked < LIMIT_PLAN_QUERIES);
    REQUIRE(q->type != DNS_MX || q->id == 0);
    if (q->type == DNS_A || q->type == DNS_AAAA)
        REQUIRE(is_known_host(r, q->name));
    if (q->type == DNS_CNAME)
        REQUIRE(may_ask_alias(r, q->name));
    if (q->type == DNS_TLSA)
        REQUIRE(may_ask_tlsa(r, q->name));
    r->asked[r->n_asked++] = (struct asked){arena_strdup(r->arena, slice_of(q->name)), q->type};
}

static void add_host(struct run *r, const char *name)
{
    r->hosts = arena_grow(r->arena, r->hosts, r->n_hosts, sizeof(*r->hosts));
    r->hosts[r->n_hosts++] = arena_strdup(r->arena, slice_of(name));
}

static void note_answer(struct run *r, const struct plan_query *q, const struct dns_answer *a)
{
    struct asked *asked = &r->asked[q->id];

    asked->answered = true;
    asked->aliased = a->aliased;
    asked->lookup = a->lookup;
    asked->security = a->security;
    asked->expanded = arena_strdup(r->arena, slice_of(a->expanded));
    for (size_t i = 0; q->type == DNS_MX && i < a->n; i++)
        if (a->mx[i].exchange && a->mx[i].exchange[0])
            add_host(r, a->mx[i].exchange);
    if (q->type == DNS_MX && a->lookup == DNS_NODATA)
        add_host(r, q->name);
}

static void play(struct run *r, struct plan *p)
{
    struct plan_query open[LIMIT_PLAN_QUERIES];
    size_t n = 0;

    while (!plan_done(p)) {
        for (; plan_next(p, &open[n]); n++)
            note_question(r, &open[n]);
        REQUIRE(n > 0);
        size_t i = take_u8(&r->in) % n;
        struct plan_query q = open[i];
        open[i] = open[--n];
        struct arena *arena = arena_new();
        struct dns_answer a = answer_of(r, arena, &q);
        note_answer(r, &q, &a);
        plan_feed(p, q.id, &a);
        plan_feed(p, q.id, &a); /* twice is once */
        arena_free(&arena);
    }
}

/* ---- what comes of it */

static void check_host(const struct run *r, const struct host_facts *h)
{
    bool failed = false, chosen = false;

    REQUIRE(h->n_candidates <= 2 && h->n_addresses <= LIMIT_HOST_ADDRESSES);
    for (size_t i = 0; i < h->n_candidates; i++) {
        const struct tlsa_candidate *c = &h->candidates[i];
        REQUIRE(may_be_base(r, h->name, c->base) && !failed && !chosen);
        failed = c->lookup == DNS_ERROR;
        chosen = c->chosen;
        REQUIRE(!chosen || (c->lookup == DNS_DATA && c->security == DNS_SECURE));
        REQUIRE(!chosen || strcmp(c->base, h->tlsa_base) == 0);
    }
    REQUIRE(chosen == (h->n_tlsa > 0) && chosen == (h->tlsa_lookup == DNS_DATA));
    REQUIRE(chosen == (h->tlsa_base[0] != '\0'));
    REQUIRE(!failed || (h->tlsa_lookup == DNS_ERROR && h->why[0]));
    REQUIRE((h->n_addresses > 0) == (h->addresses_lookup == DNS_DATA));
}

static void check_hosts(const struct run *r, const struct dest_facts *f)
{
    REQUIRE(f->n_hosts <= LIMIT_MX_HOSTS && f->ttl <= LIMIT_FACTS_TTL_S);
    for (size_t i = 0; i < f->n_hosts; i++) {
        check_host(r, &f->hosts[i]);
        REQUIRE(i == 0 || f->hosts[i - 1].preference <= f->hosts[i].preference);
        for (size_t k = 0; k < i; k++)
            REQUIRE(!dns_name_eq(f->hosts[k].name, f->hosts[i].name));
    }
}

static void check_codec(const struct dest_facts *f)
{
    struct dest_facts *copy;
    struct buf once, twice;

    buf_init(&once, LIMIT_DNS_FRAME);
    buf_init(&twice, LIMIT_DNS_FRAME);
    REQUIRE(dest_facts_encode(f, &once) && dest_facts_decode(buf_slice(&once), &copy));
    REQUIRE(dest_facts_encode(copy, &twice) && slice_eq(buf_slice(&once), buf_slice(&twice)));
    dest_facts_unref(&copy);
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {25, 465, 587, 2525};
    struct run *r = base_alloc(sizeof(*r));

    *r = (struct run){.in = slice_make((const char *)data, size), .arena = arena_new()};
    enum plan_kind kind = take_below(&r->in, 4) == 0 ? PLAN_HOST : PLAN_MX;
    unsigned port = take_u8(&r->in);
    r->port = port < ARRAY_LEN(ports) ? ports[port] : (uint16_t)(port * 257);
    const char *name = next_name(r);
    if (kind == PLAN_HOST)
        add_host(r, name);
    struct plan *p = plan_new(kind, name, r->port);
    play(r, p);
    struct dest_facts *f = plan_finish(&p, 1234);
    check_hosts(r, f);
    check_codec(f);
    dest_facts_unref(&f);
    arena_free(&r->arena);
    free(r);
    return 0;
}
