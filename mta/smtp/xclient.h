/* The argument of XCLIENT, by which a trusted proxy says who its client is. There is no RFC for it: the
 * syntax is Postfix's. Pure. */
#ifndef DANELAW_SMTP_XCLIENT_H
#define DANELAW_SMTP_XCLIENT_H

#include "config/base/hostname.h"
#include "config/base/ip.h"
#include "config/base/limits.h"
#include "config/base/status.h"

enum xclient_attribute {
    XCLIENT_NAME,
    XCLIENT_ADDR,
    XCLIENT_PORT,
    XCLIENT_PROTO,
    XCLIENT_HELO,
    XCLIENT_LOGIN,
    XCLIENT_DESTADDR,
    XCLIENT_DESTPORT,
    XCLIENT_ATTRIBUTES
};

enum xclient_said {
    XCLIENT_UNSAID,
    XCLIENT_GIVEN,       /* the member of the same name has it */
    XCLIENT_UNAVAILABLE, /* [UNAVAILABLE]: there is none, for good */
    XCLIENT_TEMPUNAVAIL, /* [TEMPUNAVAIL]: NAME alone, its lookup failed for now */
};

struct xclient {
    enum xclient_said said[XCLIENT_ATTRIBUTES];
    char name[HOSTNAME_MAX];      /* normalised */
    struct ip addr, destaddr;
    uint16_t port, destport;
    bool esmtp;                   /* PROTO */
    char helo[LIMIT_DOMAIN + 1];  /* a name or literal that EHLO would take */
    char login[LIMIT_LOGIN + 1];  /* no control characters */
};

/* " NAME=mail.example ADDR=192.0.2.1 …" without the leading space. Names in any case, values in xtext, each
 * attribute once. OK, or BAD_ARGUMENT with the reason. */
struct status xclient_parse(struct slice argument, struct xclient *out);
const char *xclient_attribute_name(enum xclient_attribute a); /* "NAME", … */

#endif
