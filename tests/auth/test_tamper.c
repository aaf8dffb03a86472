/* Every message of every mechanism cut behind each octet, each octet changed, and messages that no
 * client makes: nobody gets in, and nothing breaks. */
#include <stdlib.h>
#include <string.h>

#include "dance.h"

static const char octets[AUTH_BINDING + 1] = "0123456789abcdef0123456789abcdef";

struct tamper {
    unsigned turn;
    size_t at;
    int put;       /* -1: cut there; else the octet that is put there */
    bool done;     /* there was something to change */
    bool past;     /* the message is not that long */
};

static void tamper(void *arg, unsigned turn, char *text, size_t *n)
{
    struct tamper *t = arg;

    if (turn != t->turn)
        return;
    t->past = t->at >= *n;
    if (t->past || (t->put > 0 && text[t->at + 1] == '='))
        return; /* the last digit of base64 has bits that stand for nothing: another may say the same */
    t->done = t->put < 0 || text[t->at] != (char)t->put;
    if (t->put < 0)
        *n = t->at;
    else
        text[t->at] = (char)t->put;
}

static bool tampered(struct stage *s, const char *mechanism, struct tamper *t)
{
    struct dance d = {.mechanism = mechanism, .name = "anna", .password = "sesame",
                      .client_binding = strstr(mechanism, "PLUS")
                                            ? "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
                                            : NULL,
                      .server_binding = strstr(mechanism, "PLUS") ? octets : NULL,
                      .initial = strcmp(mechanism, "LOGIN") != 0, .tamper = tamper, .arg = t};

    t->done = false;
    t->past = true; /* unless that response is made */
    enum auth_step step = dance(s, &d);
    if (t->done)
        cr_assert(step == AUTH_FAILED || step == AUTH_MALFORMED, "%s turn %u at %zu put %d: %d",
                  mechanism, t->turn, t->at, t->put, step);
    else
        cr_assert_eq(step, AUTH_DONE, "%s", mechanism);
    return t->done;
}

/* The client of a SCRAM exchange hashes each time: as many rows as are worth their time. */
static void tamper_all(const char *mechanism, size_t stride)
{
    static const int puts[] = {-1, 0, ',', '=', 'B', 0xff};
    struct stage *s = stage_new(false);
    size_t met = 0;

    for (unsigned turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < ARRAY_LEN(puts); i++)
            for (struct tamper t = {.turn = turn, .put = puts[i]}; !t.past; t.at += stride)
                met += tampered(s, mechanism, &t);
    cr_assert_gt(met, 50);
    stage_free(&s);
}

Test(tamper, plain)
{
    tamper_all("PLAIN", 1);
}

Test(tamper, login)
{
    tamper_all("LOGIN", 1);
}

Test(tamper, scram)
{
    tamper_all("SCRAM-SHA-256", 4);
}

Test(tamper, scram_plus)
{
    tamper_all("SCRAM-SHA-256-PLUS", 9);
}

#define S(text) {"" text, sizeof(text) - 1}

