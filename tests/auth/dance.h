/* One exchange between libgsasl's client and our server, octet for octet, with a hand that may change
 * what the client says. */
#ifndef DANELAW_TESTS_AUTH_DANCE_H
#define DANELAW_TESTS_AUTH_DANCE_H

#include <gsasl.h>

#include "leaks.h"
#include "mta/auth/exchange.h"

struct dance {
    const char *mechanism, *name, *password, *as; /* as: authzid, NULL: none */
    bool initial;                /* the first response comes with AUTH */
    const char *client_binding;  /* base64, NULL: the client has none */
    const char *server_binding;  /* octets, NULL: the server has none */
    /* Changes response number turn in place; text has room for one octet more than n. */
    void (*tamper)(void *arg, unsigned turn, char *text, size_t *n);
    void *arg;
    /* What came of it. */
    char said[LIMIT_LOGIN + 1]; /* auth_name */
    char reason[100];
    char challenges[3][LIMIT_AUTH_CHALLENGE + 1];
    unsigned n_challenges;
    unsigned judged;  /* how often the desk was asked */
    bool client_ok;   /* the client believes the server */
};

struct stage {
    struct auth_engine *engine;
    struct users *users;
    Gsasl *client;
};

/* anna, "sesame": a cheap Argon2id hash and a verifier. bert, "pencil": a hash alone if mixed, else
 * a verifier alone. */
struct stage *stage_new(bool mixed);
void stage_free(struct stage **s);
enum auth_step dance(struct stage *s, struct dance *d);

#endif
