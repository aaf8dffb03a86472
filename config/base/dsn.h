/* What a sender asks of notifications (RFC 3461 §4), as plain data: the protocol reads and writes it,
 * the queue keeps it, notifications obey it. */
#ifndef DANELAW_DSN_H
#define DANELAW_DSN_H

/* RFC 3461 §4.1. None of them: the sender did not say, which means failure and perhaps delay. */
enum dsn_notify { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };
/* RFC 3461 §4.3: how much of the message a notification of failure brings back. */
enum dsn_ret { DSN_RET_UNSAID, DSN_RET_FULL, DSN_RET_HDRS };

#endif
