/* What the files of an exchange share; nobody else includes this.
 *
 *   exchange.c  the mechanisms' table, PLAIN and LOGIN, the judgement
 *   scram.c     SCRAM through libgsasl
 *   stand_in.c  what unknown users are judged by */
#ifndef DANELAW_AUTH_EXCHANGE_PRIVATE_H
#define DANELAW_AUTH_EXCHANGE_PRIVATE_H

#include <gsasl.h>

#include "mta/auth/exchange.h"

enum { STAND_IN_SECRET = 32, STAND_IN_DIGEST = 64 };

struct auth_engine {
    Gsasl *sasl;
    uint8_t secret[STAND_IN_SECRET];
};

struct auth_exchange {
    const struct auth_engine *engine;
    const struct users *users;
    const struct auth_mechanism *mechanism;
    unsigned turn;       /* responses of the client so far */
    const struct user *user;
    char name[LIMIT_LOGIN + 1];
    const char *reason;
    char challenge[LIMIT_AUTH_CHALLENGE];
    size_t challenge_n;
    /* PLAIN, LOGIN */
    char password[LIMIT_AUTH_PASSWORD + 1];
    const char *credential; /* what it is compared with; a stand-in's if user has none */
    /* SCRAM */
    Gsasl_session *scram;
    struct scram_verifier verifier;
    char binding[BASE64_SIZE(AUTH_BINDING) + 1]; /* "": none */
    bool proved;
};

struct auth_mechanism {
    const char *name;
    bool scram, plus;
    const char *invitation; /* the first challenge, if there is no initial response */
    enum auth_step (*respond)(struct auth_exchange *x, struct slice response);
};

/* Sets name and user. False: no user can have that name. */
MUST_USE bool auth_claim(struct auth_exchange *x, struct slice name);
enum auth_step auth_fail(struct auth_exchange *x, enum auth_step step, const char *reason);
MUST_USE bool auth_set_challenge(struct auth_exchange *x, struct slice s);

/* scram.c */
bool scram_begin(struct auth_exchange *x);
enum auth_step scram_respond(struct auth_exchange *x, struct slice response);
int scram_callback(Gsasl *sasl, Gsasl_session *session, Gsasl_property property);

/* stand_in.c. The same name gives the same, as long as engine and users are the same. Pure. */
const char *stand_in_credential(const struct auth_engine *e, const struct users *users,
                                const char *name);
void stand_in_verifier(const struct auth_engine *e, const struct users *users, const char *name,
                       struct scram_verifier *out);

#endif
