/* Kept connections: none carries a message that it would not have been opened for. */
#include "rig.h"
#include "tls/verdict.h"

#define FROM "from@sender.example"

static struct rig *start(void)
{
    struct rig *r = rig_new(1);

    r->hosts[0].tls = r->server_tls;
    r->tlsa = TLSA_RIGHT;
    r->config.delivery.connection_idle_ms = 5000;
    return r;
}

static void deliver(struct rig *r, const char *to, int times)
{
    rig_submit(r, FROM, to);
    rig_pump_until_logged(r, "status=sent", times);
}

Test(pool, a_connection_lives_as_long_as_its_facts)
{
    struct rig *r = start();

    rig_start(r);
    deliver(r, "a@d.example", 1);
    rig_pump_ms(r, 1300);
    deliver(r, "b@d.example", 2);
    cr_expect_eq(r->hosts[0].connections, 1);
    rig_free(&r);
}

/* RFC 7671 §13: the TTL of the records that authenticated it ran out while it was idle. */
Test(pool, a_ttl_that_runs_out_ends_it)
{
    struct rig *r = start();

    r->ttl_s = 1;
    rig_start(r);
    deliver(r, "a@d.example", 1);
    rig_pump_ms(r, 1300);
    deliver(r, "b@d.example", 2);
    cr_expect_eq(r->hosts[0].connections, 2);
    rig_free(&r);
}

Test(pool, connections_are_kept)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    for (int i = 0; i < 5; i++) {
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", i + 1);
    }
    cr_assert_eq(r->hosts[0].connections, 1);
    cr_assert_eq(r->hosts[0].messages, 5);
    rig_pump_ms(r, 600);
    cr_assert(fake_heard(&r->hosts[0], "QUIT"), "closed after connection_idle");
    rig_free(&r);
}

/* The same address, but another TLSA set: what was authenticated then is not good enough now. */
Test(pool, a_kept_connection_is_bound_to_its_verdict)
{
    struct rig *r = rig_of(1, true);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    r->tlsa = TLSA_WRONG;
    rig_submit(r, FROM, "a@d.example");
    rig_pump_ms(r, 500); /* the fake serves one connection at a time */
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(r->hosts[0].messages, 1);
    cr_assert_eq(r->hosts[0].connections, 2);
    rig_free(&r);
}

Test(pool, a_stale_kept_connection_is_replaced)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].closes_after_message = true;
    rig_start(r);
    for (int i = 0; i < 3; i++) {
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", i + 1);
    }
    cr_assert_eq(r->hosts[0].messages, 3);
    cr_assert_not(rig_logged(r, "status=deferred"));
    rig_free(&r);
}

/* Everything that decided authentication is in the key: change one thing, and the keys differ. */
static const uint8_t one[32] = {1}, two[32] = {2};
static const struct tlsa_record records[] = {
    {3, 1, 1, 32, one},
    {3, 1, 1, 32, two}
};

static struct verdict base_verdict(void)
{
    return (struct verdict){
        .mode = VERDICT_DANE,
        .mx_secure = true,
        .base = "mx.example",
        .names = {"mx.example", "d.example"},
        .n_names = 2,
        .records = records,
        .n_records = 2,
        .usable = 1
    };
}

static void change_mode(struct verdict *v)
{
    v->mode = VERDICT_ENCRYPT;
}

static void change_half(struct verdict *v)
{
    v->half_dane = true;
}

static void change_mx(struct verdict *v)
{
    v->mx_secure = false;
}

static void change_base(struct verdict *v)
{
    v->base = "mx2.example";
}

static void change_names(struct verdict *v)
{
    v->names[1] = "e.example";
}

static void drop_name(struct verdict *v)
{
    v->n_names = 1;
}

static void change_usable(struct verdict *v)
{
    v->usable = 2;
}

static void more_usable(struct verdict *v)
{
    v->usable = 3;
}

Test(pool, key_holds_all_that_decided)
{
    static void (*const changes[])(struct verdict *) = {change_mode,   change_half,  change_mx,
                                                        change_base,   change_names, drop_name,
                                                        change_usable, more_usable};
    struct verdict v = base_verdict();
    uint8_t key[VERDICT_KEY], same[VERDICT_KEY], other[VERDICT_KEY];

    verdict_key(&v, key);
    verdict_key(&v, same);
    cr_expect_arr_eq(key, same, VERDICT_KEY);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct verdict changed = base_verdict();
        changes[i](&changed);
        verdict_key(&changed, other);
        cr_expect_arr_neq(key, other, VERDICT_KEY, "change %zu", i);
    }
}
