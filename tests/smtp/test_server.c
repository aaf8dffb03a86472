/* The server machine: what RFC 5321 itself has. Its extensions are in test_bdat.c and test_extensions.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smtp/play.h"

// clang-format off
static const struct play dialogues[] = {
    {"one message", 0, IN(ENVELOPE "DATA\r\nhello\r\n.\r\nQUIT\r\n"), OPENED GO_AHEAD QUEUED BYE,
     ACCEPTED " DATA END CLOSE", "hello\r\n"},
    {"two messages", 0, IN(ENVELOPE
     "DATA\r\na\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n..b\r\n.\r\n"),
     OPENED GO_AHEAD QUEUED MAIL_OK RCPT_OK GO_AHEAD QUEUED,
     ACCEPTED " DATA END MAIL: RCPT:postmaster DATA END", "a\r\n.b\r\n"},
    {"empty message", 0, IN(ENVELOPE "DATA\r\n.\r\nNOOP\r\n"), OPENED GO_AHEAD QUEUED OK,
     ACCEPTED " DATA END", ""},
    {"HELO", 0, IN("HELO [192.0.2.1]\r\nMAIL FROM:<a@b.example>\r\n"),
     GREETING "250 relay.example\r\n" MAIL_OK, "MAIL:a@b.example", ""},
    {"no size limit", NO_SIZE, IN(HELLO),
     GREETING "250-relay.example\r\n250-PIPELINING\r\n250-SIZE\r\n" EHLO_END, "", ""},
    {"lower case, blanks at the end", 0,
     IN("ehlo c.example \r\nmail from:<a@b.example> \t\r\nNoOp\r\n"), GREETING EHLO MAIL_OK OK,
     "MAIL:a@b.example", ""},
    {"a second EHLO resets", 0, IN(ENVELOPE HELLO "RCPT TO:<c@d.example>\r\n"),
     OPENED EHLO SEQUENCE, ACCEPTED " RESET", ""},
    {"RSET resets", 0, IN(ENVELOPE "RSET\r\nRSET\r\nDATA\r\n"), OPENED OK OK SEQUENCE,
     ACCEPTED " RESET", ""},
    {"a refused recipient and a good one", 0,
     IN(ENVELOPE "RCPT TO:<bad@x>\r\nRCPT TO:<later@x>\r\nDATA\r\n.\r\n"),
     OPENED DENIED "452 4.3.1 Insufficient system storage\r\n" GO_AHEAD QUEUED,
     ACCEPTED " RCPT:bad@x RCPT:later@x DATA END", ""},
    {"bare LF in content", 0, IN(ENVELOPE "DATA\r\na\nb\r\n.\r\nNOOP\r\n"),
     OPENED GO_AHEAD BAD_BODY OK, ACCEPTED " DATA END", "a\nb\r\n"},
    {"smuggling by LF . LF", 0, IN(ENVELOPE "DATA\r\nx\n.\n" INJECTED ".\r\n"),
     OPENED GO_AHEAD BAD_BODY, ACCEPTED " DATA END", "x\n.\n" INJECTED},
    {"smuggling by LF . CRLF", 0, IN(ENVELOPE "DATA\r\nx\n.\r\n" INJECTED ".\r\n"),
     OPENED GO_AHEAD BAD_BODY, ACCEPTED " DATA END", "x\n.\r\n" INJECTED},
    {"smuggling by CRLF . LF", 0, IN(ENVELOPE "DATA\r\nx\r\n.\n" INJECTED ".\r\n"),
     OPENED GO_AHEAD BAD_BODY, ACCEPTED " DATA END", "x\r\n\n" INJECTED},
    {"smuggling by CR . CR", 0, IN(ENVELOPE "DATA\r\nx\r.\r" INJECTED ".\r\n"),
     OPENED GO_AHEAD BAD_BODY, ACCEPTED " DATA END", "x\r.\r" INJECTED},
    {"converted newlines", CONVERT, IN(ENVELOPE "DATA\r\na\n.\nb\n.\r\nc\r\r\n.\r\n"),
     OPENED GO_AHEAD QUEUED, ACCEPTED " DATA END", "a\r\n.\r\nb\r\n.\r\nc\r\n\r\n"},
    {"no EHLO", 0, IN("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n"),
     GREETING SEQUENCE SEQUENCE SEQUENCE, "", ""},
    {"nothing after QUIT", 0, IN(HELLO "QUIT\r\nMAIL FROM:<a@b>\r\n"), GREETING EHLO BYE, "CLOSE",
     ""},
    {"size over the limit", 0,
     IN(HELLO "MAIL FROM:<a@b> SIZE=1001\r\nMAIL FROM:<a@b> SIZE=1000\r\n"),
     GREETING EHLO "552 5.3.4 Error: message exceeds the size limit\r\n" MAIL_OK, "MAIL:a@b", ""},
    {"8-bit address", 0, IN(HELLO "MAIL FROM:<\xc3\xbc@d>\r\nMAIL FROM:<\xc3\x28@d>\r\n"), GREETING
     EHLO "550 5.6.7 Error: 8-bit address without SMTPUTF8\r\n"
     "501 5.1.7 Error: bad sender address syntax\r\n", "", ""},
    {"recipient syntax", 0, IN(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<v@ext.tst.>\r\n"),
     GREETING EHLO MAIL_OK "501 5.1.3 Error: bad recipient address syntax\r\n", "MAIL:a@b", ""},
    {"lines that are none", 0,
     IN("NOOP\nNO\0OP\r\n\xff\xff\r\n\r\nNO\rOP\r\nNOOP\r\r\nNOOP\tx\r\n"),
     GREETING BAD_LINE BAD_LINE UNKNOWN UNKNOWN BAD_LINE BAD_LINE BAD_LINE, "", ""},
    {"unknown commands", 0, IN("FOO\r\n NOOP\r\nNOOPS\r\n"), GREETING UNKNOWN UNKNOWN UNKNOWN, "",
     ""},
    {"BDAT closes", 0, IN(ENVELOPE "BDAT 60 LAST\r\n" INJECTED), OPENED NOT_HERE, ACCEPTED " CLOSE",
     ""},
    {"HTTP", 0, IN("GET / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n"), GREETING WRONG, "CLOSE",
     ""},
    {"HTTP by POST", 0, IN("POST / HTTP/1.1\r\n\r\n" ENVELOPE), GREETING WRONG, "CLOSE", ""},
    {"TLS in clear", 0, IN("\x16\x03\x01\x02\x00\x01"), GREETING WRONG, "CLOSE", ""},
    {"RDP", 0, IN("\x03\x00\x00\x2b\x26\xe0 Cookie: mstshash=x\r\n"), GREETING WRONG, "CLOSE", ""},
    {"SSH", 0, IN("SSH-2.0-OpenSSH_9.2\r\n"), GREETING WRONG, "CLOSE", ""},
    {"talks before the greeting", EARLY, IN(HELLO), SYNC, "CLOSE", ""},
    {"STARTTLS", STARTTLS, IN(HELLO "STARTTLS\r\n"),
     GREETING EHLO_TLS "220 2.0.0 Ready to start TLS\r\n", "TLS", ""},
    {"octets behind STARTTLS", STARTTLS | WHOLE_ONLY, IN(HELLO "STARTTLS\r\n" HELLO),
     GREETING EHLO_TLS SYNC, "CLOSE", ""},
    {"one octet behind STARTTLS", STARTTLS | WHOLE_ONLY, IN(HELLO "STARTTLS\r\n\x16"),
     GREETING EHLO_TLS SYNC, "CLOSE", ""},
    {"STARTTLS refused keeps the pipeline", STARTTLS, IN(HELLO "STARTTLS x\r\nNOOP\r\n"),
     GREETING EHLO_TLS "501 5.5.4 Error: no argument is allowed\r\n" OK, "", ""},
    {"STARTTLS not offered", 0, IN(HELLO "STARTTLS\r\nNOOP\r\n"), GREETING EHLO NOT_HERE OK, "", ""},
    {"STARTTLS in a transaction", STARTTLS, IN(HELLO "MAIL FROM:<a@b>\r\nSTARTTLS\r\nNOOP\r\n"),
     GREETING EHLO_TLS MAIL_OK SEQUENCE OK, "MAIL:a@b", ""},
    {"TLS required", REQUIRE_TLS | STARTTLS, IN(HELLO "MAIL FROM:<a@b>\r\nNOOP\r\n"),
     GREETING EHLO_TLS "530 5.7.0 Must issue a STARTTLS command first\r\n" OK, "", ""},
    {"a message behind no recipients", WHOLE_ONLY,
     IN(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nDATA\r\n" INJECTED ".\r\n"),
     GREETING EHLO MAIL_OK DENIED NO_RCPT, "MAIL:a@b RCPT:bad@x CLOSE", ""},
    {"a message behind no sender", WHOLE_ONLY,
     IN(HELLO "MAIL FROM:<refuse@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" INJECTED ".\r\n"),
     GREETING EHLO DENIED SEQUENCE SEQUENCE, "MAIL:refuse@b CLOSE", ""},
    {"a message behind a DATA that the session refused", REFUSE_DATA | WHOLE_ONLY,
     IN(ENVELOPE "DATA\r\n" INJECTED ".\r\n"), OPENED "451 4.3.0 Queue error, try again later\r\n",
     ACCEPTED " DATA CLOSE", ""},
    {"DATA without a recipient", 0, IN(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nDATA\r\n"),
     GREETING EHLO MAIL_OK DENIED NO_RCPT, "MAIL:a@b RCPT:bad@x", ""},
    {"DATA with an argument", 0, IN(HELLO "MAIL FROM:<a@b>\r\nDATA x\r\n"),
     GREETING EHLO MAIL_OK "501 5.5.4 Error: no argument is allowed\r\n", "MAIL:a@b", ""},
    {"body at once behind an accepted DATA", 0, IN(ENVELOPE "DATA\r\n" INJECTED ".\r\n"),
     OPENED GO_AHEAD QUEUED, ACCEPTED " DATA END", INJECTED},
};
// clang-format on

Test(server, dialogues)
{
    play_all(dialogues, ARRAY_LEN(dialogues));
    CHECK_LEAKS();
}

/* After TLS nothing of before counts: neither the greeting nor a verdict (RFC 3207 §4.2). */
Test(server, forgets_at_starttls)
{
    struct talk t;

    play_open(&t, STARTTLS);
    talk_feed(&t, SLICE(HELLO "STARTTLS\r\n"));
    buf_clear(&t.out);
    talk_feed(&t, SLICE("MAIL FROM:<a@b>\r\nSTARTTLS\r\n" HELLO "STARTTLS\r\nMAIL FROM:<a@b>\r\n"));
    cr_expect_str_eq(buf_cstr(&t.out),
                     SEQUENCE SEQUENCE EHLO "503 5.5.1 Error: TLS already active\r\n" MAIL_OK);
    cr_expect_str_eq(t.server.helo, "c.example");
    talk_free(&t);
    CHECK_LEAKS();
}

