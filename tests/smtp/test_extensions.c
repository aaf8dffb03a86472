/* What EHLO offers when, and AUTH, XCLIENT and the parameters of MAIL and RCPT as the machine takes them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smtp/play.h"

#define HEAD      GREETING "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
#define WITH_AUTH HEAD "250-AUTH PLAIN SCRAM-SHA-256\r\n" EHLO_END
#define WITH_X    HEAD "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n" EHLO_END
#define AUTH_OK   "235 2.7.0 Authentication successful\r\n"
#define WRONG_PW  "535 5.7.8 Error: authentication failed\r\n"
#define LATER     "454 4.7.0 Temporary authentication failure\r\n"
#define GO_ON     "334 Z28gb24=\r\n" /* "go on" */
#define CANCELLED "501 5.7.0 Authentication cancelled\r\n"
#define BASE64    "501 5.5.2 Error: cannot decode response\r\n"
#define IN_CLEAR  "538 5.7.11 Encryption required for requested authentication mechanism\r\n"
#define NEEDED    "530 5.7.0 Authentication required\r\n"
#define VALUE     "501 5.5.4 Error: bad parameter value\r\n"
#define UNKNOWN_P "555 5.5.4 Error: parameter not recognized\r\n"
#define ARGUMENT  "501 5.5.4 Error: syntax\r\n"
#define IN_AUTH   (IN_TLS | AUTH)

