/* Delivery status notifications: structure, fields, and foreign text that stays harmless. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/mail/dsn_sample.h"
#include "tests/mail/leaks.h"

TestSuite(dsn, .fini = no_leaks);

static void has(const char *name, struct buf *b, const char *want)
{
    cr_assert(strstr(buf_cstr(b), want), "%s: no \"%s\" in\n%s", name, want, buf_cstr(b));
}

static void has_not(const char *name, struct buf *b, const char *wrong)
{
    cr_assert_not(strstr(buf_cstr(b), wrong), "%s: \"%s\" in\n%s", name, wrong, buf_cstr(b));
}

Test(dsn, failed)
{
    struct dsn_rcpt r[2] = {
        {.address = "b@b.example",
         .remote = "mx.b.example[192.0.2.1]:25",
         .status = status_from_reply(550,                                                        SLICE("5.1.1 no such user"))},
        { .address = "c@c.example",
         .remote = "",
         .status = status_make(CAUSE_EXPIRED, "could not be delivered: no TLSA record matches"),
         .because = CAUSE_DANE_MISMATCH}
    };
    struct dsn d = dsn_sample(r, 2);
    struct buf out;
    bool eight_bit;

    dsn_make("failed", &d, &out, &eight_bit);
    dsn_save_wanted("failed", &d);
    static const char *const want[] = {
        "From: Mail Delivery System <MAILER-DAEMON@relay.example>\r\n",
        "To: <from@sender.example>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "multipart/report; report-type=delivery-status;",
        "Reporting-MTA: dns; relay.example\r\nX-Danelaw-Queue-ID: 4dK2fQ7xPz1R\r\nArrival-Date: ",
        "\r\n\r\nFinal-Recipient: rfc822; b@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Remote-MTA: dns; mx.b.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Final-Recipient: rfc822; c@c.example\r\nAction: failed\r\nStatus: 5.4.7\r\n"
        "Diagnostic-Code: x-danelaw; could not be delivered",
        "It lies with: the receiving server\r\n",
        "What would mend it: publish a TLSA record",
        "\r\n\r\nSubject: hello\r\nX: 1\r\n\r\n--",
        "--=_report_5eL3gR8yQa2S_0--\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        has("failed", &out, want[i]);
    has_not("failed", &out, "Will-Retry-Until");
    has_not("failed", &out, "cut her");
    buf_free(&out);
}

Test(dsn, delayed)
{
    struct dsn_rcpt r = {.address = "b@b.example",
                         .remote = "[192.0.2.1]:25",
                         .status = status_of(CAUSE_TLSA_LOOKUP)};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    d.kind = DSN_DELAYED;
    dsn_make("delayed", &d, &out, &eight_bit);
    dsn_save_wanted("delayed", &d);
    has("delayed", &out, "Action: delayed\r\nStatus: 4.7.5\r\nRemote-MTA: dns; [192.0.2.1]\r\n");
    has("delayed", &out, "Will-Retry-Until: Mon, 30 Nov 2026 03:51:39 +0000\r\n");
    has("delayed", &out, "It lies with: the receiving domain's DNS\r\n");
    buf_free(&out);
}

/* Remote servers and senders choose these words; none may start a line, a field or a part. */
Test(dsn, foreign_text_stays_harmless)
{
    struct dsn_rcpt r = {.address = "\"a  b\"@b.example", .remote = "mx\r\nEvil: 1[192.0.2.1]:25"};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    r.status = status_of(CAUSE_REMOTE_PERMFAIL);
    r.status.from_peer = true;
    static const char reply[] = "5.0.0 a\r\n\r\n--=_report_5eL3gR8yQa2S_0--\r\nBcc: x\x1b[1m\xff ";
    memset(r.status.text, 'w', STATUS_TEXT_MAX - 1);
    memcpy(r.status.text, reply, sizeof(reply) - 1);
    d.original_headers =
        SLICE("Subject: \xff\x01 x\r\n--=_report_5eL3gR8yQa2S_0: 1\r\n=_report_5eL3gR8yQa2S_1\r\n");
    dsn_make("foreign", &d, &out, &eight_bit);
    dsn_save_wanted("foreign", &d);
    has_not("foreign", &out, "\r\nBcc:");
    has_not("foreign", &out, "\r\nEvil:");
    has("foreign", &out, "boundary=\"=_report_5eL3gR8yQa2S_2\"");
    has("foreign", &out, "Final-Recipient: rfc822; \"a  b\"@b.example\r\n");
    has("foreign", &out, "Subject: ?? x\r\n");
    for (const char *p = buf_cstr(&out); *p; p++)
        cr_assert_lt((unsigned char)*p, 0x80);
    buf_free(&out);
}

