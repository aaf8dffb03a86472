/* The verdict on every case of its table; and what is no case: the words, and the key of a verdict.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/tls/scene.h"
#include "tests/tls/verdict_table.h"

/* What holds for every verdict, whatever the case. */
static void check_always(const struct scene *s, const struct verdict *v, const char *words)
{
    bool unusable = v->mode == VERDICT_ENCRYPT && v->base[0];

    cr_expect_eq(v->sole_unusable, unusable, "%s", words);
    cr_expect_eq(v->mx_secure, !s->literal && s->dest.security == DNS_SECURE, "%s", words);
    if (s->demand == DEMAND_NONE)
        cr_expect_eq(v->audit, s->audit, "%s", words);
    if (s->demand == DEMAND_REQUIRETLS)
        cr_expect(v->mode == VERDICT_SKIP || v->mode == VERDICT_PKIX ||
                      (v->mode == VERDICT_DANE && !v->half_dane),
                  "%s: nobody is authenticated", words);
    if (s->demand == DEMAND_REQUIRETLS)
        cr_expect_eq(verdict_weaker(v, false), VERDICT_SKIP, "%s", words);
    cr_expect(v->clause && v->clause[0], "%s", words);
    cr_expect(strlen(v->why) < VERDICT_WHY && strstr(v->why, v->clause), "%s: %s", words, v->why);
    if (v->mode == VERDICT_DANE || unusable)
        cr_expect(v->base[0] && v->n_records, "%s", words);
    else if (v->mode != VERDICT_SKIP)
        cr_expect(!v->base[0] && !v->n_records, "%s", words);
}

static void check_case(const struct verdict_case *c, enum tls_level level, char error)
{
    struct scene s;
    char seen[SCENE_TEXT * SCENE_HOSTS] = "", one[SCENE_TEXT];

    scene_read(&s, c->scene, error);
    for (size_t i = 0; i < (s.dest.n_hosts ? s.dest.n_hosts : 1); i++) {
        struct verdict v = scene_verdict(&s, level, i);
        check_always(&s, &v, c->words);
        size_t n = strlen(seen);
        (void)snprintf(seen + n, sizeof(seen) - n, "%s%s", i ? " | " : "", verdict_text(&v, one));
    }
    cr_expect_str_eq(seen, c->expected, "%s, level %s: %s\n  %s\n  expected %s\n  seen     %s",
                     c->clause, tls_level_name(level), c->words, c->scene, c->expected, seen);
}

static bool is_listed(const char *levels, const char *level)
{
    struct slice left = slice_of(levels);

    if (strcmp(levels, "all") == 0)
        return true;
    while (left.n) {
        struct slice word = slice_head(left, slice_find(left, ' '));
        left = slice_skip(left, word.n + 1);
        if (slice_eq(word, slice_of(level)))
            return true;
    }
    return false;
}

static int check_levels(const struct verdict_case *c, char error)
{
    int n = 0;

    for (enum tls_level level = TLS_LEVEL_NONE; level <= TLS_LEVEL_SECURE; level++)
        if (is_listed(c->levels, tls_level_name(level))) {
            check_case(c, level, error);
            n++;
        }
    return n;
}

Test(verdict, table)
{
    for (size_t i = 0; i < n_verdict_cases; i++) {
        const struct verdict_case *c = &verdict_cases[i];
        cr_expect_gt(check_levels(c, 'B'), 0, "%s: no level", c->words);
        if (strchr(c->scene, 'E'))
            check_levels(c, 'F');
    }
}

/* Whatever DNS says and the policy asks for: with REQUIRETLS no case of the table ends without an
 * authenticated server, with "TLS-Required: No" none asks for more than before. */
