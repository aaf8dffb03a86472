/* Notifications as messages of our own. Private to mta/out. */
#ifndef DANELAW_OUT_NOTIFY_H
#define DANELAW_OUT_NOTIFY_H

#include "config/config.h"
#include "mta/mail/dsn.h"
#include "queue/message.h"

/* Whether the sender wants to hear of it (RFC 3461 §5.2.2, §5.2.5, §5.2.6). notify: enum dsn_notify of the
 * recipient. SUCCESS: only asked of us where the next hop did not take over the duty. */
bool notify_is_wanted(unsigned notify, enum dsn_kind kind);

/* A notification about m from the null reverse-path to its sender. NULL if there is nobody to tell:
 * the sender is null or has no domain (RFC 5321 §4.5.5: never a report about a report). What was asked
 * of m on its way is asked of it too: REQUIRETLS, or "TLS-Required: No" (RFC 8689 §5). */
struct message *notify_make(const struct config *config, const struct message *m,
                            enum dsn_kind kind, const struct dsn_rcpt *rcpts, size_t n,
                            int64_t now_ms);

#endif
