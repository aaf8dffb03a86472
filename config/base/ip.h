/* IP addresses, networks and endpoints as plain data. Pure (no lookup ever). */
#ifndef DANELAW_IP_H
#define DANELAW_IP_H

#include <sys/socket.h>

#include "config/base/slice.h"

struct ip {
    uint8_t v6;    /* 0: IPv4 in octets 0–3; 1: IPv6. An IPv4-mapped IPv6 address is made IPv4. */
    uint8_t a[16];
};

struct ip_port {
    struct ip ip;
    uint16_t port; /* host order */
};

struct ip_net {
    struct ip ip; /* host bits zero */
    uint8_t bits;
};

enum { IP_TEXT_MAX = 64 };

/* "192.0.2.1", "2001:db8::1"; no brackets, no zone, no port. */
MUST_USE bool ip_parse(struct slice s, struct ip *out_ip);
/* "192.0.2.1:25", "[2001:db8::1]:25". */
MUST_USE bool ip_parse_port(struct slice s, struct ip_port *out_addr);
/* "10.0.0.0/8", "fd00::/8", or a bare address (full length). Host bits must be zero. */
MUST_USE bool ip_parse_net(struct slice s, struct ip_net *out_net);
bool ip_net_has(const struct ip_net *net, const struct ip *ip);
bool ip_nets_have(const struct ip_net *nets, size_t n, const struct ip *ip);
bool ip_eq(const struct ip *a, const struct ip *b);
const char *ip_text(const struct ip *ip, char text[IP_TEXT_MAX]);           /* "2001:db8::1" */
const char *ip_port_text(const struct ip_port *a, char text[IP_TEXT_MAX]);  /* "[2001:db8::1]:25" */
socklen_t ip_to_sockaddr(const struct ip_port *a, struct sockaddr_storage *out_sa);
MUST_USE bool ip_from_sockaddr(const struct sockaddr *sa, struct ip_port *out_addr);

#endif
