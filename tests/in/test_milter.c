/* Mail filters on a session: what they hear, and what their answers do. */
#include <stdio.h>
#include <string.h>

#include "milter_scene.h"

Test(milter, hears_all)
{
    begin(1);
    greet();
    message("250");
    rig_ask(r, "QUIT", "221");
    rig_close(r);
    cr_expect_str_eq(buf_cstr(&f->heard), "OCHMRTLLLNBEQ.");
    cr_expect(fake_heard(f, "C[192.0.2.7]|4\1\2" "192.0.2.7|\n"), "family, port, address");
    cr_expect(fake_heard(f, "Hclient.example|\n"));
    cr_expect(fake_heard(f, "M<s@a.example>|SIZE=100|\n"));
    cr_expect(fake_heard(f, "R<r@ours.example>|\n"));
    cr_expect(fake_heard(f, "LReceived|theirs|\nLSubject|a\n\tb|\nLX-Spam|no|\n"));
    cr_expect_not(fake_heard(f, "relay.example ("), "our own Received field");
    cr_expect(fake_heard(f, "\nBbody\r\n.\r\n\n"));
    cr_expect(fake_heard(f, "DCj|relay.example|v|Danelaw "));
    cr_expect(fake_heard(f, "|{daemon_name}|lan|{client_addr}|192.0.2.7|"));
    cr_expect(fake_heard(f, "DM{mail_addr}|s@a.example|{mail_host}|a.example|{mail_mailer}|"));
    cr_expect(fake_heard(f, "DR{rcpt_addr}|r@ours.example|{rcpt_host}|ours.example|"));
    cr_expect(fake_heard(f, "DNi|") && fake_heard(f, "DEi|"));
    check_content("Received: theirs\r\nSubject: a\r\n\tb\r\nX-Spam: no\r\n\r\nbody\r\n.\r\n");
    end();
}

Test(milter, one_connection_for_a_session)
{
    begin(1);
    greet();
    message("250");
    message("250");
    envelope();
    rig_ask(r, "RSET", "250");
    envelope();
    rig_ask(r, "EHLO again.example", "250-");
    envelope();
    rig_ask(r, "QUIT", "221");
    rig_close(r);
    cr_expect_str_eq(buf_cstr(&f->heard), "OCHMRTLLLNBEMRTLLLNBEMRAMRAHMRAQ.", "%s",
                     buf_cstr(&f->heard));
    cr_expect_eq(f->connections, 1);
    end();
}

