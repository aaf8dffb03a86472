/* AUTH at a whole door: inside TLS alone, who gets in, what that gives, what a failure costs. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

/* "sesame"; anna may send as anything, desk as desk@a.example. */
#define VERIFIER "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$" \
                 "hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=:" \
                 "VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI="
static const char users[] = "anna " VERIFIER "\ndesk " VERIFIER " from=desk@a.example\n";

#define PLAIN_ANNA    "AUTH PLAIN AGFubmEAc2VzYW1l"
#define PLAIN_DESK    "AUTH PLAIN AGRlc2sAc2VzYW1l"
#define PLAIN_WRONG   "AUTH PLAIN AGFubmEAb3Blbg=="     /* anna, open */
#define PLAIN_NOBODY  "AUTH PLAIN AG5vYm9keQBzZXNhbWU=" /* nobody, sesame */
#define PLAIN_AS_DESK "AUTH PLAIN ZGVzawBhbm5hAHNlc2FtZQ=="

static struct rig *clear_rig(enum listener_auth auth)
{
    struct rig *r = rig_new();

    rig_users(r, auth, users);
    rig_connect(r, "198.51.100.7"); /* not in clients */
    rig_expect(r, "220 relay.example");
    rig_ask(r, "EHLO client.example", "250");
    return r;
}

static void tls(struct rig *r)
{
    rig_ask(r, "STARTTLS", "220");
    rig_handshake(r);
}

static struct rig *tls_rig(enum listener_auth auth)
{
    struct rig *r = clear_rig(auth);

    tls(r);
    rig_ask(r, "EHLO client.example", "250");
    return r;
}

static bool offers(struct rig *r, const char *text)
{
    rig_say(r, "EHLO client.example\r\n");
    rig_read(r);
    bool found = memmem(buf_slice(&r->got).p, r->got.n, text, strlen(text)) != NULL;
    rig_expect(r, "250");
    return found;
}

