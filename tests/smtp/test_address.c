#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mta/smtp/address.h"

#define BAD  (-1) /* the syntax cause of the use */
#define UTF8 (-2) /* NEEDS_SMTPUTF8 */

struct row {
    struct slice in;
    int kind; /* enum address_kind, BAD or UTF8 */
    const char *text, *domain;
};

#define IN(text)                                                                                   \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

// clang-format off
static const struct row recipients[] = {
    {IN("<v@ext.tst>"), ADDRESS_DOMAIN, "v@ext.tst", "ext.tst"},
    {IN("<v@EXT.TST>"), ADDRESS_DOMAIN, "v@EXT.TST", "ext.tst"},
    {IN("<a.b.c@x-y.z9>"), ADDRESS_DOMAIN, "a.b.c@x-y.z9", "x-y.z9"},
    {IN("<a@b>"), ADDRESS_DOMAIN, "a@b", "b"},
    {IN("<!#$%&'*+-/=?^_`{|}~@b>"), ADDRESS_DOMAIN, "!#$%&'*+-/=?^_`{|}~@b", "b"},
    {IN("<\"a b\"@d>"), ADDRESS_DOMAIN, "\"a b\"@d", "d"},
    {IN("<\"a\\\"b\\\\c\"@d>"), ADDRESS_DOMAIN, "\"a\\\"b\\\\c\"@d", "d"},
    {IN("<\"\"@d>"), ADDRESS_DOMAIN, "\"\"@d", "d"},
    {IN("<\"a>b\"@d>"), ADDRESS_DOMAIN, "\"a>b\"@d", "d"},
    {IN("<\"x'/**/UNION/**/SELECT/**/X'00'--\"@e>"), ADDRESS_DOMAIN,
     "\"x'/**/UNION/**/SELECT/**/X'00'--\"@e", "e"},
    {IN("<\"@a,@b:x\"@d>"), ADDRESS_DOMAIN, "\"@a,@b:x\"@d", "d"},
    {IN("<|cmd@d>"), ADDRESS_DOMAIN, "|cmd@d", "d"},
    {IN("<-oQ/tmp@d>"), ADDRESS_DOMAIN, "-oQ/tmp@d", "d"},
    {IN("<a@[127.0.0.1]>"), ADDRESS_LITERAL, "a@[127.0.0.1]", "[127.0.0.1]"},
    {IN("<a@[IPv6:::1]>"), ADDRESS_LITERAL, "a@[IPv6:::1]", "[IPv6:::1]"},
    {IN("<a@[ipv6:2001:DB8::1]>"), ADDRESS_LITERAL, "a@[ipv6:2001:DB8::1]", "[ipv6:2001:DB8::1]"},
    {IN("<@a,@b:u@d>"), ADDRESS_DOMAIN, "u@d", "d"},
    {IN("<@relay.tst:v@ext.tst>"), ADDRESS_DOMAIN, "v@ext.tst", "ext.tst"},
    {IN("<postmaster>"), ADDRESS_POSTMASTER, "postmaster", ""},
    {IN("<PostMaster>"), ADDRESS_POSTMASTER, "PostMaster", ""},
    {IN("<postmaster@d>"), ADDRESS_DOMAIN, "postmaster@d", "d"},
    /* Percent and bang are ordinary: the domain is what is behind the last unquoted @. */
    {IN("<v%ext.tst@relay.tst>"), ADDRESS_DOMAIN, "v%ext.tst@relay.tst", "relay.tst"},
    {IN("<v%ext.tst@[192.0.2.1]>"), ADDRESS_LITERAL, "v%ext.tst@[192.0.2.1]", "[192.0.2.1]"},
    {IN("<\"v@ext.tst\"@relay.tst>"), ADDRESS_DOMAIN, "\"v@ext.tst\"@relay.tst", "relay.tst"},
    {IN("<\"v@ext.tst\"@[192.0.2.1]>"), ADDRESS_LITERAL, "\"v@ext.tst\"@[192.0.2.1]",
     "[192.0.2.1]"},
    {IN("<ext.tst!v@relay.tst>"), ADDRESS_DOMAIN, "ext.tst!v@relay.tst", "relay.tst"},
    {IN("<ext.tst!v@[192.0.2.1]>"), ADDRESS_LITERAL, "ext.tst!v@[192.0.2.1]", "[192.0.2.1]"},
    {IN("<\"v@ext.tst\">"), BAD, "", ""},
    {IN("<\"v%ext.tst\">"), BAD, "", ""},
    {IN("<v@ext.tst@relay.tst>"), BAD, "", ""},
    {IN("<v@ext.tst@[192.0.2.1]>"), BAD, "", ""},
    {IN("<@[192.0.2.1]:v@ext.tst>"), BAD, "", ""},
    {IN("<ext.tst!v>"), BAD, "", ""},
    {IN("<v@ext.tst.>"), BAD, "", ""},
    {IN("v@ext.tst"), BAD, "", ""},
    {IN("< v@ext.tst >"), BAD, "", ""},
    {IN("<v@ext.tst >"), BAD, "", ""},
    {IN("<v @ext.tst>"), BAD, "", ""},
    {IN("<>"), BAD, "", ""},
    {IN("<a>"), BAD, "", ""},
    {IN(""), BAD, "", ""},
    {IN("<"), BAD, "", ""},
    {IN("<v@ext.tst"), BAD, "", ""},
    {IN("<<v@ext.tst>>"), BAD, "", ""},
    {IN("<@d>"), BAD, "", ""},
    {IN("<a@>"), BAD, "", ""},
    {IN("<a@.d>"), BAD, "", ""},
    {IN("<a@d..e>"), BAD, "", ""},
    {IN("<a@-d>"), BAD, "", ""},
    {IN("<a@d->"), BAD, "", ""},
    {IN("<a@d-.e>"), BAD, "", ""},
    {IN("<a@d.-e>"), BAD, "", ""},
    {IN("<a@d_e>"), BAD, "", ""},
    {IN("<a@*.e>"), BAD, "", ""},
    {IN("<a..b@d>"), BAD, "", ""},
    {IN("<.a@d>"), BAD, "", ""},
    {IN("<a.@d>"), BAD, "", ""},
    {IN("<a(c)@d>"), BAD, "", ""},
    {IN("<a,b@d>"), BAD, "", ""},
    {IN("<\"\">"), BAD, "", ""},
    {IN("<\"a\"b@d>"), BAD, "", ""},
    {IN("<\"a@d>"), BAD, "", ""},
    {IN("<\"a\\\"@d>"), BAD, "", ""},
    {IN("<\"\r\"@d>"), BAD, "", ""},
    {IN("<\"\\\n\"@d>"), BAD, "", ""},
    {IN("<a\0b@d>"), BAD, "", ""},
    {IN("<\"a\0b\"@d>"), BAD, "", ""},
    {IN("<a@d\0>"), BAD, "", ""},
    {IN("<a\x7f@d>"), BAD, "", ""},
    {IN("<@a,b:u@d>"), BAD, "", ""},
    {IN("<@a,:u@d>"), BAD, "", ""},
    {IN("<@a:>"), BAD, "", ""},
    {IN("<@a:postmaster>"), BAD, "", ""},
    {IN("<@a;u@d>"), BAD, "", ""},
    {IN("<a@[999.1.1.1]>"), BAD, "", ""},
    {IN("<a@[1.2.3]>"), BAD, "", ""},
    {IN("<a@[1.2.3.4>"), BAD, "", ""},
    {IN("<a@[1.2.3.4]x>"), BAD, "", ""},
    {IN("<a@[]>"), BAD, "", ""},
    {IN("<a@[::1]>"), BAD, "", ""},
    {IN("<a@[IPv6:]>"), BAD, "", ""},
    {IN("<a@[IPv6:1.2.3.4]>"), BAD, "", ""},
    {IN("<a@[IPv6:fe80::1%veth0]>"), BAD, "", ""},
    {IN("<a@[IPv6:1:2:3:4:5:6:7:8:9]>"), BAD, "", ""},
    {IN("<a@[x400:foo]>"), BAD, "", ""},
    {IN("<\xc3\xbc@d>"), UTF8, "", ""},
    {IN("<\"\xc3\xbc\"@d>"), UTF8, "", ""},
    {IN("<a@\xc3\xbc.d>"), UTF8, "", ""},
    {IN("<\xc3\xbc@\xc3\xbc.d>"), UTF8, "", ""},
    {IN("<a\xe2\x80\xaez@d>"), UTF8, "", ""},
    {IN("<\xc3\x28@d>"), BAD, "", ""},
    {IN("<\xc0\xae@d>"), BAD, "", ""},
    {IN("<\xed\xa0\x80@d>"), BAD, "", ""},
    {IN("<\xf4\x90\x80\x80@d>"), BAD, "", ""},
    {IN("<\xe0\x80\xaf@d>"), BAD, "", ""},
    {IN("<\xff@d>"), BAD, "", ""},
    {IN("<\xe2\x80@d>"), BAD, "", ""},
};
// clang-format on