static const struct {
    const char *mechanism;
    struct slice first;
    enum auth_step want;
} alone[] = {
    {"PLAIN", S(""), AUTH_MALFORMED},
    {"PLAIN", S("\0"), AUTH_MALFORMED},
    {"PLAIN", S("\0\0"), AUTH_MALFORMED},
    {"PLAIN", S("\0anna"), AUTH_MALFORMED},
    {"PLAIN", S("\0anna\0"), AUTH_MALFORMED},
    {"PLAIN", S("\0\0sesame"), AUTH_MALFORMED},
    {"PLAIN", S("anna\0sesame"), AUTH_MALFORMED},
    {"PLAIN", S("\0anna\0sesame\0"), AUTH_MALFORMED},
    {"PLAIN", S("\0anna\0sesame\0x"), AUTH_MALFORMED},
    {"PLAIN", S("\0an\xff\0sesame"), AUTH_FAILED},
    {"PLAIN", S("\0anna\0ses\xff" "ame"), AUTH_FAILED},
    {"PLAIN", S("\0anna\0ses\name"), AUTH_FAILED},
    {"PLAIN", S("\xff\0anna\0sesame"), AUTH_FAILED},
    {"PLAIN", S("root\0anna\0sesame"), AUTH_FAILED},
    {"PLAIN", S("Anna\0anna\0sesame"), AUTH_FAILED},
    {"LOGIN", S(""), AUTH_MALFORMED},
    {"LOGIN", S("an\0na"), AUTH_FAILED},
    {"LOGIN", S("an\nna"), AUTH_FAILED},
    {"SCRAM-SHA-256", S(""), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=anna"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=anna,r="), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=an=na,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,m=ext,n=anna,r=abc"), AUTH_MALFORMED}, /* RFC 5802 §5.1: mandatory */
    {"SCRAM-SHA-256", S("n,,n=anna,r=abc\0"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("p=tls-exporter,,n=anna,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("x,,n=anna,r=abc"), AUTH_MALFORMED},
    /* RFC 5802 §6: it has binding and was not offered it, but we did: somebody cut it out. */
    {"SCRAM-SHA-256", S("y,,n=anna,r=abc"), AUTH_FAILED},
    {"SCRAM-SHA-256", S("n,,n=anna=2,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=anna=2D,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=anna="), AUTH_MALFORMED},
    {"SCRAM-SHA-256", S("n,,n=anna=2C=3D,r=abc"), AUTH_CHALLENGE},
    {"SCRAM-SHA-256", S("n,a=bert,n=anna,r=abc"), AUTH_FAILED},
    {"SCRAM-SHA-256", S("n,,n=an\x07na,r=abc"), AUTH_FAILED},
    {"SCRAM-SHA-256-PLUS", S("n,,n=anna,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256-PLUS", S("y,,n=anna,r=abc"), AUTH_MALFORMED},
    {"SCRAM-SHA-256-PLUS", S("p=tls-unique,,n=anna,r=abc"), AUTH_FAILED},
    {"SCRAM-SHA-256-PLUS", S("p=tls-magic,,n=anna,r=abc"), AUTH_FAILED},
};

Test(tamper, first_messages)
{
    struct stage *s = stage_new(false);

    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        struct auth_exchange *x =
            auth_exchange_new(s->engine, s->users, slice_of(alone[i].mechanism), octets);
        enum auth_step step = auth_begin(x, &alone[i].first);
        cr_assert_eq(step, alone[i].want, "row %zu: %d %s", i, step, auth_reason(x));
        cr_assert(step == AUTH_CHALLENGE || *auth_reason(x), "row %zu", i);
        auth_exchange_free(&x);
    }
    stage_free(&s);
}

/* As long as they may be, one longer, and nonces that make the challenge too long for a reply. */
Test(tamper, lengths)
{
    struct stage *s = stage_new(false);
    char text[LIMIT_AUTH_MESSAGE + 1];
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256"};

    for (size_t m = 0; m < ARRAY_LEN(mechanisms); m++) {
        for (size_t n = 240; n <= sizeof(text); n += n < 530 ? 1 : 61) {
            memset(text, 'r', sizeof(text));
            memcpy(text, m == 0 ? "\0rrrr\0" : "n,,n=anna,r=", m == 0 ? 6 : 12);
            struct slice first = slice_make(text, n);
            struct auth_exchange *x =
                auth_exchange_new(s->engine, s->users, slice_of(mechanisms[m]), NULL);
            enum auth_step step = auth_begin(x, &first);
            cr_assert_neq(step, AUTH_DONE);
            cr_assert_leq(auth_challenge(x).n, LIMIT_AUTH_CHALLENGE);
            if (n > LIMIT_AUTH_MESSAGE)
                cr_assert_eq(step, AUTH_MALFORMED);
            auth_exchange_free(&x);
        }
    }
    stage_free(&s);
}
