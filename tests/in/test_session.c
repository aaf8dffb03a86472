/* Inbound sessions, whole: real connections, the real machine, the queue over the memory store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/counter.h"
#include "rig.h"

static const char dialogue[] = "EHLO client.example\r\n"
                               "MAIL FROM:<s@a.example>\r\n"
                               "RCPT TO:<r@b.example>\r\n"
                               "DATA\r\n"
                               "Subject: x\r\n"
                               "\r\n"
                               "..one dot\r\n"
                               "end\r\n"
                               ".\r\n"
                               "QUIT\r\n";
static const char content[] = "Subject: x\r\n\r\n.one dot\r\nend\r\n";
static const char *const answers[] = {
    "220 relay.example ESMTP",  "250-relay.example", "250 2.1.0 Ok", "250 2.1.5 Ok", "354",
    "250 2.0.0 Ok: queued as ", "221 2.0.0"};

static void expect_content(struct message *m, const char *want)
{
    size_t n;
    char *got = rig_content(m, &n);
    cr_expect(n == strlen(want) && memcmp(got, want, n) == 0, "content: %.*s", (int)n, got);
    free(got);
}

static void expect_stored_dialogue(struct rig *r)
{
    struct message *m = rig_message(r);
    cr_expect_str_eq(m->sender, "s@a.example");
    cr_assert_eq(m->n_rcpts, 1);
    cr_expect_str_eq(m->rcpts[0].address, "r@b.example");
    cr_expect_str_eq(m->rcpts[0].domain, "b.example");
    cr_expect_str_eq(m->client, "client.example[127.0.0.1]");
    expect_content(m, content);
    message_free(&m);
}

/* The dialogue with a pause after `split` octets; 0: pipelined in one go. Pipelining a message
 * behind DATA is legal here: the octets are content once 354 was said. */
static void run_dialogue(size_t split)
{
    struct rig *r = rig_new();
    struct slice all = slice_of(dialogue);

    rig_connect(r, "127.0.0.1");
    rig_write(r, slice_head(all, split));
    rig_pump(r);
    rig_write(r, slice_skip(all, split));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        rig_expect(r, answers[i]);
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    expect_stored_dialogue(r);
    rig_free(&r);
}

Test(session, pipelined)
{
    run_dialogue(0);
}

Test(session, every_split)
{
    for (size_t i = 1; i < sizeof(dialogue) - 1; i += 3)
        run_dialogue(i);
}

Test(session, byte_by_byte)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    for (size_t i = 0; i < sizeof(dialogue) - 1; i++)
        rig_write(r, slice_make(dialogue + i, 1));
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        rig_expect(r, answers[i]);
    rig_expect_close(r);
    expect_stored_dialogue(r);
    rig_free(&r);
}

Test(session, received_line)
{
    struct rig *r = rig_new();
    struct message *m;
    char p[2000] = "";

    rig_to_data(r);
    rig_ask(r, "\r\nx\r\n.", "250 2.0.0");
    m = rig_message(r);
    cr_assert(body_read(m->body, 0, p, sizeof(p) - 1) > 0);
    cr_expect(strstr(p, "client.example") && strstr(p, "127.0.0.1") && strstr(p, "ESMTP") &&
                  strstr(p, m->id) && strstr(p, "r@b.example"),
              "%s", p);
    message_free(&m);
    rig_free(&r);
}

/* 250 only after the commit: nothing is said while the queue has the message. */
Test(session, says_250_after_the_commit)
{
    struct rig *r = rig_new();
    char p[64];

    rig_to_data(r);
    cr_assert_gt(send(r->fd, "\r\nx\r\n.\r\n", 8, 0), 0);
    for (int i = 0; i < 20; i++)
        (void)loop_pump(r->loop); /* the queue's loop stands still */
    cr_expect_lt(recv(r->fd, p, sizeof(p), 0), 0, "an answer before the commit");
    cr_expect_eq(r->store->ops->count(r->store), 0);
    rig_expect(r, "250 2.0.0");
    cr_expect_eq(r->store->ops->count(r->store), 1);
    rig_free(&r);
}

