/* One outbound connection: connect, greeting, EHLO, STARTTLS with the verdict, EHLO again, then
 * transactions. A host whose verdict asks for TLS or DANE never sees MAIL FROM without it. Kept for
 * the next message to the same destination and verdict by the pool. One worker. */
#ifndef DANELAW_OUT_SESSION_H
#define DANELAW_OUT_SESSION_H

#include "mta/mail/survey.h"
#include "mta/smtp/client.h"
#include "mta/worker_ctx.h"
#include "tls/conn.h"
#include "tls/dane.h"
#include "tls/probe.h"

struct out_session;

struct out_session_start {
    struct ip_port to;
    const char *host;              /* unexpanded name for logs, SNI without TLSA, PKIX */
    struct verdict verdict;        /* borrows from facts */
    struct dest_facts *facts;      /* NULL for literals; the session takes a reference of its own */
    enum tls_level level;
    const struct hop *hop;         /* protocol, TLS from the start, chunks; borrowed during the call */
    const char *username, *password; /* of a login, until it is ready; NULL: none */
    const struct tls_probe *probe; /* `danelaw check`: stop when READY, then QUIT; NULL: a delivery */
};

struct out_session_ops {
    /* The session is ready for a transaction. */
    void (*on_ready)(void *arg);
    /* The transaction has its results. The session is ready again (on_ready does not come for it), or
     * dead: out_session_reusable tells. */
    void (*on_finished)(void *arg);
    /* It failed before or in a transaction; recipients have their results. Free it. no_tls: for want
     * of the TLS its verdict asks for, so that verdict_weaker may be tried on a new connection. */
    void (*on_failed)(void *arg, const struct status *why, bool no_tls);
};

/* What a verdict asks of the client machine; with implicit TLS there is nothing left to ask of it. */
enum client_tls out_session_client_tls(enum verdict_mode mode, bool implicit_tls);

struct out_session *out_session_open(struct worker_ctx *w, const struct out_session_start *start,
                                     const struct out_session_ops *ops, void *arg);
/* The body is read from `body` as the connection drains, and brought into 7-bit form as `conversion`
 * says (NULL: as it is). t and conversion stay valid until finished or failed. */
void out_session_send(struct out_session *s, struct smtp_transaction *t, struct body *body,
                      const struct survey *conversion);
void out_session_adopt(struct out_session *s, const struct out_session_ops *ops, void *arg);
bool out_session_reusable(const struct out_session *s);
void out_session_quit(struct out_session **s);  /* QUIT, then close; frees itself */
void out_session_free(struct out_session **s);  /* closes at once */

const struct tls_outcome *out_session_tls(const struct out_session *s); /* NULL in clear */
const char *out_session_remote(const struct out_session *s);            /* "mx.example[192.0.2.1]:25" */
const struct verdict *out_session_verdict(const struct out_session *s);
struct smtp_client *out_session_client(struct out_session *s);
SSL *out_session_ssl(struct out_session *s);

/* The final dot went out and was not answered: the message may have been delivered, and trying another
 * host at once would make a second copy likelier. */
bool out_session_dot_sent(const struct out_session *s);
const struct ip_port *out_session_to(const struct out_session *s);
/* Whether the facts that gave its verdict are still valid (their TTL, RFC 7671 §13); literals always. */
bool out_session_is_fresh(const struct out_session *s, int64_t wall_ms);

/* The pool: idle sessions keyed by destination and verdict. */
struct pool *pool_new(struct worker_ctx *w);
void pool_free(struct pool **p); /* QUITs all */
/* Takes an idle session to that address with that destination and verdict_key, or NULL. One whose facts
 * have expired is closed instead. */
struct out_session *pool_take(struct pool *p, const char *destination, const uint8_t key[VERDICT_KEY],
                              const struct ip_port *to);
/* Takes over a reusable session; it is closed after delivery.connection_idle, or when the server says
 * anything, or when it is the oldest of too many. */
void pool_put(struct pool *p, const char *destination, const uint8_t key[VERDICT_KEY],
              struct out_session *s);

#endif
