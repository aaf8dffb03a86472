/* Each mechanism against libgsasl's own client: who gets in, who does not, and that nobody can tell an
 * unknown user from a wrong password. */
#include <stdlib.h>
#include <string.h>

#include "dance.h"

static const char octets[AUTH_BINDING + 1] = "0123456789abcdef0123456789abcdef";
#define BINDING       "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OTHER_BINDING "MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static const struct {
    const char *mechanism, *name, *password, *as, *client_binding;
    bool binding;
    enum auth_step want;
    unsigned judged;
} rows[] = {
    {"PLAIN", "anna", "sesame", NULL, NULL, false, AUTH_DONE, 1},
    {"PLAIN", "anna", "sesame", "anna", NULL, false, AUTH_DONE, 1},
    {"PLAIN", "anna", "sesame", "bert", NULL, false, AUTH_FAILED, 0},
    {"PLAIN", "anna", "sesamE", NULL, NULL, false, AUTH_FAILED, 1},
    {"PLAIN", "Anna", "sesame", NULL, NULL, false, AUTH_FAILED, 1},
    {"PLAIN", "nobody", "sesame", NULL, NULL, false, AUTH_FAILED, 1},
    {"PLAIN", "bert", "pencil", NULL, NULL, false, AUTH_DONE, 1}, /* against his verifier */
    {"PLAIN", "bert", "pencils", NULL, NULL, false, AUTH_FAILED, 1},
    {"PLAIN", "an\xc2\xadna", "ses\xc2\xad" "ame", NULL, NULL, false, AUTH_DONE, 1}, /* SASLprep */
    {"LOGIN", "anna", "sesame", NULL, NULL, false, AUTH_DONE, 1},
    {"LOGIN", "anna", "x", NULL, NULL, false, AUTH_FAILED, 1},
    {"LOGIN", "nobody", "sesame", NULL, NULL, false, AUTH_FAILED, 1},
    {"LOGIN", "bert", "pencil", NULL, NULL, false, AUTH_DONE, 1},
    {"SCRAM-SHA-256", "anna", "sesame", NULL, NULL, false, AUTH_DONE, 1},
    {"SCRAM-SHA-256", "anna", "sesame", "anna", NULL, false, AUTH_DONE, 1},
    {"SCRAM-SHA-256", "anna", "sesame", "bert", NULL, false, AUTH_FAILED, 0},
    {"SCRAM-SHA-256", "anna", "sesamE", NULL, NULL, false, AUTH_FAILED, 1},
    {"SCRAM-SHA-256", "nobody", "sesame", NULL, NULL, false, AUTH_FAILED, 1},
    {"SCRAM-SHA-256", "bert", "pencil", NULL, NULL, false, AUTH_DONE, 1},
    {"SCRAM-SHA-256", "anna", "sesame", NULL, NULL, true, AUTH_DONE, 1}, /* "n": knows no binding */
    {"SCRAM-SHA-256-PLUS", "anna", "sesame", NULL, BINDING, true, AUTH_DONE, 1},
    {"SCRAM-SHA-256-PLUS", "anna", "sesamE", NULL, BINDING, true, AUTH_FAILED, 1},
    {"SCRAM-SHA-256-PLUS", "nobody", "sesame", NULL, BINDING, true, AUTH_FAILED, 1},
    {"SCRAM-SHA-256-PLUS", "anna", "sesame", NULL, OTHER_BINDING, true, AUTH_FAILED, 1},
};

static enum auth_step run(struct stage *s, size_t i, bool initial, struct dance *d)
{
    *d = (struct dance){.mechanism = rows[i].mechanism, .name = rows[i].name,
                        .password = rows[i].password, .as = rows[i].as, .initial = initial,
                        .client_binding = rows[i].client_binding,
                        .server_binding = rows[i].binding ? octets : NULL};
    return dance(s, d);
}

Test(exchange, who_gets_in)
{
    struct stage *s = stage_new(false);
    struct dance d;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int initial = 0; initial < 2; initial++) {
            if (initial && strcmp(rows[i].mechanism, "LOGIN") == 0)
                continue; /* libgsasl's client waits for the question */
            enum auth_step step = run(s, i, initial, &d);
            cr_assert_eq(step, rows[i].want, "row %zu: %d %s", i, step, d.reason);
            cr_assert_eq(d.judged, rows[i].judged, "row %zu", i);
            cr_assert_eq(d.client_ok || step != AUTH_DONE, true, "row %zu", i);
            cr_assert(step != AUTH_DONE || strcmp(d.said, rows[i].name[0] == 'b' ? "bert" : "anna") == 0);
            cr_assert_eq(step == AUTH_DONE, d.reason[0] == '\0', "row %zu", i);
        }
    }
    stage_free(&s);
}

