/* Verbs × phases: which command is legal when, its check (pure, may reply, changes nothing) and its
 * act. The 503 comes from the table alone. The table is in verbs.c and in the README. Pure. */
#ifndef DANELAW_SMTP_VERBS_H
#define DANELAW_SMTP_VERBS_H

#include "mta/smtp/address.h"
#include "mta/smtp/params.h"
#include "mta/smtp/xclient.h"

enum phase {
    PHASE_GREET,  /* no EHLO or HELO yet */
    PHASE_READY,  /* greeted, no transaction */
    PHASE_MAIL,   /* sender accepted */
    PHASE_RCPT,   /* at least one recipient accepted */
    PHASE_CHUNKS, /* a BDAT was accepted, the last one has not come */
    PHASE_COUNT
};

enum { SASL_MECHANISM_MAX = 20 }; /* octets of a name */

/* What a command said, once its check has read it. Exists only while it runs. */
struct smtp_server;
struct command {
    const struct verb *verb;
    struct slice argument;       /* after the verb and one space; borrows the line, for check and act */
    struct address address;      /* of MAIL and RCPT */
    struct mail_params mail;
    struct rcpt_params rcpt;
    struct xclient xclient;
    char helo[LIMIT_DOMAIN + 1]; /* of EHLO and HELO */
    char mechanism[SASL_MECHANISM_MAX + 1]; /* of AUTH, in upper case */
};

enum verb_flag {
    VERB_BEFORE_TLS = 1, /* legal where TLS is required but not there */
    VERB_USEFUL = 2,     /* does not count as idle noise */
    VERB_ENDS_GROUP = 4, /* RFC 2920 §3.1: last of a pipeline group */
    VERB_CLOSES = 8,     /* another protocol's verb: one reply, then close */
    VERB_CHUNK = 16,     /* octets follow that are no commands, whatever the reply will be */
    VERB_SECRET = 32,    /* its line is wiped */
};

struct verb {
    struct slice name;
    unsigned phases;         /* bit mask of 1 << enum phase */
    unsigned flags;
    struct status (*check)(const struct smtp_server *s, struct command *c);
    void (*act)(struct smtp_server *s, const struct command *c);
};

/* The row for a line's first word, or NULL. */
const struct verb *verb_find(struct slice word);
const struct verb *verb_table(size_t *out_n);
const char *phase_name(enum phase p);

#endif