// clang-format off
static const struct play plays[] = {
    /* EHLO and HELO */
    {"a client that is not taken stays where it was", 0,
     IN(ENVELOPE "EHLO refuse.example\r\nRCPT TO:<c@d.example>\r\nHELO refuse.example\r\n"),
     OPENED DENIED RCPT_OK DENIED, ACCEPTED " RCPT:c@d.example", ""},
    {"8-bit in EHLO", 0, IN("EHLO b\xc3\xbc" "cher.example\r\n"),
     GREETING "501 5.5.4 Error: syntax: a domain or address literal is needed\r\n", "", ""},
    {"all of it inside TLS", IN_AUTH | CHUNKS | XCLIENT | STARTTLS | TLS_FOR_ALL, IN(HELLO),
     HEAD "250-AUTH PLAIN SCRAM-SHA-256\r\n250-REQUIRETLS\r\n"
     "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n250-CHUNKING\r\n" EHLO_END, "", ""},
    {"in clear neither AUTH nor REQUIRETLS", AUTH | TLS_FOR_ALL, IN(HELLO), HEAD EHLO_END, "", ""},

    /* AUTH */
    {"with an initial response", IN_AUTH, IN(HELLO "AUTH PLAIN Z29vZA==\r\nMAIL FROM:<a@b>\r\n"),
     WITH_AUTH AUTH_OK MAIL_OK, "AUTH:good MAIL:a@b", ""},
    {"by challenges", IN_AUTH, IN(HELLO "auth scram-sha-256\r\nbW9yZQ==\r\nZ29vZA==\r\nNOOP\r\n"),
     WITH_AUTH GO_ON GO_ON AUTH_OK OK, "AUTH: LINE:more LINE:good", ""},
    {"an empty initial response is one", IN_AUTH, IN(HELLO "AUTH PLAIN =\r\nNOOP\r\n"),
     WITH_AUTH WRONG_PW OK, "AUTH:", ""},
    {"an empty line is an empty response", IN_AUTH, IN(HELLO "AUTH PLAIN\r\n\r\nNOOP\r\n"),
     WITH_AUTH GO_ON WRONG_PW OK, "AUTH: LINE:", ""},
    {"wrong, for now, right, twice", IN_AUTH,
     IN(HELLO "AUTH PLAIN eA==\r\nAUTH PLAIN dGVtcA==\r\nAUTH PLAIN Z29vZA==\r\nAUTH PLAIN Z29vZA==\r\n"),
     WITH_AUTH WRONG_PW LATER AUTH_OK "503 5.5.1 Error: already authenticated\r\n",
     "AUTH:x AUTH:temp AUTH:good", ""},
    {"cancelled", IN_AUTH, IN(HELLO "AUTH PLAIN\r\n*\r\nNOOP\r\n"), WITH_AUTH GO_ON CANCELLED OK,
     "AUTH: GONE", ""},
    {"lines of an exchange are no commands", IN_AUTH,
     IN(HELLO "AUTH PLAIN\r\nMAIL FROM:<evil@x>\r\nAUTH PLAIN\r\nQUIT\r\nNOOP\r\n"),
     WITH_AUTH GO_ON BASE64 GO_ON WRONG_PW OK, "AUTH: GONE AUTH: LINE:AB\x13", ""},
    {"no base64", IN_AUTH,
     IN(HELLO "AUTH PLAIN !\r\nAUTH PLAIN Zg\r\nAUTH PLAIN Zg== x\r\nAUTH PLAIN\r\n=\r\nAUTH PLAIN\r\nZg==\nNOOP\r\n"),
     WITH_AUTH BASE64 BASE64 BASE64 GO_ON BASE64 GO_ON BASE64 OK,
     "GONE GONE GONE AUTH: GONE AUTH: GONE", ""},
    {"mechanisms", IN_AUTH,
     IN(HELLO "AUTH\r\nAUTH LOGIN\r\nAUTH PLAI\r\nAUTH PLAINX\r\nAUTH =\r\nNOOP\r\n"),
     WITH_AUTH "501 5.5.4 Error: syntax: AUTH MECHANISM [RESPONSE]\r\n"
     "504 5.5.4 Error: unrecognized authentication mechanism\r\n"
     "504 5.5.4 Error: unrecognized authentication mechanism\r\n"
     "504 5.5.4 Error: unrecognized authentication mechanism\r\n"
     "504 5.5.4 Error: unrecognized authentication mechanism\r\n" OK, "", ""},
    {"in clear", AUTH, IN(HELLO "AUTH PLAIN Z29vZA==\r\nNOOP\r\n"), HEAD EHLO_END IN_CLEAR OK, "", ""},
    {"before EHLO, in a transaction", IN_AUTH,
     IN("AUTH PLAIN Z29vZA==\r\n" ENVELOPE "AUTH PLAIN Z29vZA==\r\nDATA\r\n.\r\n"),
     GREETING SEQUENCE "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-AUTH PLAIN SCRAM-SHA-256\r\n"
     EHLO_END MAIL_OK RCPT_OK SEQUENCE GO_AHEAD QUEUED, ACCEPTED " DATA END", ""},
    {"required", IN_AUTH | MUST_AUTH,
     IN(HELLO "MAIL FROM:<a@b>\r\nAUTH PLAIN Z29vZA==\r\nMAIL FROM:<a@b>\r\nRSET\r\n" HELLO "MAIL FROM:<a@b>\r\n"),
     WITH_AUTH NEEDED AUTH_OK MAIL_OK OK "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
     "250-AUTH PLAIN SCRAM-SHA-256\r\n" EHLO_END MAIL_OK, "AUTH:good MAIL:a@b RESET MAIL:a@b", ""},

    /* Parameters */
    {"SMTPUTF8", 0,
     IN(HELLO "MAIL FROM:<\xc3\xbc@b\xc3\xbc" "cher.example> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@d.example>\r\n"
        "RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<\xc3\xbc@d.example>\r\n"),
     GREETING EHLO MAIL_OK RCPT_OK OK MAIL_OK "553 5.6.7 Error: 8-bit address without SMTPUTF8\r\n",
     "MAIL:\xc3\xbc@b\xc3\xbc" "cher.example RCPT:\xc3\xbc@d.example RESET MAIL:a@b", ""},
    {"it ends with the message", 0,
     IN(HELLO "MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<\xc3\xbc@b>\r\n"),
     GREETING EHLO MAIL_OK RCPT_OK GO_AHEAD QUEUED MAIL_OK "553 5.6.7 Error: 8-bit address without SMTPUTF8\r\n",
     "MAIL:a@b RCPT:a@b DATA END MAIL:a@b", ""},
    {"no UTF-8", 0, IN(HELLO "MAIL FROM:<\xc3\x28@d> SMTPUTF8\r\nMAIL FROM:<a@\xc0\xae> SMTPUTF8\r\n"
     "MAIL FROM:<a@b> SMTPUTF8=1\r\nMAIL FROM:<a@b> SMTPUTF8=\r\n"),
     GREETING EHLO "501 5.1.7 Error: bad sender address syntax\r\n"
     "501 5.1.7 Error: bad sender address syntax\r\n" VALUE VALUE, "", ""},
    {"VRFY with SMTPUTF8", 0, IN(HELLO "VRFY \xc3\xbc@d SMTPUTF8\r\nEXPN list SMTPUTF8\r\n"),
     GREETING EHLO "252 2.5.2 Cannot VRFY user, send some mail and see\r\n" NOT_HERE, "", ""},
    {"REQUIRETLS in clear", TLS_FOR_ALL, IN(HELLO "MAIL FROM:<a@b> REQUIRETLS\r\n"),
     GREETING EHLO "550 5.7.30 REQUIRETLS is for sessions with TLS\r\n", "", ""},
    {"REQUIRETLS", TLS_FOR_ALL | IN_TLS, IN(HELLO "MAIL FROM:<a@b> REQUIRETLS=1\r\nMAIL FROM:<a@b> REQUIRETLS\r\n"),
     HEAD "250-REQUIRETLS\r\n" EHLO_END VALUE MAIL_OK, "MAIL:a@b", ""},
    {"what is not offered is not known", IN_TLS,
     IN(HELLO "MAIL FROM:<a@b> REQUIRETLS\r\nMAIL FROM:<a@b> AUTH=<>\r\nMAIL FROM:<a@b> BY=1;R\r\n"),
     GREETING EHLO UNKNOWN_P UNKNOWN_P UNKNOWN_P, "", ""},
    {"AUTH= is checked and forgotten", IN_AUTH,
     IN(HELLO "MAIL FROM:<a@b> AUTH=a+0Db\r\nMAIL FROM:<a@b> AUTH=e+3Dmc2@example.com\r\nRSET\r\nMAIL FROM:<a@b> AUTH=<>\r\n"),
     WITH_AUTH VALUE MAIL_OK OK MAIL_OK, "MAIL:a@b RESET MAIL:a@b", ""},
    {"DSN", 0,
     IN(HELLO "MAIL FROM:<a@b> RET=HDRS ENVID=x+2By\r\nRCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d\r\n"
        "RCPT TO:<c@d> NOTIFY=NEVER,SUCCESS\r\nRCPT TO:<c@d> RET=FULL\r\n"),
     GREETING EHLO MAIL_OK RCPT_OK VALUE UNKNOWN_P, "MAIL:a@b RCPT:c@d", ""},

    /* XCLIENT */
    {"XCLIENT begins anew", XCLIENT,
     IN("XCLIENT NAME=c.example ADDR=192.0.2.1\r\n" "MAIL FROM:<a@b>\r\n" HELLO "XCLIENT LOGIN=u\r\nMAIL FROM:<a@b>\r\n"),
     GREETING GREETING SEQUENCE "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n"
     "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n" EHLO_END GREETING SEQUENCE,
     "XCLIENT XCLIENT", ""},
    {"XCLIENT in a transaction", XCLIENT,
     IN(HELLO "MAIL FROM:<a@b>\r\nXCLIENT NAME=c.example\r\nRCPT TO:<c@d>\r\n"),
     WITH_X MAIL_OK SEQUENCE RCPT_OK, "MAIL:a@b RCPT:c@d", ""},
    {"XCLIENT of somebody else", 0, IN(HELLO "XCLIENT ADDR=127.0.0.1\r\nNOOP\r\n"),
     GREETING EHLO NOT_HERE OK, "", ""},
    {"XCLIENT refused", XCLIENT, IN(HELLO "XCLIENT LOGIN=nobody\r\nXCLIENT ADDR=x\r\nMAIL FROM:<a@b>\r\n"),
     WITH_X DENIED "501 5.5.4 Error: bad attribute value\r\n" MAIL_OK, "XCLIENT MAIL:a@b", ""},
    {"a login by XCLIENT has authenticated, until the next one", XCLIENT | MUST_AUTH,
     IN("XCLIENT LOGIN=u\r\nHELO c\r\nMAIL FROM:<a@b>\r\nRSET\r\nXCLIENT ADDR=192.0.2.1\r\nHELO c\r\nMAIL FROM:<a@b>\r\n"
        "XCLIENT LOGIN=[UNAVAILABLE]\r\nHELO c\r\nMAIL FROM:<a@b>\r\n"),
     GREETING GREETING "250 relay.example\r\n" MAIL_OK OK GREETING "250 relay.example\r\n" NEEDED
     GREETING "250 relay.example\r\n" NEEDED, "XCLIENT MAIL:a@b RESET XCLIENT XCLIENT", ""},
};
// clang-format on

