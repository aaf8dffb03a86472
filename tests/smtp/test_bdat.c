/* BDAT: whatever it is answered, the session stays in step. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smtp/play.h"

#define CHUNKING GREETING "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-CHUNKING\r\n" EHLO_END
#define OPEN     CHUNKING MAIL_OK RCPT_OK
#define TAKEN(n) "250 2.0.0 Ok: " #n " octets\r\n"
#define TOO_BIG  "552 5.3.4 Error: message exceeds the size limit\r\n"
#define NO_SIZE_KNOWN "501 5.5.4 Error: syntax: BDAT SIZE [LAST]\r\n"
#define FULL     "452 4.3.1 Insufficient system storage\r\n"
#define BROKEN   "451 4.3.0 Queue error, try again later\r\n"
#define QUIT     "QUIT\r\n"

// clang-format off
static const struct play plays[] = {
    {"one chunk", CHUNKS, IN(ENVELOPE "BDAT 7 LAST\r\nhello\r\n" QUIT), OPEN QUEUED BYE,
     ACCEPTED " DATA END CLOSE", "hello\r\n"},
    {"the next command comes right behind", CHUNKS, IN(ENVELOPE "BDAT 5 LAST\r\nhello" QUIT),
     OPEN QUEUED BYE, ACCEPTED " DATA END CLOSE", "hello"},
    {"three chunks, a CRLF cut in two", CHUNKS,
     IN(ENVELOPE "BDAT 3\r\nab\rBDAT 4\r\n\ncd\rBDAT 1 LAST\r\n\nNOOP\r\n"),
     OPEN TAKEN(3) TAKEN(4) QUEUED OK, ACCEPTED " DATA CHUNK CHUNK END", "ab\r\ncd\r\n"},
    {"nothing at all", CHUNKS, IN(ENVELOPE "BDAT 0 LAST\r\nNOOP\r\n"), OPEN QUEUED OK,
     ACCEPTED " DATA END", ""},
    {"LAST without octets", CHUNKS, IN(ENVELOPE "BDAT 4\r\nab\r\nBDAT 0\r\nBDAT 0 LAST\r\n"),
     OPEN TAKEN(4) TAKEN(0) QUEUED, ACCEPTED " DATA CHUNK CHUNK END", "ab\r\n"},
    {"leading zeros, any case", CHUNKS, IN(ENVELOPE "bdat 00000000000000000000000005 last \r\nhello"),
     OPEN QUEUED, ACCEPTED " DATA END", "hello"},
    {"dots and ends of data are content", CHUNKS, IN(ENVELOPE "BDAT 18 LAST\r\n.a\r\n..b\r\n.\r\nQUIT\r\n"),
     OPEN QUEUED, ACCEPTED " DATA END", ".a\r\n..b\r\n.\r\nQUIT\r\n"},
    {"two messages", CHUNKS,
     IN(ENVELOPE "BDAT 1 LAST\r\naMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nBDAT 1 LAST\r\nb"),
     OPEN QUEUED MAIL_OK RCPT_OK QUEUED, ACCEPTED " DATA END MAIL: RCPT:postmaster DATA END", "ab"},
    {"then one by DATA", CHUNKS,
     IN(ENVELOPE "BDAT 1 LAST\r\naMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n..b\r\n.\r\n"),
     OPEN QUEUED MAIL_OK RCPT_OK GO_AHEAD QUEUED,
     ACCEPTED " DATA END MAIL: RCPT:postmaster DATA END", "a.b\r\n"},
    /* What DATA refuses, BDAT refuses, at the end. */
    {"bare LF", CHUNKS, IN(ENVELOPE "BDAT 3 LAST\r\na\nbNOOP\r\n"), OPEN BAD_BODY OK,
     ACCEPTED " DATA END", "a\nb"},
    {"bare CR", CHUNKS, IN(ENVELOPE "BDAT 3 LAST\r\na\rbNOOP\r\n"), OPEN BAD_BODY OK,
     ACCEPTED " DATA END", "a\rb"},
    {"a CR at the very end", CHUNKS, IN(ENVELOPE "BDAT 2 LAST\r\na\rNOOP\r\n"), OPEN BAD_BODY OK,
     ACCEPTED " DATA END", "a\r"},
    {"an LF at the start of a chunk", CHUNKS, IN(ENVELOPE "BDAT 1\r\naBDAT 2 LAST\r\n\nbNOOP\r\n"),
     OPEN TAKEN(1) BAD_BODY OK, ACCEPTED " DATA CHUNK END", "a\nb"},
    {"a CR at the end of a chunk", CHUNKS, IN(ENVELOPE "BDAT 2\r\na\rBDAT 1 LAST\r\nbNOOP\r\n"),
     OPEN TAKEN(2) BAD_BODY OK, ACCEPTED " DATA CHUNK END", "a\rb"},
    {"converted newlines", CHUNKS | CONVERT,
     IN(ENVELOPE "BDAT 4\r\na\nb\rBDAT 4 LAST\r\n\nc\r\rNOOP\r\n"), OPEN TAKEN(4) QUEUED OK,
     ACCEPTED " DATA CHUNK END", "a\r\nb\r\nc\r\n\r\n"},
    /* Octets of a refused chunk are no commands. */
    {"no sender", CHUNKS, IN(HELLO "BDAT 12 LAST\r\n" "RCPT TO:<x>\n" "NOOP\r\n"), CHUNKING SEQUENCE OK,
     "", ""},
    {"no EHLO", CHUNKS, IN("BDAT 4\r\nQUITNOOP\r\n"), GREETING SEQUENCE OK, "", ""},
    {"no recipient: failed until MAIL", CHUNKS,
     IN(HELLO "MAIL FROM:<a@b>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<c@d.example>\r\nMAIL FROM:<a@b>\r\n"),
     CHUNKING MAIL_OK NO_RCPT SEQUENCE MAIL_OK, "MAIL:a@b RESET MAIL:a@b", ""},
    {"no octets and no recipient", CHUNKS, IN(HELLO "MAIL FROM:<a@b>\r\nBDAT 0 LAST\r\nNOOP\r\n"),
     CHUNKING MAIL_OK NO_RCPT OK, "MAIL:a@b RESET", ""},
    {"every recipient refused, all pipelined", CHUNKS | WHOLE_ONLY,
     IN(HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nBDAT 6\r\nQUIT\r\nBDAT 4 LAST\r\nQUITNOOP\r\n"),
     CHUNKING MAIL_OK DENIED NO_RCPT SEQUENCE OK, "MAIL:a@b RCPT:bad@x RESET", ""},
    {"the session refuses the message", CHUNKS | REFUSE_DATA,
     IN(ENVELOPE "BDAT 6\r\nQUIT\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     OPEN BROKEN SEQUENCE SEQUENCE OK, ACCEPTED " DATA RESET", ""},
    {"the session refuses a chunk, four are behind it", CHUNKS | REFUSE_CHUNK,
     IN(ENVELOPE "BDAT 1\r\naBDAT 6\r\nQUIT\r\nBDAT 0\r\nBDAT 6\r\nRSET\r\nBDAT 2 LAST\r\nxyRSET\r\nNOOP\r\n"),
     OPEN FULL SEQUENCE SEQUENCE SEQUENCE SEQUENCE OK OK, ACCEPTED " DATA CHUNK RESET", "a"},
    {"a chunk over the limit", CHUNKS, IN(ENVELOPE "BDAT 2\r\nabBDAT 999\r\nQUIT\r\n"), OPEN TAKEN(2),
     ACCEPTED " DATA CHUNK", "ab"},
    {"MAIL, RCPT and STARTTLS among chunks", CHUNKS,
     IN(ENVELOPE "BDAT 1\r\naMAIL FROM:<x@y>\r\nRCPT TO:<x@y>\r\nSTARTTLS\r\nNOOP\r\nBDAT 1 LAST\r\nb"),
     OPEN TAKEN(1) SEQUENCE SEQUENCE SEQUENCE OK QUEUED, ACCEPTED " DATA CHUNK END", "ab"},
    {"RSET among chunks", CHUNKS, IN(ENVELOPE "BDAT 1\r\naRSET\r\nBDAT 4 LAST\r\nQUITMAIL FROM:<x@y>\r\n"),
     OPEN TAKEN(1) OK SEQUENCE MAIL_OK, ACCEPTED " DATA CHUNK RESET MAIL:x@y", "a"},
    {"EHLO among chunks", CHUNKS, IN(ENVELOPE "BDAT 1\r\na" "HELO c.example\r\nBDAT 4 LAST\r\nQUIT"),
     OPEN TAKEN(1) "250 relay.example\r\n" SEQUENCE, ACCEPTED " DATA CHUNK RESET", "a"},
    {"BDAT after DATA", CHUNKS, IN(ENVELOPE "DATA\r\na\r\n.\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     OPEN GO_AHEAD QUEUED SEQUENCE OK, ACCEPTED " DATA END", "a\r\n"},
    {"TLS is required", CHUNKS | REQUIRE_TLS, IN(HELLO "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     CHUNKING "530 5.7.0 Must issue a STARTTLS command first\r\n" OK, "", ""},
    {"not offered: its octets would be commands", 0, IN(ENVELOPE "BDAT 60 LAST\r\n" INJECTED),
     OPENED NOT_HERE, ACCEPTED " CLOSE", ""},
    {"BINARYMIME is not offered", CHUNKS, IN(HELLO "MAIL FROM:<a@b> BODY=BINARYMIME\r\n"),
     CHUNKING "501 5.5.4 Error: bad parameter value\r\n", "", ""},
};
// clang-format on

Test(bdat, dialogues)
{
    play_all(plays, ARRAY_LEN(plays));
    CHECK_LEAKS();
}

/* If nobody knows how many octets follow, none of them is read. */
Test(bdat, unknown_sizes_close)
{
    static const char *const arguments[] = {
        "",       " ",     " x",     " -1",    " +1",     " 1e3",
        " 0x10",  " 5LAST", " 5 FOO", "  5",    " 5  LAST", " 5 LAST x",
        " 5 LASTX", " LAST", " 5.0",  " 18446744073709551616", " 99999999999999999999999",
    };

    for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
        struct talk t;
        play_open(&t, CHUNKS);
        talk_feed(&t, SLICE(ENVELOPE "BDAT"));
        talk_feed(&t, slice_of(arguments[i]));
        talk_feed(&t, SLICE("\r\nMAIL FROM:<evil@x>\r\nhello" QUIT));
        cr_expect_str_eq(buf_cstr(&t.out), OPEN NO_SIZE_KNOWN, "BDAT%s", arguments[i]);
        cr_expect(t.closed && t.messages == 0, "BDAT%s", arguments[i]);
        talk_free(&t);
    }
    CHECK_LEAKS();
}

/* DATA among chunks is refused, and what stands behind it in the same segment is its message. */
Test(bdat, data_among_chunks)
{
    struct talk t;

    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE "BDAT 1\r\naDATA\r\n"));
    talk_feed(&t, SLICE("BDAT 4 LAST\r\nQUIT" "MAIL FROM:<x@y>\r\n"));
    cr_expect_str_eq(buf_cstr(&t.out), OPEN TAKEN(1) SEQUENCE SEQUENCE MAIL_OK);
    cr_expect_str_eq(buf_cstr(&t.events), ACCEPTED " DATA CHUNK RESET MAIL:x@y");
    talk_free(&t);
    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE "BDAT 1\r\naDATA\r\n" INJECTED ".\r\n"));
    cr_expect(t.closed && t.messages == 0);
    talk_free(&t);
    CHECK_LEAKS();
}

static void feed_octets(struct talk *t, uint64_t n)
{
    static char block[LIMIT_SESSION_IN];

    for (uint64_t left = n; left && !t->closed;) {
        uint64_t some = left < sizeof(block) ? left : sizeof(block);
        talk_feed(t, slice_make(block, some));
        left -= some;
    }
}

Test(bdat, the_sum_of_chunks_has_a_limit)
{
    struct talk t;

    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE "BDAT 600\r\n"));
    feed_octets(&t, 600);
    talk_feed(&t, SLICE("BDAT 401\r\n"));
    feed_octets(&t, 401);
    talk_feed(&t, SLICE("BDAT 4 LAST\r\nQUIT"));
    cr_expect_str_eq(buf_cstr(&t.out), OPEN TAKEN(600) TOO_BIG SEQUENCE);
    cr_expect_eq(t.content.n, 600, "what is over the limit is not handed on");
    talk_feed(&t, SLICE("MAIL FROM:<a@b>\r\nRCPT TO:<c@d.example>\r\nBDAT 1000 LAST\r\n"));
    feed_octets(&t, 1000);
    cr_expect_eq(talk_code(&t), 550, "1,000 are allowed again; NUL is not");
    talk_free(&t);
    CHECK_LEAKS();
}

