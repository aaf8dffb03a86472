/* Scalars at their edges, edit distance, host names. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/suggest.h"
#include "config/value.h"

/* value -1: refused. */
struct number_row {
    const char *text;
    int64_t value;
};

Test(values, sizes)
{
    static const struct number_row rows[] = {
        {"0",                    0                  },
        {"1",                    1                  },
        {"1k",                   1024               },
        {"1K",                   1024               },
        {"50m",                  52428800           },
        {"3g",                   INT64_C(3221225472)},
        {"",                     -1                 },
        {"k",                    -1                 },
        {"1kk",                  -1                 },
        {"1.5m",                 -1                 },
        {"-1",                   -1                 },
        {"+1",                   -1                 },
        {" 1",                   -1                 },
        {"1 k",                  -1                 },
        {"0x10",                 -1                 },
        {"9223372036854775807",  INT64_MAX          },
        {"9223372036854775808",  -1                 },
        {"8589934592g",          -1                 },
        {"18446744073709551616", -1                 },
        {"1t",                   -1                 }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 77;
        bool ok = !value_size(slice_of(rows[i].text), &value);
        cr_expect_eq(ok, rows[i].value >= 0, "%s", rows[i].text);
        cr_expect_eq(value, ok ? (uint64_t)rows[i].value : 77, "%s", rows[i].text);
    }
}

Test(values, milter_sockets)
{
    // clang-format off
    static const struct {
        const char *text, *path, *addr; /* both NULL: refused */
    } rows[] = {
        {"inet:127.0.0.1:11332", NULL, "127.0.0.1:11332"},
        {"inet6:[::1]:8891", NULL, "[::1]:8891"},
        {"unix:/run/opendkim.sock", "/run/opendkim.sock", NULL},
        {"inet:[::1]:8891", NULL, NULL}, {"inet6:127.0.0.1:8891", NULL, NULL},
        {"inet:127.0.0.1", NULL, NULL}, {"inet:127.0.0.1:0", NULL, NULL},
        {"inet:localhost:8891", NULL, NULL}, {"inet:8891@127.0.0.1", NULL, NULL},
        {"127.0.0.1:11332", NULL, NULL}, {"unix:run/x.sock", NULL, NULL}, {"unix:/", NULL, NULL},
        {"unix:", NULL, NULL}, {"unix", NULL, NULL}, {"", NULL, NULL}, {"local:/x", NULL, NULL},
    };
    // clang-format on

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct milter_socket socket;
        char path[VALUE_SOCKET_MAX], text[IP_TEXT_MAX];
        bool ok = !value_milter_socket(slice_of(rows[i].text), &socket, path);
        cr_expect_eq(ok, rows[i].path || rows[i].addr, "%s", rows[i].text);
        if (rows[i].path)
            cr_expect_str_eq(path, rows[i].path);
        if (rows[i].addr)
            cr_expect(!*path && strcmp(ip_port_text(&socket.addr, text), rows[i].addr) == 0);
    }
    char longest[200];
    struct milter_socket socket;
    char path[VALUE_SOCKET_MAX];
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "unix:/", 6);
    cr_expect_null(value_milter_socket(slice_make(longest, 5 + 107), &socket, path));
    cr_expect(value_milter_socket(slice_make(longest, 5 + 108), &socket, path));
}

Test(values, durations)
{
    static const struct number_row rows[] = {
        {"0",                   0        },
        {"7",                   7000     },
        {"7s",                  7000     },
        {"2m",                  120000   },
        {"1h",                  3600000  },
        {"1d",                  86400000 },
        {"1w",                  604800000},
        {"5M",                  -1       },
        {"1h30m",               -1       },
        {"5ms",                 -1       },
        {"",                    -1       },
        {"s",                   -1       },
        {"9223372036854775807", -1       },
        {"1.5h",                -1       }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 77;
        bool ok = !value_duration(slice_of(rows[i].text), &value);
        cr_expect_eq(ok, rows[i].value >= 0, "%s", rows[i].text);
        cr_expect_eq(value, ok ? rows[i].value : 77, "%s", rows[i].text);
    }
}

Test(values, dates)
{
    static const struct number_row rows[] = {
        {"1970-01-01",    86399999              },
        {"2024-02-29",    INT64_C(1709251199999)},
        {"2026-12-01",    INT64_C(1796169599999)},
        {"2038-01-20",    INT64_C(2147644799999)},
        {"2026-02-29",    -1                    },
        {"2026-13-01",    -1                    },
        {"2026-00-01",    -1                    },
        {"2026-01-00",    -1                    },
        {"2026-04-31",    -1                    },
        {"1969-12-31",    -1                    },
        {"2026-1-1",      -1                    },
        {"2026-12-01T00", -1                    },
        {"01-12-2026",    -1                    },
        {"2026/12/01",    -1                    },
        {"2026-+1-01",    -1                    },
        {"",              -1                    }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 77;
        bool ok = !value_date(slice_of(rows[i].text), &value);
        cr_expect_eq(ok, rows[i].value >= 0, "%s", rows[i].text);
        cr_expect_eq(value, ok ? rows[i].value : 77, "%s", rows[i].text);
    }
}

Test(values, bools)
{
    static const struct number_row rows[] = {
        {"yes",   1 },
        {"no",    0 },
        {"Yes",   1 },
        {"true",  1 },
        {"on",    1 },
        {"OFF",   0 },
        {"false", 0 },
        {"1",     -1},
        {"y",     -1},
        {"yess",  -1},
        {"",      -1}
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool value = false;
        bool ok = !value_bool(slice_of(rows[i].text), &value);
        cr_expect_eq(ok, rows[i].value >= 0, "%s", rows[i].text);
        cr_expect_eq(value, rows[i].value == 1, "%s", rows[i].text);
    }
}