// clang-format off
static const struct row senders[] = {
    {IN("<>"), ADDRESS_NULL, "", ""},
    {IN("<a@b.example>"), ADDRESS_DOMAIN, "a@b.example", "b.example"},
    {IN("<@x:a@b.example>"), ADDRESS_DOMAIN, "a@b.example", "b.example"},
    {IN("<postmaster>"), BAD, "", ""},
    {IN("< >"), BAD, "", ""},
    {IN("<a>"), BAD, "", ""},
};
// clang-format on

static enum cause expected(const struct row *row, enum address_use use)
{
    if (row->kind == BAD)
        return use == ADDRESS_SENDER ? CAUSE_BAD_SENDER_ADDRESS : CAUSE_BAD_RECIPIENT_ADDRESS;
    return row->kind == UTF8 ? CAUSE_NEEDS_SMTPUTF8 : CAUSE_OK;
}

static void check(const struct row *row, enum address_use use)
{
    /* In memory of exactly its size, so that a sanitizer sees an octet read too far. */
    char *copy = slice_dup(row->in);
    struct slice in = slice_make(copy, row->in.n);
    struct address a;
    enum cause cause = address_parse_path(&in, use, false, &a);

    cr_expect_eq(cause, expected(row, use), "%s: %s", row->in.p, cause_info(cause)->name);
    if (cause == CAUSE_OK && row->kind >= 0) {
        cr_expect_eq((int)a.kind, row->kind, "%s", row->in.p);
        cr_expect_str_eq(a.text, row->text, "%s", row->in.p);
        cr_expect_str_eq(a.domain, row->domain, "%s", row->in.p);
        cr_expect_eq(in.n, 0, "%s: moved behind it", row->in.p);
        if (a.kind == ADDRESS_DOMAIN || a.kind == ADDRESS_LITERAL)
            cr_expect_eq(a.text[a.local_len], '@', "%s", row->in.p);
    }
    free(copy);
}