/* Consumed up to a bound, counted over all refused chunks; then it is only load. */
Test(bdat, refused_octets_have_a_bound)
{
    struct talk t;

    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE "BDAT 18446744073709551615\r\n"));
    feed_octets(&t, LIMIT_REFUSED_CONTENT);
    cr_expect(!t.closed && talk_code(&t) == 250, "not answered before its end");
    feed_octets(&t, 1);
    cr_expect(t.closed);
    cr_expect_str_eq(buf_cstr(&t.out), OPEN TOO_BIG);
    talk_free(&t);
    CHECK_LEAKS();
}

static size_t count(struct talk *t, const char *reply)
{
    size_t n = 0;

    for (const char *p = buf_cstr(&t->out); (p = strstr(p, reply)); p++)
        n++;
    return n;
}

Test(bdat, floods_end)
{
    struct talk t;

    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE));
    for (int i = 0; i < 1000 && !t.closed; i++)
        talk_feed(&t, SLICE("BDAT 0\r\n"));
    cr_expect(t.closed && talk_code(&t) == 421);
    cr_expect_eq(count(&t, TAKEN(0)), TALK_NOISE - 1, "EHLO was noise too");
    talk_free(&t);
    play_open(&t, CHUNKS);
    for (int i = 0; i < 1000 && !t.closed; i++)
        talk_feed(&t, SLICE("BDAT 4\r\nQUIT"));
    cr_expect(t.closed && talk_code(&t) == 421);
    cr_expect_eq(count(&t, SEQUENCE), TALK_ERRORS);
    talk_free(&t);
    CHECK_LEAKS();
}

/* Between chunks a message is on its way in; within one it is content that is waited for. */
Test(bdat, tells_what_it_waits_for)
{
    struct talk t;

    play_open(&t, CHUNKS);
    talk_feed(&t, SLICE(ENVELOPE));
    cr_expect_not(smtp_server_in_message(&t.server));
    talk_feed(&t, SLICE("BDAT 10\r\nabc"));
    cr_expect(t.server.in_data && smtp_server_in_message(&t.server));
    talk_feed(&t, SLICE("defghij"));
    cr_expect(!t.server.in_data && smtp_server_in_message(&t.server));
    cr_expect_null(t.server.content.p, "no memory between chunks");
    talk_feed(&t, SLICE("BDAT 0 LAST\r\n"));
    cr_expect_not(smtp_server_in_message(&t.server));
    talk_free(&t);
    CHECK_LEAKS();
}
