/* The server machine: octets in, events and replies out; no socket, no clock. RFC 5321,
 * RFC 1870, RFC 2920, RFC 3030, RFC 3207, RFC 3461, RFC 3463, RFC 4954, RFC 6152, RFC 6531, RFC 8689,
 * RFC 9422. Pure.
 *
 *   smtp_server_greet(s);
 *   on input:  while (smtp_server_next(s, in, &ev)) handle ev, then answer it if it asks for one;
 *              flush s->out.
 *
 * Events that need an answer hold the machine until smtp_server_answer is called; then replies stay in
 * order and pipelined commands wait in `in`. What an event points to lives until it is answered. */
#ifndef DANELAW_SMTP_SERVER_H
#define DANELAW_SMTP_SERVER_H

#include "mta/smtp/chunk.h"
#include "mta/smtp/dot.h"
#include "mta/smtp/verbs.h"

struct smtp_server_config {
    const char *hostname;
    uint64_t max_message_size; /* announced by SIZE; 0: no limit */
    bool offer_starttls, require_tls, convert_newlines;
    bool offer_chunking;       /* RFC 3030; if not, BDAT closes the session */
    bool offer_requiretls;     /* RFC 8689; only ever inside TLS */
    const char *auth;          /* mechanisms, "PLAIN LOGIN": offered inside TLS alone; NULL: no AUTH */
    bool require_auth;         /* MAIL gets 530 before AUTH has succeeded */
    bool allow_xclient;        /* this peer may say who its client is */
    unsigned max_rcpts;        /* of one message, announced by LIMITS; 0: LIMIT_RECIPIENTS */
    unsigned max_mails;        /* of one session, announced by LIMITS; 0: no limit */
    /* Commands refused for good, and commands without use, since the last message; one more is
     * answered 421. 0: no limit. */
    uint64_t max_errors, max_noise;
};

enum smtp_server_event_kind {
    SERVER_NONE,        /* a command was refused by the machine itself; `refused` says which way */
    SERVER_HELO,        /* EHLO or HELO. Answer: OK → 250; else nothing changes (RFC 5321 §4.1.4) */
    SERVER_MAIL,        /* answer: OK → "250 2.1.0 Ok" */
    SERVER_RCPT,        /* answer */
    SERVER_DATA,        /* DATA, or the first BDAT. Answer: OK → 354, or the chunk is taken */
    SERVER_CONTENT,     /* decoded octets of the message; no answer */
    SERVER_CHUNK,       /* a chunk that was not the last one is complete. Answer: OK → 250; else the
                           transaction is over, what was pipelined behind it is refused */
    SERVER_END,         /* the content ended; `bad` says if it must be refused. Answer */
    SERVER_RESET,       /* the transaction is gone (RSET, EHLO, XCLIENT, a failed chunk); no answer */
    SERVER_STARTTLS,    /* 220 is in out and in is empty: do the handshake, then smtp_server_tls_done */
    SERVER_AUTH,        /* an exchange begins. Answer, or smtp_server_auth_challenge */
    SERVER_AUTH_LINE,   /* it goes on. Answer, or smtp_server_auth_challenge */
    SERVER_AUTH_GONE,   /* it is over without an answer of yours: cancelled, or no base64; no answer */
    SERVER_XCLIENT,     /* answer: OK → 220, and the session begins anew but for TLS */
    SERVER_CLOSE,       /* flush out, then close: QUIT, too many errors, wrong protocol */
};

struct smtp_server_event {
    enum smtp_server_event_kind kind;
    const char *helo;               /* HELO */
    bool esmtp;                     /* HELO: it was EHLO */
    const struct address *address;  /* MAIL, RCPT */
    const struct mail_params *mail; /* MAIL */
    const struct rcpt_params *rcpt; /* RCPT */
    const struct xclient *xclient;  /* XCLIENT */
    const char *mechanism;          /* AUTH: one of config.auth, in upper case */
    bool has_initial;               /* AUTH: content is the initial response, perhaps an empty one */
    struct slice content;           /* CONTENT; AUTH, AUTH_LINE: decoded from base64, wiped after the
                                       answer. Valid until the next call */
    bool bad;                       /* END: bare CR, LF or NUL was seen */
    struct status refused;          /* with any event: the last refusal of the machine's own making, for
                                       the log; cause OK if none since the last event */
};

