/* What the files of the milter client share; nobody else includes this.
 *
 *   milter_stage.c    the rows of stages, and whose turn it is
 *   milter_link.c     one filter: its connection, what is due, its answers, its failures
 *   milter_say.c      commands with their macros
 *   milter_content.c  a message's content on its way to filters, and the changed message
 *   milter_change.c   changes that a filter asks for, checked and then made
 */
#ifndef DANELAW_IN_MILTER_PRIVATE_H
#define DANELAW_IN_MILTER_PRIVATE_H

#include "mta/in/milter.h"
#include "mta/in/session_private.h"
#include "mta/milter/head.h"
#include "mta/milter/lines.h"
#include "mta/milter/reply.h"

/* What a filter has heard in this session, as far as it must hear it again after a new connection. */
enum link_told { TOLD_NOTHING, TOLD_CONNECT, TOLD_HELO, TOLD_MAIL /* a message is open */ };

struct milter_link {
    const struct milter_config *config;
    struct milters *all;
    struct conn *conn; /* NULL: none */
    struct milter_options options;
    bool open;            /* the options are agreed on */
    enum link_told told;
    bool said;            /* the event of this point */
    bool helo_again;      /* EHLO came while a message was open: it hears of it before the next one */
    bool passed_session;  /* it accepted the client: nothing more is asked */
    bool passed_message;  /* likewise the message */
    bool failed;          /* in this transaction */
    int awaited;          /* enum milter_command whose answer is out, 0: none */
    int64_t give_up_ms;   /* on the loop's clock: the end of all patience at this point */
};

struct milter_content;

struct milters {
    struct in_session *session;
    enum stage_point at;
    size_t turn;            /* whose it is */
    bool waiting;           /* the stage waits */
    struct timer look;      /* for the client, meanwhile */
    struct status refusal;  /* what a filter, or trouble with it, says; OK: nothing */
    struct milter_content *content; /* at AT_END */
    size_t n;
    struct milter_link links[];
};

/* milter_link.c */
enum link_result { LINK_DONE, LINK_WAITS, LINK_REFUSES };
/* Does all that can be done now for this point. */
enum link_result link_work(struct milter_link *l);
void link_close(struct milter_link *l); /* at once; forgets what was told */
void link_fail(struct milter_link *l, const char *why);
/* Waits for the filter, at most ms, and never longer than patience lasts at this point. */
void link_deadline(struct milter_link *l, int64_t ms);

/* milter_stage.c: this filter's wait is over. The last thing that a function does. */
void milters_go_on(struct milters *m, const struct milter_link *l);

/* milter_say.c */
/* Whether the filter wants to hear it, and answers it. */
bool say_wanted(const struct milter_link *l, enum milter_command command);
bool say_answered(const struct milter_link *l, enum milter_command command);
/* False: no room now. The macros are said even where the command is not wanted. */
MUST_USE bool say_envelope(struct milter_link *l, enum milter_command command);
MUST_USE bool say_macros(struct milter_link *l, enum milter_command command);

/* milter_content.c */
enum content_due { CONTENT_SAID /* *out_command is out */, CONTENT_FULL /* no room now */, CONTENT_OVER };
/* OK, or why the message cannot be shown. */
struct status content_open(struct milters *m);
void content_rewind(struct milters *m); /* for the next filter */
enum content_due content_say(struct milter_link *l, enum milter_command *out_command);
void content_skip(struct milters *m, enum milter_command command);
/* The changed message instead of the old one, if anything was changed. */
struct status content_settle(struct milters *m);
void content_free(struct milters *m);

/* milter_change.c */
struct changes;
/* NULL, or what is wrong with it. */
const char *change_take(struct milter_link *l, const struct milter_reply *r);
/* The filter has said yes: makes its changes. NULL, or what is wrong with them. */
const char *changes_make(struct milter_link *l);
void changes_drop(struct milters *m);

/* The content of a message while filters look at it. */
struct milter_content {
    struct milter_head head;
    char *text;             /* memory of the head's fields as they came */
    struct slice separator; /* between header and body: CRLF, or nothing where the message has none */
    uint64_t body_at;       /* in the message's body */
    struct body *new_body;  /* what a filter made of it, or NULL */
    bool changed;
    bool eight_bit;
    /* of the filter whose turn it is */
    size_t field;
    uint64_t at; /* of the body */
    bool eoh_said, end_said, skip_fields, skip_body;
    struct changes *changes;
};

#endif
