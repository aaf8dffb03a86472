/* A message: envelope, recipients with their states, body. The table of states is in store.h. */
#ifndef DANELAW_QUEUE_MESSAGE_H
#define DANELAW_QUEUE_MESSAGE_H

#include "config/base/dsn.h"
#include "config/base/hostname.h"
#include "config/base/status.h"
#include "queue/body.h"

enum rcpt_state {
    RCPT_QUEUED,    /* waits for its time; attempts says whether it was tried */
    RCPT_DELIVERED, /* the next hop said 250 to the final dot */
    RCPT_BOUNCED,   /* failed for good; its DSN was queued in the same transaction */
};

struct recipient {
    char *address;           /* as given, without angle brackets */
    char *domain;            /* normalised; "[192.0.2.1]" for an address literal */
    enum rcpt_state state;
    uint32_t attempts;
    int64_t next_ms;         /* wall clock of the next attempt */
    struct status *last;     /* of the last attempt, NULL if none or delivered */
    char *remote;            /* "mx.example[192.0.2.1]:25" of the last attempt, or NULL */
    unsigned notify;         /* enum dsn_notify */
    char *orcpt;             /* RFC 3461 §4.2 "type;address", decoded, UTF-8 if the type is utf-8; or NULL */
};

enum message_flag {
    MESSAGE_8BIT = 1,     /* the content has octets above 127; what was said of it means nothing */
    MESSAGE_SMTPUTF8 = 2,
    MESSAGE_WARNED = 4,   /* the delay warning was sent */
    MESSAGE_DSN = 8,      /* made by this relay */
    MESSAGE_HELD = 16,    /* by the operator, or quarantined */
    MESSAGE_REQUIRETLS = 32,   /* RFC 8689 §3: the sender asks for TLS on every hop */
    MESSAGE_TLS_OPTIONAL = 64, /* RFC 8689 §4: "TLS-Required: No" */
};

enum { QUEUE_ID_MAX = 21 };

struct message {
    char id[QUEUE_ID_MAX];   /* [A-Za-z0-9]{10,20} */
    uint64_t row;            /* in the store; 0 while not committed */
    int64_t arrival_ms;      /* wall clock */
    char *sender;            /* without angle brackets; "" is the null reverse-path */
    uint64_t size;           /* octets of the body */
    unsigned flags;          /* enum message_flag */
    char *client;            /* "name[192.0.2.1]" for logs and DSN; "" for our own */
    char *user;              /* who authenticated to send it, or "" */
    char *envid;             /* RFC 3461 §4.4, decoded: printable ASCII; or NULL */
    enum dsn_ret ret;
    char *held_for;          /* why it was put on hold at the door, or NULL */
    struct recipient *rcpts;
    size_t n_rcpts;
    struct body *body;       /* NULL if not loaded */
};

/* A fresh id from time, a counter and random bits; unique over restarts. Any thread. */
void message_make_id(char out_id[QUEUE_ID_MAX]);
bool message_id_ok(struct slice id);
struct message *message_new(void);
void message_free(struct message **m); /* with its reference to the body */
/* Appends a recipient; copies. The index is returned. */
size_t message_add_rcpt(struct message *m, struct slice address, struct slice domain);
void message_remove_rcpt(struct message *m, size_t i); /* the order of the others stays */
/* The domain part of an address, normalised, or the literal; false if there is none. */
MUST_USE bool message_domain_of(struct slice address, char out_domain[HOSTNAME_MAX]);

#endif
