/* What the files of an inbound session share; nobody else includes this.
 *
 *   session.c       life cycle: start, the turn, deadlines, stopping, the end
 *   stages.c        what is asked before each answer
 *   session_mail.c  the transaction: MAIL, RCPT, DATA, content, submit, home
 *   stage_*.c       stages with more to them than a few lines
 *   session_tls.c   STARTTLS and TLS from the start
 *   session_xclient.c  XCLIENT: the client is another
 *   session_limits.c  budgets, rates, patience in overload
 *   session_auth.c  AUTH, and what an authenticated user may do
 *   session_log.c   its log lines
 *   milter_*.c      the listener's mail filters
 *
 * A session is freed in session_end alone. Everything below it only says that it should end
 * (`ending`), so that no function has to ask whether its session is still there. */
#ifndef DANELAW_IN_SESSION_PRIVATE_H
#define DANELAW_IN_SESSION_PRIVATE_H

#include "config/base/counter.h"
#include "mta/in/session.h"
#include "mta/in/stages.h"
#include "mta/mail/header.h"
#include "mta/smtp/server.h"
#include "tls/conn.h"

/* Exists from MAIL to its end; an idle session has none. */
struct transaction {
    struct message *message;    /* NULL once the queue has it */
    struct body_writer *writer; /* from DATA on, NULL once the content is refused or complete */
    struct header_scan headers;
    struct status refused; /* why the content will be refused after its end; OK: it will not */
    uint64_t read;         /* octets of content so far */
    size_t own;            /* octets of our own fields in front of it */
    bool discarded;        /* a filter asked: say yes, and drop it */
    struct queue_submit submit;
    struct in_session *session;
    /* For the log: the message itself is the queue's when the submit is home. */
    char id[QUEUE_ID_MAX];
    char *sender;
    uint64_t size;
    size_t n_rcpts;
    const char *protocol, *tls; /* at the submit; static */
};

enum session_ending { ENDING_NO, ENDING_POLITE /* flush first */, ENDING_AT_ONCE };
enum session_wait { WAIT_NOTHING, WAIT_COMMAND, WAIT_DATA, WAIT_HANDSHAKE };

struct in_session {
    struct list node; /* in worker_ctx.sessions */
    struct worker_ctx *worker;
    struct settings *settings;
    const struct listener_config *listener;
    struct conn *conn; /* NULL: an orphan, or not connected any more */
    struct smtp_server server;
    struct transaction *tx;
    struct ip_port peer;
    char client[IP_TEXT_MAX];
    struct ip admitted; /* whose connection it is for admission */
    char *client_name;  /* by XCLIENT; NULL: not said */
    char *login;        /* authenticated as; NULL: nobody */
    enum session_wait wait;
    int64_t waiting_since_ms; /* WAIT_COMMAND: when it began */
    uint64_t block_left; /* octets of content that must come before the deadline moves */
    enum session_ending ending;
    struct stage_cursor stages;
    char *client_key; /* hexadecimal SHA-256 of the key that the client proved to have; NULL: none */
    bool key_listed;  /* it is one of the listener's: the client may relay */
    struct milters *milters; /* NULL: none */
    struct session_auth *auth; /* from AUTH to its answer, else NULL */
    struct checks *checks; /* NULL: nothing is asked of DNS */
    bool stopping;
    bool paused; /* reading */
    bool overloaded; /* the listener */
    unsigned errors_seen; /* of the machine, by session_penalise */
    struct rate_hold rates;
    struct timer penalty; /* set: replies are held back, and the machine with them */
    struct timer deadline, grace; /* not conn_deadline: after that there is no saying 421 */
    void (*on_end)(void *arg, const char *listener, const struct ip *client);
    void (*on_move)(void *arg, struct in_move *m);
    void *arg;
};

/* session.c */
void session_deadline(struct in_session *s, int64_t delay_ms); /* 0: none */
void session_give_up(struct in_session *s); /* its deadline has passed */
void session_turn(struct in_session *s); /* does all that can be done now, and ends if it must */
void session_end(struct in_session *s);  /* frees it, or leaves it as an orphan */
void session_answer(struct in_session *s, const struct status *st);
void session_finish_connect(struct in_session *s, const struct smtp_server_event *ev,
                            const struct status *st);
void session_finish_helo(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st);
/* A last reply, then the end. Legal while the machine awaits an answer. */
void session_abort(struct in_session *s, const struct status *st);

