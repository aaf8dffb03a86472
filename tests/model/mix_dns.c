/* Scripted answers instead of a resolver. */
#include <stdlib.h>
#include <string.h>

#include "config/base/arena.h"
#include "dns/plan.h"
#include "tests/model/mix.h"

enum { MAX_OPEN = 512, WALL_MS = 1234 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct tlsa_record tlsa_of(struct arena *arena, const json_t *record)
{
    const char *hex = json_string_value(json_array_get(record, 3));
    size_t n = strlen(hex) / 2;
    uint8_t *data = arena_alloc(arena, n + 1);

    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return (struct tlsa_record){(uint8_t)json_integer_value(json_array_get(record, 0)),
                                (uint8_t)json_integer_value(json_array_get(record, 1)),
                                (uint8_t)json_integer_value(json_array_get(record, 2)), (uint16_t)n,
                                data};
}

/* An exchange of null is one that is no host name; "" is the root. */
static struct mx_record mx_of(const json_t *record)
{
    return (struct mx_record){(uint16_t)json_integer_value(json_array_get(record, 0)),
                              json_string_value(json_array_get(record, 1))};
}

static void fill_records(struct arena *arena, struct dns_answer *a, uint16_t type,
                         const json_t *records)
{
    a->n = json_array_size(records);
    a->mx = arena_alloc(arena, (a->n + 1) * sizeof(*a->mx));
    a->addresses = arena_alloc(arena, (a->n + 1) * sizeof(*a->addresses));
    a->tlsa = arena_alloc(arena, (a->n + 1) * sizeof(*a->tlsa));
    for (size_t i = 0; i < a->n; i++) {
        const json_t *r = json_array_get(records, i);
        if (type == DNS_MX)
            a->mx[i] = mx_of(r);
        else if (type == DNS_TLSA)
            a->tlsa[i] = tlsa_of(arena, r);
        else if (type == DNS_CNAME)
            a->cname = json_string_value(r);
        else
            REQUIRE(ip_parse(slice_of(json_string_value(r)), &a->addresses[i]));
    }
}

static enum dns_lookup lookup_of(const char *word)
{
    static const char *const words[] = {
        [DNS_DATA] = "data", [DNS_NODATA] = "nodata", [DNS_NXDOMAIN] = "nxdomain"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], word) == 0)
            return (enum dns_lookup)i;
    return DNS_ERROR;
}

static enum dns_security security_of(const char *word)
{
    static const char *const words[] = {[DNS_INSECURE] = "insecure",
                                        [DNS_SECURE] = "secure",
                                        [DNS_BOGUS] = "bogus",
                                        [DNS_FAILED] = "failed"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], word) == 0)
            return (enum dns_security)i;
    return DNS_FAILED;
}

static struct dns_answer answer_of(struct arena *arena, const json_t *script, const char *name,
                                   uint16_t type)
{
    struct dns_answer a = dns_answer_failed(arena, name, "scripted");
    const char *alias = text_of(script, "alias");

    a.security = security_of(text_of(script, "security"));
    if (a.security == DNS_BOGUS || a.security == DNS_FAILED)
        return a;
    a.lookup = lookup_of(text_of(script, "lookup"));
    a.why = "";
    a.ttl = 300;
    a.aliased = alias[0] != '\0';
    if (a.aliased)
        a.expanded = arena_strdup(arena, slice_of(alias));
    if (a.lookup == DNS_DATA)
        fill_records(arena, &a, type, json_object_get(script, "records"));
    return a;
}

static void feed(struct plan *p, const struct plan_query *q, const json_t *test,
                 struct mix_asked *asked)
{
    struct arena *arena = arena_new();
    const char *key = arena_printf(arena, "%s %s", q->name, dns_type_name(q->type));
    const json_t *script = json_object_get(json_object_get(test, "dns"), key);
    struct dns_answer a = answer_of(arena, script, q->name, q->type);

    if (!script)
        json_array_append_new(asked->unscripted, json_string(key));
    plan_feed(p, q->id, &a);
    arena_free(&arena); /* the plan has a copy */
}

static void note(struct mix_asked *asked, const struct plan_query *q)
{
    json_array_append_new(asked->all, json_sprintf("%s %s", q->name, dns_type_name(q->type)));
}

static void play(struct plan *p, const json_t *test, struct mix_asked *asked)
{
    struct plan_query open[MAX_OPEN], one;
    uint32_t random = (uint32_t)json_integer_value(json_object_get(test, "order"));
    size_t n = 0;

    while (!plan_done(p)) {
        for (; n < MAX_OPEN && plan_next(p, &open[n]); n++)
            note(asked, &open[n]);
        REQUIRE(n > 0);
        random = random * 1103515245u + 12345u;
        size_t i = random / 65536 % n;
        one = open[i];
        open[i] = open[--n];
        feed(p, &one, test, asked);
    }
}

/* As the facts cross from one process to the other. */
static struct dest_facts *through_the_codec(struct dest_facts *made)
{
    struct dest_facts *read = NULL;
    struct buf wire;

    buf_init(&wire, LIMIT_DNS_FRAME);
    REQUIRE(dest_facts_encode(made, &wire));
    REQUIRE(dest_facts_decode(buf_slice(&wire), &read));
    buf_free(&wire);
    dest_facts_unref(&made);
    return read;
}

struct dest_facts *mix_facts(const json_t *test, struct mix_asked *asked)
{
    bool by_mx = strcmp(text_of(test, "kind"), "mx") == 0;
    uint16_t port = (uint16_t)json_integer_value(json_object_get(test, "port"));
    struct plan *p = plan_new(by_mx ? PLAN_MX : PLAN_HOST, text_of(test, "name"), port);

    play(p, test, asked);
    return through_the_codec(plan_finish(&p, WALL_MS));
}
