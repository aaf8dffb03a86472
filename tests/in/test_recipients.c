/* Files of recipients: lines and their mistakes, what is on the list and what is not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mta/in/recipients.h"

static struct recipients *parse(const char *text, struct buf *errors)
{
    struct recipients *r = NULL;
    char *exact = slice_dup(slice_of(text));

    buf_init(errors, 64 * 1024);
    bool ok = recipients_parse(slice_of(exact), "F", errors, &r);
    cr_assert_eq(ok, r != NULL);
    cr_assert_eq(ok, errors->n == 0, "%s", buf_cstr(errors));
    free(exact);
    return r;
}

static bool have(const struct recipients *r, const char *address, const char *delimiters)
{
    char path[300];
    struct address a;

    (void)snprintf(path, sizeof(path), "<%s>", address);
    struct slice in = slice_of(path);
    cr_assert_eq(address_parse_path(&in, ADDRESS_RECIPIENT, true, &a), CAUSE_OK, "%s", address);
    return recipients_have(r, &a, delimiters);
}

static const char list[] = "\xef\xbb\xbf# all of them\r\n"
                           "anna@one.example\r\n"
                           "  Bert@One.Example   # with capitals\n"
                           "\n"
                           "carl\n"
                           "\"dora x\"@one.example\n"
                           "\"emil\"\n"
                           "#no@one.example\n"
                           "f#g@one.example\n"
                           "g+h@one.example\n"
                           "j\xc3\xb6rg@one.example\n"
                           "x@b\xc3\xbc" "cher.example\n"
                           "@all.example\n"
                           "last@two.example"; /* no line end */

static const struct {
    const char *address, *delimiters;
    bool there;
} asked[] = {
    {"anna@one.example",          "",   true },
    {"ANNA@ONE.example",          "",   true },
    {"anna@two.example",          "",   false},
    {"bert@one.example",          "",   true },
    {"carl@one.example",          "",   true },
    {"carl@any.example",          "",   true },
    {"\"carl\"@any.example",      "",   true },
    {"\"dora x\"@one.example",    "",   true },
    {"\"dora\\ x\"@one.example",  "",   true },
    {"\"dora  x\"@one.example",   "",   false},
    {"emil@one.example",          "",   true },
    {"no@one.example",            "",   false},
    {"f#g@one.example",           "",   true },
    {"f@one.example",             "#",  false},
    {"j\xc3\xb6rg@one.example",   "",   true },
    {"x@xn--bcher-kva.example",   "",   true },
    {"anybody@all.example",       "",   true },
    {"\"\"@all.example",          "",   true },
    {"anybody@sub.all.example",   "",   false},
    {"last@two.example",          "",   true },
    {"las@two.example",           "",   false},
    {"lastx@two.example",         "",   false},
    {"anna+list@one.example",     "",   false},
    {"anna+list@one.example",     NULL, false},
    {"anna+list@one.example",     "+",  true },
    {"anna-list@one.example",     "+",  false},
    {"anna-list@one.example",     "+-", true },
    {"anna+a+b@one.example",      "+",  true },
    {"anna+@one.example",         "+",  true },
    {"+anna@one.example",         "+",  false},
    {"nobody+anna@one.example",   "+",  false},
    {"g+h@one.example",           "+",  true },
    {"g+i@one.example",           "+",  false},
    {"g@one.example",             "+",  false},
    {"carl+x@any.example",        "+",  true },
    {"\"carl+x\"@any.example",    "+",  false},
};

Test(recipients, on_the_list)
{
    struct buf errors;
    struct recipients *r = parse(list, &errors);

    cr_assert_not_null(r);
    cr_expect_eq(recipients_count(r), 11);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        cr_expect_eq(have(r, asked[i].address, asked[i].delimiters), asked[i].there, "%s with '%s'",
                     asked[i].address, asked[i].delimiters);
    recipients_unref(&r);
}