Test(extensions, dialogues)
{
    play_all(plays, ARRAY_LEN(plays));
    CHECK_LEAKS();
}

/* A line of an exchange may have 12,288 octets (RFC 4954 §4); a longer one is dropped whole, and none of
 * it is a command. */
static void check_line(size_t n, unsigned code)
{
    char *line = base_alloc(n);
    struct talk t;

    memset(line, 'A', n);
    memcpy(line + n - 2, "\r\n", 2);
    for (size_t piece = 1; piece <= n; piece += n - 1) {
        play_open(&t, IN_AUTH);
        talk_feed(&t, SLICE(HELLO "AUTH PLAIN\r\n"));
        for (size_t done = 0; done < n; done += piece)
            talk_feed(&t, slice_head(slice_make(line + done, n - done), piece));
        cr_expect_eq(talk_code(&t), code, "%zu: %s", n, buf_cstr(&t.out));
        talk_feed(&t, SLICE("NOOP\r\n"));
        cr_expect_eq(talk_code(&t), 250, "%zu: in step again", n);
        talk_free(&t);
    }
    free(line);
}

Test(extensions, lines_of_an_exchange_have_a_limit)
{
    check_line(4096 + 2, 535);
    check_line(12284 + 2, 535);
    check_line(12288 + 2, 500);
    check_line(LIMIT_LINE_CLOSE, 500);
    CHECK_LEAKS();
}