/* What many clients do, though LOGIN asks first. */
Test(exchange, login_with_the_name_at_once)
{
    struct stage *s = stage_new(false);
    struct auth_exchange *x = auth_exchange_new(s->engine, s->users, SLICE("login"), NULL);
    struct slice name = SLICE("anna");

    cr_assert_eq(auth_begin(x, &name), AUTH_CHALLENGE);
    cr_assert(slice_eq(auth_challenge(x), SLICE("Password:")));
    cr_assert_eq(auth_next(x, SLICE("sesame")), AUTH_JUDGE);
    cr_assert_eq(auth_judged(x, auth_judge(x)), AUTH_DONE);
    auth_exchange_free(&x);
    stage_free(&s);
}

/* The nonce differs each time, the rest is as for a user, and the same name gets the same salt. */
Test(exchange, strangers_look_like_users)
{
    struct stage *s = stage_new(false);
    char first[3][LIMIT_AUTH_CHALLENGE + 1];

    static const char *const names[] = {"anna", "nobody", "nemo", "nobody", "anna"};
    char salts[ARRAY_LEN(names)][100];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct dance d = {.mechanism = "SCRAM-SHA-256", .name = names[i], .password = "x",
                          .initial = true};
        cr_assert_eq(dance(s, &d), AUTH_FAILED);
        cr_assert_eq(d.n_challenges, 1);
        const char *salt = strstr(d.challenges[0], ",s=");
        cr_assert(salt && strstr(salt, ",i=4096"), "%s", d.challenges[0]);
        (void)slice_copy(slice_of(salt), salts[i], sizeof(salts[i]));
        (void)slice_copy(slice_of(d.challenges[0]), first[i % 3], sizeof(first[0]));
    }
    cr_assert_str_eq(salts[0], salts[4]);
    cr_assert_str_eq(salts[1], salts[3]);
    cr_assert_str_neq(salts[1], salts[2]);
    cr_assert_eq(strlen(salts[0]), strlen(salts[1]));
    stage_free(&s);
}

/* Another process answers otherwise: the secret is its own. */
Test(exchange, the_secret_is_this_process_s)
{
    struct stage *a = stage_new(false), *b = stage_new(false);
    struct dance d = {.mechanism = "SCRAM-SHA-256", .name = "nobody", .password = "x", .initial = true};
    struct dance e = d;

    cr_assert_eq(dance(a, &d), AUTH_FAILED);
    cr_assert_eq(dance(b, &e), AUTH_FAILED);
    cr_assert_str_neq(strstr(d.challenges[0], ",s="), strstr(e.challenges[0], ",s="));
    stage_free(&a);
    stage_free(&b);
}

/* Without users everybody is a stranger, and the hash is made all the same. */
Test(exchange, an_empty_file)
{
    struct stage *s = stage_new(false);
    struct buf errors;

    users_free(&s->users);
    buf_init(&errors, 100);
    cr_assert(users_parse(SLICE("# nobody\n"), "users", &errors, &s->users));
    buf_free(&errors);
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256"};
    for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
        struct dance d = {.mechanism = mechanisms[i], .name = "anna", .password = "sesame"};
        cr_assert_eq(dance(s, &d), AUTH_FAILED);
        cr_assert_eq(d.judged, 1);
    }
    stage_free(&s);
}

Test(exchange, offers)
{
    struct stage *s = stage_new(false), *mixed = stage_new(true);

    cr_assert_str_eq(auth_offer(s->users, true), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
    cr_assert_str_eq(auth_offer(s->users, false), "SCRAM-SHA-256 PLAIN LOGIN");
    cr_assert_str_eq(auth_offer(mixed->users, true), "PLAIN LOGIN"); /* bert has no verifier */
    static const char *const no[] = {"",      "SCRAM-SHA-256-PLUS", "CRAM-MD5", "ANONYMOUS", "EXTERNAL",
                                     "PLAINX", "SCRAM-SHA-1",        "GSSAPI",   "PLAI",      "LOGIN "};
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        cr_assert_null(auth_exchange_new(s->engine, s->users, slice_of(no[i]), NULL), "%s", no[i]);
    cr_assert_null(auth_exchange_new(mixed->engine, mixed->users, SLICE("SCRAM-SHA-256"), NULL));
    struct dance d = {.mechanism = "PLAIN", .name = "bert", .password = "pencil"};
    cr_assert_eq(dance(mixed, &d), AUTH_DONE);
    stage_free(&s);
    stage_free(&mixed);
}
