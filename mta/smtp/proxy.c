#include "mta/smtp/proxy.h"

#include <string.h>

#include "config/base/limits.h"

enum {
    V1_MAX = 107, /* octets with the CRLF, as the specification has it */
    V2_HEAD = 16, /* signature, version and command, family and protocol, length */
};

static const struct slice v1_opening = {"PROXY ", 6};
static const struct slice v2_signature = {"\r\n\r\n\0\r\nQUIT\n", 12};

static enum proxy_result bad(struct proxy_header *out, const char *why)
{
    *out = (struct proxy_header){.why = why};
    return PROXY_BAD;
}

/* ---- Version 1: one line of words ---- */

/* The next word up to a single space; the rest of the line behind it. */
static struct slice next_word(struct slice *line)
{
    size_t space = slice_find(*line, ' ');
    struct slice word = slice_head(*line, space);

    *line = slice_skip(*line, space + 1);
    return word;
}

/* No leading zeros: "0" is a port, "025" is none. */
static bool parse_port(struct slice s, uint16_t *out_port)
{
    uint64_t port;

    if ((s.n > 1 && s.p[0] == '0') || !slice_to_u64(s, 65535, &port))
        return false;
    *out_port = (uint16_t)port;
    return true;
}

/* An IPv6 word may hold a mapped IPv4 address, which is IPv4 to us; the words' own form decides. */
static bool parse_address(struct slice s, bool v6, struct ip *out_ip)
{
    bool colon = slice_find(s, ':') < s.n;
    return colon == v6 && ip_parse(s, out_ip);
}

/* "192.0.2.1 198.51.100.1 56324 25" */
static bool parse_endpoints(struct slice line, bool v6, struct proxy_header *out)
{
    struct slice source = next_word(&line), target = next_word(&line), port = next_word(&line);

    out->has_client = true;
    return parse_address(source, v6, &out->client.ip) &&
           parse_address(target, v6, &out->server.ip) && parse_port(port, &out->client.port) &&
           parse_port(line, &out->server.port);
}

/* What follows UNKNOWN is for nobody. */
static enum proxy_result parse_line(struct slice line, struct proxy_header *out)
{
    struct slice family = next_word(&line);

    if (slice_eq(family, SLICE("UNKNOWN")))
        return PROXY_DONE;
    bool v6 = slice_eq(family, SLICE("TCP6"));
    if (!v6 && !slice_eq(family, SLICE("TCP4")))
        return bad(out, "version 1 with an unknown protocol");
    return parse_endpoints(line, v6, out) ? PROXY_DONE : bad(out, "version 1 with a bad address");
}

static enum proxy_result parse_v1(struct slice in, struct proxy_header *out)
{
    size_t lf = slice_find(slice_head(in, V1_MAX), '\n');

    if (lf < in.n && lf < V1_MAX) {
        if (in.p[lf - 1] != '\r')
            return bad(out, "version 1 without CRLF");
        *out = (struct proxy_header){.length = lf + 1};
        struct slice line = slice_head(in, lf - 1);
        return parse_line(slice_skip(line, v1_opening.n), out);
    }
    return in.n < V1_MAX ? PROXY_MORE : bad(out, "version 1 with a line that is too long");
}

/* ---- Version 2: binary ---- */

static uint16_t read_u16(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint16_t)(u[0] << 8 | u[1]);
}

/* A mapped address becomes IPv4, as everywhere here. */
static struct ip address_at(const char *p, bool v6)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct ip ip = {.v6 = v6};

    if (v6 && memcmp(p, mapped, sizeof(mapped)) == 0)
        return address_at(p + sizeof(mapped), false);
    memcpy(ip.a, p, v6 ? 16 : 4);
    return ip;
}

/* Source, target, source port, target port; TLVs behind them are passed over. */
static enum proxy_result take_addresses(struct slice block, bool v6, struct proxy_header *out)
{
    size_t n = v6 ? 16 : 4;

    if (block.n < 2 * n + 4)
        return bad(out, "version 2 with too short an address block");
    out->has_client = true;
    out->client = (struct ip_port){address_at(block.p, v6), read_u16(block.p + 2 * n)};
    out->server = (struct ip_port){address_at(block.p + n, v6), read_u16(block.p + 2 * n + 2)};
    return PROXY_DONE;
}

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };                   /* with the version */
enum { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21 }; /* with the protocol */

/* LOCAL comes from the proxy itself, to see whether we are well; its family means nothing. */
static enum proxy_result parse_block(uint8_t command, uint8_t family, struct slice block,
                                     struct proxy_header *out)
{
    if (command == COMMAND_LOCAL || family == FAMILY_UNSPEC)
        return PROXY_DONE;
    if (family == FAMILY_TCP4 || family == FAMILY_TCP6)
        return take_addresses(block, family == FAMILY_TCP6, out);
    return bad(out, "version 2 for a protocol that is not TCP");
}

static enum proxy_result parse_v2(struct slice in, struct proxy_header *out)
{
    uint8_t command = in.n > 12 ? (uint8_t)in.p[12] : COMMAND_PROXY;

    if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
        return bad(out, "an unknown version or command");
    if (in.n < V2_HEAD)
        return PROXY_MORE;
    size_t length = (size_t)V2_HEAD + read_u16(in.p + 14);
    if (length > LIMIT_PROXY_HEADER)
        return bad(out, "version 2 with too long a header");
    if (in.n < length)
        return PROXY_MORE;
    *out = (struct proxy_header){.length = length};
    return parse_block(command, (uint8_t)in.p[13], slice_make(in.p + V2_HEAD, length - V2_HEAD),
                       out);
}

/* in begins as that does, as far as both go. */
static bool may_begin(struct slice in, struct slice opening)
{
    size_t n = in.n < opening.n ? in.n : opening.n;
    return slice_eq(slice_head(in, n), slice_head(opening, n));
}

enum proxy_result proxy_parse(struct slice in, struct proxy_header *out)
{
    bool v1 = may_begin(in, v1_opening), v2 = may_begin(in, v2_signature);

    if (!v1 && !v2)
        return bad(out, "no PROXY header");
    if (in.n < (v1 ? v1_opening.n : v2_signature.n))
        return PROXY_MORE;
    return v1 ? parse_v1(in, out) : parse_v2(in, out);
}
