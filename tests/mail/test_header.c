/* Header scan and Received line. */
#include <criterion/criterion.h>
#include <string.h>

#include "mta/mail/header.h"
#include "mta/mail/trace.h"
#include "tests/mail/leaks.h"

TestSuite(header, .fini = no_leaks);
TestSuite(trace, .fini = no_leaks);

static const struct {
    const char *name, *text;
    unsigned hops;
    bool date, message_id, ended;
    size_t length;
} headers[] = {
    {"empty line at once",                                "\r\nbody",                                                     0, false, false, true,  2 },
    {"nothing yet",                                       "",                                                             0, false, false, false, 0 },
    {"one hop",                                           "Received: x\r\nDate: y\r\n\r\nReceived: no\r\n",               1, true,  false, true,  24},
    {"any case, space before the colon (RFC 5322 §4.5)", "rEcEiVeD \t: x\r\nMESSAGE-id:\r\n\r\n",                        1,
     false,                                                                                                                         true,  true,  30},
    {"folded is no second hop",                           "Received: a\r\n\tReceived: b\r\n Date: c\r\n\r\n",             1, false, false,
     true,                                                                                                                                        39},
    {"longer and shorter names",                          "Receive: a\r\nReceivedx: b\r\nX-Received: c\r\n\r\n",          0, false,
     false,                                                                                                                                true,  43},
    {"no empty line, body line",                          "Received: a\r\nnot a field\r\n",                               1, false, false, true,  13},
    {"mbox line first",                                   "From a b\r\nReceived: a\r\n",                                  0, false, false, true,  0 },
    {"white space first",                                 " x: y\r\nReceived: a\r\n",                                     0, false, false, true,  0 },
    {"colon first",                                       "Received: a\r\n: b\r\n",                                       1, false, false, true,  13},
    {"8-bit name",                                        "Received: a\r\n\xc3\xa4: b\r\n",                               1, false, false, true,  13},
    {"CR that starts no empty line",                      "Received: a\r\n\rReceived: b\r\n",                             1, false, false, true,  13},
    {"unfinished",                                        "Received: a\r\nRecei",                                         1, false, false, false, 18},
    {"a name of 40 octets",                               "Received90123456789012345678901234567890: a\r\nDate:\r\n\r\n", 0, true,
     false,                                                                                                                                true,  54},
    {"three hops",                                        "Received:\r\nRECEIVED:\r\nreceived :\r\n\r\n",                 3, false, false, true,  36},
};

static void check(const struct header_scan *h, size_t i, size_t split)
{
    cr_assert_eq(h->hops, headers[i].hops, "%s, split %zu: hops %u", headers[i].name, split,
                 h->hops);
    cr_assert_eq(h->has_date, headers[i].date, "%s, split %zu", headers[i].name, split);
    cr_assert_eq(h->has_message_id, headers[i].message_id, "%s, split %zu", headers[i].name, split);
    cr_assert_eq(h->ended, headers[i].ended, "%s, split %zu", headers[i].name, split);
    cr_assert_eq(h->length, headers[i].length, "%s, split %zu: length %zu", headers[i].name, split,
                 (size_t)h->length);
}

Test(header, every_split)
{
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct slice all = slice_of(headers[i].text);
        for (size_t at = 0; at <= all.n; at++) {
            struct header_scan h;
            header_scan_init(&h);
            header_scan_feed(&h, slice_head(all, at));
            header_scan_feed(&h, slice_skip(all, at));
            check(&h, i, at);
        }
    }
}

Test(header, byte_by_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct slice all = slice_of(headers[i].text);
        struct header_scan h;
        header_scan_init(&h);
        for (size_t at = 0; at < all.n; at++)
            header_scan_feed(&h, slice_make(all.p + at, 1));
        check(&h, i, all.n);
    }
}

