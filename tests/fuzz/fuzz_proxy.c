/* A PROXY header, octet by octet: no answer but MORE is ever taken back, and nothing that was asked for
 * lies behind the header, for there the client's own octets begin. What it says is written down as
 * version 1 and version 2 and read again: the same. */
#include <stdio.h>
#include <string.h>

#include "config/base/buf.h"
#include "config/base/limits.h"
#include "mta/smtp/proxy.h"
#include "tests/fuzz/bytes.h"

static bool same_end(const struct ip_port *a, const struct ip_port *b)
{
    return ip_eq(&a->ip, &b->ip) && a->port == b->port;
}

static bool same(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->has_client == b->has_client && same_end(&a->client, &b->client) &&
           same_end(&a->server, &b->server);
}

/* An IPv4 address where the other one is IPv6 is written as a mapped one. */
static void write_ip(const struct ip *ip, bool v6, char text[IP_TEXT_MAX + 8])
{
    char plain[IP_TEXT_MAX];

    (void)snprintf(text, IP_TEXT_MAX + 8, "%s%s", v6 && !ip->v6 ? "::ffff:" : "", ip_text(ip, plain));
}

static void check_v1(const struct proxy_header *h)
{
    bool v6 = h->client.ip.v6 || h->server.ip.v6;
    char client[IP_TEXT_MAX + 8], server[IP_TEXT_MAX + 8], line[256];
    struct proxy_header again;

    write_ip(&h->client.ip, v6, client);
    write_ip(&h->server.ip, v6, server);
    (void)snprintf(line, sizeof(line), "PROXY TCP%d %s %s %u %u\r\n", v6 ? 6 : 4, client, server,
                   h->client.port, h->server.port);
    REQUIRE(proxy_parse(slice_of(line), &again) == PROXY_DONE);
    REQUIRE(again.length == strlen(line) && same(h, &again));
}

static void put_ip(struct buf *b, const struct ip *ip, bool v6)
{
    if (v6 && !ip->v6)
        REQUIRE(buf_append(b, slice_make("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)));
    REQUIRE(buf_append(b, slice_make((const char *)ip->a, ip->v6 ? 16 : 4)));
}

static void put_u16(struct buf *b, unsigned v)
{
    REQUIRE(buf_append_byte(b, (char)(v >> 8)) && buf_append_byte(b, (char)v));
}

static void check_v2(const struct proxy_header *h)
{
    bool v6 = h->client.ip.v6 || h->server.ip.v6;
    struct proxy_header again;
    struct buf b;

    buf_init(&b, 256);
    REQUIRE(buf_append(&b, slice_make("\r\n\r\n\0\r\nQUIT\n\x21", 13)));
    REQUIRE(buf_append_byte(&b, v6 ? 0x21 : 0x11));
    put_u16(&b, v6 ? 36 : 12);
    put_ip(&b, &h->client.ip, v6);
    put_ip(&b, &h->server.ip, v6);
    put_u16(&b, h->client.port);
    put_u16(&b, h->server.port);
    REQUIRE(proxy_parse(buf_slice(&b), &again) == PROXY_DONE);
    REQUIRE(again.length == b.n && same(h, &again));
    buf_free(&b);
}

/* The same answer whatever comes behind the octets that decided. */
static void check_decided(struct slice in, size_t n, enum proxy_result result, const struct proxy_header *h)
{
    struct proxy_header whole;

    REQUIRE(proxy_parse(in, &whole) == result);
    if (result == PROXY_BAD) {
        REQUIRE(h->why && *h->why && whole.why && *whole.why);
        return;
    }
    REQUIRE(h->length == n && whole.length == n && n <= LIMIT_PROXY_HEADER && same(h, &whole));
    if (h->has_client) {
        check_v1(h);
        check_v2(h);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);

    for (size_t n = 0; n <= in.n; n++) {
        struct proxy_header h;
        enum proxy_result result = proxy_parse(slice_head(in, n), &h);
        if (result != PROXY_MORE) {
            check_decided(in, n, result, &h);
            break;
        }
        REQUIRE(n < LIMIT_PROXY_HEADER);
    }
    return 0;
}