Test(address, recipients)
{
    for (size_t i = 0; i < ARRAY_LEN(recipients); i++)
        check(&recipients[i], ADDRESS_RECIPIENT);
}

Test(address, senders)
{
    for (size_t i = 0; i < ARRAY_LEN(senders); i++)
        check(&senders[i], ADDRESS_SENDER);
}

Test(address, what_follows_is_left)
{
    struct slice in = SLICE("<a@b> SIZE=1");
    struct address a;
    cr_assert_eq(address_parse_path(&in, ADDRESS_SENDER, false, &a), CAUSE_OK);
    cr_expect(slice_eq(in, SLICE(" SIZE=1")));
}

/* Under SMTPUTF8: the text stays as it was given, the domain is what DNS and the routes know. */
Test(address, utf8_where_it_is_allowed)
{
    // clang-format off
    static const struct {
        const char *path, *domain; /* NULL: refused */
    } rows[] = {
        {"<\xc3\xbc@d>", "d"},
        {"<a@b\xc3\xbc" "cher.example>", "xn--bcher-kva.example"},
        {"<a@B\xc3\x9c" "CHER.Example>", "xn--bcher-kva.example"},
        {"<a@xn--bcher-kva.example>", "xn--bcher-kva.example"},
        {"<a@fa\xc3\x9f.example>", "xn--fa-hia.example"},
        {"<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.example>", "xn--fsqu00a.example"},
        {"<a@ex\xef\xbd\x81mple.org>", "example.org"},        /* a wide letter */
        {"<a@relay\xe3\x80\x82" "example>", "relay.example"},   /* an ideographic full stop */
        {"<\"\xc3\xbc b\"@d>", "d"},
        {"<@\xc3\xbc.example:a@d>", "d"},
        {"<a\xe2\x80\xae@d>", "d"},                            /* U+202E is text, whatever it shows */
        {"<a@b\xe2\x80\xae.example>", NULL},                   /* and no part of a name */
        {"<a@\xe2\x80\x8b.example>", NULL},                    /* U+200B alone */
        {"<a@\xef\xbc\x8f.example>", NULL},                    /* becomes '/' */
        {"<a@\xef\xbc\xa0.example>", NULL},                    /* becomes '@' */
        {"<@\xef\xbc\x8f.example:a@d>", NULL},                /* a source route has names too */
        {"<\xc2\x85@d>", NULL},                                /* C1 */
        {"<\xc0\xae@d>", NULL},                                /* overlong */
        {"<a@\xc3\x28.example>", NULL},
        {"<a@\xc3\xbc..example>", NULL},
        {"<a@-\xc3\xbc.example>", NULL},
        {"<a@\xc3\xbc.example.>", NULL},
        {"<\"\\\xc3\xbc\"@d>", NULL},                          /* quoted-pairSMTP is ASCII */
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice in = slice_of(rows[i].path), inside = slice_skip(in, 1);
        struct address a;
        bool ok = address_parse_path(&in, ADDRESS_SENDER, true, &a) == CAUSE_OK;
        inside.n--;
        cr_expect_eq(ok, rows[i].domain != NULL, "%s", rows[i].path);
        if (!ok || !rows[i].domain)
            continue;
        cr_expect_str_eq(a.domain, rows[i].domain, "%s: %s", rows[i].path, a.domain);
        cr_expect(slice_caseends(inside, slice_of(a.text)), "%s", rows[i].path);
    }
}