Test(auth, offered_inside_tls_alone)
{
    struct rig *r = clear_rig(LISTENER_AUTH_OFFER);

    cr_expect_not(offers(r, "AUTH"));
    tls(r);
    cr_expect(offers(r, "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* The right password, in clear: not even looked at. */
Test(auth, refused_in_clear_unseen)
{
    struct rig *r = clear_rig(LISTENER_AUTH_OFFER);

    rig_ask(r, PLAIN_ANNA, "538 5.7.11");
    rig_ask(r, "AUTH LOGIN", "538 5.7.11");
    cr_expect_not(rig_logged(r, "user=anna"));
    cr_expect_not(rig_logged(r, "AGFubmEA"));
    rig_ask(r, "MAIL FROM:<a@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "554 5.7.1");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

Test(auth, none_is_none)
{
    struct rig *r = rig_new();

    rig_identity(r);
    rig_connect(r, "198.51.100.7");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250");
    tls(r);
    cr_expect_not(offers(r, "AUTH"));
    rig_ask(r, PLAIN_ANNA, "502");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

Test(auth, a_user_relays_and_is_named)
{
    struct rig *r = tls_rig(LISTENER_AUTH_REQUIRE);
    char p[2000] = "";

    rig_ask(r, "MAIL FROM:<a@a.example>", "530 5.7.0");
    rig_ask(r, PLAIN_ANNA, "235 2.7.0");
    rig_ask(r, PLAIN_ANNA, "503"); /* RFC 4954 §4 */
    rig_ask(r, "MAIL FROM:<a@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\nx\r\n.", "250 2.0.0");
    struct message *m = rig_message(r);
    cr_expect_str_eq(m->user, "anna");
    cr_assert(body_read(m->body, 0, p, sizeof(p) - 1) > 0);
    cr_expect(strstr(p, "ESMTPSA"), "%s", p);
    cr_expect_null(strstr(p, "anna"), "the user is nobody else's business: %s", p);
    cr_expect(rig_logged(r, "proto=ESMTPSA, tls=TLSv1.3, user=anna"));
    cr_expect(rig_logged(r, "auth"));
    cr_expect_not(rig_logged(r, "sesame"));
    message_free(&m);
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

Test(auth, offer_lets_others_be_who_they_were)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    rig_ask(r, "MAIL FROM:<a@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "554 5.7.1");
    rig_ask(r, "RCPT TO:<r@ours.example>", "250");
    rig_ask(r, PLAIN_ANNA, "503"); /* not inside a transaction */
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* Words and codes are the same, whatever was wrong; the log knows which. */
Test(auth, all_failures_look_alike)
{
    static const struct {
        const char *line, *logged;
    } rows[] = {
        {PLAIN_WRONG, "user=anna, mechanism=PLAIN, listener=lan, reason=wrong password"},
        {PLAIN_NOBODY, "user=nobody, mechanism=PLAIN, listener=lan, reason=no such user"},
        {PLAIN_AS_DESK, "reason=wants to act as another"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = tls_rig(LISTENER_AUTH_OFFER);
        rig_ask(r, rows[i].line, "535 5.7.8 Error: authentication failed\r\n");
        cr_expect(rig_logged(r, "client=198.51.100.7"), "%zu", i);
        cr_expect(rig_logged(r, rows[i].logged), "%zu: %s", i, buf_cstr(&r->log));
        rig_ask(r, "MAIL FROM:<a@a.example>", "250");
        rig_ask(r, "RCPT TO:<r@elsewhere.example>", "554 5.7.1");
        rig_ask(r, "QUIT", "221");
        rig_free(&r);
    }
}

Test(auth, login_and_its_ways_out)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    rig_ask(r, "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n");
    rig_ask(r, "*", "501 5.7.0");
    rig_ask(r, "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n");
    rig_ask(r, "QUIT now", "501 5.5.2"); /* no command, and no base64 */
    rig_ask(r, "AUTH LOGIN", "334");
    rig_ask(r, "YW5uYQ==", "334 UGFzc3dvcmQ6\r\n");
    rig_ask(r, "b3Blbg==", "535 5.7.8");
    rig_ask(r, "AUTH LOGIN YW5uYQ==", "334 UGFzc3dvcmQ6\r\n");
    rig_ask(r, "c2VzYW1l", "235 2.7.0");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

Test(auth, malformed_and_unknown)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    rig_ask(r, "AUTH CRAM-MD5", "504 5.5.4");
    rig_ask(r, "AUTH", "501");
    rig_ask(r, "AUTH PLAIN YW5uYQ==", "501 5.5.2");
    rig_ask(r, "AUTH PLAIN =", "501 5.5.2");
    rig_ask(r, "AUTH PLAIN AGFubmEAc2VzYW1", "501 5.5.2");
    rig_ask(r, "AUTH SCRAM-SHA-256 eCx4", "501 5.5.2");
    rig_ask(r, PLAIN_ANNA, "235");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

Test(auth, senders_of_a_user)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    rig_ask(r, PLAIN_DESK, "235");
    rig_ask(r, "MAIL FROM:<boss@a.example>",
            "553 5.7.1 <boss@a.example>: Sender address not allowed for this user\r\n");
    rig_ask(r, "MAIL FROM:<desk@a.example>", "250");
    rig_ask(r, "RSET", "250");
    rig_ask(r, "MAIL FROM:<>", "250");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* From the third failure on it waits, right or wrong; what is pipelined behind waits too. */
Test(auth, who_fails_waits)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    for (int i = 0; i < 3; i++)
        rig_ask(r, PLAIN_WRONG, "535 5.7.8");
    rig_say(r, PLAIN_ANNA "\r\nNOOP\r\n");
    rig_read(r);
    cr_expect_eq(r->got.n, 0);
    rig_advance(r, 900);
    rig_read(r);
    cr_expect_eq(r->got.n, 0);
    rig_advance(r, 200);
    rig_expect(r, "235 2.7.0");
    rig_expect(r, "250");
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* The client is gone while its password is judged: an orphan until the request is home. */
Test(auth, hanging_up_while_it_waits)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    for (int i = 0; i < 3; i++)
        rig_ask(r, PLAIN_WRONG, "535 5.7.8");
    rig_say(r, PLAIN_ANNA "\r\n");
    rig_close(r);
    cr_expect_eq(r->ended, 0);
    rig_advance(r, 1100);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

/* The relay closes while somebody waits: 454, and nothing is left behind. */
Test(auth, stopping_while_it_waits)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    for (int i = 0; i < 3; i++)
        rig_ask(r, PLAIN_WRONG, "535 5.7.8");
    rig_say(r, PLAIN_ANNA "\r\n");
    r->worker.stopping = true;
    in_session_stop_all(&r->worker);
    auth_desk_close(r->auth);
    rig_pump(r);
    rig_expect(r, "454 4.7.0");
    rig_expect(r, "421");
    rig_expect_close(r);
    rig_free(&r);
}

/* A name of control characters, quotes and lines stays one line of the log. */
Test(auth, names_in_the_log)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    /* NUL "x, client=127.0.0.1 reason=ok" NUL "y" */
    rig_ask(r, "AUTH PLAIN AHgsIGNsaWVudD0xMjcuMC4wLjEgcmVhc29uPW9rAHk=", "535 5.7.8");
    /* NUL "x\r\ny" NUL "y": no user can be called so */
    rig_ask(r, "AUTH PLAIN AHgNCnkAeQ==", "535 5.7.8");
    cr_expect(rig_logged(r, "client=198.51.100.7, user="));
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* In the budget of errors of the session (listeners.X.limits), apart from what throttles by client. */
Test(auth, counted_like_other_refusals)
{
    struct rig *r = tls_rig(LISTENER_AUTH_OFFER);

    r->listener.limits.errors = 2;
    rig_close(r);
    rig_connect(r, "198.51.100.7");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250");
    tls(r);
    rig_ask(r, "EHLO client.example", "250");
    for (int i = 0; i < 2; i++) {
        rig_say(r, PLAIN_AS_DESK "\r\n");
        rig_advance(r, 10000);
        rig_expect(r, "535 5.7.8");
    }
    rig_say(r, PLAIN_AS_DESK "\r\n");
    rig_advance(r, 10000);
    rig_expect(r, "421");
    rig_expect_close(r);
    rig_free(&r);
}