/* RFC 8689 §3: requiretls-field = "TLS-Required:" [FWS] "No" CRLF, and no more than one. */
static const struct {
    const char *text;
    bool optional;
} tls_required[] = {
    {"TLS-Required: No\r\n\r\n",                         true },
    {"tls-required:no\r\nX: y\r\n\r\n",                  true },
    {"A: b\r\nTLS-REQUIRED: \t NO\r\n\r\n",             true },
    {"TLS-Required:\r\n No\r\nA: b\r\n\r\n",           true },
    {"TLS-Required: \r\n\t\r\n No\r\n\r\n",           true },
    {"TLS-Required: No\r\n",                             true },
    {"TLS-Required: No\r\nno field\r\n",                 true },
    {"",                                                 false},
    {"TLS-Required: No",                                 false},
    {"TLS-Required : No\r\n\r\n",                        false},
    {"TLS-Required: No \r\n\r\n",                        false},
    {"TLS-Required: No (comment)\r\n\r\n",               false},
    {"TLS-Required: No\r\n \r\n\r\n",                    false},
    {"TLS-Required: No\r\n way\r\n\r\n",                 false},
    {"TLS-Required: None\r\n\r\n",                       false},
    {"TLS-Required: N o\r\n\r\n",                        false},
    {"TLS-Required: Yes\r\n\r\n",                        false},
    {"TLS-Required: nNo\r\n\r\n",                        false},
    {"TLS-Required:\r\nNo\r\n\r\n",                      false},
    {"TLS-Required:\r\n\r\nNo\r\n",                      false},
    {"TLS-Required: No\nX: y\r\n\r\n",                  false},
    {"X-TLS-Required: No\r\n\r\n",                       false},
    {"TLS-Requireds: No\r\n\r\n",                        false},
    {"A:\r\n TLS-Required: No\r\n\r\n",                  false},
    {"\r\nTLS-Required: No\r\n\r\n",                     false},
    {"TLS-Required: No\r\nTLS-Required: No\r\n\r\n",     false},
    {"TLS-Required: Yes\r\nTLS-Required: No\r\n\r\n",    false},
    {"TLS-Required: No\r\ntls-required :\r\n\r\n",       false},
};

static void check_tls_required(size_t i, size_t a, size_t b)
{
    struct slice all = slice_of(tls_required[i].text);
    struct header_scan h;

    header_scan_init(&h);
    header_scan_feed(&h, slice_head(all, a));
    header_scan_feed(&h, slice_head(slice_skip(all, a), b - a));
    header_scan_feed(&h, slice_skip(all, b));
    cr_assert_eq(header_scan_tls_optional(&h), tls_required[i].optional, "\"%s\" at %zu, %zu",
                 tls_required[i].text, a, b);
}

Test(header, tls_required_at_every_two_splits)
{
    for (size_t i = 0; i < ARRAY_LEN(tls_required); i++)
        for (size_t a = 0, n = strlen(tls_required[i].text); a <= n; a++)
            for (size_t b = a; b <= n; b++)
                check_tls_required(i, a, b);
}

Test(header, looks_no_further_than_its_limit)
{
    struct header_scan h;
    static char line[4096];

    memset(line, 'x', sizeof(line));
    memcpy(line, "A: ", 3);
    header_scan_init(&h);
    for (int i = 0; i < 300 && !h.ended; i++)
        header_scan_feed(&h, slice_make(line, sizeof(line)));
    cr_assert(h.ended);
    cr_assert_leq(h.length, LIMIT_HEADER_SCAN);
}