/* A path of a local part of so many octets and a domain of labels of at most so many, in all n. */
static enum cause parse_sized(size_t local, size_t label, size_t path)
{
    char text[2048];
    struct address a;
    size_t n = 0, run = 0;

    text[n++] = '<';
    for (size_t i = 0; i < local; i++)
        text[n++] = 'l';
    text[n++] = '@';
    while (n < path - 1) {
        bool dot = run == label && n + 1 < path - 1;
        text[n++] = dot ? '.' : 'd';
        run = dot ? 0 : run + 1;
    }
    text[n++] = '>';
    struct slice in = slice_make(text, n);
    enum cause cause = address_parse_path(&in, ADDRESS_RECIPIENT, false, &a);
    if (cause == CAUSE_OK)
        cr_assert_eq(strlen(a.text), n - 2, "not cut");
    return cause;
}

Test(address, limits)
{
    // clang-format off
    static const struct {
        size_t local, label, path;
        bool ok;
    } rows[] = {
        {64, 63, 100, true},
        {65, 63, 100, false},
        {255, 63, 300, false},
        {1, 63, 67, true},
        {1, 64, 68, false},
        {1, 63, 255, true},
        {1, 63, 256, true},
        {1, 63, 257, false},
        {64, 63, 256, true},
        {64, 63, 257, false},
        {1, 63, 259, false},
        {1, 63, 1000, false},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(parse_sized(rows[i].local, rows[i].label, rows[i].path) == CAUSE_OK,
                     rows[i].ok, "local %zu label %zu path %zu", rows[i].local, rows[i].label,
                     rows[i].path);
}

Test(address, of_hello)
{
    // clang-format off
    static const struct {
        const char *name;
        bool ok;
    } rows[] = {
        {"relay.example.org", true},
        {"localhost", true},
        {"A-1.b", true},
        {"[192.0.2.1]", true},
        {"[IPv6:2001:db8::1]", true},
        {"OLD_PC", true},
        {"", false},
        {"a.", false},
        {".", false},
        {"a..b", false},
        {"-a", false},
        {"a b", false},
        {"[192.0.2.1", false},
        {"[]", false},
        {"[", false},
        {"[::1]", false},
        {"[192.0.2]", false},
        {"$(id)", false},
        {"%n%n", false},
        {"${run{id}}", false},
        {"'; DROP TABLE", false},
        {"`id`", false},
        {"a\x1b[2J", false},
        {"\xc3\xbc", false},
        {"');--", false},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(address_helo_ok(slice_of(rows[i].name)), rows[i].ok, "%s", rows[i].name);
    char longest[1000];
    memset(longest, 'a', sizeof(longest));
    cr_expect_not(address_helo_ok(slice_make(longest, sizeof(longest))));
}
