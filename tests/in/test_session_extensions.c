/* What the extensions of SMTP bring into the queue: messages in chunks, the parameters of MAIL and RCPT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/dsn.h"
#include "rig.h"

#define FROM "MAIL FROM:<s@a.example>"
#define TO   "RCPT TO:<r@b.example>"

static struct rig *greeted(void)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250-");
    return r;
}

static struct rig *to_chunks(void)
{
    struct rig *r = greeted();

    rig_ask(r, FROM, "250");
    rig_ask(r, TO, "250");
    return r;
}

static void expect_content(struct rig *r, const char *want)
{
    struct message *m = rig_message(r);
    size_t n;
    char *got = rig_content(m, &n);

    cr_expect(n == strlen(want) && memcmp(got, want, n) == 0, "content: %.*s", (int)n, got);
    free(got);
    message_free(&m);
}

static void expect_nothing(struct rig *r)
{
    cr_expect_eq(rig_messages(r, NULL, 0), 0);
    cr_expect_eq(rig_files(r), 0);
}

/* Byte for byte: dots, the end of DATA, and a last line without its CRLF. */
Test(session_extensions, a_message_in_chunks)
{
    struct rig *r = to_chunks();

    rig_say(r, "BDAT 13\r\nSubject: x\r\n\r");
    rig_expect(r, "250 2.0.0 Ok: 13 octets");
    rig_say(r, "BDAT 12 LAST\r\n\n.a\r\n.\r\nend.QUIT\r\n");
    rig_expect(r, "250 2.0.0 Ok: queued as ");
    rig_expect(r, "221");
    rig_expect_close(r);
    expect_content(r, "Subject: x\r\n\r\n.a\r\n.\r\nend.");
    rig_free(&r);
}

Test(session_extensions, an_empty_message_in_chunks)
{
    struct rig *r = to_chunks();

    rig_ask(r, "BDAT 0 LAST", "250 2.0.0 Ok: queued as ");
    expect_content(r, "");
    rig_free(&r);
}

Test(session_extensions, bare_newlines_in_chunks)
{
    struct rig *r = to_chunks();

    rig_say(r, "BDAT 3\r\na\nbBDAT 0 LAST\r\n");
    rig_expect(r, "250 2.0.0 Ok: 3 octets");
    rig_expect(r, "550 5.5.2");
    expect_nothing(r);
    rig_free(&r);
}

/* What is wrong already is said with the chunk; the rest is consumed, and the next message is fine. */
Test(session_extensions, a_chunk_that_is_refused)
{
    struct rig *r = to_chunks();
    char line[64];

    snprintf(line, sizeof(line), "BDAT %zu\r\n", (size_t)LIMIT_HOPS * strlen("Received: x\r\n"));
    rig_say(r, line);
    for (int i = 0; i < LIMIT_HOPS; i++)
        rig_say(r, "Received: x\r\n");
    rig_say(r, "BDAT 6 LAST\r\nQUIT\r\n");
    rig_expect(r, "554 5.4.6");
    rig_expect(r, "503");
    expect_nothing(r);
    rig_ask(r, FROM, "250");
    rig_ask(r, TO, "250");
    rig_say(r, "BDAT 3 LAST\r\na\r\n");
    rig_expect(r, "250 2.0.0 Ok: queued as ");
    expect_content(r, "a\r\n");
    rig_free(&r);
}

Test(session_extensions, chunks_over_the_limit)
{
    struct rig *r = to_chunks();
    char line[64];

    rig_say(r, "BDAT 600000\r\n");
    rig_say_large(r, 600000);
    rig_expect(r, "250");
    snprintf(line, sizeof(line), "BDAT %d\r\n", 600000);
    rig_say(r, line);
    rig_say_large(r, 600000);
    rig_expect(r, "552 5.3.4");
    expect_nothing(r);
    rig_ask(r, "BDAT 0 LAST", "503");
    rig_ask(r, "RSET", "250");
    rig_free(&r);
}

Test(session_extensions, gone_among_chunks)
{
    struct rig *r = to_chunks();

    rig_say(r, "BDAT 100000\r\n");
    rig_say_large(r, 100000);
    rig_expect(r, "250");
    cr_expect_eq(rig_files(r), 1);
    rig_close(r);
    expect_nothing(r);
    rig_free(&r);
}

Test(session_extensions, stopping_lets_chunks_end)
{
    struct rig *r = to_chunks();

    rig_say(r, "BDAT 3\r\na\r\n");
    rig_expect(r, "250");
    in_session_stop_all(&r->worker);
    rig_say(r, "BDAT 0 LAST\r\n");
    rig_expect(r, "250 2.0.0 Ok: queued as ");
    rig_expect(r, "421");
    rig_expect_close(r);
    expect_content(r, "a\r\n");
    rig_free(&r);
}

