#include <criterion/criterion.h>

#include "mta/in/admission.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

static struct listener_config a = {
    .name = "a", .max_connections = 5, .max_connections_per_client = 2};
static struct listener_config b = {
    .name = "b", .max_connections = 1, .max_connections_per_client = 9};

/* One history, step by step: '+' a connection that must stay, '!' one that must not, '-' one ends.
 */
static const struct step {
    char what;
    const struct listener_config *listener;
    const char *client;
} steps[] = {
    {'+', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.1"           },
    {'!', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.2"           },
    {'+', &b, "192.0.2.1"           },
    {'!', &b, "192.0.2.9"           },
    {'+', &a, "2001:db8:0:1::1"     },
    {'+', &a, "2001:db8:0:1:ffff::2"}, /* the same /64 */
    {'!', &a, "2001:db8:0:2::1"     },
    {'-', &a, "192.0.2.2"           },
    {'!', &a, "2001:db8:0:1::3"     },
    {'+', &a, "2001:db8:0:2::1"     },
    {'!', &a, "192.0.2.7"           },
    {'-', &a, "192.0.2.1"           },
    {'+', &a, "192.0.2.1"           },
    {'-', &b, "192.0.2.1"           },
    {'+', &b, "::ffff:192.0.2.1"    },
    {'-', &b, "192.0.2.1"           }, /* mapped is the IPv4 address */
};

static void run(struct admission *adm, const struct step *s, size_t i)
{
    struct ip ip;

    cr_assert(ip_parse(slice_of(s->client), &ip));
    if (s->what == '-') {
        admission_leave(adm, s->listener->name, &ip);
        return;
    }
    enum cause want = s->what == '+' ? CAUSE_OK : CAUSE_TOO_MANY_CONNECTIONS;
    cr_expect_eq(admission_enter(adm, s->listener, &ip), want, "step %zu: %c %s %s", i, s->what,
                 s->listener->name, s->client);
}

Test(admission, table)
{
    struct admission *adm = admission_new();

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        run(adm, &steps[i], i);
    admission_free(&adm); /* with entries left */
    cr_expect_null(adm);
#if defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(__lsan_do_recoverable_leak_check(), 0);
#endif
}

/* A listener whose limit fell by a reload keeps its count. */
Test(admission, survives_a_reload)
{
    struct admission *adm = admission_new();
    struct listener_config smaller = {
        .name = "a", .max_connections = 1, .max_connections_per_client = 1};
    struct ip ip;

    cr_assert(ip_parse(SLICE("192.0.2.1"), &ip));
    cr_expect_eq(admission_enter(adm, &a, &ip), CAUSE_OK);
    cr_expect_eq(admission_enter(adm, &a, &ip), CAUSE_OK);
    cr_expect_eq(admission_enter(adm, &smaller, &ip), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(adm, "a", &ip);
    cr_expect_eq(admission_enter(adm, &smaller, &ip), CAUSE_TOO_MANY_CONNECTIONS);
    admission_leave(adm, "a", &ip);
    cr_expect_eq(admission_enter(adm, &smaller, &ip), CAUSE_OK);
    admission_free(&adm);
}
