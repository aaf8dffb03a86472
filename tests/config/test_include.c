/* Files that a configuration includes: what they may add, and what they may not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/config/scratch.h"

TestSuite(include, .init = scratch_enter, .fini = scratch_leave);

#define LEAST       "hostname: relay.example.org\nlisteners:\n  lan:\n    bind: \"0.0.0.0:25\"\n"
#define WITH_CONF_D LEAST "include: conf.d/*.yaml\n"

Test(include, join_sections)
{
    scratch_write("conf.d/b.yaml", "domains: {b.example: {to: x}}\nuser: bob\n");
    scratch_write("conf.d/a.yaml", "next_hops: {x: {hosts: x.example}}\n"
                                   "domains: {a.example: {to: mx}}\ninclude: [../more.yaml]\n");
    scratch_write("conf.d/c.yaml~", "nonsense: here\n");
    scratch_write("more.yaml", "listeners: {wan: {bind: \"[::]:25\"}}\n");
    struct config *c = scratch_config(WITH_CONF_D "domains: {first.example: {to: mx}}\n");
    char place[300];

    cr_assert_eq(c->n_domains, 3);
    cr_expect_str_eq(c->domains[2].pattern, "b.example");
    cr_expect_eq(c->domains[2].to, &c->next_hops[0]);
    cr_expect_str_eq(config_where_text(&c->domains[2].where, place), "conf.d/b.yaml:1:11");
    cr_expect_str_eq(c->user, "bob");
    cr_expect_eq(c->n_listeners, 2);
    cr_expect_str_eq(config_where_text(&c->listeners[1].where, place), "conf.d/../more.yaml:1:13");
    config_unref(&c);
    scratch_check_leaks();
}

static void expect_said(const char *text, const char *wanted)
{
    struct config *c;
    char *said = scratch_load(text, &c);
    cr_expect_str_eq(said, wanted);
    free(said);
    config_unref(&c);
}

Test(include, do_not_override)
{
    scratch_write("conf.d/a.yaml", "user: alice\nlog: {level: debug}\n");
    expect_said(WITH_CONF_D "user: bob\nlog: {level: info}\n",
                "conf.d/a.yaml:1:1: duplicate key \"user\" (first at danelaw.yaml:6:1)\n"
                "conf.d/a.yaml:2:7: duplicate key \"level\" (first at danelaw.yaml:7:7)\n");
}

Test(include, that_are_not_there)
{
    struct config *c = scratch_config(WITH_CONF_D);
    config_unref(&c);
    expect_said(LEAST "include: [a.yaml, \"*.none\"]\ndomains: {a.example: {to: there}}\n",
                "danelaw.yaml:5:11: a.yaml: cannot be read: No such file or directory\n");
    expect_said(LEAST "include: {a: b}\n",
                "danelaw.yaml:5:10: \"include\" must be a file name or a list of them, not a "
                "mapping\n");
}

Test(include, in_a_circle)
{
    scratch_write("conf.d/a.yaml", "include: b.yaml\n");
    scratch_write("conf.d/b.yaml", "include: ../danelaw.yaml\n");
    expect_said(LEAST "include: conf.d/a.yaml\n",
                "conf.d/b.yaml:1:10: conf.d/../danelaw.yaml is included a second time, first as "
                "danelaw.yaml\n");
}

Test(include, too_deep)
{
    for (int i = 1; i <= 8; i++) {
        char name[16], text[64];
        (void)snprintf(name, sizeof(name), "%d.yaml", i);
        (void)snprintf(text, sizeof(text), "include: %d.yaml\n", i + 1);
        scratch_write(name, text);
    }
    expect_said(LEAST "include: 1.yaml\n", "8.yaml:1:10: includes are nested deeper than 8\n");
    scratch_check_leaks();
}

/* What stands in a file that cannot be parsed is not "missing" as well. */
Test(include, a_broken_include_hides_nothing_and_invents_nothing)
{
    scratch_write("a.yaml", "next_hops: {x: {hosts: h.example\n");
    expect_said("include: a.yaml\ndomains: {a.example: {to: x}}\nuser: [1]\n",
                "a.yaml:2:1: YAML: while parsing a flow mapping, did not find expected ',' or '}'\n"
                "danelaw.yaml:3:7: \"user\" must be a single value, not a list\n");
}

Test(include, a_folder_with_pattern_characters)
{
    scratch_write("a[b]*/danelaw.yaml", LEAST "include: x*.yaml\n");
    scratch_write("a[b]*/x1.yaml", "user: bob\n");
    struct buf errors;
    struct config *c = NULL;

    buf_init(&errors, 1000);
    cr_assert(config_load("a[b]*/danelaw.yaml", &errors, &c), "%s", buf_cstr(&errors));
    cr_expect_str_eq(c->user, "bob");
    config_unref(&c);
    buf_free(&errors);
}
