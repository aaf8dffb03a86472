/* listeners.X.limits: defaults, values and mistakes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define HEAD "hostname: relay.example.org\nlisteners:\n  lan:\n    bind: [\"0.0.0.0:25\"]\n"

TestSuite(limits, .init = scratch_enter, .fini = scratch_leave);

static const struct listener_limits *limits_of(const struct config *c)
{
    return &c->listeners[0].limits;
}

/* What a mail exchange with large senders never reaches. */
Test(limits, defaults)
{
    struct config *c = scratch_config(HEAD);
    const struct listener_limits *l = limits_of(c);

    cr_expect_eq(l->per_client[RATE_CONNECTIONS], 600);
    cr_expect_eq(l->per_client[RATE_MESSAGES], 1200);
    cr_expect_eq(l->per_client[RATE_RECIPIENTS], 12000);
    cr_expect_eq(l->per_network[RATE_CONNECTIONS], 2400);
    cr_expect_eq(l->per_network[RATE_MESSAGES], 4800);
    cr_expect_eq(l->per_network[RATE_RECIPIENTS], 48000);
    cr_expect(l->exempt_clients);
    cr_expect_eq(l->errors, 20);
    cr_expect_eq(l->junk_commands, 100);
    cr_expect_eq(l->error_delay_ms, 1000);
    cr_expect_eq(l->data_rate, 500);
    cr_expect_eq(l->overload_at, 90);
    config_unref(&c);
    scratch_check_leaks();
}

Test(limits, as_written)
{
    struct config *c = scratch_config(
        HEAD "    limits: {connections_per_minute: 1, messages_per_minute: 2,\n"
             "      recipients_per_minute: 3, network_connections_per_minute: 4,\n"
             "      network_messages_per_minute: 5, network_recipients_per_minute: 0,\n"
             "      exempt_clients: no, errors: 6, junk_commands: 7, error_delay: 0s,\n"
             "      data_rate: 0, overload_at: 100}\n");
    const struct listener_limits *l = limits_of(c);

    for (uint64_t kind = 0; kind < RATE_KINDS; kind++) {
        cr_expect_eq(l->per_client[kind], kind + 1);
        cr_expect_eq(l->per_network[kind], kind < RATE_RECIPIENTS ? kind + 4 : 0);
    }
    cr_expect_not(l->exempt_clients);
    cr_expect_eq(l->errors, 6);
    cr_expect_eq(l->junk_commands, 7);
    cr_expect_eq(l->error_delay_ms, 0);
    cr_expect_eq(l->data_rate, 0);
    cr_expect_eq(l->overload_at, 100);
    config_unref(&c);
    scratch_check_leaks();
}

static void check_mistake(const char *option, const char *wanted)
{
    char text[400];
    struct config *c;

    (void)snprintf(text, sizeof(text), HEAD "    limits: {%s}\n", option);
    char *said = scratch_load(text, &c);
    cr_expect(strstr(said, wanted), "%s: %s", option, said);
    free(said);
}

Test(limits, mistakes)
{
    check_mistake("errors: 0", "danelaw.yaml:5:22: \"errors\"");
    check_mistake("overload_at: 101", "5:27: \"overload_at\"");
    check_mistake("error_delay: 2m", "5:27: \"error_delay\"");
    check_mistake("conections_per_minute: 1", "did you mean \"connections_per_minute\"?");
    check_mistake("messages_per_minute: -1", "5:35: \"messages_per_minute\"");
    scratch_check_leaks();
}