/* wanted NULL: refused. */
static const struct {
    const char *text, *name;
    bool mx, address, tls;
    int port;
} hosts[] = {
    {"mail.Example",      "mail.example", true,  false, false, 25  },
    {"mail.example.:587", "mail.example", true,  false, false, 587 },
    {"mail.example:465",  "mail.example", true,  false, true,  465 },
    {"[mail.example]",    "mail.example", false, false, false, 25  },
    {"[mail.example]:26", "mail.example", false, false, false, 26  },
    {"192.0.2.1",         "192.0.2.1",    false, true,  false, 25  },
    {"192.0.2.1:2525",    "192.0.2.1",    false, true,  false, 2525},
    {"[192.0.2.1]",       "192.0.2.1",    false, true,  false, 25  },
    {"[2001:DB8::1]",     "2001:db8::1",  false, true,  false, 25  },
    {"[2001:db8::1]:465", "2001:db8::1",  false, true,  true,  465 },
    {"2001:db8::1",       NULL,           0,     0,     0,     0   },
    {"::1",               NULL,           0,     0,     0,     0   },
    {"",                  NULL,           0,     0,     0,     0   },
    {"[]",                NULL,           0,     0,     0,     0   },
    {"[",                 NULL,           0,     0,     0,     0   },
    {"[a.example",        NULL,           0,     0,     0,     0   },
    {"[a.example]x",      NULL,           0,     0,     0,     0   },
    {"[a.example]:",      NULL,           0,     0,     0,     0   },
    {"a.example:",        NULL,           0,     0,     0,     0   },
    {"a.example:0",       NULL,           0,     0,     0,     0   },
    {"a.example:65536",   NULL,           0,     0,     0,     0   },
    {":25",               NULL,           0,     0,     0,     0   },
    {"a..example",        NULL,           0,     0,     0,     0   },
    {"*.example",         NULL,           0,     0,     0,     0   },
    {"a b",               NULL,           0,     0,     0,     0   },
    {"1.2.3.4.5",         NULL,           0,     0,     0,     0   },
    {"\xc3\xa4.example",  "xn--4ca.example", true,  false, false, 25 },
};

Test(values, hop_hosts)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct hop_host h = {0};
        char name[HOSTNAME_MAX];
        const char *wanted = value_hop_host(slice_of(hosts[i].text), &h, name);
        cr_expect_eq(wanted == NULL, hosts[i].name != NULL, "\"%s\": %s", hosts[i].text,
                     wanted ? wanted : "taken");
        if (wanted || !hosts[i].name)
            continue;
        cr_expect_str_eq(name, hosts[i].name);
        cr_expect_eq(h.mx_lookup, hosts[i].mx, "%s", hosts[i].text);
        cr_expect_eq(h.is_address, hosts[i].address, "%s", hosts[i].text);
        cr_expect_eq(h.implicit_tls, hosts[i].tls, "%s", hosts[i].text);
        cr_expect_eq(h.port, hosts[i].port, "%s", hosts[i].text);
    }
}

Test(values, patterns)
{
    static const struct {
        const char *text, *pattern;
        bool star;
    } rows[] = {
        {"Example.ORG.", "example.org",  true },
        {".Example.org", ".example.org", false},
        {"*",            "*",            true },
        {"*",            NULL,           false},
        {".",            NULL,           true },
        {"..a",          NULL,           true },
        {"",             NULL,           true },
        {"*.a",          NULL,           true },
        {"a*",           NULL,           true },
        {".192.0.2.1",   NULL,           true }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[HOSTNAME_MAX + 1] = "";
        const char *wanted = value_pattern(slice_of(rows[i].text), rows[i].star, out);
        cr_expect_eq(wanted == NULL, rows[i].pattern != NULL, "%s", rows[i].text);
        cr_expect_str_eq(out, rows[i].pattern ? rows[i].pattern : "", "%s", rows[i].text);
    }
}

Test(values, distances)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"",        "",         0},
        {"",        "abc",      3},
        {"abc",     "",         3},
        {"bind",    "bind",     0},
        {"bnid",    "bind",     1},
        {"bid",     "bind",     1},
        {"binds",   "bind",     1},
        {"bynd",    "bind",     1},
        {"kitten",  "sitting",  3},
        {"ab",      "ba",       1},
        {"ca",      "abc",      3},
        {"timeout", "timeouts", 1}
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice a = slice_of(rows[i].a), b = slice_of(rows[i].b);
        cr_expect_eq(suggest_distance(a, b), rows[i].distance, "%s %s", rows[i].a, rows[i].b);
        cr_expect_eq(suggest_distance(b, a), rows[i].distance, "%s %s", rows[i].b, rows[i].a);
    }
    struct slice endless = slice_make("................................................", 48);
    cr_expect_gt(suggest_distance(endless, endless), 40);
}

Test(values, the_nearest_is_suggested)
{
    struct suggestion s = suggest_for(SLICE("retry_mxa"));
    suggest_consider(&s, "expire");
    cr_expect_null(s.best);
    suggest_consider(&s, "retry_min");
    suggest_consider(&s, "retry_max");
    cr_expect_str_eq(s.best, "retry_max");
}