static void store_fault(enum store_result result, size_t size, const char *want)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    store_memory_fail(r->store, 1, result);
    rig_say_large(r, size);
    rig_ask(r, ".", want);
    cr_expect_eq(rig_messages(r, NULL, 0), 0);
    cr_expect_eq(rig_files(r), 0);
    cr_expect(rig_logged(r, "smtpd.reject"));
    rig_ask(r, "NOOP", "250");        /* in sync */
    rig_ask(r, "MAIL FROM:<>", want); /* told before the content now */
    for (int i = 0; i < 20; i++)
        rig_advance(r, 10000);
    rig_ask(r, "MAIL FROM:<>", "250 2.1.0"); /* and it heals by itself */
    rig_free(&r);
}

Test(session, store_faults)
{
    store_fault(STORE_ERROR, 100, "451 4.3.0");
    store_fault(STORE_FULL, 100, "452 4.3.1");
    store_fault(STORE_ERROR, 200000, "451 4.3.0");
    store_fault(STORE_FULL, 200000, "452 4.3.1");
}

Test(session, large_bodies_are_files_and_exact)
{
    struct rig *r = rig_new();
    struct message *m;
    size_t n;

    rig_to_data(r);
    rig_say_large(r, 300000);
    rig_ask(r, ".", "250 2.0.0");
    m = rig_message(r);
    cr_expect(body_is_file(m->body));
    char *got = rig_content(m, &n);
    cr_expect_eq(n, 300000);
    for (size_t i = 0; i < n; i += 100)
        cr_assert_eq(memcmp(got + i + 96, "xx\r\n", 4), 0);
    free(got);
    message_free(&m);
    rig_free(&r);
}

/* Read to the true end, then refused, and in sync: nothing of it is taken for a command. */
static void refused_content(size_t lines, const char *line, const char *tail, const char *want)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    for (size_t i = 0; i < lines; i++)
        rig_say(r, line);
    rig_say(r, tail);
    rig_ask(r, ".", want);
    cr_expect_eq(rig_messages(r, NULL, 0), 0, "%s", want);
    cr_expect_eq(rig_files(r), 0);
    rig_ask(r, "RSET", "250 2.0.0");
    rig_free(&r);
}

Test(session, refused_content)
{
    refused_content(101, "Received: from a by b\r\n", "\r\nx\r\n", "554 5.4.6");
    refused_content(100, "received : from a\r\n", "\r\nx\r\n", "554 5.4.6");
    refused_content(1, "\r\nbare\nLF", "\r\n.\nMAIL FROM:<a@b>\r\n", "550 5.5.2");
    refused_content(1, "\r\nbare\rCR", "\r\n", "550 5.5.2");
    refused_content(11000,
                    "\r\n012345678901234567890123456789012345678901234567890123456789"
                    "0123456789012345678901234567890123456",
                    "\r\nMAIL FROM:<x@y.example>\r\n", "552 5.3.4");
}

Test(session, ninety_nine_hops_are_fine)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    for (int i = 0; i < 99; i++)
        rig_say(r, "Received: from a by b\r\n");
    rig_ask(r, "\r\nReceived: in the body\r\n.", "250 2.0.0");
    rig_free(&r);
}

Test(session, size_at_the_limit)
{
    struct rig *r = rig_new();

    r->listener.max_message_size = 1000;
    rig_to_data(r);
    rig_say_large(r, 1000);
    rig_ask(r, ".", "250 2.0.0");
    rig_ask(r, "MAIL FROM:<s@a.example> SIZE=1001", "552");
    rig_ask(r, "MAIL FROM:<s@a.example> SIZE=1000", "250");
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    rig_ask(r, "DATA", "354");
    rig_say_large(r, 1000);
    rig_ask(r, "\r\n.", "552 5.3.4");
    rig_free(&r);
}