static const struct {
    const char *text, *error;
} mistakes[] = {
    {"a@b.example\nc d\n",     "F:2:3: \"d\" is one thing too many: one address a line\n"        },
    {"a@b.example  x",         "F:1:14: \"x\" is one thing too many: one address a line\n"       },
    {"a@",                     "F:1:3: \"\" is not a domain\n"                                   },
    {"  a@b_c!",               "F:1:5: \"b_c!\" is not a domain\n"                               },
    {"@",                      "F:1:2: \"\" is not a domain\n"                                   },
    {"a..b@c.example",         "F:1:1: \"a..b@c.example\" is not an address, a local part or @domain\n"},
    {"a@b@c.example",          "F:1:1: \"a@b@c.example\" is not an address, a local part or @domain\n" },
    {"a,b",                    "F:1:1: \"a,b\" is not an address, a local part or @domain\n"     },
    {"<a@b.example>",          "F:1:4: \"b.example>\" is not a domain\n"                        },
    {"\"a",                    "F:1:1: \"\"a\" is not an address, a local part or @domain\n"     },
    {"\"\"@b.example",         "F:1:1: \"\"\"@b.example\" is no local part that could be looked up\n"},
    {"a@[192.0.2.1]",          "F:1:3: \"[192.0.2.1]\" is not a domain\n"                        },
    {"\xff@b.example",         NULL                                                              },
    {"0123456789012345678901234567890123456789012345678901234567890123456789@b.example", NULL    },
};

Test(recipients, mistakes)
{
    struct buf errors;

    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        cr_expect_null(parse(mistakes[i].text, &errors), "%s", mistakes[i].text);
        if (mistakes[i].error)
            cr_expect_str_eq(buf_cstr(&errors), mistakes[i].error, "%s: %s", mistakes[i].text,
                             buf_cstr(&errors));
        buf_free(&errors);
    }
}

/* All mistakes in one run, but no flood of them. */
Test(recipients, many_mistakes)
{
    struct buf text, errors;

    buf_init(&text, 4096);
    for (int i = 0; i < LIMIT_CONFIG_ERRORS + 7; i++)
        cr_assert(buf_append(&text, SLICE("a b\n")));
    cr_expect_null(parse(buf_cstr(&text), &errors));
    cr_expect(strstr(buf_cstr(&errors), "F: 7 more mistakes\n") != NULL, "%s", buf_cstr(&errors));
    buf_free(&text);
    buf_free(&errors);
}

Test(recipients, octets)
{
    struct recipients *r;
    struct buf errors;

    cr_assert(parse("", &errors));
    for (size_t n = 0; n < sizeof(list); n++) { /* cut off anywhere: parsed or refused, never read past */
        char *exact = slice_dup(slice_make(list, n));
        r = NULL;
        buf_init(&errors, 64 * 1024);
        (void)!recipients_parse(slice_make(exact, n), "F", &errors, &r);
        recipients_unref(&r);
        buf_free(&errors);
        free(exact);
    }
    buf_init(&errors, 1000);
    cr_expect(!recipients_parse(SLICE("a\0b\n"), "F", &errors, &r), "a NUL is no part of an address");
    buf_free(&errors);
}

Test(recipients, hundred_thousands)
{
    enum { N = 300000 };
    struct buf text, errors;
    struct recipients *r;
    char line[64];

    buf_init(&text, 64 * 1024 * 1024);
    for (int i = 0; i < N; i++)
        cr_assert(buf_printf(&text, "user%d@one.example\n", i));
    buf_init(&errors, 1000);
    cr_assert(recipients_parse(buf_slice(&text), "F", &errors, &r));
    cr_expect_eq(recipients_count(r), N);
    for (int i = 0; i < N; i += 9973) {
        (void)snprintf(line, sizeof(line), "USER%d@one.example", i);
        cr_expect(have(r, line, ""));
        (void)snprintf(line, sizeof(line), "user%d@two.example", i);
        cr_expect(!have(r, line, ""));
    }
    recipients_unref(&r);
    buf_free(&text);
}
