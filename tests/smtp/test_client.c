/* Dialogues of the client machine with a scripted server. Each runs with the server's octets whole,
 * octet by octet and cut at every octet. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mta/smtp/client.h"
#include "tests/smtp/talk.h"

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
};

static const struct dialogue {
    const char *name;
    unsigned options;
    size_t rcpts;
    struct round {
        struct slice server; /* what it says */
        const char *client;  /* what must have been sent once all of that was read */
    } rounds[MAX_ROUNDS];
    const char *events;
    const char *results; /* "CAUSE code text" for each recipient, by '|'; then the failure's */
} dialogues[] = {
#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    {"one by one",
                   0,                                                          2,
                   {{S(HI), EHLO},
      {S(PLAIN), MAIL},
      {S("250 ok\r\n"), RCPT1},
      {S("250 ok\r\n"), RCPT2},
      {S("251 ok\r\n"), DATA},
      {S(GO), BODY},
      {S("250 2.0.0 queued as 7\r\n"), ""}},
                   "READY BODY FINISHED READY",                                                                                                                                          "REMOTE_OK 250 2.0.0 queued as 7|REMOTE_OK 250 2.0.0 queued as 7"                          },
    {"pipelined",
                   0,                                                          2,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 DATA},
      {S("250 ok\r\n250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n"), ""}},
                   "READY BODY FINISHED READY",                                                                                                                                          "REMOTE_OK 250 fine|REMOTE_OK 250 fine"                                                    },
    {"two messages on one connection",
                   TWICE,                                                      1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n"), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n"), ""}},
                   "READY BODY FINISHED READY BODY FINISHED READY",                                                                                                                      "REMOTE_OK 250 fine"                                                                       },
    {"some refused",
                   0,                                                          3,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 RCPT3 DATA},
      {S("250 ok\r\n451 4.7.1 greylisted\r\n250 ok\r\n550 5.1.1 unknown\r\n" GO), BODY},
      {S("250 fine\r\n"), ""}},
                   "READY BODY FINISHED READY",                                                                                                                                          "REMOTE_TEMPFAIL 451 4.7.1 greylisted|REMOTE_OK 250 fine|REMOTE_PERMFAIL 550 5.1.1 unknown"},
    {"all refused, DATA too; RSET before the next",
                   TWICE,                                                      1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n550 no\r\n554 no recipients\r\n"), "RSET\r\n" MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n"), ""}},
                   "READY FINISHED READY BODY FINISHED READY",                                                                                                                           "REMOTE_OK 250 fine"                                                                       },
    {"all refused, but 354: a dot and nothing else",
                   0,                                                          2,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 DATA},
      {S("250 ok\r\n550 no\r\n450 later\r\n" GO), ".\r\n"},
      {S("250 fine\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_PERMFAIL 550 no|REMOTE_TEMPFAIL 450 later"                                         },
    {"all refused one by one: no DATA",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(PLAIN), MAIL},
      {S("250 ok\r\n"), RCPT1},
      {S("550-5.1.1 no\r\n550 5.1.1 body\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_PERMFAIL 550 5.1.1 no 5.1.1 body"                                                  },
    {"MAIL refused",
                   0,                                                          2,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}, {S("450 4.1.8 no\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_TEMPFAIL 450 4.1.8 no|REMOTE_TEMPFAIL 450 4.1.8 no"                                },
    {"MAIL refused, pipelined",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S(CAPS), MAIL_S RCPT1 DATA}, {S("550 no\r\n503 seq\r\n503 seq\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_PERMFAIL 550 no"                                                                   },
    {"MAIL refused, yet 354",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("550 no\r\n250 ok\r\n" GO), ".\r\n"},
      {S("250 fine\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_PERMFAIL 550 no"                                                                   },
    {"DATA refused",
                   0,                                                          2,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 DATA},
      {S("250 ok\r\n250 ok\r\n550 no\r\n451 disk\r\n"), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_TEMPFAIL 451 disk|REMOTE_PERMFAIL 550 no"                                          },
    {"the dot refused for now",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("452 full\r\n"), ""}},
                   "READY BODY FINISHED READY",                                                                                                                                          "REMOTE_TEMPFAIL 452 full"                                                                 },
    {"the dot refused for good",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("554 5.7.1 spam\r\n"), ""}},
                   "READY BODY FINISHED READY",                                                                                                                                          "REMOTE_PERMFAIL 554 5.7.1 spam"                                                           },
    {"354 to the dot is no delivery",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S(GO), ""}},
                   "READY BODY FAILED",                                                                                                                                                  "REMOTE_PROTOCOL 451 unexpected reply while sending the end of data: 354 go"               },
    {"299 to the dot is no delivery",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("299 x\r\n"), ""}},
                   "READY BODY FAILED",                                                                                                                                                  "REMOTE_PROTOCOL 451 malformed reply while sending the end of data"                        },
    {"lost after the dot: a deferral",
                   LOSE,                                                       1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250"), ""}},
                   "READY BODY FAILED",                                                                                                                                                  "CONNECTION_LOST 451 connection lost while sending the end of data"                        },
    {"lost after the delivery: delivered",
                   LOSE,                                                       1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n"), ""}},
                   "READY BODY FINISHED READY FAILED",                                                                                                                                   "REMOTE_OK 250 fine"                                                                       },
    {"closing right behind the delivery",
                   WHOLE_ONLY,                                                 1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO), BODY},
      {S("250 fine\r\n421 bye\r\n"), ""}},
                   "READY BODY FINISHED FAILED",                                                                                                                                         "REMOTE_OK 250 fine"                                                                       },
    {"one reply missing",
                   LOSE,                                                       3,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 RCPT3 DATA},
      {S("250 ok\r\n250 ok\r\n550 no\r\n"), ""}},
                   "READY FAILED",                                                                                                                                                       "CONNECTION_LOST 451 connection lost while sending RCPT TO|REMOTE_PERMFAIL 550 no|"
     "CONNECTION_LOST 451 connection lost while sending RCPT TO"                                                                                                                                                                                  },
    {"421 in the middle",
                   0,                                                          2,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 RCPT2 DATA},
      {S("250 ok\r\n550 no\r\n421 4.3.2 bye\r\n"), ""}},
                   "READY FAILED",                                                                                                                                                       "REMOTE_PERMFAIL 550 no|REMOTE_CLOSING 421 4.3.2 bye"                                      },
    {"421 as greeting",                              0,          0, {{S("421 busy\r\n"), ""}},                                                                   "FAILED", ""                                                                                         },
    {"221 to MAIL is a success, then lost",
                   LOSE,                                                       1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}, {S("221 bye\r\n"), RCPT1}},
                   "READY FAILED",                                                                                                                                                       "CONNECTION_LOST 451 connection lost while sending RCPT TO"                                },
    {"354 to RCPT",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}, {S("250 ok\r\n"), RCPT1}, {S(GO), ""}},
                   "READY FAILED",                                                                                                                                                       "REMOTE_PROTOCOL 451 unexpected reply while sending RCPT TO: 354 go"                       },
    {"354 to MAIL",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}, {S(GO), ""}},
                   "READY FAILED",                                                                                                                                                       "REMOTE_PROTOCOL 451 unexpected reply while sending MAIL FROM: 354 go"                     },
    {"250 to DATA",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S(CAPS), MAIL_S RCPT1 DATA}, {S("250 ok\r\n250 ok\r\n250 ok\r\n"), ""}},
                   "READY FAILED",                                                                                                                                                       "REMOTE_PROTOCOL 451 unexpected reply while sending DATA: 250 ok"                          },
    {"too many replies",
                   WHOLE_ONLY,                                                 1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}, {S("250 ok\r\n250 ok\r\n"), ""}},
                   "READY FAILED",                                                                                                                                                       "REMOTE_PROTOCOL 451 unexpected reply while sending RCPT TO: 250 ok"                       },
    {"replies before EHLO",                          WHOLE_ONLY, 0, {{S(HI PLAIN), ""}},                                                                         "FAILED", ""                                                                                         },
    {"a reply during the message",
                   HOLD_BODY,                                                  1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO "552 big\r\n"), ""}},
                   "READY BODY FAILED",                                                                                                                                                  "REMOTE_PROTOCOL 451 unexpected reply while sending the message body: 552 big"             },
    {"421 during the message",
                   HOLD_BODY,                                                  1,
                   {{S(HI), EHLO},
      {S(CAPS), MAIL_S RCPT1 DATA},
      {S("250 ok\r\n250 ok\r\n" GO "421 bye\r\n"), ""}},
                   "READY BODY FAILED",                                                                                                                                                  "REMOTE_CLOSING 421 bye"                                                                   },
    {"unsolicited while idle",
                   NO_MESSAGE,                                                 0,
                   {{S(HI), EHLO}, {S(PLAIN), ""}, {S("250 ok\r\n"), ""}},
                   "READY FAILED",                                                                                                                                                       ""                                                                                         },
    {"malformed greeting",                           0,          0, {{S("SSH-2.0-x\r\n"), ""}},                                                                  "FAILED", ""                                                                                         },
    {"5yz greeting: this host does not want us",
                   0,                                                          0,
                   {{S("554 no SMTP here\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"250 as greeting",                              0,          0, {{S("250 hi\r\n"), ""}},                                                                     "FAILED", ""                                                                                         },
    {"EHLO unknown: HELO",
                   0,                                                          1,
                   {{S(HI), EHLO},
      {S("502 what\r\n"), "HELO relay.example\r\n"},
      {S("250 ok\r\n"), MAIL},
      {S("250 ok\r\n"), RCPT1}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"EHLO and HELO unknown",
                   0,                                                          0,
                   {{S(HI), EHLO}, {S("502 what\r\n"), "HELO relay.example\r\n"}, {S("502 what\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"EHLO unknown where TLS must be: no HELO",
                   TLS_MUST,                                                   0,
                   {{S(HI), EHLO}, {S("502 what\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"EHLO 4yz",                                     0,          0, {{S(HI), EHLO}, {S("451 later\r\n"), ""}},                                                   "FAILED", ""                                                                                         },
    {"EHLO 354",                                     0,          0, {{S(HI), EHLO}, {S(GO), ""}},                                                                "FAILED", ""                                                                                         },
    {"STARTTLS, then all is forgotten",
                   TLS_MUST,                                                   1,
                   {{S(HI), EHLO},
      {S("250-mx.example\r\n250-STARTTLS\r\n250 PIPELINING\r\n"), "STARTTLS\r\n"},
      {S("220 go\r\n"), EHLO},
      {S(TLS_IN), MAIL},
      {S("250 ok\r\n"), RCPT1}},
                   "TLS READY",                                                                                                                                                          ""                                                                                         },
    {"STARTTLS not offered, not needed",
                   TLS_MAY,                                                    1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"STARTTLS not offered, needed",
                   TLS_MUST,                                                   0,
                   {{S(HI), EHLO}, {S("250-x\r\n250 STARTTLSX\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"STARTTLS refused, not needed",
                   TLS_MAY,                                                    1,
                   {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S("454 no\r\n"), MAIL}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"STARTTLS refused, needed",
                   TLS_MUST,                                                   0,
                   {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S("454 no\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"STARTTLS 354, needed",
                   TLS_MUST,                                                   0,
                   {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S(GO), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"STARTTLS 221, not needed",
                   TLS_MAY,                                                    0,
                   {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S("221 bye\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"octets behind 220 to STARTTLS",
                   TLS_MAY | WHOLE_ONLY,
                   0,                                                             {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S("220 go\r\n250-evil\r\n250 AUTH\r\n"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"one octet behind 220 to STARTTLS",
                   TLS_MAY | WHOLE_ONLY,
                   0,                                                             {{S(HI), EHLO}, {S(TLS_IN), "STARTTLS\r\n"}, {S("220 go\r\n2"), ""}},
                   "FAILED",                                                                                                                                                             ""                                                                                         },
    {"not offered to us: no TLS wanted",             0,          1, {{S(HI), EHLO}, {S(TLS_IN), MAIL}},                                                          "READY",  ""                                                                                         },
    {"8-bit",
                   EIGHT_BIT,                                                  1,
                   {{S(HI), EHLO}, {S("250-x\r\n250 8bitmime\r\n"), "MAIL FROM:<s@a.example> BODY=8BITMIME\r\n"}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"8-bit, not offered: sent as it is",
                   EIGHT_BIT,                                                  1,
                   {{S(HI), EHLO}, {S(PLAIN), MAIL}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"SMTPUTF8",
                   UTF8,                                                       1,
                   {{S(HI), EHLO}, {S("250-x\r\n250 SMTPUTF8\r\n"), "MAIL FROM:<s@a.example> SMTPUTF8\r\n"}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"SMTPUTF8 not offered",
                   UTF8,                                                       1,
                   {{S(HI), EHLO}, {S(CAPS), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_NO_SMTPUTF8 553 the receiving server does not support SMTPUTF8"                    },
    {"too big",
                   BIG,                                                        1,
                   {{S(HI), EHLO}, {S(CAPS), ""}},
                   "READY FINISHED READY",                                                                                                                                               "REMOTE_TOO_BIG 552 message larger than the receiving server takes"                        },
    {"SIZE 0 is no limit",
                   BIG,                                                        1,
                   {{S(HI), EHLO}, {S("250-x\r\n250 SIZE 0\r\n"), "MAIL FROM:<s@a.example> SIZE=2000\r\n"}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"SIZE of 30 digits is no limit",
                   BIG,                                                        1,
                   {{S(HI), EHLO},
      {S("250-x\r\n250 SIZE 999999999999999999999999999999\r\n"),
       "MAIL FROM:<s@a.example> SIZE=2000\r\n"}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"no prefix is a keyword",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S("250-x\r\n250-PIPELININGX\r\n250-SIZEX 1\r\n250 X PIPELINING\r\n"), MAIL}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"no keyword in the greeting line",
                   0,                                                          1,
                   {{S(HI), EHLO}, {S("250 SIZE 1\r\n"), MAIL}},
                   "READY",                                                                                                                                                              ""                                                                                         },
    {"QUIT",
                   NO_MESSAGE | QUIT,
                   0,                                                             {{S(HI), EHLO}, {S(PLAIN), "QUIT\r\n"}, {S("221 bye\r\n"), ""}},
                   "READY QUIT",                                                                                                                                                         ""                                                                                         },
    {"QUIT answered by nonsense",
                   NO_MESSAGE | QUIT,
                   0,                                                             {{S(HI), EHLO}, {S(PLAIN), "QUIT\r\n"}, {S("x\r\n"), ""}},
                   "READY QUIT",                                                                                                                                                         ""                                                                                         },
    {"QUIT, lost",
                   NO_MESSAGE | QUIT | LOSE,
                   0,                                                             {{S(HI), EHLO}, {S(PLAIN), "QUIT\r\n"}},
                   "READY QUIT",                                                                                                                                                         ""                                                                                         },
};

struct scene {
    const struct dialogue *d;
    struct smtp_client *c;
    struct buf in, out, events;
    struct smtp_transaction t;
    struct status results[MAX_RCPTS];
    size_t started;
};

static void note(struct scene *s, const char *what)
{
    cr_assert(buf_printf(&s->events, "%s%s", s->events.n ? " " : "", what));
}

static void on_ready(struct scene *s)
{
    size_t wanted = s->d->options & TWICE ? 2 : 1;

    if (s->d->options & QUIT)
        smtp_client_quit(s->c);
    else if (!(s->d->options & NO_MESSAGE) && s->started++ < wanted)
        smtp_client_start(s->c, &s->t);
}

static void on_body(struct scene *s)
{
    if (s->d->options & HOLD_BODY)
        return;
    cr_assert_eq(smtp_client_body(s->c, SLICE("hi\r\n"), &s->out), 4);
    cr_assert(smtp_client_body_end(s->c, &s->out));
}

static void run(struct scene *s)
{
    static const char *const names[] = {
        [CLIENT_STARTTLS] = "TLS",      [CLIENT_READY] = "READY",   [CLIENT_BODY] = "BODY",
        [CLIENT_FINISHED] = "FINISHED", [CLIENT_FAILED] = "FAILED", [CLIENT_QUIT_DONE] = "QUIT",
    };
    enum smtp_client_event ev;

    while ((ev = smtp_client_step(s->c, &s->in, &s->out)) != CLIENT_WAIT) {
        note(s, names[ev]);
        if (ev == CLIENT_STARTTLS)
            smtp_client_tls_done(s->c);
        if (ev == CLIENT_READY)
            on_ready(s);
        if (ev == CLIENT_BODY)
            on_body(s);
    }
}

static void scene_init(struct scene *s, const struct dialogue *d)
{
    static const char *const rcpts[] = {"r1@b.example", "r2@b.example", "r3@b.example"};
    struct smtp_client_config cfg = {.hostname = "relay.example",
                                     .command_ms = 1,
                                     .greeting_ms = 2,
                                     .data_start_ms = 3,
                                     .data_block_ms = 4,
                                     .final_dot_ms = 5};

    cfg.tls = d->options & TLS_MUST  ? CLIENT_TLS_REQUIRED
              : d->options & TLS_MAY ? CLIENT_TLS_IF_OFFERED
                                     : CLIENT_TLS_NEVER;
    *s = (struct scene){.d = d, .c = smtp_client_new(&cfg)};
    s->t = (struct smtp_transaction){"s@a.example",
                                     d->options & BIG ? 2000 : 4,
                                     d->options & EIGHT_BIT,
                                     d->options & UTF8,
                                     rcpts,
                                     d->rcpts,
                                     s->results};
    buf_init(&s->in, LIMIT_SESSION_IN);
    buf_init(&s->out, LIMIT_CLIENT_OUT);
    buf_init(&s->events, 1000);
}

static void scene_free(struct scene *s)
{
    smtp_client_free(&s->c);
    buf_free(&s->in);
    buf_free(&s->out);
    buf_free(&s->events);
}

static void play_round(struct scene *s, const struct round *r, size_t way)
{
    for (size_t done = 0; done < r->server.n;) {
        struct slice piece = talk_piece(r->server, way, done);
        cr_assert(buf_append(&s->in, piece));
        run(s);
        done += piece.n;
    }
    cr_expect_str_eq(buf_cstr(&s->out), r->client, "%s, way %zu, after %s: %s", s->d->name, way,
                     r->server.p, buf_cstr(&s->out));
    buf_clear(&s->out);
}

static void check_results(struct scene *s, size_t way)
{
    struct buf got;

    buf_init(&got, 4000);
    for (size_t i = 0; i < s->d->rcpts && s->d->results[0]; i++)
        cr_assert(buf_printf(&got, "%s%s %u %s", i ? "|" : "",
                             cause_info(s->results[i].cause)->name, s->results[i].code,
                             s->results[i].text));
    cr_expect_str_eq(buf_cstr(&got), s->d->results, "%s, way %zu: %s", s->d->name, way,
                     buf_cstr(&got));
    buf_free(&got);
}

static void play(const struct dialogue *d, size_t way)
{
    struct status lost = status_of(CAUSE_CONNECTION_LOST);
    struct scene s;

    scene_init(&s, d);
    run(&s);
    for (size_t i = 0; i < MAX_ROUNDS && d->rounds[i].client; i++)
        play_round(&s, &d->rounds[i], way);
    if (d->options & LOSE)
        smtp_client_lost(s.c, &lost);
    run(&s);
    cr_expect_str_eq(buf_cstr(&s.events), d->events, "%s, way %zu: %s", d->name, way,
                     buf_cstr(&s.events));
    check_results(&s, way);
    scene_free(&s);
}

static size_t ways_of(const struct dialogue *d)
{
    size_t longest = 0;

    if (d->options & WHOLE_ONLY)
        return 1;
    for (size_t i = 0; i < MAX_ROUNDS; i++)
        longest = d->rounds[i].server.n > longest ? d->rounds[i].server.n : longest;
    return talk_cuts(longest);
}

Test(client, dialogues)
{
    for (size_t i = 0; i < ARRAY_LEN(dialogues); i++)
        for (size_t way = 0; way < ways_of(&dialogues[i]); way++)
            play(&dialogues[i], way);
    CHECK_LEAKS();
}

/* How a session failed before any transaction: never for good. */
Test(client, failures)
{
    static const struct {
        const char *name;
        enum cause cause;
        unsigned code;
        unsigned cls;
    } rows[] = {
        {"421 as greeting",                          CAUSE_REMOTE_CLOSING,       421, 4},
        {"5yz greeting: this host does not want us", CAUSE_REMOTE_TEMPFAIL,      554, 4},
        {"malformed greeting",                       CAUSE_REMOTE_PROTOCOL,      451, 4},
        {"250 as greeting",                          CAUSE_REMOTE_PROTOCOL,      451, 4},
        {"replies before EHLO",                      CAUSE_REMOTE_PROTOCOL,      451, 4},
        {"EHLO and HELO unknown",                    CAUSE_REMOTE_TEMPFAIL,      502, 4},
        {"EHLO unknown where TLS must be: no HELO",  CAUSE_STARTTLS_NOT_OFFERED, 451, 4},
        {"EHLO 4yz",                                 CAUSE_REMOTE_TEMPFAIL,      451, 4},
        {"EHLO 354",                                 CAUSE_REMOTE_PROTOCOL,      451, 4},
        {"STARTTLS not offered, needed",             CAUSE_STARTTLS_NOT_OFFERED, 451, 4},
        {"STARTTLS refused, needed",                 CAUSE_STARTTLS_REFUSED,     451, 4},
        {"STARTTLS 354, needed",                     CAUSE_STARTTLS_REFUSED,     451, 4},
        {"STARTTLS 221, not needed",                 CAUSE_REMOTE_PROTOCOL,      451, 4},
        {"octets behind 220 to STARTTLS",            CAUSE_TLS_PLAINTEXT_AFTER,  451, 4},
        {"one octet behind 220 to STARTTLS",         CAUSE_TLS_PLAINTEXT_AFTER,  451, 4},
        {"closing right behind the delivery",        CAUSE_REMOTE_CLOSING,       421, 4},
        {"unsolicited while idle",                   CAUSE_REMOTE_PROTOCOL,      451, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct dialogue *d = dialogues;
        struct scene s;
        while (strcmp(d->name, rows[i].name) != 0)
            cr_assert(++d < dialogues + ARRAY_LEN(dialogues), "%s", rows[i].name);
        scene_init(&s, d);
        for (size_t r = 0; r < MAX_ROUNDS && d->rounds[r].client; r++)
            play_round(&s, &d->rounds[r], 0);
        const struct status *why = smtp_client_failure(s.c);
        cr_expect(why->cause == rows[i].cause && why->code == rows[i].code &&
                      why->esc.cls == rows[i].cls,
                  "%s: %s %u", d->name, cause_info(why->cause)->name, why->code);
        cr_expect_eq(status_disposition(why), DISP_RETRY, "%s", d->name);
        cr_expect_eq(smtp_client_state(s.c), CLIENT_ST_DEAD, "%s", d->name);
        cr_expect_not(smtp_client_reusable(s.c), "%s", d->name);
        scene_free(&s);
    }
    CHECK_LEAKS();
}

/* What is awaited, its deadline and its words, along one delivery. */
Test(client, states_and_their_deadlines)
{
    static const struct {
        const char *server;
        enum client_state state;
        int64_t timeout_ms;
        const char *phrase;
        bool reusable;
    } rows[] = {
        {"",           CLIENT_ST_GREETING, 2, "waiting for the greeting", false},
        {HI,           CLIENT_ST_EHLO,     1, "sending EHLO",             false},
        {CAPS,         CLIENT_ST_MAIL,     1, "sending MAIL FROM",        false},
        {"250 ok\r\n", CLIENT_ST_RCPT,     1, "sending RCPT TO",          false},
        {"250 ok\r\n", CLIENT_ST_DATA,     3, "sending DATA",             false},
        {GO,           CLIENT_ST_BODY,     4, "sending the message body", false},
    };
    struct dialogue d = {.name = "deadlines", .options = HOLD_BODY, .rcpts = 1};
    struct status why = status_of(CAUSE_BODY_LOST);
    struct scene s;

    scene_init(&s, &d);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert(buf_append(&s.in, slice_of(rows[i].server)));
        run(&s);
        cr_expect_eq(smtp_client_state(s.c), rows[i].state, "%zu", i);
        cr_expect_eq(smtp_client_timeout_ms(s.c), rows[i].timeout_ms, "%zu", i);
        cr_expect_str_eq(smtp_client_phrase(s.c), rows[i].phrase);
        cr_expect_eq(smtp_client_reusable(s.c), rows[i].reusable, "%zu", i);
    }
    cr_expect_str_eq(smtp_client_greeted(s.c), "mx.example");
    cr_expect_eq(smtp_client_capabilities(s.c), CAP_PIPELINING | CAP_8BITMIME | CAP_SIZE);
    smtp_client_abort(s.c, &why);
    run(&s);
    cr_expect_eq(s.results[0].cause, CAUSE_BODY_LOST);
    cr_expect_null(strstr(buf_cstr(&s.out), "\r\n.\r\n"), "no dot after an abort");
    scene_free(&s);
    CHECK_LEAKS();
}

/* A server that never stops talking is cut off, whatever it says (M1, M11). */
Test(client, floods_end)
{
    static const char *const floods[] = {"x", "220-x\r\n",
                                         "220-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct dialogue d = {.name = "flood", .options = NO_MESSAGE};
        struct scene s;
        size_t fed = 0;
        scene_init(&s, &d);
        for (; smtp_client_state(s.c) != CLIENT_ST_DEAD && fed < 1 << 20;
             fed += strlen(floods[i])) {
            cr_assert(buf_append(&s.in, slice_of(floods[i])));
            run(&s);
        }
        cr_expect_eq(smtp_client_failure(s.c)->cause, CAUSE_REMOTE_PROTOCOL);
        cr_expect_leq(fed, LIMIT_REPLY + 100);
        scene_free(&s);
    }
    CHECK_LEAKS();
}

/* Nothing that could end a command early ever gets into one. */
Test(client, unprintable_addresses_are_not_sent)
{
    const char *rcpts[] = {"a@b\r\nDATA"};
    struct dialogue d = {.name = "injection", .options = NO_MESSAGE};
    struct scene s;

    scene_init(&s, &d);
    cr_assert(buf_append(&s.in, SLICE(HI)));
    run(&s);
    cr_assert(buf_append(&s.in, SLICE(PLAIN)));
    run(&s);
    buf_clear(&s.out);
    s.t.rcpts = rcpts;
    s.t.n_rcpts = 1;
    smtp_client_start(s.c, &s.t);
    run(&s);
    cr_expect_eq(s.out.n, 0);
    cr_expect_eq(s.results[0].cause, CAUSE_LOCAL_ERROR);
    scene_free(&s);
    CHECK_LEAKS();
}

/* A small output buffer: commands wait for room, none is lost or doubled. */
Test(client, waits_for_room)
{
    struct dialogue d = {.name = "room", .rcpts = 3};
    struct buf sent;
    struct scene s;

    scene_init(&s, &d);
    buf_free(&s.out);
    buf_init(&s.out, 40);
    buf_init(&sent, 1000);
    cr_assert(buf_append(&s.in, SLICE(HI)));
    run(&s);
    cr_assert(buf_append(&s.in, SLICE(CAPS)));
    buf_clear(&s.out);
    for (int i = 0; i < 10; i++) {
        run(&s);
        cr_assert(buf_append(&sent, buf_slice(&s.out)));
        buf_clear(&s.out);
    }
    cr_expect_str_eq(buf_cstr(&sent), MAIL_S RCPT1 RCPT2 RCPT3 DATA);
    buf_free(&sent);
    scene_free(&s);
    CHECK_LEAKS();
}
