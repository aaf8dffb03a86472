/* The PROXY protocol, versions 1 and 2, by which a load balancer tells for whom it connects; the receiver's
 * side of the specification that HAProxy keeps (doc/proxy-protocol.txt). Pure.
 *
 * Call it with all octets that have come so far, as often as there are more. While it says MORE every one
 * of them belongs to the header, so they may be taken from the socket; when it says DONE, what is
 * behind `length` is the client's (perhaps the beginning of its TLS handshake). */
#ifndef DANELAW_SMTP_PROXY_H
#define DANELAW_SMTP_PROXY_H

#include "config/base/ip.h"

enum proxy_result {
    PROXY_MORE, /* it is not complete */
    PROXY_DONE,
    PROXY_BAD,  /* it can become no header that we take; why says which way */
};

struct proxy_header {
    size_t length;                  /* octets */
    bool has_client;                /* false: LOCAL, UNKNOWN, UNSPEC: the connection's own addresses stand */
    struct ip_port client, server;  /* whom the proxy speaks for, and where that one connected to */
    const char *why;                /* BAD: static words */
};

/* At most LIMIT_PROXY_HEADER octets are asked for. out is complete on DONE; on BAD only `why` is set. */
enum proxy_result proxy_parse(struct slice in, struct proxy_header *out);

#endif