/* session_mail.c */
void session_on_content(struct in_session *s, const struct smtp_server_event *ev);
void session_on_chunk(struct in_session *s, const struct smtp_server_event *ev);
enum stage_result stage_queue_health(struct in_session *s, struct status *st);
enum stage_result stage_begin_transaction(struct in_session *s, struct status *st);
enum stage_result stage_relay(struct in_session *s, struct status *st);
enum stage_result stage_recipient_count(struct in_session *s, struct status *st);
enum stage_result stage_begin_content(struct in_session *s, struct status *st);
enum stage_result stage_finish_content(struct in_session *s, struct status *st);
enum stage_result stage_submit(struct in_session *s, struct status *st);
/* The stages of a point are through: acts on a yes, and answers. */
void session_finish_mail(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st);
void session_finish_rcpt(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st);
void session_finish_data(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st);
void session_finish_end(struct in_session *s, const struct smtp_server_event *ev,
                        const struct status *st);
/* The directory of body files; false: its path is too long. */
MUST_USE bool session_spool(const struct in_session *s, char *out, size_t size);
/* Of the message that is open; once, however often it is named. */
void session_add_recipient(const struct in_session *s, const struct address *rcpt,
                           const struct rcpt_params *params);
void session_remove_recipient(const struct in_session *s, const struct address *rcpt);
void session_on_reset(struct in_session *s, const struct smtp_server_event *ev);
void tx_reset(struct in_session *s); /* every way out of a transaction; no-op without one */

/* stage_checks.c */
enum stage_result stage_checks_begin(struct in_session *s, struct status *st);
enum stage_result stage_checks_verdict(struct in_session *s, struct status *st);
void stage_checks_cancel(struct in_session *s);

/* stage_recipient.c */
enum stage_result stage_recipient_known(struct in_session *s, struct status *st);
enum stage_result stage_recipient_verified(struct in_session *s, struct status *st);

/* session_tls.c */
bool session_offers_starttls(const struct in_session *s);
void session_on_starttls(struct in_session *s, const struct smtp_server_event *ev);
void session_handshake(struct in_session *s);
void session_learn_key(struct in_session *s); /* after the handshake */
void session_forget_key(struct in_session *s);
void session_tls_failed(struct in_session *s, const char *reason);

/* session_xclient.c */
bool session_may_xclient(const struct in_session *s); /* as it is connected, before any XCLIENT */
enum stage_result stage_move(struct in_session *s, struct status *st);
enum stage_result stage_become(struct in_session *s, struct status *st);
void session_finish_xclient(struct in_session *s, const struct smtp_server_event *ev,
                            const struct status *st);
void session_forget_xclient(struct in_session *s);

/* stage_rates.c */
enum stage_result stage_message_rate(struct in_session *s, struct status *st);
enum stage_result stage_recipient_rate(struct in_session *s, struct status *st);

/* session_limits.c */
/* Sets the penalty if the client has made an error since the last call and half its errors are used
 * up. */
void session_penalise(struct in_session *s);
/* The machine has closed: counts it if errors or noise were the reason. */
void session_count_patience(const struct in_session *s);
int64_t session_patience(const struct in_session *s, int64_t usual_ms);
uint64_t session_data_block(const struct listener_config *l); /* octets, before the deadline moves */
/* Why the session's deadline ends it. Counts it. */
struct status session_too_slow(const struct in_session *s);

/* session_auth.c */
const char *session_auth_offer(const struct in_session *s); /* for EHLO; NULL: no AUTH here */
enum stage_result stage_auth(struct in_session *s, struct status *st);
enum stage_result stage_sender(struct in_session *s, struct status *st);
void session_finish_auth(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st);
void session_auth_end(struct in_session *s); /* wipes it; no-op without one */
void session_forget_login(struct in_session *s);

/* session_log.c */
void session_log_connect(const struct in_session *s);
void session_log_disconnect(const struct in_session *s, const char *why);
/* from, to: NULL where there is none. Counts smtpd_rejected. */
void session_log_reject(const struct in_session *s, const struct status *st, const char *from,
                        const char *to);
void session_log_accept(const struct in_session *s, const struct transaction *tx);
const char *session_protocol(const struct in_session *s);    /* "ESMTPS", RFC 3848 */
const char *session_tls_version(const struct in_session *s); /* "none" in clear */

#endif