Test(session, header_section_too_long)
{
    struct rig *r = rig_new();

    r->listener.max_message_size = 4 << 20;
    rig_to_data(r);
    for (int i = 0; i < 11000; i++)
        rig_say(r, "X-Long: 89012345678901234567890123456789012345678901234567890123456789012345678"
                   "90123456789012345678\r\n");
    rig_ask(r, "\r\nx\r\n.", "552 5.3.4");
    rig_free(&r);
}

Test(session, recipients)
{
    struct rig *r = rig_new();
    struct message *m;

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "HELO client.example", "250 relay.example");
    rig_ask(r, "MAIL FROM:<>", "250 2.1.0");
    rig_ask(r, "RCPT TO:<A@b.example>", "250 2.1.5");
    rig_ask(r, "RCPT TO:<A@B.EXAMPLE>", "250 2.1.5"); /* the same mailbox */
    rig_ask(r, "RCPT TO:<a@b.example>", "250 2.1.5"); /* not the same */
    rig_ask(r, "RCPT TO:<Postmaster>", "250 2.1.5");
    rig_ask(r, "RCPT TO:<x@[192.0.2.1]>", "250 2.1.5");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\n.", "250 2.0.0");
    m = rig_message(r);
    static const char *const want[][2] = {
        {"A@b.example",              "b.example"    },
        {"a@b.example",              "b.example"    },
        {"Postmaster@relay.example", "relay.example"},
        {"x@[192.0.2.1]",            "[192.0.2.1]"  }
    };
    cr_assert_eq(m->n_rcpts, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        cr_expect_str_eq(m->rcpts[i].address, want[i][0]);
        cr_expect_str_eq(m->rcpts[i].domain, want[i][1]);
    }
    cr_expect_str_eq(m->sender, "");
    message_free(&m);
    rig_free(&r);
}

/* Six senders × eighteen forms, through the whole door: every RCPT of a stranger ends in 5xx. */
Test(session, open_relay_probes)
{
    static const char *const senders[] = {"<>",  "<a@ext.tst>", "<a@relay.tst>", "<a@[192.0.2.1]>",
                                          "<a>", "<postmaster>"};
    static const char *const forms[] = {"<v@ext.tst>",
                                        "<v%ext.tst@relay.tst>",
                                        "<v%ext.tst@[192.0.2.1]>",
                                        "<\"v@ext.tst\">",
                                        "<\"v%ext.tst\">",
                                        "<v@ext.tst@relay.tst>",
                                        "<v@ext.tst@[192.0.2.1]>",
                                        "<\"v@ext.tst\"@relay.tst>",
                                        "<\"v@ext.tst\"@[192.0.2.1]>",
                                        "<@relay.tst:v@ext.tst>",
                                        "<@[192.0.2.1]:v@ext.tst>",
                                        "<ext.tst!v>",
                                        "<ext.tst!v@relay.tst>",
                                        "<ext.tst!v@[192.0.2.1]>",
                                        "<v@ext.tst.>",
                                        "v@ext.tst",
                                        "< v@ext.tst >",
                                        "<v@EXT.TST>"};
    struct rig *r = rig_new();
    char line[200];

    r->config.hostname = "relay.tst";
    for (size_t i = 0; i < ARRAY_LEN(senders) * ARRAY_LEN(forms); i++) {
        rig_connect(r, "10.9.9.9");
        rig_expect(r, "220");
        rig_ask(r, "EHLO x.example", "250");
        snprintf(line, sizeof(line), "MAIL FROM:%s", senders[i / ARRAY_LEN(forms)]);
        rig_ask(r, line, "");
        snprintf(line, sizeof(line), "RCPT TO:%s", forms[i % ARRAY_LEN(forms)]);
        rig_ask(r, line, "5");
        rig_ask(r, "DATA", "5");
        rig_close(r);
    }
    cr_expect_eq(rig_messages(r, NULL, 0), 0);
    rig_free(&r);
}

