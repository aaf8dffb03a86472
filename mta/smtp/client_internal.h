/* The client machine's inside, shared by the core (client.c), the state table (client_states.c),
 * login, envelope, transaction and content (client_*.c). Private to mta/smtp. */
#ifndef DANELAW_SMTP_CLIENT_INTERNAL_H
#define DANELAW_SMTP_CLIENT_INTERNAL_H

#include "config/base/limits.h"
#include "mta/smtp/capability.h"
#include "mta/smtp/client.h"

struct login {
    enum client_mechanism mechanism;
    bool begun;          /* AUTH was said */
    bool complete;       /* success may be believed */
    struct slice challenge; /* of the reply at hand */
    struct buf response; /* base64, until it is sent */
};

/* A message that goes by BDAT: chunks and their replies. */
struct chunks {
    bool used;
    bool last;  /* the one with LAST is out */
    bool ended; /* no more of the content is sent */
    size_t sent, answered;
    uint64_t left; /* octets of the content, if its size is known */
};

struct smtp_client {
    struct smtp_client_config cfg;
    char hostname[LIMIT_DOMAIN + 1];
    char greeted[LIMIT_DOMAIN + 1];
    enum client_state state; /* what is awaited now */
    bool unsent;             /* the state's command is still to be written */
    bool tls;
    struct capabilities caps;
    struct reply_reader reader;
    struct dot_writer dot;
    struct login login;
    enum smtp_client_event event; /* to be handed out by the next step; CLIENT_WAIT: none */
    bool announce;                /* IDLE was reached: READY is due */
    bool rset_due;                /* the server may still have a transaction open */
    uint64_t transactions;        /* begun in this session */
    struct status failure;

    /* The transaction: commands are numbered in the order in which they go out. `sent` and
     * `answered` are the FIFO of what is in flight. */
    struct smtp_transaction *t;
    bool rset_first;
    size_t sent, answered;
    size_t accepted; /* recipients without a failure */
    struct chunks chunks;
};

/* One row per state. */
struct client_row {
    const char *name, *phrase;
    size_t timeout; /* offset of an int64_t in smtp_client_config */
    /* Appends the command; false if out has no room yet. NULL: nothing is sent. */
    bool (*send)(struct smtp_client *c, struct buf *out);
    /* Acts on a complete reply; 421 was dealt with before. NULL: no reply is due in this state. */
    void (*on_reply)(struct smtp_client *c, const struct reply *r);
};

const struct client_row *client_row(enum client_state state);

/* Goes to a state and has its command sent. */
void client_enter(struct smtp_client *c, enum client_state state);
/* No TLS to be had or needed any more, and logged in if that is asked: ready for transactions. */
void client_idle(struct smtp_client *c);
/* The session is over: who has no result gets this one. */
void client_fail(struct smtp_client *c, const struct status *why);
void client_fail_cause(struct smtp_client *c, enum cause cause);
/* QUIT was answered, or nobody waits for that. */
void client_quit_done(struct smtp_client *c);
/* A reply that RFC 5321 §4.3.2 does not allow here. */
void client_fail_reply(struct smtp_client *c, const struct reply *r);
/* The reply as a status, its lines joined by blanks. */
struct status client_status(const struct reply *r);

/* client_login.c */
void client_login_begin(struct smtp_client *c);
void client_login_forget(struct smtp_client *c); /* frees what it holds */
bool client_send_auth(struct smtp_client *c, struct buf *out);
void client_on_auth(struct smtp_client *c, const struct reply *r);

/* client_transaction.c */
bool client_transaction_send(struct smtp_client *c, struct buf *out);
bool client_transaction_owes(const struct smtp_client *c);
void client_transaction_on_reply(struct smtp_client *c, const struct reply *r);
void client_transaction_begin(struct smtp_client *c, struct smtp_transaction *t);
bool client_is_negative(const struct reply *r); /* 4yz or 5yz */
/* Gives a result to every recipient that has none. */
void client_settle_rest(struct smtp_client *c, const struct status *st);
/* All results are there. */
void client_finish(struct smtp_client *c);
bool client_send_rset(struct smtp_client *c, struct buf *out);
bool client_send_mail(struct smtp_client *c, struct buf *out);
bool client_send_rcpt(struct smtp_client *c, struct buf *out);
void client_on_rset(struct smtp_client *c, const struct reply *r);
void client_on_mail(struct smtp_client *c, const struct reply *r);
void client_on_rcpt(struct smtp_client *c, const struct reply *r);

/* client_content.c */
bool client_uses_chunks(const struct smtp_client *c);
void client_begin_chunks(struct smtp_client *c);
bool client_content_owes(const struct smtp_client *c); /* BODY, DOT: a reply is due */
bool client_send_data(struct smtp_client *c, struct buf *out);
bool client_send_dot(struct smtp_client *c, struct buf *out);
void client_on_data(struct smtp_client *c, const struct reply *r);
void client_on_chunk(struct smtp_client *c, const struct reply *r);
void client_on_dot(struct smtp_client *c, const struct reply *r);

/* client_envelope.c: the commands with their parameters. */
bool client_write_mail(const struct smtp_client *c, struct buf *out);
bool client_write_rcpt(const struct smtp_client *c, const struct smtp_rcpt *r, struct buf *out);
/* What can be known of a transaction before anything is sent. */
enum cause client_foresee(const struct smtp_client *c, const struct smtp_transaction *t);

#endif
