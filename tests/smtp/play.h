/* Dialogues with the server machine as tables: what the client says, the replies, the events, the content.
 * Each runs whole, octet by octet and cut at every octet. */
#ifndef DANELAW_TESTS_SMTP_PLAY_H
#define DANELAW_TESTS_SMTP_PLAY_H

#include "tests/smtp/talk.h"

#define GREETING "220 relay.example ESMTP Danelaw\r\n"
#define EHLO_END "250-LIMITS RCPTMAX=1000\r\n250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
#define EHLO     "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n" EHLO_END
#define EHLO_TLS "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n" EHLO_END
#define MAIL_OK  "250 2.1.0 Ok\r\n"
#define RCPT_OK  "250 2.1.5 Ok\r\n"
#define OK       "250 2.0.0 Ok\r\n"
#define GO_AHEAD "354 End data with <CR><LF>.<CR><LF>\r\n"
#define QUEUED   "250 2.0.0 Ok: queued as ID\r\n"
#define BYE      "221 2.0.0 Bye\r\n"
#define UNKNOWN  "500 5.5.2 Error: command not recognized\r\n"
#define BAD_LINE "500 5.5.2 Error: command lines end in CRLF and hold no control characters\r\n"
#define TOO_LONG "500 5.5.2 Error: line too long\r\n"
#define SEQUENCE "503 5.5.1 Error: bad sequence of commands\r\n"
#define DENIED   "554 5.7.1 Relay access denied\r\n"
#define NO_RCPT  "554 5.5.1 Error: no valid recipients\r\n"
#define BAD_BODY "550 5.5.2 Error: bare CR, bare LF or NUL in message content\r\n"
#define WRONG    "554 5.5.0 Error: this is an SMTP server\r\n"
#define SYNC     "554 5.5.0 Error: SMTP protocol synchronization\r\n"
#define NOT_HERE "502 5.5.1 Error: command not implemented\r\n"

#define HELLO    "EHLO c.example\r\n"
#define ENVELOPE HELLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
#define OPENED   GREETING EHLO MAIL_OK RCPT_OK
#define ACCEPTED "MAIL:a@b.example RCPT:c@d.example"
#define INJECTED "MAIL FROM:<evil@x>\r\nRCPT TO:<v@local>\r\nDATA\r\nsmuggled\r\n"

enum play_flag {
    STARTTLS = 1,
    REQUIRE_TLS = 2,
    CONVERT = 4,
    EARLY = 8,
    NO_SIZE = 16,
    REFUSE_DATA = 32,
    WHOLE_ONLY = 64, /* what is behind a line in the same segment matters */
    CHUNKS = 128,
    IN_TLS = 256, /* from the start */
    AUTH = 512,
    MUST_AUTH = 1024,
    XCLIENT = 2048,
    REFUSE_CHUNK = 4096,
    TLS_FOR_ALL = 8192, /* REQUIRETLS is offered */
};

struct play {
    const char *name;
    unsigned flags;
    struct slice in;
    const char *out, *events, *content;
};

#define IN(text) {text, sizeof(text) - 1}

/* A session as the flags say, greeted. */
void play_open(struct talk *t, unsigned flags);
void play_all(const struct play *plays, size_t n);

#endif