Test(session, refusals_are_logged)
{
    struct rig *r = rig_new();
    int64_t before = counter_read(COUNTER_smtpd_rejected);

    rig_connect(r, "203.0.113.5");
    rig_expect(r, "220");
    rig_ask(r, "EHLO x.example", "250");
    rig_ask(r, "MAIL FROM:<a@b.example>", "250");
    rig_ask(r, "RCPT TO:<c@d.example>", "554 5.7.1 <c@d.example>: Relay access denied");
    cr_expect(rig_logged(r,
                         "smtpd.reject: client=203.0.113.5, helo=x.example, from=<a@b.example>, "
                         "to=<c@d.example>, reply=554 5.7.1 <c@d.example>: Relay access denied"));
    rig_ask(r, "NONSENSE", "500");
    cr_expect(rig_logged(r, "reply=500 5.5.2"));
    cr_expect_eq(counter_read(COUNTER_smtpd_rejected), before + 2);
    rig_free(&r);
}

Test(session, acceptance_is_logged)
{
    struct rig *r = rig_new();
    int64_t before = counter_read(COUNTER_messages_accepted);

    rig_to_data(r);
    rig_ask(r, "\r\nx\r\n.", "250");
    cr_expect(rig_logged(r, "smtpd.accept: from=<s@a.example>, nrcpt=1, size="));
    cr_expect(rig_logged(r, "client=127.0.0.1, helo=client.example, proto=ESMTP, tls=none"));
    cr_expect_eq(counter_read(COUNTER_messages_accepted), before + 1);
    rig_free(&r);
}

Test(session, two_messages_in_one_session)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    rig_ask(r, "\r\none\r\n.", "250 2.0.0");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RSET", "250");
    rig_ask(r, "DATA", "503");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\ntwo \xc3\xbc\r\n.", "250 2.0.0");
    struct message *m[2];
    cr_assert_eq(rig_messages(r, m, 2), 2);
    cr_expect_eq(m[0]->flags & MESSAGE_8BIT, 0);
    cr_expect_eq(m[1]->flags & MESSAGE_8BIT, MESSAGE_8BIT, "whatever was said of it");
    cr_expect_str_neq(m[0]->id, m[1]->id);
    message_free(&m[0]);
    message_free(&m[1]);
    rig_free(&r);
}

/* RFC 8689 §4.1: said in the header, if it is said as §3 has it, and kept with the message. */
Test(session, tls_required_no)
{
    static const struct {
        const char *content;
        unsigned flag;
    } rows[] = {
        {"TLS-Required: No\r\n\r\nx\r\n.",              MESSAGE_TLS_OPTIONAL},
        {"TLS-Required: No\r\n.",                        MESSAGE_TLS_OPTIONAL},
        {"TLS-Required: Yes\r\n\r\nx\r\n.",             0                   },
        {"A: b\r\n\r\nTLS-Required: No\r\n\r\nx\r\n.", 0                   },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = rig_new();
        rig_to_data(r);
        rig_ask(r, rows[i].content, "250");
        struct message *m = rig_message(r);
        cr_expect_eq(m->flags & MESSAGE_TLS_OPTIONAL, rows[i].flag, "row %zu", i);
        message_free(&m);
        rig_free(&r);
    }
}

/* A client that says all it has to say and closes its side (`printf … | nc`) gets its answers. */
Test(session, half_closed_client)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    cr_assert_eq(send(r->fd, dialogue, sizeof(dialogue) - 1, 0), sizeof(dialogue) - 1);
    cr_assert_eq(shutdown(r->fd, SHUT_WR), 0);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        rig_expect(r, answers[i]);
    rig_expect_close(r);
    expect_stored_dialogue(r);
    rig_free(&r);
}

Test(session, an_idle_session_holds_no_transaction)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    rig_say_large(r, 50000);
    rig_ask(r, ".", "250");
    rig_ask(r, "MAIL FROM:<a@b.example>", "250");
    rig_ask(r, "EHLO again.example", "250"); /* resets */
    rig_ask(r, "RCPT TO:<r@b.example>", "503");
    rig_ask(r, "QUIT", "221");
    rig_expect_close(r);
    cr_expect_eq(rig_messages(r, NULL, 0), 1);
    rig_free(&r);
}
