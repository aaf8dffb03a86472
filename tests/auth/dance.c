#include "dance.h"

#include <argon2.h>
#include <stdlib.h>
#include <string.h>

/* Of 4096 iterations: libgsasl's client must do them each time. */
static const char *verifier_of(const char *password)
{
    return strcmp(password, "sesame") == 0
               ? "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"
                 "hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=:"
                 "VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI="
               : "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"
                 "nQpbZ77WudtqufPwikHXGRt6g2QJ4zns8bZLw273DRM=:"
                 "jn2amWP1q1h+jgjy0YTO14S6/F02SV7taipOeB7ef20=";
}

static void add_user(struct buf *b, const char *name, const char *password, bool hash, bool verifier)
{
    char text[200];

    cr_assert(buf_printf(b, "%s", name));
    if (hash) {
        cr_assert_eq(argon2id_hash_encoded(1, 64, 1, password, strlen(password), "saltsalt", 8, 32,
                                           text, sizeof(text)), ARGON2_OK);
        cr_assert(buf_printf(b, " %s", text));
    }
    if (verifier)
        cr_assert(buf_printf(b, " %s", verifier_of(password)));
    cr_assert(buf_append_byte(b, '\n'));
}

static int client_callback(Gsasl *c, Gsasl_session *session, Gsasl_property p)
{
    const struct dance *d = gsasl_session_hook_get(session);
    const char *value = p == GSASL_AUTHID            ? d->name
                        : p == GSASL_PASSWORD        ? d->password
                        : p == GSASL_AUTHZID         ? d->as
                        : p == GSASL_CB_TLS_EXPORTER ? d->client_binding
                                                     : NULL;
    return value ? gsasl_property_set(session, p, value) : GSASL_NO_CALLBACK;
}

struct stage *stage_new(bool mixed)
{
    struct stage *s = base_alloc(sizeof(*s));
    struct buf text, errors;

    buf_init(&text, 4096);
    buf_init(&errors, 4096);
    add_user(&text, "anna", "sesame", true, true);
    add_user(&text, "bert", "pencil", mixed, !mixed);
    cr_assert(users_parse(buf_slice(&text), "users", &errors, &s->users), "%s", buf_cstr(&errors));
    buf_free(&text);
    buf_free(&errors);
    s->engine = auth_engine_new();
    cr_assert_eq(gsasl_init(&s->client), GSASL_OK);
    gsasl_callback_set(s->client, client_callback);
    return s;
}

void stage_free(struct stage **sp)
{
    struct stage *s = *sp;

    auth_engine_free(&s->engine);
    users_free(&s->users);
    gsasl_done(s->client);
    free(s);
    *sp = NULL;
    CHECK_LEAKS();
}

/* The client's answer to a challenge, tampered with, in memory of its own size. */
static char *respond(struct dance *d, Gsasl_session *client, struct slice challenge, unsigned turn,
                     size_t *out_n)
{
    char *made = NULL, copy[LIMIT_AUTH_CHALLENGE + 1];
    size_t n = 0;

    (void)slice_copy(challenge, copy, sizeof(copy));
    int rc = gsasl_step(client, copy, challenge.n, &made, &n);
    d->client_ok = rc == GSASL_OK;
    char *text = base_alloc(n + 1);
    if (n)
        memcpy(text, made, n);
    gsasl_free(made);
    if (d->tamper)
        d->tamper(d->arg, turn, text, &n);
    char *exact = base_alloc(n ? n : 1);
    if (n)
        memcpy(exact, text, n);
    free(text);
    *out_n = n;
    return exact;
}

static void keep_challenge(struct dance *d, struct slice challenge)
{
    cr_assert_lt(d->n_challenges, ARRAY_LEN(d->challenges));
    (void)slice_copy(challenge, d->challenges[d->n_challenges++], sizeof(d->challenges[0]));
}

static enum auth_step settle(struct auth_exchange *x, struct dance *d, enum auth_step step)
{
    if (step == AUTH_JUDGE) {
        d->judged++;
        step = auth_judged(x, auth_judge(x));
    }
    if (step == AUTH_CHALLENGE)
        keep_challenge(d, auth_challenge(x));
    return step;
}

static enum auth_step begin(struct auth_exchange *x, struct dance *d, Gsasl_session *client,
                            unsigned *turn)
{
    if (!d->initial)
        return settle(x, d, auth_begin(x, NULL));
    size_t n;
    char *text = respond(d, client, SLICE(""), (*turn)++, &n);
    struct slice first = slice_make(text, n);
    enum auth_step step = settle(x, d, auth_begin(x, &first));
    free(text);
    return step;
}

enum auth_step dance(struct stage *s, struct dance *d)
{
    struct auth_exchange *x =
        auth_exchange_new(s->engine, s->users, slice_of(d->mechanism), d->server_binding);
    Gsasl_session *client;
    unsigned turn = 0;

    cr_assert(x, "%s", d->mechanism);
    cr_assert_eq(gsasl_client_start(s->client, d->mechanism, &client), GSASL_OK);
    gsasl_session_hook_set(client, d);
    enum auth_step step = begin(x, d, client, &turn);
    while (step == AUTH_CHALLENGE) {
        size_t n;
        char *text = respond(d, client, auth_challenge(x), turn++, &n);
        step = settle(x, d, auth_next(x, slice_make(text, n)));
        free(text);
    }
    (void)slice_copy(slice_of(auth_name(x)), d->said, sizeof(d->said));
    (void)slice_copy(slice_of(auth_reason(x)), d->reason, sizeof(d->reason));
    gsasl_finish(client);
    auth_exchange_free(&x);
    return step;
}