/* The rate counts the octets of all chunks: a fast message goes on however small they are. */
Test(session_extensions, many_chunks_keep_their_rate)
{
    struct rig *r = to_chunks();
    char chunk[1100];

    memset(chunk, 'x', sizeof(chunk));
    memcpy(chunk, "BDAT 1000\r\n", 11);
    for (int i = 0; i < 600; i++) { /* twice the rate, for twice the time of a block */
        rig_write(r, slice_make(chunk, 11 + 1000));
        rig_expect(r, "250");
        rig_advance(r, 1000);
    }
    rig_ask(r, "BDAT 0 LAST", "250 2.0.0 Ok: queued as ");
    rig_free(&r);
}

static const struct recipient *find(const struct message *m, const char *address)
{
    for (size_t i = 0; i < m->n_rcpts; i++)
        if (strcmp(m->rcpts[i].address, address) == 0)
            return &m->rcpts[i];
    cr_assert_fail("no recipient %s", address);
    abort();
}

/* Said twice, a recipient is one, and gets what either asked for. */
Test(session_extensions, dsn_parameters)
{
    struct rig *r = greeted();

    rig_ask(r, FROM " RET=HDRS ENVID=x+2By BODY=8BITMIME", "250");
    rig_ask(r, "RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Bx@c.example", "250");
    rig_ask(r, "RCPT TO:<b@b.example> NOTIFY=NEVER", "250");
    rig_ask(r, "RCPT TO:<c@b.example>", "250");
    rig_ask(r, "RCPT TO:<a@B.EXAMPLE> NOTIFY=FAILURE ORCPT=rfc822;other@c.example", "250");
    rig_ask(r, "RCPT TO:<b@b.example> NOTIFY=NEVER", "250");
    rig_ask(r, "RCPT TO:<c@b.example> NOTIFY=NEVER", "250");
    rig_ask(r, "BDAT 0 LAST", "250");
    struct message *m = rig_message(r);
    cr_expect_eq(m->flags, 0, "BODY= says nothing: the content decides");
    cr_expect_eq(m->ret, DSN_RET_HDRS);
    cr_expect_str_eq(m->envid, "x+y");
    cr_assert_eq(m->n_rcpts, 3);
    cr_expect_eq(find(m, "a@b.example")->notify, NOTIFY_SUCCESS | NOTIFY_DELAY | NOTIFY_FAILURE);
    cr_expect_str_eq(find(m, "a@b.example")->orcpt, "rfc822;o+x@c.example");
    cr_expect_eq(find(m, "b@b.example")->notify, NOTIFY_NEVER);
    cr_expect_eq(find(m, "c@b.example")->notify, NOTIFY_FAILURE | NOTIFY_DELAY);
    cr_expect_null(find(m, "c@b.example")->orcpt);
    message_free(&m);
    rig_free(&r);
}

/* Routed by the A-label, kept as it was given, and said so in the trace (RFC 6531 §3.7.3). */
Test(session_extensions, smtputf8)
{
    struct rig *r = greeted();
    char trace[1000] = "";

    rig_ask(r, "MAIL FROM:<\xc3\xbc@a.example> SMTPUTF8", "250");
    rig_ask(r, "RCPT TO:<\xc3\xa4@B\xc3\xbc" "cher.example>", "250");
    rig_ask(r, "BDAT 0 LAST", "250");
    struct message *m = rig_message(r);
    cr_expect_eq(m->flags, MESSAGE_SMTPUTF8 | MESSAGE_8BIT, "our own trace has 8-bit octets");
    cr_expect_str_eq(m->sender, "\xc3\xbc@a.example");
    cr_expect_str_eq(m->rcpts[0].address, "\xc3\xa4@B\xc3\xbc" "cher.example");
    cr_expect_str_eq(m->rcpts[0].domain, "xn--bcher-kva.example");
    cr_assert_gt(body_read(m->body, 0, trace, sizeof(trace) - 1), 0);
    cr_expect(strstr(trace, "with UTF8SMTP"), "%s", trace);
    message_free(&m);
    rig_free(&r);
}

/* One rule for both spellings of a domain: an U-label is no way round it. */
Test(session_extensions, relaying_is_judged_by_the_a_label)
{
    struct rig *r = rig_new();

    r->domain.pattern = "xn--bcher-kva.example";
    rig_connect(r, "192.0.2.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250-");
    rig_ask(r, "MAIL FROM:<> SMTPUTF8", "250");
    rig_ask(r, "RCPT TO:<a@b\xc3\xbc" "cher.example>", "250");
    rig_ask(r, "RCPT TO:<a@xn--bcher-kva.example>", "250");
    rig_ask(r, "RCPT TO:<a@b\xc3\xb6" "cher.example>", "554 5.7.1");
    rig_free(&r);
}

Test(session_extensions, requiretls)
{
    struct rig *r = rig_new();

    rig_identity(r);
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250-");
    rig_ask(r, FROM " REQUIRETLS", "550 5.7.30");
    rig_ask(r, "STARTTLS", "220");
    rig_handshake(r);
    rig_ask(r, "EHLO client.example", "250-");
    rig_ask(r, FROM " REQUIRETLS", "250");
    rig_ask(r, TO, "250");
    rig_ask(r, "BDAT 0 LAST", "250");
    struct message *m = rig_message(r);
    cr_expect_eq(m->flags, MESSAGE_REQUIRETLS);
    message_free(&m);
    rig_free(&r);
}
