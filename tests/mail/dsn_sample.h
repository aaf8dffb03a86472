/* Notifications to test with. Given a directory in DSN_SAMPLE_DIR they are written there, for
 * check_dsn.py to read. */
#ifndef DANELAW_TEST_MAIL_DSN_SAMPLE_H
#define DANELAW_TEST_MAIL_DSN_SAMPLE_H

#include "mta/mail/dsn.h"

struct dsn dsn_sample(const struct dsn_rcpt *r, size_t n);
/* Writes it, checks that it is made of lines as RFC 5322 §2.1.1 has them, and saves it. */
void dsn_make(const char *name, const struct dsn *d, struct buf *out, bool *out_eight_bit);
/* NAME.want: what a reader must find. */
void dsn_save_wanted(const char *name, const struct dsn *d);

#endif