/* However a message that nobody asked for is cut, none of it is executed: headers are no commands.
 */
Test(server, body_after_refused_data_closes)
{
    struct talk t;
    struct slice body = SLICE("Subject: x\r\n\r\n" INJECTED ".\r\n");

    for (size_t way = 0; way < talk_cuts(body.n); way++) {
        play_open(&t, 0);
        talk_feed(&t, SLICE(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nDATA\r\n"));
        for (size_t done = 0; done < body.n; done += talk_piece(body, way, done).n)
            talk_feed(&t, talk_piece(body, way, done));
        cr_expect(t.closed && t.messages == 0, "way %zu", way);
        cr_expect_str_eq(buf_cstr(&t.events), "MAIL:a@b RCPT:bad@x CLOSE");
        talk_free(&t);
    }
    play_open(&t, 0);
    talk_feed(&t, SLICE(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nDATA\r\n"));
    talk_feed(&t, SLICE("RSET\r\nFOO\r\n"));
    cr_expect_not(t.closed, "a client that goes on properly may");
    talk_free(&t);
    CHECK_LEAKS();
}

static char *repeat(const char *text, size_t times)
{
    size_t n = strlen(text);
    char *all = base_alloc(n * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(all + i * n, text, n);
    return all;
}

static size_t count(struct talk *t, const char *reply)
{
    size_t n = 0;

    for (const char *p = buf_cstr(&t->out); (p = strstr(p, reply)); p++)
        n++;
    return n;
}

/* A command of so many octets with its CRLF. */
static void check_length(size_t n, bool fits, bool stays)
{
    char *line = repeat("x", n);
    struct talk t;

    memcpy(line, "NOOP ", 5);
    memcpy(line + n - 2, "\r\n", 2);
    for (size_t piece = 1; piece <= n; piece += n - 1) {
        play_open(&t, 0);
        for (size_t done = 0; done < n; done += piece)
            talk_feed(&t, slice_head(slice_make(line + done, n - done), piece));
        cr_expect_eq(count(&t, OK), fits, "%zu", n);
        cr_expect_eq(count(&t, TOO_LONG), !fits, "%zu: one reply", n);
        cr_expect_eq(t.closed, !stays, "%zu", n);
        if (stays) {
            talk_feed(&t, SLICE("VRFY x\r\n"));
            cr_expect_eq(talk_code(&t), 252, "%zu: in step again", n);
        }
        talk_free(&t);
    }
    free(line);
}

Test(server, command_lines_have_a_limit)
{
    check_length(511, true, true);
    check_length(512, true, true);
    check_length(2048, true, true);
    check_length(2049, false, true);
    check_length(LIMIT_LINE_CLOSE, false, true);
    check_length(LIMIT_LINE_CLOSE + 1, false, false);
    CHECK_LEAKS();
}

Test(server, a_line_without_end_closes)
{
    struct talk t;
    size_t fed = 0;

    play_open(&t, 0);
    for (; !t.closed && fed < 1 << 20; fed += 50)
        talk_feed(&t, SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    cr_expect(t.closed);
    cr_expect_str_eq(buf_cstr(&t.out), GREETING TOO_LONG);
    talk_free(&t);
    CHECK_LEAKS();
}

static void check_budget(const char *line, const char *reply, size_t times)
{
    char *all = repeat(line, times + 20);
    struct talk t;

    play_open(&t, 0);
    talk_feed(&t, slice_of(all));
    cr_expect_eq(count(&t, reply), times, "%s: %zu", line, count(&t, reply));
    cr_expect_eq(count(&t, "421 4.7.0 Error: too many errors, closing\r\n"), 1, "%s", line);
    cr_expect(t.closed && talk_code(&t) == 421, "%s", line);
    talk_free(&t);
    free(all);
}

Test(server, patience_has_an_end)
{
    check_budget("FOO\r\n", UNKNOWN, TALK_ERRORS);
    check_budget("\r\n", UNKNOWN, TALK_ERRORS);
    check_budget("NOOP\n", BAD_LINE, TALK_ERRORS);
    check_budget("MAIL FROM:<a@b>\r\n", SEQUENCE, TALK_ERRORS);
    check_budget("NOOP\r\n", OK, TALK_NOISE);
    check_budget("RSET\r\n", OK, TALK_NOISE);
    check_budget("VRFY x\r\n", "252 ", TALK_NOISE);
    check_budget(HELLO, "250 8BITMIME\r\n", TALK_NOISE);
    CHECK_LEAKS();
}

Test(server, recipients_have_a_limit)
{
    char *all = repeat("RCPT TO:<c@d.example>\r\n", LIMIT_RECIPIENTS + 100);
    struct talk t;

    play_open(&t, 0);
    talk_feed(&t, SLICE(HELLO "MAIL FROM:<a@b>\r\n"));
    talk_feed(&t, slice_of(all));
    cr_expect_eq(count(&t, RCPT_OK), LIMIT_RECIPIENTS);
    cr_expect_eq(count(&t, "452 4.5.3 "), 100);
    talk_feed(&t, SLICE("DATA\r\n.\r\n"));
    cr_expect_eq(t.messages, 1, "the first thousand are served");
    talk_feed(&t, SLICE("MAIL FROM:<a@b>\r\n"));
    talk_feed(&t, slice_of(all));
    cr_expect_eq(count(&t, RCPT_OK), 2 * LIMIT_RECIPIENTS, "every message has its own");
    talk_feed(&t, SLICE("RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d.example>\r\n"));
    cr_expect_eq(count(&t, RCPT_OK), 2 * LIMIT_RECIPIENTS + 1, "RSET forgets");
    talk_free(&t);
    free(all);
    CHECK_LEAKS();
}

/* With no room for a reply nothing is read; with room it goes on where it was. */
Test(server, waits_while_out_is_full)
{
    struct talk t;
    char *all = repeat("VRFY x\r\n", 90), *filler = repeat("x", LIMIT_SESSION_OUT - 2000);

    play_open(&t, 0);
    cr_assert(buf_append(&t.out, slice_of(filler)));
    talk_feed(&t, slice_of(all));
    cr_expect(t.in.n > 0);
    size_t before = count(&t, "252 2.5.2");
    buf_clear(&t.out);
    talk_pump(&t);
    cr_expect_eq(before + count(&t, "252 2.5.2"), 90);
    talk_free(&t);
    free(all);
    free(filler);
    CHECK_LEAKS();
}

Test(server, refusals_are_told_one_by_one)
{
    struct smtp_server_config cfg = {"relay.example", 0, false, false, false};
    struct smtp_server s;
    struct smtp_server_event ev;
    struct buf in, out;

    buf_init(&in, 1000);
    buf_init(&out, LIMIT_SESSION_OUT);
    smtp_server_init(&s, &cfg, &out);
    smtp_server_greet(&s, false);
    cr_assert(buf_append(&in, SLICE("FOO\r\nDATA\r\nGET /\r\n")));
    cr_assert(smtp_server_next(&s, &in, &ev));
    cr_expect(ev.kind == SERVER_NONE && ev.refused.cause == CAUSE_UNKNOWN_COMMAND);
    cr_assert(smtp_server_next(&s, &in, &ev));
    cr_expect(ev.kind == SERVER_CLOSE && ev.refused.cause == CAUSE_BAD_SEQUENCE);
    cr_expect_not(smtp_server_next(&s, &in, &ev), "closed means closed");
    cr_expect_eq(ev.kind, SERVER_NONE);
    smtp_server_free(&s);
    buf_free(&in);
    buf_free(&out);
    CHECK_LEAKS();
}

Test(server, aborted_from_outside)
{
    struct status st = status_of(CAUSE_CLIENT_TIMEOUT);
    struct talk t;

    play_open(&t, 0);
    talk_feed(&t, SLICE(ENVELOPE "DATA\r\nhalf"));
    smtp_server_abort(&t.server, &st);
    talk_feed(&t, SLICE("\r\n.\r\nNOOP\r\n"));
    cr_expect(t.closed && t.messages == 0 && talk_code(&t) == 421);
    talk_free(&t);
    CHECK_LEAKS();
}
