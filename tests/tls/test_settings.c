/* What a worker runs by, from configurations made by hand. */
#include <stdlib.h>
#include <string.h>

#include "dns/process.h"
#include "mta/settings.h"
#include "tests/tls/leaks.h"

static bool anchor_is_there;

/* Stands in for the dns library's: no file is needed here. */
bool dns_trust_anchor_check(const struct config *c, struct buf *errors)
{
    if (!anchor_is_there)
        (void)!buf_printf(errors, "no trust anchor\n");
    return anchor_is_there;
}

static struct ip_port address(const char *text)
{
    struct ip_port a = {0};
    cr_assert(ip_parse_port(slice_of(text), &a), "%s", text);
    return a;
}

static bool owns(const struct settings *s, const char *text)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(text), &ip));
    for (size_t i = 0; i < s->n_own_addresses; i++)
        if (ip_eq(&s->own_addresses[i], &ip))
            return true;
    return false;
}

/* One reference stays with the test, so that nobody frees what lies on the stack. */
static bool make(struct config *c, const char *bind_one, const char *bind_two,
                 struct settings **out, struct buf *errors)
{
    static struct ip_port bind[2];
    static struct listener_config listener;

    bind[0] = address(bind_one);
    bind[1] = address(bind_two);
    listener = (struct listener_config){.name = "lan", .bind = bind, .n_bind = 2};
    c->file = "danelaw.yaml";
    c->listeners = &listener;
    c->n_listeners = 1;
    c->refs = 2;
    return settings_new(c, errors, out);
}

Test(settings, own_addresses)
{
    struct config c = {0};
    struct settings *s = NULL;
    struct buf errors;

    buf_init(&errors, 4096);
    anchor_is_there = true;
    cr_assert(make(&c, "192.0.2.1:25", "192.0.2.1:587", &s, &errors), "%s", buf_cstr(&errors));
    cr_expect_eq(s->n_own_addresses, 1, "told once");
    cr_expect(owns(s, "192.0.2.1"));
    cr_expect_not_null(s->tls.authenticated);
    cr_expect_eq(settings_ref(s), s);
    struct settings *again = s;
    settings_unref(&again);
    cr_expect_null(again);
    settings_unref(&s);
    cr_expect_eq(c.refs, 1);

    cr_assert(make(&c, "0.0.0.0:25", "[::]:25", &s, &errors));
    cr_expect(owns(s, "127.0.0.1") || s->n_own_addresses == 0,
              "the machine's, if its loopback is up");
    cr_expect(!owns(s, "0.0.0.0"));
    settings_unref(&s);
    buf_free(&errors);
    NO_LEAKS();
}

Test(settings, all_that_is_wrong_is_told_at_once)
{
    struct config_path files[] = {
        {"/nowhere/1", {"danelaw.yaml", 3, 1}},
        {"/nowhere/2", {"danelaw.yaml", 4, 1}},
    };
    struct identity_config ids[] = {
        {"one", &files[0], &files[0], 1, 1, {"danelaw.yaml", 3, 0}},
        {"two", &files[1], &files[1], 1, 1, {"danelaw.yaml", 4, 0}},
    };
    struct config c = {.identities = ids, .n_identities = 2};
    struct settings *s = NULL;
    struct buf errors;

    buf_init(&errors, 4096);
    anchor_is_there = false;
    cr_assert(!make(&c, "192.0.2.1:25", "192.0.2.2:25", &s, &errors));
    cr_expect_null(s);
    cr_expect_eq(c.refs, 1, "the reference was given away");
    cr_expect(strstr(buf_cstr(&errors), "no trust anchor\n"));
    cr_expect(strstr(buf_cstr(&errors), "danelaw.yaml:3:1: identity \"one\""));
    cr_expect(strstr(buf_cstr(&errors), "danelaw.yaml:4:1: identity \"two\""));
    buf_free(&errors);
    NO_LEAKS();
}