Test(extensions, guesses_end)
{
    struct talk t;
    size_t tries = 0;

    play_open(&t, IN_AUTH);
    talk_feed(&t, SLICE(HELLO));
    for (; !t.closed && tries < 100; tries++)
        talk_feed(&t, SLICE("AUTH PLAIN eA==\r\n"));
    cr_expect_eq(tries, TALK_ERRORS + 1);
    cr_expect_eq(talk_code(&t), 421);
    talk_free(&t);
    CHECK_LEAKS();
}

/* Neither the line nor what it decodes to stays in memory. */
Test(extensions, secrets_are_wiped)
{
    struct talk t;

    play_open(&t, IN_AUTH);
    talk_feed(&t, SLICE(HELLO "AUTH PLAIN c2VjcmV0\r\n"));
    cr_expect_null(memmem(t.in.p, t.in.cap, "c2VjcmV0", 8));
    talk_feed(&t, SLICE("AUTH PLAIN\r\nc2VjcmV0\r\n"));
    cr_expect_null(memmem(t.in.p, t.in.cap, "c2VjcmV0", 8));
    talk_free(&t);
    CHECK_LEAKS();
}

Test(extensions, challenges_have_a_limit)
{
    static const char text[SMTP_SERVER_CHALLENGE + 1];
    struct smtp_server_config cfg = {"relay.example", .auth = "PLAIN"};
    struct status st = status_of(CAUSE_AUTH_TEMPFAIL);
    struct smtp_server_event ev;
    struct smtp_server s;
    struct buf in, out;

    buf_init(&in, 1000);
    buf_init(&out, LIMIT_SESSION_OUT);
    smtp_server_init(&s, &cfg, &out);
    smtp_server_tls_done(&s);
    smtp_server_greet(&s, false);
    cr_assert(buf_append(&in, SLICE("HELO c\r\nAUTH PLAIN\r\n")));
    cr_assert(smtp_server_next(&s, &in, &ev) && ev.kind == SERVER_HELO && !ev.esmtp);
    smtp_server_answer(&s, &(struct status){.cause = CAUSE_OK, .code = 250});
    cr_assert(smtp_server_next(&s, &in, &ev) && ev.kind == SERVER_AUTH && !ev.has_initial);
    cr_expect_str_eq(ev.mechanism, "PLAIN");
    cr_expect_not(smtp_server_auth_challenge(&s, slice_make(text, sizeof(text))));
    cr_expect(smtp_server_auth_challenge(&s, slice_make(text, sizeof(text) - 1)));
    cr_assert(buf_append(&in, SLICE("QQ==\r\n")));
    cr_assert(smtp_server_next(&s, &in, &ev) && ev.kind == SERVER_AUTH_LINE);
    smtp_server_answer(&s, &st);
    smtp_server_free(&s);
    buf_free(&in);
    buf_free(&out);
    CHECK_LEAKS();
}

/* LIMITS says what is kept. */
Test(extensions, limits)
{
    struct smtp_server_config cfg = {"relay.example", 0, .max_rcpts = 2, .max_mails = 2};
    struct talk t;

    talk_init(&t, &cfg);
    smtp_server_greet(&t.server, false);
    talk_feed(&t, SLICE(HELLO));
    cr_expect(strstr(buf_cstr(&t.out), "250-LIMITS RCPTMAX=2 MAILMAX=2\r\n"));
    talk_feed(&t, SLICE("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<a@c>\r\nRCPT TO:<a@d>\r\n"));
    cr_expect_eq(talk_code(&t), 452);
    talk_feed(&t, SLICE("RSET\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n"));
    cr_expect(t.closed && talk_code(&t) == 421);
    talk_free(&t);
    CHECK_LEAKS();
}

/* Ten thousand idle sessions: what one of them holds. */
Test(extensions, an_idle_session_is_small)
{
    struct talk t;

    play_open(&t, CHUNKS | IN_AUTH);
    talk_feed(&t, SLICE(ENVELOPE "DATA\r\nhello\r\n.\r\nFOO\r\nAUTH PLAIN Z29vZA==\r\n"));
    cr_expect(!t.server.cmd && !t.server.secret && !t.server.refused && !t.server.content.p);
    cr_expect_leq(sizeof(struct smtp_server), 512, "%zu", sizeof(struct smtp_server));
    talk_free(&t);
    CHECK_LEAKS();
}
