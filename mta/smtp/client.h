/* The client machine: a table of states (name, phrase for DSNs, timeout of RFC 5321 §4.5.3.2, send,
 * on_reply); octets in, octets and events out; no socket, no clock. With PIPELINING commands go out
 * together and replies are matched to a FIFO of what was sent. Replies before their command, malformed
 * or unexpected ones end the session with a deferral. Pure.
 *
 *   c = smtp_client_new(&cfg);
 *   on input or after an act: ev = smtp_client_step(c, in, out); handle ev; flush out; set the deadline
 *   smtp_client_timeout_ms(c). */
#ifndef DANELAW_SMTP_CLIENT_H
#define DANELAW_SMTP_CLIENT_H

#include "config/base/dsn.h"
#include "mta/smtp/capability.h"
#include "mta/smtp/dot.h"
#include "mta/smtp/reply.h"

enum client_tls { CLIENT_TLS_NEVER, CLIENT_TLS_IF_OFFERED, CLIENT_TLS_REQUIRED };

struct smtp_client_config {
    const char *hostname;        /* for EHLO */
    enum client_tls tls;         /* CLIENT_TLS_NEVER also when TLS stands from the start */
    bool tls_from_start;
    bool lmtp;                   /* RFC 2033: LHLO, and a reply for each recipient after the message */
    bool chunking;               /* BDAT where it is offered (RFC 3030), else DATA */
    bool login;                  /* AUTH before the first transaction, never in clear */
    int64_t greeting_ms, command_ms, data_start_ms, data_block_ms, final_dot_ms;
};

struct smtp_rcpt {
    const char *address;         /* no brackets */
    unsigned notify;             /* enum dsn_notify; 0: not said */
    const char *orcpt;           /* "type;address" decoded; NULL: not said */
};

struct smtp_transaction {
    const char *sender;          /* no brackets */
    uint64_t size;               /* of the content, octets; 0: not known, SIZE is not said */
    bool eight_bit;              /* the content has octets above 127 */
    bool smtputf8;               /* an address or the header has octets above 127 */
    bool probe;                  /* ends behind RCPT: the reply to that is each recipient's result */
    bool requiretls;             /* RFC 8689 §4.2.1: only to a server that offers it, inside TLS */
    const char *envid;           /* decoded; NULL: not said */
    enum dsn_ret ret;
    const struct smtp_rcpt *rcpts;
    size_t n_rcpts;
    struct status *results;      /* out: one per recipient, filled when CLIENT_FINISHED or CLIENT_FAILED */
    bool mail_refused;           /* out: it was MAIL that got the reply, and the recipients with it */
    bool dsn_passed;             /* out: the server offers DSN, the duties of RFC 3461 are its own now */
};

enum smtp_client_event {
    CLIENT_WAIT,      /* needs input, or output to drain */
    CLIENT_STARTTLS,  /* 220 was read and in is empty: handshake, then smtp_client_tls_done */
    CLIENT_AUTH,      /* smtp_client_login with what answers smtp_client_challenge */
    CLIENT_READY,     /* a transaction may start (first, or after FINISHED) */
    CLIENT_BODY,      /* append content by smtp_client_body as out has room, then body_end */
    CLIENT_FINISHED,  /* every recipient has its result; READY follows, or FAILED if the server closes */
    CLIENT_FAILED,    /* the session is over; failure says why. Recipients without a result got it too */
    CLIENT_QUIT_DONE, /* QUIT was answered, or need not be awaited */
};

enum client_state {
    CLIENT_ST_GREETING, CLIENT_ST_EHLO, CLIENT_ST_HELO, CLIENT_ST_STARTTLS, CLIENT_ST_TLS,
    CLIENT_ST_AUTH, CLIENT_ST_IDLE, CLIENT_ST_MAIL, CLIENT_ST_RCPT, CLIENT_ST_DATA, CLIENT_ST_BODY, CLIENT_ST_DOT,
    CLIENT_ST_RSET, CLIENT_ST_QUIT, CLIENT_ST_DEAD, CLIENT_ST_COUNT
};

struct smtp_client; /* opaque */

struct smtp_client *smtp_client_new(const struct smtp_client_config *cfg);
void smtp_client_free(struct smtp_client **c);
enum smtp_client_event smtp_client_step(struct smtp_client *c, struct buf *in, struct buf *out);
void smtp_client_tls_done(struct smtp_client *c);
/* What the login goes by, chosen from what the server offers. */
enum client_mechanism smtp_client_mechanism(const struct smtp_client *c);
/* The server's challenge as it came, in base64; empty: the mechanism begins. Until the next step. */
struct slice smtp_client_challenge(const struct smtp_client *c);
/* The response, in base64; copied, and wiped once it is in out. complete: the mechanism has nothing left
 * to check, so that success may be believed. */
void smtp_client_login(struct smtp_client *c, struct slice response, bool complete);
/* The transaction and what it points to stay valid until FINISHED or FAILED. A message larger than the
 * server's SIZE, or one that needs SMTPUTF8, 8BITMIME or REQUIRETLS where it is not offered, is FINISHED
 * with that result and nothing sent. */
void smtp_client_start(struct smtp_client *c, struct smtp_transaction *t);
/* Octets consumed of content. */
size_t smtp_client_body(struct smtp_client *c, struct slice content, struct buf *out);
MUST_USE bool smtp_client_body_end(struct smtp_client *c, struct buf *out);
/* Content could not be read to its end: the session must die without the final dot. */
void smtp_client_abort(struct smtp_client *c, const struct status *why);
void smtp_client_quit(struct smtp_client *c);
/* The connection closed or a deadline passed: gives results to whom has none and becomes DEAD. `why`
 * becomes "… while STATE". After the final dot was sent: still a deferral, never a delivery. */
void smtp_client_lost(struct smtp_client *c, const struct status *why);

int64_t smtp_client_timeout_ms(const struct smtp_client *c); /* of what is awaited now */
enum client_state smtp_client_state(const struct smtp_client *c);
const char *smtp_client_phrase(const struct smtp_client *c); /* "sending RCPT TO" */
const struct status *smtp_client_failure(const struct smtp_client *c);
unsigned smtp_client_capabilities(const struct smtp_client *c);
const struct capabilities *smtp_client_offers(const struct smtp_client *c); /* of its last EHLO */
const char *smtp_client_greeted(const struct smtp_client *c); /* name in its greeting, "" if none */
/* Whether the connection may be kept for another message: IDLE, no reply owed, nothing wrong, and no
 * limit of RFC 9422 reached. One on recipient domains is kept by sending once on a connection. */
bool smtp_client_reusable(const struct smtp_client *c);

#endif
