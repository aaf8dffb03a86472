/* PROXY headers, fed whole, cut off behind every octet and with the client's octets behind them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "mta/smtp/proxy.h"

struct row {
    const char *name;
    struct slice in;
    const char *client, *server; /* NULL: the connection's own; "" : refused */
};

#define IN(text) {text, sizeof(text) - 1}
#define V2       "\r\n\r\n\0\r\nQUIT\n"
#define REFUSED  "", ""
#define OWN      NULL, NULL

// clang-format off
static const struct row rows[] = {
    {"IPv4", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n"), "192.0.2.1:56324", "198.51.100.1:25"},
    {"IPv6", IN("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"), "[2001:db8::1]:65535", "[::1]:0"},
    {"IPv4 in IPv6", IN("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 25\r\n"), "192.0.2.1:1", "[::1]:25"},
    {"the longest", IN("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"unknown", IN("PROXY UNKNOWN\r\n"), OWN},
    {"unknown with more", IN("PROXY UNKNOWN ffff::1 x\t 65535 65535\r\n"), OWN},
    {"unknown, 107 octets", IN("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), OWN},
    {"unknown, 108 octets", IN("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n"), REFUSED},
    {"no CR", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\n"), REFUSED},
    {"no end", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25                                      "
                  "                             "), REFUSED},
    {"lower case", IN("proxy TCP4 192.0.2.1 198.51.100.1 56324 25\r\n"), REFUSED},
    {"another family", IN("PROXY TCP5 192.0.2.1 198.51.100.1 56324 25\r\n"), REFUSED},
    {"IPv6 said to be IPv4", IN("PROXY TCP4 ::1 198.51.100.1 56324 25\r\n"), REFUSED},
    {"IPv4 said to be IPv6", IN("PROXY TCP6 192.0.2.1 198.51.100.1 56324 25\r\n"), REFUSED},
    {"a name", IN("PROXY TCP4 localhost 198.51.100.1 56324 25\r\n"), REFUSED},
    {"an octet too large", IN("PROXY TCP4 192.0.2.256 198.51.100.1 56324 25\r\n"), REFUSED},
    {"a port too large", IN("PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n"), REFUSED},
    {"a leading zero", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 025\r\n"), REFUSED},
    {"a negative port", IN("PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n"), REFUSED},
    {"no port", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), REFUSED},
    {"an empty port", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 \r\n"), REFUSED},
    {"one word too many", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 x\r\n"), REFUSED},
    {"two spaces", IN("PROXY TCP4  192.0.2.1 198.51.100.1 56324 25\r\n"), REFUSED},
    {"a NUL", IN("PROXY TCP4 192.0.2.1\0 198.51.100.1 56324 25\r\n"), REFUSED},
    {"a space at the end", IN("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 \r\n"), REFUSED},

    {"v2 IPv4", IN(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), "192.0.2.1:56324",
     "198.51.100.1:25"},
    {"v2 IPv6", IN(V2 "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\0\x19"), "[2001:db8::1]:56324", "[::1]:25"},
    {"v2 IPv4 in IPv6", IN(V2 "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\0\x19"), "192.0.2.1:56324", "[::1]:25"},
    {"v2 with TLVs", IN(V2 "\x21\x11\0\x13\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19\3\0\4\1\2\3\4"),
     "192.0.2.1:56324", "198.51.100.1:25"},
    {"v2 with a TLV that is cut off", IN(V2 "\x21\x11\0\x0e\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19\3\0"),
     "192.0.2.1:56324", "198.51.100.1:25"},
    {"v2 local", IN(V2 "\x20\0\0\0"), OWN},
    {"v2 local with an address", IN(V2 "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), OWN},
    {"v2 local, any family", IN(V2 "\x20\xff\0\1x"), OWN},
    {"v2 unspecified", IN(V2 "\x21\0\0\2xx"), OWN},
    {"v2 too short for IPv4", IN(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0"), REFUSED},
    {"v2 too short for IPv6", IN(V2 "\x21\x21\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), REFUSED},
    {"v2 empty", IN(V2 "\x21\x11\0\0"), REFUSED},
    {"v2 UDP", IN(V2 "\x21\x12\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), REFUSED},
    {"v2 UNIX", IN(V2 "\x21\x31\0\1x"), REFUSED},
    {"v2 a family of the future", IN(V2 "\x21\x41\0\1x"), REFUSED},
    {"v2 version 1", IN(V2 "\x11\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), REFUSED},
    {"v2 version 3", IN(V2 "\x31\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), REFUSED},
    {"v2 another command", IN(V2 "\x22\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), REFUSED},
    {"v2 65535 octets", IN(V2 "\x21\x11\xff\xff"), REFUSED},
    {"v2 one octet too many", IN(V2 "\x21\x11\x0f\xf1"), REFUSED},

    {"a client that talks", IN("EHLO client.example\r\n"), REFUSED},
    {"a client that shakes hands", IN("\x16\x03\x01\x02\0\1"), REFUSED},
    {"a proxy of another kind", IN("CONNECT mx:25 HTTP/1.1\r\n\r\n"), REFUSED},
    {"nearly v1", IN("PROXYTCP4 192.0.2.1"), REFUSED},
    {"nearly v2", IN("\r\n\r\n\0\r\nQUIT\r\n\x21\x11"), REFUSED},
};
// clang-format on

static void expect_address(const struct row *r, const struct ip_port *got, const char *want)
{
    char text[IP_TEXT_MAX];
    cr_expect_str_eq(ip_port_text(got, text), want, "%s", r->name);
}

static void expect(const struct row *r, struct slice in)
{
    struct proxy_header h = {0};
    enum proxy_result result = proxy_parse(in, &h);

    if (r->client && !*r->client) {
        cr_expect_eq(result, PROXY_BAD, "%s", r->name);
        cr_expect(h.why && *h.why, "%s", r->name);
        return;
    }
    cr_assert_eq(result, PROXY_DONE, "%s: %s", r->name, h.why);
    cr_expect_eq(h.length, r->in.n, "%s", r->name);
    cr_expect_eq(h.has_client, r->client != NULL, "%s", r->name);
    if (!r->client)
        return;
    expect_address(r, &h.client, r->client);
    expect_address(r, &h.server, r->server);
}

/* An own copy, so that a read past its end is seen. */
static enum proxy_result cut(const struct row *r, size_t n)
{
    struct proxy_header h;
    char *copy = malloc(n + !n);
    memcpy(copy, r->in.p, n);
    enum proxy_result result = proxy_parse(slice_make(copy, n), &h);
    free(copy);
    return result;
}

/* A good header is never taken too early; a bad one is never taken, and stays bad. */
static void expect_every_cut(const struct row *r)
{
    bool refused = r->client && !*r->client, seen_bad = false;

    for (size_t n = 0; n < r->in.n; n++) {
        enum proxy_result result = cut(r, n);
        cr_expect_neq(result, PROXY_DONE, "%s at %zu", r->name, n);
        cr_expect(refused || result == PROXY_MORE, "%s at %zu", r->name, n);
        cr_expect(!seen_bad || result == PROXY_BAD, "%s at %zu", r->name, n);
        seen_bad |= result == PROXY_BAD;
    }
}

Test(proxy, headers)
{
    static const char behind[] = "\x16\x03\x01 EHLO x\r\nPROXY TCP4\r\n";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        char text[300];
        memcpy(text, r->in.p, r->in.n);
        memcpy(text + r->in.n, behind, sizeof(behind));
        expect(r, r->in);
        expect(r, slice_make(text, r->in.n + sizeof(behind)));
        expect_every_cut(r);
    }
}

Test(proxy, the_longest_header_is_taken)
{
    static char text[LIMIT_PROXY_HEADER] = V2 "\x21\x11\x0f\xf0\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19";
    struct proxy_header h;

    cr_expect_eq(proxy_parse(slice_make(text, sizeof(text) - 1), &h), PROXY_MORE);
    cr_expect_eq(proxy_parse(slice_make(text, sizeof(text)), &h), PROXY_DONE);
    cr_expect_eq(h.length, sizeof(text));
}