Test(dsn, utf8)
{
    struct dsn_rcpt r = {
        .address = "\xc3\xa4@b.example",
        .remote = "",
        .status = status_make(CAUSE_REMOTE_NO_SMTPUTF8, "k\xc3\xa4se")};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    d.utf8 = d.smtputf8 = true;
    d.sender = "\xc3\xb6@sender.example";
    memcpy(r.status.text + strlen(r.status.text), " \xc3 \xed\xa0\x80", 7);
    dsn_make("utf8", &d, &out, &eight_bit);
    dsn_save_wanted("utf8", &d);
    has("utf8", &out, "To: <\xc3\xb6@sender.example>\r\n");
    has("utf8", &out, "Content-Type: message/global-delivery-status\r\n");
    has("utf8", &out, "Final-Recipient: utf-8; \xc3\xa4@b.example\r\n");
    has("utf8", &out, "k\xc3\xa4se ? ???\r\n");
    buf_free(&out);
}

Test(dsn, a_full_buffer_is_told)
{
    struct dsn_rcpt r = {
        .address = "b@b.example", .remote = "", .status = status_of(CAUSE_NULL_MX)};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;
    size_t whole;

    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out, &eight_bit));
    whole = out.n;
    buf_free(&out);
    for (size_t max = 0; max < whole; max += 7) {
        buf_init(&out, max);
        cr_assert_not(dsn_write(&d, &out, &eight_bit), "%zu", max);
        buf_free(&out);
    }
}

/* RFC 3461 §6.3 (a), (d): the envelope's words come back as they were meant, and a new line is not
 * among them. */
Test(dsn, what_the_sender_said)
{
    struct dsn_rcpt r[] = {
        {.address = "b@b.example", .orcpt = "rfc822;B+c=d@B.example", .remote = ""},
        {.address = "c@c.example", .orcpt = "rfc822;\r\nBcc: x@y.example", .remote = ""},
        {.address = "d@d.example", .orcpt = "no type", .remote = ""},
        {.address = "e@e.example", .orcpt = "x 400;/G=a/", .remote = ""},
    };
    struct dsn d = dsn_sample(r, ARRAY_LEN(r));
    struct buf out;
    bool eight_bit;

    for (size_t i = 0; i < ARRAY_LEN(r); i++)
        r[i].status = status_of(CAUSE_REMOTE_PERMFAIL);
    d.envid = "QQ 314+159=\r\nTo: z";
    dsn_make("said", &d, &out, &eight_bit);
    has("said", &out, "\r\n\r\nOriginal-Envelope-Id: QQ 314+159=??To: z\r\nReporting-MTA: ");
    has("said", &out, "\r\n\r\nOriginal-Recipient: rfc822; B+c=d@B.example\r\nFinal-Recipient: ");
    has("said", &out, "Original-Recipient: rfc822; ??Bcc: x@y.example\r\n");
    has("said", &out, "Original-Recipient: unknown; no type\r\n");
    has("said", &out, "Original-Recipient: unknown; x 400;/G=a/\r\n");
    buf_free(&out);
}

/* RFC 3461 §5.2.2 (b), §5.2.3 (a). */
Test(dsn, success)
{
    struct dsn_rcpt r[] = {
        {.address = "b@b.example",
         .orcpt = "rfc822;b@b.example",
         .remote = "mx.b.example[192.0.2.1]:25",
         .status = status_from_reply(250,                                   SLICE("2.0.0 Ok"))},
        {.address = "c@c.example",
         .remote = "[192.0.2.1]:24",
         .status = status_from_reply(250, SLICE("2.1.5 Ok")),
         .delivered = true}
    };
    struct dsn d = dsn_sample(r, 2);
    struct buf out;
    bool eight_bit;

    d.kind = DSN_SUCCESS;
    dsn_make("success", &d, &out, &eight_bit);
    dsn_save_wanted("success", &d);
    has("success", &out, "Subject: Mail was passed on to its recipients\r\n");
    has("success", &out, "Action: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx.b.example\r\n"
                         "Diagnostic-Code: smtp; 250 2.0.0 Ok\r\n");
    has("success", &out, "Action: delivered\r\nStatus: 2.1.5\r\nRemote-MTA: dns; [192.0.2.1]\r\n");
    has_not("success", &out, "Will-Retry-Until");
    has_not("success", &out, "It lies with");
    buf_free(&out);
}

