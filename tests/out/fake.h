/* A receiver that does as it is told: one thread, one address of 127.0.0.0/8, SMTP with or without
 * TLS, and a record of all it heard. */
#ifndef DANELAW_TEST_OUT_FAKE_H
#define DANELAW_TEST_OUT_FAKE_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "config/base/buf.h"

struct fake {
    /* Set before fake_start. */
    const char *address;
    SSL_CTX *tls; /* NULL: STARTTLS is not offered */
    bool implicit_tls;
    bool pipelining;
    const char *greeting; /* NULL: 220 */
    int greeting_ms;      /* it comes so late */
    const char *starttls; /* reply to STARTTLS, NULL: 220 and a handshake */
    bool tls_drops;       /* closes instead of the handshake */
    const char *mail;     /* reply to MAIL, NULL: 250 */
    const char *mail_null; /* reply to MAIL of the null reverse-path, NULL: as mail */
    const char *dot;      /* reply to the final dot, NULL: 250; "": closes without one */
    const char *size;     /* of the SIZE keyword, NULL: none */
    const char *offers;   /* more lines of the EHLO reply, separated by '\n'; NULL: none */
    const char *tls_offers; /* the same, inside TLS only */
    int takes;            /* recipients of a transaction, 452 4.5.3 for more; 0: all */
    bool seven_bit;       /* 8BITMIME is not offered */
    const char *path;     /* a local socket instead of the address */
    bool lmtp;            /* LHLO, and a reply for each recipient: 452 for <full…> */
    const char *login;    /* reply to AUTH, NULL: 235 */
    bool closes_after_message;
    bool silent_body; /* reads nothing after 354 */

    /* Read after what is awaited has happened; fake_heard locks. */
    uint16_t port;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop;
    int connections, messages, tls_connections;
    struct buf heard; /* commands, a line each; content in between */
};

/* Recipients whose local part starts with "tempfail" get 450, with "reject" 550. port 0: any. */
void fake_start(struct fake *f, uint16_t port);
void fake_stop(struct fake *f);
bool fake_heard(struct fake *f, const char *text);
/* How often text was heard. */
int fake_count(struct fake *f, const char *text);

#endif
