/* Delivery status notifications: RFC 3464 multipart/report of RFC 6522, from the null reverse-path.
 * Every remote text in it is escaped. Never made for a message whose sender is null. Pure. */
#ifndef DANELAW_MAIL_DSN_H
#define DANELAW_MAIL_DSN_H

#include "config/base/buf.h"
#include "config/base/status.h"

enum dsn_kind { DSN_FAILED, DSN_DELAYED };

struct dsn_rcpt {
    const char *address;
    struct status status;
    const char *remote;   /* "mx.example[192.0.2.1]:25" or "" */
    enum cause because;   /* whose fault and remedy are told: that of the last attempt if status is
                             EXPIRED, else that of status */
};

struct dsn {
    enum dsn_kind kind;
    const char *hostname;          /* Reporting-MTA */
    const char *id;                /* of the message reported on */
    const char *dsn_id;            /* of the notification itself, for its Message-ID */
    const char *sender;            /* To: */
    int64_t arrival_ms, now_ms, expires_ms; /* expires: Will-Retry-Until of DELAYED */
    const struct dsn_rcpt *rcpts;
    size_t n_rcpts;
    struct slice original_headers; /* whole lines; may be cut at its end */
    bool smtputf8;
};
/* The whole notification with its header. False if out is full. */
MUST_USE bool dsn_write(const struct dsn *d, struct buf *out);

#endif