/* What BDAT needs to know; part of struct smtp_server. */
struct smtp_server_chunk {
    uint64_t size, left;    /* octets of this chunk, and how many of them are still to come */
    uint64_t taken;         /* octets of this message's chunks */
    uint64_t skipped;       /* octets of refused chunks since the last message */
    bool last;
    struct status *refused; /* the chunk is read and dropped, then this is the reply; NULL: it is taken */
};

/* Small: an idle session keeps what is in here, its helo and nothing else. */
struct smtp_server {
    struct smtp_server_config cfg;
    struct buf *out;              /* replies; borrows */
    const struct buf *in;         /* of the last smtp_server_next: what waits behind a command */
    char *helo;                   /* never NULL; "" before EHLO and HELO */
    enum phase phase;
    bool greeted, esmtp, tls, authenticated;
    bool smtputf8;                /* of the transaction */
    bool in_data;                 /* what comes is content: of DATA, or of a chunk, taken or refused */
    bool in_chunk;                /* it is a chunk's */
    bool in_auth;                 /* what comes is a line of an AUTH exchange */
    bool awaiting, closing, discarding;
    bool data_refused;            /* the last command was DATA and was refused */
    bool has_pending, has_content, bad;
    enum smtp_server_event_kind awaited, pending;
    unsigned errors, noise, rcpts, mails;
    size_t discarded;
    union {
        struct dot_reader dot;
        struct chunk_reader lines;
    } reader;
    struct smtp_server_chunk chunk;
    struct buf content;           /* decoded, at most LIMIT_BODY_CHUNK; nothing while idle */
    struct command *cmd;          /* while it runs, else NULL */
    char *secret;                 /* decoded by an AUTH exchange, until it is answered */
    size_t secret_n;
    bool has_secret;
    struct status *refused;       /* not told yet, or NULL */
};

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *cfg, struct buf *out);
void smtp_server_free(struct smtp_server *s);
/* Writes "220 HOST ESMTP Danelaw". talks_early: octets came before it: 554 and closing instead. */
void smtp_server_greet(struct smtp_server *s, bool talks_early);
/* Consumes from in; true with an event, false when it needs more input or awaits an answer. Stops
 * (false) while out has no room for a reply. */
bool smtp_server_next(struct smtp_server *s, struct buf *in, struct smtp_server_event *out_event);
/* Answers the awaited event. For DATA, OK means 354. For END, st->text follows the code, after "Ok: "
 * if it does not begin so ("queued as ID"). Any other cause is written as it is; code 421 also closes.
 * `in` must still be what smtp_server_next last saw: octets behind a refused DATA close the session.
 * AUTH: authenticated; who it is, is the session's to remember. */
void smtp_server_answer(struct smtp_server *s, const struct status *st);
/* Answers AUTH and AUTH_LINE by "334 " and the challenge in base64 (RFC 4954 §4); the client's line comes as
 * AUTH_LINE. An exchange ends by smtp_server_answer: OK → 235 2.7.0, AUTH_FAILED → 535, AUTH_TEMPFAIL → 454.
 * False: longer than SMTP_SERVER_CHALLENGE octets; nothing was answered. */
enum { SMTP_SERVER_CHALLENGE = 600 };
MUST_USE bool smtp_server_auth_challenge(struct smtp_server *s, struct slice challenge);
/* Content is expected, by DATA or between chunks: a message is on its way in. */
bool smtp_server_in_message(const struct smtp_server *s);
/* After the handshake: forgets all but the connection (RFC 3207 §4.2). */
void smtp_server_tls_done(struct smtp_server *s);
/* 421 or 454 from outside (timeout, shutdown): writes it and closes. */
void smtp_server_abort(struct smtp_server *s, const struct status *st);

#endif
