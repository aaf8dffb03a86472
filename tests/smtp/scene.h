/* A scripted server for the client machine: dialogues as tables, and a session that plays them. */
#ifndef DANELAW_TESTS_SMTP_SCENE_H
#define DANELAW_TESTS_SMTP_SCENE_H

#include "mta/smtp/client.h"

#define HI     "220 mx.example ESMTP\r\n"
#define CAPS   "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000\r\n"
#define PLAIN  "250 mx.example\r\n"
#define TLS_IN "250-mx.example\r\n250 STARTTLS\r\n"
#define EHLO   "EHLO relay.example\r\n"
#define MAIL   "MAIL FROM:<s@a.example>\r\n"
#define MAIL_S "MAIL FROM:<s@a.example> SIZE=4\r\n"
#define RCPT1  "RCPT TO:<r1@b.example>\r\n"
#define RCPT2  "RCPT TO:<r2@b.example>\r\n"
#define RCPT3  "RCPT TO:<r3@b.example>\r\n"
#define DATA   "DATA\r\n"
#define BODY   "hi\r\n.\r\n"
#define GO     "354 go\r\n"

enum { MAX_ROUNDS = 12, MAX_RCPTS = 3 };

enum option {
    NO_MESSAGE = 1,
    TLS_MAY = 2,
    TLS_MUST = 4,
    LOSE = 8, /* the connection is lost at the end of the script */
    EIGHT_BIT = 16,
    UTF8 = 32,
    BIG = 64,    /* 2,000 octets */
    TWICE = 128, /* a second message once the first has its results */
    QUIT = 256,
    WHOLE_ONLY = 512, /* what comes in one segment matters */
    HOLD_BODY = 1024, /* the session does not send the message yet */
    ASK_DSN = 2048,   /* RET, ENVID, NOTIFY and ORCPT */
    REQUIRES_TLS = 4096,
    UTF8_ORCPT = 8192,
    LMTP = 1 << 14,
    CHUNKS = 1 << 15,
    LOGIN = 1 << 16,
    UNPROVEN = 1 << 17, /* the mechanism is never content with the server */
    NO_SIZE = 1 << 18,  /* the content's size is not known before */
    PROBE = 1 << 19,    /* ends behind RCPT */
};

struct dialogue {
    const char *name;
    unsigned options;
    size_t rcpts;
    struct round {
        struct slice server; /* what it says */
        const char *client;  /* what must have been sent once all of that was read */
    } rounds[MAX_ROUNDS];
    const char *events;
    const char *results; /* "CAUSE code text" for each recipient, by '|'; then the failure's */
};

extern const struct dialogue dialogues[];
extern const size_t n_dialogues;

struct scene {
    const struct dialogue *d;
    struct smtp_client *c;
    struct buf in, out, events;
    struct smtp_transaction t;
    struct smtp_rcpt rcpts[MAX_RCPTS];
    struct status results[MAX_RCPTS];
    size_t started;
};

void scene_init(struct scene *s, const struct dialogue *d);
void scene_free(struct scene *s);
void scene_run(struct scene *s); /* steps until there is nothing to do */
/* The server says what it says, cut in this way; then checks what the client has sent. */
void scene_play_round(struct scene *s, const struct round *r, size_t way);

#endif