static void check_demand(const struct verdict_case *c, enum tls_level level)
{
    struct scene s;

    scene_read(&s, c->scene, 'B');
    if (s.demand != DEMAND_NONE)
        return;
    for (size_t i = 0; i < (s.dest.n_hosts ? s.dest.n_hosts : 1); i++) {
        struct verdict plain = scene_verdict(&s, level, i), asked;
        s.demand = DEMAND_REQUIRETLS;
        asked = scene_verdict(&s, level, i);
        check_always(&s, &asked, c->words);
        s.demand = DEMAND_NOTIFICATION;
        asked = scene_verdict(&s, level, i);
        cr_expect(asked.mode == VERDICT_SKIP || asked.mode >= VERDICT_ENCRYPT, "%s", c->words);
        s.demand = DEMAND_TLS_OPTIONAL;
        asked = scene_verdict(&s, level, i);
        cr_expect(asked.mode == plain.mode || plain.mode == VERDICT_SKIP, "%s", c->words);
        if (level == TLS_LEVEL_DANE && plain.mode == VERDICT_DANE)
            cr_expect_eq(verdict_weaker(&asked, false), VERDICT_OPPORTUNISTIC, "%s", c->words);
        s.demand = DEMAND_NONE;
    }
}

Test(verdict, what_a_message_asks_in_every_case)
{
    for (size_t i = 0; i < n_verdict_cases; i++)
        for (enum tls_level level = TLS_LEVEL_NONE; level <= TLS_LEVEL_SECURE; level++)
            check_demand(&verdict_cases[i], level);
}

Test(verdict, the_reason_is_told_and_cut)
{
    char reason[500];
    struct scene s;

    scene_read(&s, "MX S | mx.d.example data:S tlsa err", 0);
    struct verdict v = scene_verdict(&s, TLS_LEVEL_DANE, 0);
    cr_assert_str_eq(v.why, "the TLSA lookup failed: the reason (RFC 7672 section 2.1.2)");
    cr_assert_str_eq(v.skip.text,
                     "mx.d.example: the TLSA lookup failed: the reason (RFC 7672 section "
                     "2.1.2)");
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    s.hosts[0].why = reason;
    v = scene_verdict(&s, TLS_LEVEL_DANE, 0);
    cr_assert_not_null(strstr(v.why, "x (RFC 7672 section 2.1.2)"));
    cr_assert_eq(strlen(v.why), VERDICT_WHY - 1);
}

static void key_of(const char *scene, uint8_t key[VERDICT_KEY])
{
    struct scene s;
    scene_read(&s, scene, 0);
    struct verdict v = scene_verdict(&s, TLS_LEVEL_DANE, 0);
    verdict_key(&v, key);
}

static bool same_key(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, VERDICT_KEY) == 0;
}

Test(verdict, key_tells_apart_what_authentication_depends_on)
{
    uint8_t key[VERDICT_KEY], other[VERDICT_KEY];

    key_of("MX S | mx.d.example data:S tlsa mx.d.example 201", key);
    key_of("MX S | mx.d.example data:S tlsa mx.d.example 201", other);
    cr_expect(same_key(key, other));
    key_of("MX S | mx.d.example data:S tlsa mx.d.example 311", other);
    cr_expect(!same_key(key, other), "records");
    key_of("MX S >e.example | mx.d.example data:S tlsa mx.d.example 201", other);
    cr_expect(!same_key(key, other), "names");
    key_of("MX I | mx.d.example data:S tlsa mx.d.example 201", other);
    cr_expect(!same_key(key, other), "half-dane");
    key_of("MX S | mx.d.example data:S tlsa mx.d.example 111", other);
    cr_expect(!same_key(key, other), "mode");
}

static const uint8_t digest[64] = {1, 2, 3};

Test(verdict, key_does_not_depend_on_the_order_of_records)
{
    struct tlsa_record a = {3, 1, 1, 32, digest}, b = {3, 1, 1, 32, digest + 1},
                       junk = {3, 1, 9, 0, NULL};
    struct tlsa_record one[] = {a, b}, two[] = {b, junk, a};
    struct verdict v = {
        .mode = VERDICT_DANE, .base = "mx", .records = one, .n_records = 2, .usable = 3};
    uint8_t key[VERDICT_KEY], other[VERDICT_KEY];

    verdict_key(&v, key);
    v.records = two;
    v.n_records = 3;
    v.usable = 5;
    verdict_key(&v, other);
    cr_expect(same_key(key, other));
}
