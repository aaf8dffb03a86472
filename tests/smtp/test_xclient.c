#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "mta/smtp/xclient.h"

/* All that was said, as text. */
static const char *told(const struct xclient *x, char text[512])
{
    static const char *const said[] = {"", "", "none", "later"};
    char ip[2][IP_TEXT_MAX], number[2][8];
    const char *values[XCLIENT_ATTRIBUTES];
    size_t n = 0;

    snprintf(number[0], sizeof(number[0]), "%u", x->port);
    snprintf(number[1], sizeof(number[1]), "%u", x->destport);
    values[XCLIENT_NAME] = x->name;
    values[XCLIENT_ADDR] = ip_text(&x->addr, ip[0]);
    values[XCLIENT_PORT] = number[0];
    values[XCLIENT_PROTO] = x->esmtp ? "ESMTP" : "SMTP";
    values[XCLIENT_HELO] = x->helo;
    values[XCLIENT_LOGIN] = x->login;
    values[XCLIENT_DESTADDR] = ip_text(&x->destaddr, ip[1]);
    values[XCLIENT_DESTPORT] = number[1];
    text[0] = '\0';
    for (int a = 0; a < XCLIENT_ATTRIBUTES; a++)
        if (x->said[a] != XCLIENT_UNSAID)
            n += (size_t)snprintf(text + n, 512 - n, "%s%s=%s", n ? " " : "",
                                  xclient_attribute_name((enum xclient_attribute)a),
                                  x->said[a] == XCLIENT_GIVEN ? values[a] : said[x->said[a]]);
    return text;
}

Test(xclient, arguments)
{
    // clang-format off
    static const struct {
        const char *argument, *want; /* NULL: refused */
    } rows[] = {
        {"NAME=Mail.Example.", "NAME=mail.example"},
        {"name=[unavailable] addr=192.0.2.1", "NAME=none ADDR=192.0.2.1"},
        {"NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE]", "NAME=later ADDR=none"},
        {"ADDR=IPV6:2001:db8::1 PORT=25", "ADDR=2001:db8::1 PORT=25"},
        {"ADDR=ipv6:2001:db8::1", "ADDR=2001:db8::1"},
        {"DESTADDR=192.0.2.9 DESTPORT=65535", "DESTADDR=192.0.2.9 DESTPORT=65535"},
        {"PORT=[UNAVAILABLE] DESTPORT=[UNAVAILABLE] DESTADDR=[UNAVAILABLE]",
         "PORT=none DESTADDR=none DESTPORT=none"},
        {"PROTO=ESMTP HELO=c.example", "PROTO=ESMTP HELO=c.example"},
        {"PROTO=smtp HELO=[192.0.2.1]", "PROTO=SMTP HELO=[192.0.2.1]"},
        {"HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]", "HELO=none LOGIN=none"},
        {"LOGIN=a+20b+2Bc", "LOGIN=a b+c"},
        {"NAME=+5BUNAVAILABLE+5D", "NAME=none"},
        {"", NULL},
        {"NAME", NULL},
        {"NAME=", NULL},
        {"NAME=a b", NULL},
        {"NAME=a  ADDR=192.0.2.1", NULL},
        {"NAME=a..b", NULL},
        {"NAME=+0D+0A", NULL},
        {"NAME=a+2", NULL},
        {"NAME=a NAME=b", NULL},
        {"NAME=[UNAVAILABLE] NAME=b", NULL},
        {"FOO=bar", NULL},
        {"=bar", NULL},
        {"ADDR=2001:db8::1", NULL},
        {"ADDR=IPV6:192.0.2.1", NULL},
        {"ADDR=[192.0.2.1]", NULL},
        {"ADDR=192.0.2.256", NULL},
        {"ADDR=[TEMPUNAVAIL]", NULL},
        {"PORT=65536", NULL},
        {"PORT=-1", NULL},
        {"PROTO=LMTP", NULL},
        {"PROTO=[UNAVAILABLE]", NULL},
        {"HELO=a+20b", NULL},
        {"LOGIN=", NULL},
        {"LOGIN=a+00b", NULL},
        {"LOGIN=a+0Ab", NULL},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct xclient x;
        char text[512];
        struct status st = xclient_parse(slice_of(rows[i].argument), &x);
        cr_expect_eq(st.cause == CAUSE_OK, rows[i].want != NULL, "%s: %s", rows[i].argument, st.text);
        cr_expect(rows[i].want || st.code == 501, "%s", rows[i].argument);
        if (rows[i].want && st.cause == CAUSE_OK)
            cr_expect_str_eq(told(&x, text), rows[i].want, "%s: %s", rows[i].argument, text);
    }
}

/* As long as the field, and one more. */
Test(xclient, logins_have_a_limit)
{
    char argument[6 + LIMIT_LOGIN + 2] = "LOGIN=";
    struct xclient x;

    memset(argument + 6, 'u', LIMIT_LOGIN);
    cr_expect_eq(xclient_parse(slice_of(argument), &x).cause, CAUSE_OK);
    cr_expect_eq(strlen(x.login), LIMIT_LOGIN);
    argument[6 + LIMIT_LOGIN] = 'u';
    cr_expect_neq(xclient_parse(slice_of(argument), &x).cause, CAUSE_OK);
}
