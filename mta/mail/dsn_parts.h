/* The parts of a notification that are written field by field. Private to mta/mail. Pure. */
#ifndef DANELAW_MAIL_DSN_PARTS_H
#define DANELAW_MAIL_DSN_PARTS_H

#include "mta/mail/dsn.h"
#include "mta/mail/dsn_text.h"

void dsn_explain(struct dsn_out *o, const struct dsn *d); /* for people */
void dsn_status(struct dsn_out *o, const struct dsn *d);  /* message/delivery-status, RFC 3464 §2.1 */

#endif
