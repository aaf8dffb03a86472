#include "config/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static struct ip from_octets(const void *p, bool v6)
{
    struct ip ip = {.v6 = v6};
    if (v6 && memcmp(p, mapped, sizeof(mapped)) == 0) {
        ip.v6 = 0;
        memcpy(ip.a, (const char *)p + 12, 4);
    } else {
        memcpy(ip.a, p, v6 ? 16 : 4);
    }
    return ip;
}

bool ip_parse(struct slice s, struct ip *out_ip)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char octets[16];

    if (s.n == 0 || !slice_copy(s, text, sizeof(text)) || strlen(text) != s.n)
        return false;
    bool v6 = slice_find(s, ':') < s.n;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, octets) != 1)
        return false;
    *out_ip = from_octets(octets, v6);
    return true;
}

bool ip_parse_port(struct slice s, struct ip_port *out_addr)
{
    struct ip_port addr;
    struct slice host, port;
    uint64_t number;

    if (s.n && s.p[0] == '[') {
        size_t end = slice_find(s, ']');
        if (end + 1 >= s.n || s.p[end + 1] != ':')
            return false;
        host = slice_make(s.p + 1, end - 1);
        port = slice_skip(s, end + 2);
    } else {
        size_t colon = slice_find(s, ':');
        host = slice_head(s, colon);
        port = slice_skip(s, colon + 1);
    }
    if (!ip_parse(host, &addr.ip) || !slice_to_u64(port, 65535, &number))
        return false;
    addr.port = (uint16_t)number;
    *out_addr = addr;
    return true;
}

/* Octet i of a mask of so many bits. */
static uint8_t mask_octet(uint8_t bits, int i)
{
    int left = bits - 8 * i;
    if (left >= 8)
        return 0xff;
    return (uint8_t)(left <= 0 ? 0 : 0xff << (8 - left));
}

bool ip_parse_net(struct slice s, struct ip_net *out_net)
{
    size_t slash = slice_find(s, '/');
    struct ip_net net;
    uint64_t bits;

    if (!ip_parse(slice_head(s, slash), &net.ip))
        return false;
    bits = net.ip.v6 ? 128 : 32;
    if (slash < s.n && !slice_to_u64(slice_skip(s, slash + 1), bits, &bits))
        return false;
    net.bits = (uint8_t)bits;
    for (int i = 0; i < 16; i++)
        if (net.ip.a[i] & ~mask_octet(net.bits, i))
            return false;
    *out_net = net;
    return true;
}

bool ip_net_has(const struct ip_net *net, const struct ip *ip)
{
    if (net->ip.v6 != ip->v6)
        return false;
    for (int i = 0; i < 16 && 8 * i < net->bits; i++)
        if ((ip->a[i] & mask_octet(net->bits, i)) != net->ip.a[i])
            return false;
    return true;
}

bool ip_nets_have(const struct ip_net *nets, size_t n, const struct ip *ip)
{
    for (size_t i = 0; i < n; i++)
        if (ip_net_has(&nets[i], ip))
            return true;
    return false;
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return a->v6 == b->v6 && memcmp(a->a, b->a, a->v6 ? 16 : 4) == 0;
}

const char *ip_text(const struct ip *ip, char text[IP_TEXT_MAX])
{
    if (!inet_ntop(ip->v6 ? AF_INET6 : AF_INET, ip->a, text, IP_TEXT_MAX))
        text[0] = '\0';
    return text;
}

const char *ip_port_text(const struct ip_port *a, char text[IP_TEXT_MAX])
{
    char host[IP_TEXT_MAX];
    (void)ip_text(&a->ip, host);
    (void)snprintf(text, IP_TEXT_MAX, a->ip.v6 ? "[%.46s]:%u" : "%.46s:%u", host, a->port);
    return text;
}

socklen_t ip_to_sockaddr(const struct ip_port *a, struct sockaddr_storage *out_sa)
{
    memset(out_sa, 0, sizeof(*out_sa));
    if (a->ip.v6) {
        struct sockaddr_in6 *sa = (struct sockaddr_in6 *)out_sa;
        sa->sin6_family = AF_INET6;
        sa->sin6_port = htons(a->port);
        memcpy(&sa->sin6_addr, a->ip.a, 16);
        return sizeof(*sa);
    }
    struct sockaddr_in *sa = (struct sockaddr_in *)out_sa;
    sa->sin_family = AF_INET;
    sa->sin_port = htons(a->port);
    memcpy(&sa->sin_addr, a->ip.a, 4);
    return sizeof(*sa);
}

bool ip_from_sockaddr(const struct sockaddr *sa, struct ip_port *out_addr)
{
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
        *out_addr = (struct ip_port){from_octets(&in6->sin6_addr, true), ntohs(in6->sin6_port)};
        return true;
    }
    if (sa->sa_family != AF_INET)
        return false;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
    *out_addr = (struct ip_port){from_octets(&in->sin_addr, false), ntohs(in->sin_port)};
    return true;
}