/* 1795578699000 ms: Wed, 25 Nov 2026 03:51:39 +0000 */
static const struct {
    const char *name, *helo, *ip, *rcpt;
    bool esmtp, tls, auth, utf8;
    const char *want;
} traces[] = {
    {"SMTP",                                "client.example",     "192.0.2.1",   NULL,                 false, false, false, false,
     "Received: from client.example ([192.0.2.1]) by relay.example with SMTP\r\n"                                                                               },
    {"ESMTP with its one recipient",        "client.example",     "192.0.2.1",   "a@b.example",        true,  false,
     false,                                                                                                                 false,
     "Received: from client.example ([192.0.2.1]) by relay.example with ESMTP\r\n"
     "\tid 4dK2fQ7xPz1R for <a@b.example>; Wed, 25 Nov 2026 03:51:39 +0000\r\n"                                                                                 },
    {"IPv6 (RFC 5321 §4.1.3)",             "[IPv6:2001:db8::1]", "2001:db8::1", NULL,                 true,  false, false, false,
     "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) by relay.example\r\n\twith ESMTP "                                                                 },
    {"ESMTPS (RFC 3848)",                   "c",                  "192.0.2.1",   NULL,                 true,  true,  false, false,
     "Received: from c ([192.0.2.1]) by relay.example with ESMTPS\r\n"
     "\t(TLSv1.3 TLS_AES_256_GCM_SHA384) id 4dK2fQ7xPz1R;\r\n"
     "\tWed, 25 Nov 2026 03:51:39 +0000\r\n"                                                                                                                    },
    {"ESMTPA",                              "c",                  "192.0.2.1",   NULL,                 true,  false, true,  false, " with ESMTPA id "           },
    {"ESMTPSA",                             "c",                  "192.0.2.1",   NULL,                 true,  true,  true,  false, " with ESMTPSA\r\n\t(TLSv1.3"},
    {"UTF8SMTP (RFC 6531 §4.3)",           "c",                  "192.0.2.1",   NULL,                 true,  false, false, true,
     " with UTF8SMTP id"                                                                                                                                        },
    {"UTF8SMTPSA",                          "c",                  "192.0.2.1",   NULL,                 true,  true,  true,  true,  " with UTF8SMTPSA\r\n"       },
    {"no S for plain SMTP",                 "c",                  "192.0.2.1",   NULL,                 false, true,  false, false,
     " with SMTP\r\n\t(TLSv1.3"                                                                                                                                 },
    {"a name that is none",                 "a)(\\ \x01\xff",     "192.0.2.1",   NULL,                 true,  false, false, false,
     "Received: from [192.0.2.1] (helo a\\)\\(\\\\ ?\?) by"                                                                                                     },
    {"no 8-bit recipient without SMTPUTF8", "c",                  "192.0.2.1",   "\xc3\xa4@b.example", true,  false,
     false,                                                                                                                 false, " id 4dK2fQ7xPz1R;"          },
    {"8-bit recipient with it",             "c",                  "192.0.2.1",   "\xc3\xa4@b.example", true,  false, false, true,
     "for <\xc3\xa4@b.example>;"                                                                                                                                },
    {"no line ends from a recipient",       "c",                  "192.0.2.1",   "a\r\nb@b.example",   true,  false, false,
     false,                                                                                                                        " id 4dK2fQ7xPz1R;"          },
};

static void lines_are_short(const char *name, const char *text)
{
    for (const char *end; (end = strstr(text, "\r\n")) != NULL; text = end + 2) {
        cr_assert_leq(end - text, 78, "%s: a line of %td", name, end - text);
        cr_assert(end[2] == '\0' || end[2] == '\t', "%s: not folded", name);
    }
    cr_assert_str_empty(text, "%s: no line end", name);
}

Test(trace, table)
{
    for (size_t i = 0; i < ARRAY_LEN(traces); i++) {
        struct trace t = {.helo = traces[i].helo,
                          .by = "relay.example",
                          .esmtp = traces[i].esmtp,
                          .tls = traces[i].tls,
                          .auth = traces[i].auth,
                          .utf8 = traces[i].utf8,
                          .tls_protocol = "TLSv1.3",
                          .tls_cipher = "TLS_AES_256_GCM_SHA384",
                          .id = "4dK2fQ7xPz1R",
                          .rcpt = traces[i].rcpt,
                          .wall_ms = 1795578699000};
        struct buf out;

        cr_assert(ip_parse(slice_of(traces[i].ip), &t.client));
        buf_init(&out, 4096);
        cr_assert(trace_received(&t, &out), "%s", traces[i].name);
        cr_assert(strstr(buf_cstr(&out), traces[i].want), "%s: %s", traces[i].name, buf_cstr(&out));
        lines_are_short(traces[i].name, buf_cstr(&out));
        buf_free(&out);
    }
}

Test(trace, a_full_buffer_is_told)
{
    struct trace t = {.helo = "c", .by = "relay.example", .id = "4dK2fQ7xPz1R"};

    for (size_t max = 0; max < 80; max++) {
        struct buf out;
        buf_init(&out, max);
        cr_assert_not(trace_received(&t, &out), "%zu", max);
        buf_free(&out);
    }
}
