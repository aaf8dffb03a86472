/* `danelaw policy explain`: which rules decide, and which were passed over. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mta/run/destination.h"
#include "mta/run/policy_command.h"

static const char text[] = "hostname: relay.example\n"
                           "listeners: {l: {bind: \"127.0.0.1:25\"}}\n"
                           "next_hops:\n"
                           "  inside: {hosts: [\"[10.0.0.1]\", \"smart.example:465\"], tls: may}\n"
                           "domains: {ours.example: {to: inside}}\n"
                           "policies:\n"
                           "  .p.example: {tls: dane-only}\n"
                           "  a.p.example: {tls: encrypt, until: 2026-11-01, note: old}\n"
                           "  x.a.p.example: {tls: dane, audit: yes}\n";

static const int64_t before_ms = 1790000000000, after_ms = 1800000000000; /* that November */

static struct config *load(void)
{
    char file[] = "/tmp/policy-XXXXXX";
    struct config *c = NULL;
    struct buf errors;
    int fd = mkstemp(file);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    buf_init(&errors, 4096);
    cr_assert(config_load(file, &errors, &c), "%s", buf_cstr(&errors));
    buf_free(&errors);
    unlink(file);
    return c;
}

static const struct {
    const char *domain;
    int64_t at_ms;
    const char *to, *tls, *rule, *line, *passed_over; /* the first rule passed over and why */
    bool ours, audit;
} rows[] = {
    {"ours.example", before_ms, "inside", "may", "next_hops.inside.tls", ":4:", "", true, false},
    {"b.p.example", before_ms, "mx", "dane-only", "policies \".p.example\"", ":7:", "", false, false},
    {"a.p.example", before_ms, "mx", "encrypt", "policies \"a.p.example\"", ":8:",
     ".p.example a longer match applies", false, false},
    {"a.p.example", after_ms, "mx", "dane-only", "policies \".p.example\"", ":7:",
     "a.p.example expired", false, false},
    {"x.a.p.example", before_ms, "mx", "dane", "policies \"x.a.p.example\"", ":9:",
     ".p.example a longer match applies", false, true},
    {"else.example", before_ms, "mx", "dane", "delivery.tls", "default", "", false, false},
    {"[192.0.2.1]", before_ms, "mx", "dane", "delivery.tls", "default", "", false, false},
};

static const char *string(json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

Test(policy_command, explains)
{
    struct config *c = load();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *d = policy_explain(c, rows[i].domain, rows[i].domain, rows[i].at_ms);
        json_t *policy = json_object_get(d, "policy"), *over = json_object_get(policy, "passed_over");
        json_t *first = json_array_get(over, 0);
        char passed[100] = "";

        cr_expect_str_eq(string(json_object_get(d, "route"), "to"), rows[i].to);
        cr_expect_str_eq(string(policy, "tls"), rows[i].tls, "%s", rows[i].domain);
        cr_expect_str_eq(string(policy, "rule"), rows[i].rule, "%s", rows[i].domain);
        cr_expect_not_null(strstr(string(policy, "where"), rows[i].line), "%s", rows[i].domain);
        cr_expect_eq(json_is_true(json_object_get(d, "ours")), rows[i].ours);
        cr_expect_eq(json_is_true(json_object_get(policy, "audit")), rows[i].audit);
        if (first)
            (void)snprintf(passed, sizeof(passed), "%s %s", string(first, "pattern"),
                           string(first, "because"));
        cr_expect_str_eq(passed, rows[i].passed_over, "%s", rows[i].domain);
        json_decref(d);
    }
    config_unref(&c);
}

Test(policy_command, destinations)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } names[] = {
        {"Example.ORG.", "example.org"},
        {"a@b@example.org", "example.org"},
        {"b\xc3\xbc" "cher.example", "xn--bcher-kva.example"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"x@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
        {"192.0.2.1", "[192.0.2.1]"},
        {"2001:DB8::1", "[IPv6:2001:db8::1]"},
        {"[192.0.2]", NULL},
        {"[192.0.2.1]x", NULL},
        {"[192.0.2.1", NULL},
        {"", NULL},
        {"a b", NULL},
        {"a@", NULL},
        {"-", "-"}, /* the command reads that as standard input before it gets here */
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char out[DNS_NAME_MAX] = "";
        bool ok = destination_parse(names[i].text, out);
        cr_expect_eq(ok, names[i].want != NULL, "%s", names[i].text);
        cr_expect_str_eq(out, names[i].want ? names[i].want : "", "%s", names[i].text);
    }
}
