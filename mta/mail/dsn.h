/* Delivery status notifications: RFC 3464 multipart/report of RFC 6522, from the null reverse-path.
 * What the sender asked for with the extension of RFC 3461 is answered in its fields; a message with
 * SMTPUTF8 is reported on as RFC 6533 §4 says. Every remote text in it is escaped. Never made for a
 * message whose sender is null. Pure. */
#ifndef DANELAW_MAIL_DSN_H
#define DANELAW_MAIL_DSN_H

#include "config/base/buf.h"
#include "config/base/status.h"

/* DSN_SUCCESS: RFC 3461 §5.2.2 (b), §5.2.3 (a). */
enum dsn_kind { DSN_FAILED, DSN_DELAYED, DSN_SUCCESS };

struct dsn_rcpt {
    const char *address;
    const char *orcpt;    /* RFC 3461 §4.2: "type;address", decoded; NULL: not said */
    struct status status;
    const char *remote;   /* "mx.example[192.0.2.1]:25" or "" */
    enum cause because;   /* whose fault and remedy are told: that of the last attempt if status is
                             EXPIRED, else that of status */
    bool delivered;       /* SUCCESS: to the mailbox itself; else to a server that confirms nothing */
};

struct dsn {
    enum dsn_kind kind;
    const char *hostname;          /* Reporting-MTA */
    const char *id;                /* of the message reported on */
    const char *dsn_id;            /* of the notification itself, for its Message-ID */
    const char *sender;            /* To: */
    const char *envid;             /* RFC 3461 §4.4, decoded; NULL: not said */
    int64_t arrival_ms, now_ms, expires_ms; /* expires: Will-Retry-Until of DELAYED */
    const struct dsn_rcpt *rcpts;
    size_t n_rcpts;
    struct slice original_headers; /* whole lines; may be cut at its end */
    struct slice original;         /* all of the message, if it is to be returned; else empty */
    const char *left_out;          /* our words, why only the header is returned though more was
                                      asked for; NULL: nothing was */
    bool utf8;     /* the message reported on came with SMTPUTF8 */
    bool smtputf8; /* the notification goes out with SMTPUTF8, for its own header needs UTF-8; without
                      it nothing above ASCII stands in its header or its machine-readable part */
    bool tls_optional; /* carries "TLS-Required: No" (RFC 8689 §3) */
};
/* The whole notification with its header. eight_bit: it holds octets above 127 and must be declared so
 * (RFC 6152 §3). False if out is full. */
MUST_USE bool dsn_write(const struct dsn *d, struct buf *out, bool *out_eight_bit);

/* Whether a message may stand in another as it is: no NUL, and no CR or LF but as CRLF. */
bool dsn_may_return(struct slice content);

#endif
