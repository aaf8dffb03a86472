/* The Received line (RFC 5321 §4.4, keywords of RFC 3848). Pure. */
#ifndef DANELAW_MAIL_TRACE_H
#define DANELAW_MAIL_TRACE_H

#include "config/base/buf.h"
#include "config/base/ip.h"

struct trace {
    const char *helo;      /* as the client said; checked before */
    struct ip client;
    const char *client_name; /* of that address, if it is known to hold; NULL or "" if not */
    const char *by;        /* our hostname */
    bool esmtp, tls, auth, utf8; /* SMTP, ESMTP, ESMTPS, UTF8SMTPS, … */
    const char *tls_protocol, *tls_cipher; /* comment, if tls */
    const char *id;        /* queue id */
    const char *rcpt;      /* only if the message has exactly one recipient, else NULL */
    int64_t wall_ms;
};
/* Appends one folded header field ending in CRLF; lines stay under 78 octets where words allow. */
MUST_USE bool trace_received(const struct trace *t, struct buf *out);

#endif