/* RFC 6533 §3, §4: the sender's address is ASCII, so the notification must get through where nobody
 * knows SMTPUTF8. */
Test(dsn, utf8_reported_on_in_ascii)
{
    struct dsn_rcpt r = {.address = "\"\xc3\xa4 =\"@b.example",
                         .orcpt = "utf-8;\xf0\x9f\x93\xac+\\@b.example",
                         .remote = "",
                         .status = status_make(CAUSE_REMOTE_NO_SMTPUTF8, "k\xc3\xa4se")};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    d.utf8 = true;
    d.original_headers = SLICE("Subject: \xc3\xa4\r\n");
    dsn_make("xtext", &d, &out, &eight_bit);
    dsn_save_wanted("xtext", &d);
    cr_assert(eight_bit);
    has("xtext", &out, "Recipient: <\"\xc3\xa4 =\"@b.example>\r\n");
    has("xtext", &out, "Content-Type: message/delivery-status\r\n\r\n");
    has("xtext", &out, "Original-Recipient: utf-8; \\x{1F4EC}\\x{2B}\\x{5C}@b.example\r\n"
                       "Final-Recipient: utf-8; \"\\x{E4}\\x{20}\\x{3D}\"@b.example\r\n");
    has("xtext", &out, "Diagnostic-Code: x-danelaw; k?se\r\n");
    has("xtext", &out, "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n"
                       "\r\nSubject: \xc3\xa4\r\n");
    buf_free(&out);
}

/* RFC 3461 §6.2: RET=FULL. */
Test(dsn, the_whole_message)
{
    struct dsn_rcpt r = {
        .address = "b@b.example", .remote = "", .status = status_of(CAUSE_NULL_MX)};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    d.original_headers = SLICE("Subject: hello\r\n\r\n");
    d.original = SLICE("Subject: hello\r\n\r\n--=_report_5eL3gR8yQa2S_0--\r\nk\xe4se without an end");
    dsn_make("whole", &d, &out, &eight_bit);
    cr_assert(eight_bit);
    has("whole", &out, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                       "Subject: hello\r\n\r\n--=_report_5eL3gR8yQa2S_0--\r\nk\xe4se without an end\r\n"
                       "--=_report_5eL3gR8yQa2S_1--\r\n");
    buf_free(&out);

    d.utf8 = true;
    d.original_headers = SLICE("Subject: \xc3\xa4\r\n\r\n");
    d.original = SLICE("Subject: \xc3\xa4\r\n\r\nbody\r\n");
    dsn_make("global", &d, &out, &eight_bit);
    has("global", &out, "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n");
    buf_free(&out);
}

Test(dsn, what_may_be_returned)
{
    static const struct {
        struct slice content;
        bool may;
    } rows[] = {
        {{"", 0},             true },
        {{"a\r\nb\r\n", 6},   true },
        {{"a", 1},            true },
        {{"a\nb", 3},         false},
        {{"\n", 1},           false},
        {{"a\r", 2},          false},
        {{"a\rb\r\n", 5},     false},
        {{"a\r\r\n", 4},      false},
        {{"a\0b", 3},         false},
        {{"\xff\r\n\r\n", 5}, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(dsn_may_return(rows[i].content), rows[i].may, "row %zu", i);
}

/* RFC 8689 §5 and RFC 3461 §6.2: why there is less than was asked for is told. */
Test(dsn, left_out_and_tls_optional)
{
    struct dsn_rcpt r = {
        .address = "b@b.example", .remote = "", .status = status_of(CAUSE_NULL_MX)};
    struct dsn d = dsn_sample(&r, 1);
    struct buf out;
    bool eight_bit;

    d.left_out = "Only the header of your message is returned: it is larger than 65536 octets.";
    d.tls_optional = true;
    dsn_make("less", &d, &out, &eight_bit);
    cr_assert_not(eight_bit);
    has("less", &out, "\r\nTLS-Required: No\r\nMIME-Version: 1.0\r\n");
    has("less", &out, "Only the header of your message is returned");
    has("less", &out, "Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\n");
    buf_free(&out);
}
