#include "mta/auth/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "mta/auth/exchange_private.h"

/* ---- the engine ---- */

struct auth_engine *auth_engine_new(void)
{
    struct auth_engine *e = base_alloc(sizeof(*e));

    REQUIRE(gsasl_init(&e->sasl) == GSASL_OK);
    gsasl_callback_set(e->sasl, scram_callback);
    REQUIRE(getrandom(e->secret, sizeof(e->secret), 0) == sizeof(e->secret));
    return e;
}

void auth_engine_free(struct auth_engine **ep)
{
    struct auth_engine *e = *ep;

    *ep = NULL;
    if (!e)
        return;
    gsasl_done(e->sasl);
    explicit_bzero(e, sizeof(*e));
    free(e);
}

/* ---- what every mechanism does ---- */

enum auth_step auth_fail(struct auth_exchange *x, enum auth_step step, const char *reason)
{
    x->reason = reason;
    return step;
}

bool auth_claim(struct auth_exchange *x, struct slice name)
{
    if (!password_prepare(name, false, x->name, sizeof(x->name))) {
        x->name[0] = '\0';
        return false;
    }
    x->user = users_find(x->users, slice_of(x->name));
    return true;
}

bool auth_set_challenge(struct auth_exchange *x, struct slice s)
{
    x->challenge_n = s.n < sizeof(x->challenge) ? s.n : 0;
    if (x->challenge_n)
        memcpy(x->challenge, s.p, s.n);
    return x->challenge_n == s.n;
}

static enum auth_step challenge(struct auth_exchange *x, const char *text)
{
    REQUIRE(auth_set_challenge(x, slice_of(text)));
    return AUTH_CHALLENGE;
}

/* ---- PLAIN and LOGIN ---- */

static const char *credential_of(const struct auth_exchange *x)
{
    const struct user *u = x->user;

    if (!u)
        return stand_in_credential(x->engine, x->users, x->name);
    return u->hash ? u->hash : u->verifier_text;
}

static enum auth_step judge_password(struct auth_exchange *x, struct slice password)
{
    if (!password_prepare(password, false, x->password, sizeof(x->password)))
        return auth_fail(x, AUTH_FAILED, "no password can be so");
    x->credential = credential_of(x);
    return AUTH_JUDGE;
}

/* RFC 4616 §2: message = [authzid] NUL authcid NUL passwd. */
static enum auth_step plain_respond(struct auth_exchange *x, struct slice response)
{
    struct slice as = slice_head(response, slice_find(response, '\0'));
    struct slice left = slice_skip(response, as.n + 1);
    struct slice name = slice_head(left, slice_find(left, '\0'));
    struct slice password = slice_skip(left, name.n + 1);
    char prepared[LIMIT_LOGIN + 1];

    if (as.n == response.n || name.n == left.n || name.n == 0 || password.n == 0 ||
        slice_find(password, '\0') != password.n)
        return auth_fail(x, AUTH_MALFORMED, "not a PLAIN message");
    if (!auth_claim(x, name))
        return auth_fail(x, AUTH_FAILED, "no user can be called so");
    if (as.n && (!password_prepare(as, false, prepared, sizeof(prepared)) ||
                 strcmp(prepared, x->name) != 0))
        return auth_fail(x, AUTH_FAILED, "wants to act as another");
    return judge_password(x, password);
}

/* A mechanism without a standard: two questions, whose words clients look for, two answers. */
static enum auth_step login_respond(struct auth_exchange *x, struct slice response)
{
    if (response.n == 0)
        return auth_fail(x, AUTH_MALFORMED, "an empty answer");
    if (x->turn > 0)
        return judge_password(x, response);
    if (!auth_claim(x, response))
        return auth_fail(x, AUTH_FAILED, "no user can be called so");
    return challenge(x, "Password:");
}

/* ---- the mechanisms ---- */

static const struct auth_mechanism mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", true,  true,  "",          scram_respond},
    {"SCRAM-SHA-256",      true,  false, "",          scram_respond},
    {"PLAIN",              false, false, "",          plain_respond},
    {"LOGIN",              false, false, "Username:", login_respond},
};

const char *auth_offer(const struct users *users, bool binding)
{
    if (users->without_verifier)
        return "PLAIN LOGIN";
    return binding ? "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"
                   : "SCRAM-SHA-256 PLAIN LOGIN";
}

static const struct auth_mechanism *find(struct slice name, const struct users *users,
                                         bool binding)
{
    for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
        const struct auth_mechanism *m = &mechanisms[i];
        bool offered = (!m->scram || !users->without_verifier) && (!m->plus || binding);
        if (offered && slice_caseeq(name, slice_of(m->name)))
            return m;
    }
    return NULL;
}

/* ---- an exchange ---- */

static void keep_binding(struct auth_exchange *x, const char *binding)
{
    struct buf b;

    if (!binding)
        return;
    buf_init(&b, BASE64_SIZE(AUTH_BINDING));
    REQUIRE(base64_encode(slice_make(binding, AUTH_BINDING), &b) &&
            slice_copy(buf_slice(&b), x->binding, sizeof(x->binding)));
    buf_free(&b);
}

struct auth_exchange *auth_exchange_new(const struct auth_engine *engine,
                                        const struct users *users, struct slice mechanism,
                                        const char *binding)
{
    const struct auth_mechanism *m = find(mechanism, users, binding != NULL);
    struct auth_exchange *x = m ? base_alloc(sizeof(*x)) : NULL;

    if (!x)
        return NULL;
    x->engine = engine;
    x->users = users;
    x->mechanism = m;
    x->reason = "";
    keep_binding(x, binding);
    if (m->scram && !scram_begin(x))
        auth_exchange_free(&x);
    return x;
}

void auth_exchange_free(struct auth_exchange **xp)
{
    struct auth_exchange *x = *xp;

    *xp = NULL;
    if (!x)
        return;
    if (x->scram)
        gsasl_finish(x->scram);
    explicit_bzero(x, sizeof(*x));
    free(x);
}

enum auth_step auth_next(struct auth_exchange *x, struct slice response)
{
    if (response.n > LIMIT_AUTH_MESSAGE)
        return auth_fail(x, AUTH_MALFORMED, "a message too long");
    enum auth_step step = x->mechanism->respond(x, response);
    x->turn++;
    return step;
}

enum auth_step auth_begin(struct auth_exchange *x, const struct slice *initial)
{
    return initial ? auth_next(x, *initial) : challenge(x, x->mechanism->invitation);
}

bool auth_judge(const struct auth_exchange *x)
{
    if (x->mechanism->scram)
        return x->proved;
    bool fits = password_matches(x->credential, x->password);
    return fits && x->user != NULL;
}

enum auth_step auth_judged(struct auth_exchange *x, bool matched)
{
    explicit_bzero(x->password, sizeof(x->password));
    if (!matched)
        return auth_fail(x, AUTH_FAILED, x->user ? "wrong password" : "no such user");
    return x->mechanism->scram ? AUTH_CHALLENGE : AUTH_DONE;
}

struct slice auth_challenge(const struct auth_exchange *x)
{
    return slice_make(x->challenge, x->challenge_n);
}

const char *auth_name(const struct auth_exchange *x)
{
    return x->name;
}

const struct user *auth_user(const struct auth_exchange *x)
{
    return x->user;
}

const char *auth_mechanism_name(const struct auth_exchange *x)
{
    return x->mechanism->name;
}

const char *auth_reason(const struct auth_exchange *x)
{
    return x->reason;
}