/* Steps left out, and commands without an answer. */
Test(milter, steps)
{
    static const struct {
        const char *name;
        uint32_t version, steps;
        const char *heard, *detail;
    } rows[] = {
        {"nothing wanted", 6, 0x37f, "OE", "DCj|"},
        {"no header", 6, MILTER_NO_HEADERS, "OCHMRTNBE", "DEi|"},
        {"no body", 6, MILTER_NO_BODY, "OCHMRTLLLNE", "DEi|"},
        {"no end of header", 6, MILTER_NO_EOH, "OCHMRTLLLBE", "DNi|"},
        {"old: no DATA", 3, 0, "OCHMRLLLNBE", "DEi|"},
        {"all silent", 6, 0xdf080, "OCHMRTLLLNBE", "DEi|"},
        {"leading space", 6, MILTER_LEADING_SPACE, "OCHMRTLLLNBE", "LSubject| a\n\tb|\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(1);
        fake_options(f, rows[i].version, 0, rows[i].steps);
        for (const char *c = "CHMRTLNB"; *c && (rows[i].steps & MILTER_SILENT_BODY); c++)
            fake_answer(f, *c, 0, SLICE(""));
        greet();
        message("250");
        cr_expect_str_eq(buf_cstr(&f->heard), rows[i].heard, "%s: %s", rows[i].name,
                         buf_cstr(&f->heard));
        cr_expect(fake_heard(f, rows[i].detail), "%s", rows[i].name);
        end();
    }
}

/* What each answer does to each command. The client goes on as far as it can. */
Test(milter, verdicts)
{
    static const struct {
        char command, kind;
        struct slice data;
        const char *connect, *helo, *mail, *rcpt, *data_, *dot; /* NULL: not reached */
        size_t messages;
    } rows[] = {
        {'C', 'a', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'C', 'r', {"", 0}, "554 ", NULL, NULL, NULL, NULL, NULL, 0},
        {'C', 't', {"", 0}, "421 ", NULL, NULL, NULL, NULL, NULL, 0},
        {'H', 'r', {"", 0}, "220", "550 ", NULL, NULL, NULL, NULL, 0},
        {'H', 'a', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'M', 'r', {"", 0}, "220", "250", "550 5.7.1", NULL, NULL, NULL, 0},
        {'M', 't', {"", 0}, "220", "250", "451 4.7.1", NULL, NULL, NULL, 0},
        {'M', 'a', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'M', 'd', {"", 0}, "220", "250", "250", "250", "354", "250", 0},
        {'M', 'y', {"552 5.3.4 too much\0", 19}, "220", "250", "552 5.3.4 too much", NULL, NULL, NULL, 0},
        {'M', '4', {"", 0}, "220", "250", "421 4.7.1", NULL, NULL, NULL, 0},
        {'R', 'r', {"", 0}, "220", "250", "250", "550 5.7.1", NULL, NULL, 0},
        {'R', 't', {"", 0}, "220", "250", "250", "451 4.7.1", NULL, NULL, 0},
        {'R', 'd', {"", 0}, "220", "250", "250", "250", "354", "250", 0},
        {'T', 'r', {"", 0}, "220", "250", "250", "250", "550 5.7.1", NULL, 0},
        {'L', 'r', {"", 0}, "220", "250", "250", "250", "354", "550 5.7.1", 0},
        {'L', 'a', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'L', 's', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'N', 't', {"", 0}, "220", "250", "250", "250", "354", "451 4.7.1", 0},
        {'B', 's', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'B', 'd', {"", 0}, "220", "250", "250", "250", "354", "250", 0},
        {'E', 'a', {"", 0}, "220", "250", "250", "250", "354", "250", 1},
        {'E', 'r', {"", 0}, "220", "250", "250", "250", "354", "550 5.7.1", 0},
        {'E', 't', {"", 0}, "220", "250", "250", "250", "354", "451 4.7.1", 0},
        {'E', 'd', {"", 0}, "220", "250", "250", "250", "354", "250", 0},
        {'E', 'y', {"554 5.7.1 Gtube\0", 16}, "220", "250", "250", "250", "354", "554 5.7.1 Gtube", 0},
        {'E', 'y', {"451 later\0", 10}, "220", "250", "250", "250", "354", "451 4.7.1 later", 0},
        /* out of its mind */
        {'E', 'y', {"250 2.0.0 Ok\0", 13}, "220", "250", "250", "250", "354", "451 4.7.1", 0},
        {'E', 'y', {"550 no\r\n250 Ok\0", 15}, "220", "250", "250", "250", "354", "451 4.7.1", 0},
        {'E', 'Z', {"", 0}, "220", "250", "250", "250", "354", "451 4.7.1", 0},
        {'M', 's', {"", 0}, "220", "250", "451 4.7.1", NULL, NULL, NULL, 0},
        {'M', 'h', {"X\0y\0", 4}, "220", "250", "451 4.7.1", NULL, NULL, NULL, 0},
        {'H', 'd', {"", 0}, "220", "250", "451 4.7.1", NULL, NULL, NULL, 0},
        {'C', 'f', {"", 0}, "220", "250", "451 4.7.1", NULL, NULL, NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *lines[] = {NULL, "EHLO c.example", "MAIL FROM:<s@a.example>",
                               "RCPT TO:<r@ours.example>", "DATA", "A: b\r\nC: d\r\n\r\ne\r\n."};
        const char *wants[] = {rows[i].connect, rows[i].helo, rows[i].mail,
                               rows[i].rcpt,    rows[i].data_, rows[i].dot};
        struct message *m[2];

        begin(1);
        fake_answer(f, rows[i].command, rows[i].kind, rows[i].data);
        rig_connect(r, "192.0.2.7");
        for (size_t k = 0; k < ARRAY_LEN(wants) && wants[k]; k++) {
            if (lines[k])
                rig_ask(r, lines[k], wants[k]);
            else
                rig_expect(r, wants[k]);
        }
        size_t n = rig_messages(r, m, 2);
        cr_expect_eq(n, rows[i].messages, "row %zu: %c to %c", i, rows[i].kind, rows[i].command);
        for (size_t k = 0; k < n; k++)
            message_free(&m[k]);
        cr_expect_eq(rig_logged(r, "smtpd.discard"), rows[i].kind == 'd' && rows[i].command != 'H');
        end();
    }
}

/* Changes at the end of a message, and the message that comes of them. */
Test(milter, changes)
{
    static const struct {
        const char *name;
        char kind;
        struct slice data;
        const char *want; /* the content; NULL: the message is not taken */
    } rows[] = {
        {"add", 'h', S("X-New\0v\0"), "A: 1\r\nB: 2\r\nA: 3\r\nX-New: v\r\n\r\nbody\r\n"},
        {"insert behind ours", 'i', S("\0\0\0\1X-New\0v\n w\0"),
         "X-New: v\r\n w\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\nbody\r\n"},
        {"change the second", 'm', S("\0\0\0\2A\0v\0"),
         "A: 1\r\nB: 2\r\nA: v\r\n\r\nbody\r\n"},
        {"delete", 'm', S("\0\0\0\1A\0\0"), "B: 2\r\nA: 3\r\n\r\nbody\r\n"},
        {"our Received is not to be had", 'm', S("\0\0\0\1Received\0\0"),
         "A: 1\r\nB: 2\r\nA: 3\r\n\r\nbody\r\n"},
        {"a new body", 'b', S("new\nlines"), "A: 1\r\nB: 2\r\nA: 3\r\n\r\nnew\r\nlines\r\n"},
        {"an empty body", 'b', S(""), "A: 1\r\nB: 2\r\nA: 3\r\n\r\n"},
        {"two fields in one", 'h', S("X\0v\nBcc: x\0"), NULL},
        {"no field", 'h', S("X Y\0v\0"), NULL},
        {"bare CR in a body", 'b', S("a\rb"), NULL},
        {"no address", '+', S("<a b>\0"), NULL},
        {"no sender", 'e', S("nobody\0"), NULL},
        {"a wrong parameter", '2', S("<x@a.example>\0FOO=1\0"), NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin(1);
        fake_answer(f, 'E', rows[i].kind, rows[i].data);
        fake_and(f, 'E', 'c', SLICE(""));
        greet();
        envelope();
        rig_ask(r, "DATA", "354");
        rig_say(r, "A: 1\r\nB: 2\r\nA: 3\r\n\r\nbody\r\n");
        rig_ask(r, ".", rows[i].want ? "250" : "451 4.7.1");
        if (rows[i].want)
            check_content(rows[i].want);
        cr_expect_eq(rig_logged(r, "smtpd.milter_failed"), rows[i].want == NULL, "%s",
                     rows[i].name);
        end();
    }
}

Test(milter, changes_of_the_envelope)
{
    begin(1);
    fake_answer(f, 'E', '+', SLICE("<new@b.example>\0"));
    fake_and(f, 'E', '-', SLICE("<r@OURS.example>\0"));
    fake_and(f, 'E', '+', SLICE("bare@b.example\0"));
    fake_and(f, 'E', '+', SLICE("<bare@b.example>\0"));
    fake_and(f, 'E', '-', SLICE("<nobody@b.example>\0"));
    fake_and(f, 'E', '2', SLICE("<quiet@b.example>\0NOTIFY=NEVER ORCPT=rfc822;x@y.example\0"));
    fake_and(f, 'E', 'e', SLICE("<>\0"));
    fake_and(f, 'E', 'q', SLICE("looks bad\0"));
    fake_and(f, 'E', 'p', SLICE(""));
    fake_and(f, 'E', 'a', SLICE(""));
    greet();
    message("250");
    struct message *m = rig_message(r);
    cr_assert_eq(m->n_rcpts, 3);
    cr_expect_str_eq(m->rcpts[2].address, "quiet@b.example");
    cr_expect_eq(m->rcpts[2].notify, NOTIFY_NEVER);
    cr_expect_str_eq(m->rcpts[2].orcpt, "rfc822;x@y.example");
    cr_expect_str_eq(m->rcpts[0].address, "new@b.example");
    cr_expect_str_eq(m->rcpts[0].domain, "b.example");
    cr_expect_str_eq(m->rcpts[1].address, "bare@b.example");
    cr_expect_str_eq(m->sender, "");
    cr_expect(m->flags & MESSAGE_HELD);
    cr_expect_str_eq(m->held_for, "first: looks bad");
    cr_expect(rig_logged(r, "smtpd.quarantine"));
    message_free(&m);
    end();
}

Test(milter, no_recipient_left)
{
    struct message *m;

    begin(1);
    fake_answer(f, 'E', '-', SLICE("<r@ours.example>\0"));
    fake_and(f, 'E', 'c', SLICE(""));
    greet();
    message("250");
    cr_expect_eq(rig_messages(r, &m, 1), 0);
    cr_expect(rig_logged(r, "no recipient is left"));
    end();
}

/* The second sees what the first one made, and its own place is behind ours. */
Test(milter, in_order)
{
    begin(2);
    fake_answer(f, 'E', 'h', SLICE("X-First\0one\0"));
    fake_and(f, 'E', 'i', SLICE("\0\0\0\0X-Top\0t\0"));
    fake_and(f, 'E', 'b', SLICE("new body\r\n"));
    fake_and(f, 'E', 'c', SLICE(""));
    fake_answer(&all->fake[1], 'E', 'm', SLICE("\0\0\0\1x-first\0two\0"));
    fake_and(&all->fake[1], 'E', 'c', SLICE(""));
    greet();
    message("250");
    cr_expect(fake_heard(&all->fake[1], "LX-Top|t|\n"));
    cr_expect(fake_heard(&all->fake[1], "LX-First|one|\n"));
    cr_expect(fake_heard(&all->fake[1], "Bnew body\r\n"));
    struct message *m = rig_message(r);
    char head[10] = "";
    cr_expect(body_read(m->body, 0, head, 9) == 9 && strcmp(head, "X-Top: t\r") == 0, "%s", head);
    message_free(&m);
    end();
}

Test(milter, agreed_changes_only)
{
    begin(1);
    fake_options(f, 6, MILTER_MAY_ADD_HEADERS, 0);
    fake_answer(f, 'E', 'b', SLICE("x"));
    fake_and(f, 'E', 'c', SLICE(""));
    greet();
    message("451 4.7.1");
    cr_expect(rig_logged(r, "it changes what was not agreed on"));
    end();
}

/* A large message: through a file, in chunks, changed in a new file of the same name. */
static void large(uint32_t steps)
{
    begin(1);
    fake_options(f, 6, MILTER_ACTIONS, steps);
    fake_answer(f, 'B', steps ? 0 : 'c', SLICE(""));
    fake_answer(f, 'E', 'h', SLICE("X-New\0v\0"));
    fake_and(f, 'E', 'c', SLICE(""));
    greet();
    envelope();
    rig_ask(r, "DATA", "354");
    rig_say(r, "A: 1\r\n\r\n");
    rig_say_large(r, 700000);
    rig_ask(r, ".", "250");
    struct message *m = rig_message(r);
    size_t n;
    char *got = rig_content(m, &n);
    cr_expect_eq(n, 700000 + 8 + 10);
    cr_expect_eq(strncmp(got, "A: 1\r\nX-New: v\r\n\r\nxxx", 21), 0);
    cr_expect(body_is_file(m->body));
    cr_expect_eq(rig_files(r), 1);
    cr_expect_str_eq(buf_cstr(&f->heard), "OCHMRTLNBBBBBBBBBBBE");
    free(got);
    message_free(&m);
    end();
}

Test(milter, large)
{
    large(0);
    large(MILTER_SILENT_BODY);
}
