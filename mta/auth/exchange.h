/* The server's side of one SASL exchange (RFC 4422), from AUTH to its answer, without I/O: octets in,
 * a challenge or a verdict out. SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677) are libgsasl's, with
 * the verifier of the users file; so no password ever comes here. PLAIN (RFC 4616) and LOGIN are read
 * here and not by libgsasl, which leaves the passwords it saw in memory that it freed.
 *
 * Who guesses names learns nothing: an unknown user, and one who lacks the credential, goes through
 * all steps with a stand-in. For PLAIN and LOGIN that is the hash of another user, so that it takes as
 * long; for SCRAM a verifier whose salt is made of the name and a secret of this process, so that
 * asking twice gives the same (RFC 5802 §9 leaves it to us). Then it is refused, whatever came out.
 *
 * Thread: an engine and users are shared; an exchange is its session's, on one thread at a time. */
#ifndef DANELAW_AUTH_EXCHANGE_H
#define DANELAW_AUTH_EXCHANGE_H

#include "mta/auth/users.h"

struct auth_engine; /* libgsasl and the secret; one per process */
struct auth_engine *auth_engine_new(void);
void auth_engine_free(struct auth_engine **e);

enum { AUTH_BINDING = 32 }; /* octets of tls-exporter, RFC 9266 §2 */

/* What EHLO may say behind "AUTH " under TLS; static. SCRAM is not there while a user lacks
 * a verifier: clients take it because it is the strongest, and do not try another. binding: the
 * connection has channel binding. */
const char *auth_offer(const struct users *users, bool binding);

enum auth_step {
    AUTH_CHALLENGE, /* send auth_challenge(), come back with the answer */
    AUTH_JUDGE,     /* take it to the desk, come back with auth_judged() */
    AUTH_DONE,      /* 235: auth_name() is who it is */
    AUTH_FAILED,    /* 535 5.7.8 */
    AUTH_MALFORMED, /* 501 5.5.2: not what the mechanism says */
};

struct auth_exchange;

/* NULL: there is no such mechanism among those offered (504 5.5.4). binding: AUTH_BINDING octets of
 * this connection, or NULL. engine and users must outlive it. */
struct auth_exchange *auth_exchange_new(const struct auth_engine *engine,
                                        const struct users *users, struct slice mechanism,
                                        const char *binding);
void auth_exchange_free(struct auth_exchange **x); /* wipes it; NULL is fine */
/* initial: NULL if AUTH came without an initial response (RFC 4954 §4); an empty one is one. */
enum auth_step auth_begin(struct auth_exchange *x, const struct slice *initial);
enum auth_step auth_next(struct auth_exchange *x, struct slice response);
/* After AUTH_JUDGE. matched: what auth_judge came to. */
enum auth_step auth_judged(struct auth_exchange *x, bool matched);
/* The judgement itself. It may hash: not on a worker; nothing else is done with x meanwhile. */
bool auth_judge(const struct auth_exchange *x);

struct slice auth_challenge(const struct auth_exchange *x);     /* octets, before base64 */
const char *auth_name(const struct auth_exchange *x);           /* prepared; "" while unknown. As claimed */
const struct user *auth_user(const struct auth_exchange *x);    /* NULL: there is none of that name */
const char *auth_mechanism_name(const struct auth_exchange *x); /* static */
const char *auth_reason(const struct auth_exchange *x);         /* of a failure, for the log; static */

#endif
