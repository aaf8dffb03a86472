/* Delivery status notifications: structure, fields, and foreign text that stays harmless. Given a
 * directory in DSN_SAMPLE_DIR, the samples are written there for check_dsn.py. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mta/mail/dsn.h"
#include "tests/mail/leaks.h"

TestSuite(dsn, .fini = no_leaks);

static struct dsn sample(const struct dsn_rcpt *r, size_t n)
{
    return (struct dsn){.kind = DSN_FAILED,
                        .hostname = "relay.example",
                        .id = "4dK2fQ7xPz1R",
                        .dsn_id = "5eL3gR8yQa2S",
                        .sender = "from@sender.example",
                        .arrival_ms = 1795578699000,
                        .now_ms = 1795578999000,
                        .expires_ms = 1796010699000,
                        .rcpts = r,
                        .n_rcpts = n,
                        .original_headers = SLICE("Subject: hello\r\nX: 1\r\n cut her")};
}

static void save(const char *name, struct buf *b)
{
    const char *dir = getenv("DSN_SAMPLE_DIR");
    char path[512];
    FILE *f;

    if (!dir)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s.eml", dir, name);
    f = fopen(path, "wb");
    cr_assert(f);
    cr_assert_eq(fwrite(buf_slice(b).p, 1, b->n, f), b->n);
    fclose(f);
}

static void well_formed(const char *name, struct buf *b)
{
    struct slice s = buf_slice(b);

    while (s.n) {
        size_t end = slice_find(s, '\n');
        cr_assert(end < s.n && end > 0 && s.p[end - 1] == '\r', "%s: a bare line end", name);
        cr_assert_lt(end, 998, "%s: a line of %zu", name, end);
        for (size_t i = 0; i + 1 < end; i++)
            cr_assert(s.p[i] == '\t' || ((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f),
                      "%s: a control character", name);
        s = slice_skip(s, end + 1);
    }
}

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
    struct dsn d = sample(r, 2);
    struct buf out;

    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out));
    well_formed("failed", &out);
    save("failed", &out);
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
    struct dsn d = sample(&r, 1);
    struct buf out;

    d.kind = DSN_DELAYED;
    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out));
    well_formed("delayed", &out);
    save("delayed", &out);
    has("delayed", &out, "Action: delayed\r\nStatus: 4.7.5\r\nRemote-MTA: dns; [192.0.2.1]\r\n");
    has("delayed", &out, "Will-Retry-Until: Mon, 30 Nov 2026 03:51:39 +0000\r\n");
    has("delayed", &out, "It lies with: the receiving domain's DNS\r\n");
    buf_free(&out);
}

/* Remote servers and senders choose these words; none may start a line, a field or a part. */
Test(dsn, foreign_text_stays_harmless)
{
    struct dsn_rcpt r = {.address = "\"a  b\"@b.example", .remote = "mx\r\nEvil: 1[192.0.2.1]:25"};
    struct dsn d = sample(&r, 1);
    struct buf out;

    r.status = status_of(CAUSE_REMOTE_PERMFAIL);
    r.status.from_peer = true;
    static const char reply[] = "5.0.0 a\r\n\r\n--=_report_5eL3gR8yQa2S_0--\r\nBcc: x\x1b[1m\xff ";
    memset(r.status.text, 'w', STATUS_TEXT_MAX - 1);
    memcpy(r.status.text, reply, sizeof(reply) - 1);
    d.original_headers =
        SLICE("Subject: \xff\x01 x\r\n--=_report_5eL3gR8yQa2S_0: 1\r\n=_report_5eL3gR8yQa2S_1\r\n");
    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out));
    well_formed("foreign", &out);
    save("foreign", &out);
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
        .status = status_make(CAUSE_REMOTE_NO_SMTPUTF8, "k\xc3\xa4se \xc3 \xed\xa0\x80")};
    struct dsn d = sample(&r, 1);
    struct buf out;

    d.smtputf8 = true;
    d.sender = "\xc3\xb6@sender.example";
    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out));
    well_formed("utf8", &out);
    save("utf8", &out);
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
    struct dsn d = sample(&r, 1);
    struct buf out;
    size_t whole;

    buf_init(&out, 1 << 20);
    cr_assert(dsn_write(&d, &out));
    whole = out.n;
    buf_free(&out);
    for (size_t max = 0; max < whole; max += 7) {
        buf_init(&out, max);
        cr_assert_not(dsn_write(&d, &out), "%zu", max);
        buf_free(&out);
    }
}
