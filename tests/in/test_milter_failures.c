/* Mail filters on a session: what their failures cost, and what is not theirs to spoil. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter_scene.h"

/* ---- failures: each row once with each on_error */

struct failure {
    const char *name;
    char command;      /* whose answer is wrong */
    struct slice raw;
    bool closes, hangs;
    const char *said[6]; /* with tempfail: to greeting, EHLO, MAIL, RCPT, DATA, the dot */
};

static const struct failure failures[] = {
    {"closes at the options", 'O', {0}, .closes = true, .said = {"220", "250", "451 4.7.1"}},
    {"closes at MAIL", 'M', {0}, .closes = true, .said = {"220", "250", "451 4.7.1"}},
    {"closes at RCPT", 'R', {0}, .closes = true, .said = {"220", "250", "250", "451 4.7.1"}},
    {"closes in the body", 'B', {0}, .closes = true,
     .said = {"220", "250", "250", "250", "354", "451 4.7.1"}},
    {"hangs at the options", 'O', {0}, .hangs = true, .said = {"220", "250", "451 4.7.1"}},
    {"hangs at RCPT", 'R', {0}, .hangs = true, .said = {"220", "250", "250", "451 4.7.1"}},
    {"hangs at the end", 'E', {0}, .hangs = true,
     .said = {"220", "250", "250", "250", "354", "451 4.7.1"}},
    {"no octet", 'M', S("\0\0\0\0"), .said = {"220", "250", "451 4.7.1"}},
    {"too many octets", 'M', S("\177\0\0\0c"), .said = {"220", "250", "451 4.7.1"}},
    {"half a packet", 'M', S("\0\0\0\2c"), .hangs = true, .said = {"220", "250", "451 4.7.1"}},
    {"speaks HTTP", 'O', S("HTTP/1.0 400\r\n"), .said = {"220", "250", "451 4.7.1"}},
    {"says it twice", 'M', S("\0\0\0\1c\0\0\0\1c"), .said = {"220", "250", "451 4.7.1"}},
    {"an old version", 'O', S("\0\0\0\015O\0\0\0\1\0\0\0\0\0\0\0\0"),
     .said = {"220", "250", "451 4.7.1"}},
    {"progress and no more", 'E', S("\0\0\0\1p"), .hangs = true,
     .said = {"220", "250", "250", "250", "354", "451 4.7.1"}},
};

/* The answer, after all patience if it does not come. */
static void expect(const struct failure *row, const char *want)
{
    rig_read(r);
    for (int i = 0; i < 3 && row->hangs && !r->got.n; i++) {
        rig_advance(r, 300001);
        rig_read(r);
    }
    rig_expect(r, want);
}

static void fail_by(const struct failure *row, bool passed)
{
    static const char *const lines[] = {"", "EHLO c.example\r\n", "MAIL FROM:<s@a.example>\r\n",
                                        "RCPT TO:<r@ours.example>\r\n", "DATA\r\n",
                                        "A: b\r\n\r\nc\r\n.\r\n"};
    static const char *const good[] = {"220", "250", "250", "250", "354", "250"};

    begin(1);
    f->config.on_error = passed ? MILTER_IS_PASSED : MILTER_FAILS_MAIL;
    fake_raw(f, row->command, row->raw);
    f->close_at = row->closes ? row->command : 0;
    rig_connect(r, "192.0.2.7");
    for (size_t i = 0; i < ARRAY_LEN(lines) && (passed || row->said[i]); i++) {
        rig_say(r, lines[i]);
        expect(row, passed ? good[i] : row->said[i]);
    }
    cr_expect(rig_logged(r, "smtpd.milter_failed: milter=first"), "%s", row->name);
    if (passed) {
        struct message *m = rig_message(r);
        message_free(&m);
    }
    end();
}

Test(milter_failures, failures, .timeout = 60)
{
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        fail_by(&failures[i], false);
        fail_by(&failures[i], true);
    }
}

/* Nobody listens; later somebody does: the next transaction is judged again. */
Test(milter_failures, comes_back)
{
    begin(1);
    f->config.socket.path = "/nonexistent/socket";
    greet();
    rig_ask(r, "MAIL FROM:<s@a.example>", "451 4.7.1");
    f->config.socket.path = f->path;
    message("250");
    cr_expect_str_eq(buf_cstr(&f->heard), "OCHMRTLLLNBE");
    f->close_at = 'M';
    rig_ask(r, "MAIL FROM:<s@a.example>", "451 4.7.1");
    f->close_at = 0;
    message("250");
    cr_expect_str_eq(buf_cstr(&f->heard), "OCHMRTLLLNBEM.OCHMRTLLLNBE");
    end();
}

/* The rest of the transaction fails as well, and nothing of it is taken. */
Test(milter_failures, fails_for_the_rest)
{
    struct message *m;

    begin(1);
    greet();
    envelope();
    f->close_at = 'R';
    rig_ask(r, "RCPT TO:<x@ours.example>", "451 4.7.1");
    f->close_at = 0;
    rig_ask(r, "RCPT TO:<y@ours.example>", "451 4.7.1");
    rig_ask(r, "DATA", "451 4.7.1");
    rig_ask(r, "RSET", "250");
    cr_expect_eq(rig_messages(r, &m, 1), 0);
    message("250");
    end();
}

/* Progress buys time, but not for ever. */
Test(milter_failures, endless_progress)
{
    int64_t waited = 0;

    begin(1);
    fake_raw(f, 'E', SLICE("\0\0\0\1p"));
    greet();
    envelope();
    rig_ask(r, "DATA", "354");
    rig_say(r, "A: b\r\n\r\nc\r\n.\r\n");
    for (rig_read(r); !r->got.n && waited < 2000; waited += 100) {
        rig_advance(r, 100000);
        if (f->fd >= 0)
            cr_assert_eq(send(f->fd, "\0\0\0\1p", 5, MSG_NOSIGNAL), 5);
        rig_read(r);
    }
    rig_expect(r, "451 4.7.1");
    cr_expect(waited >= 500 && waited <= 600, "%lld s", (long long)waited);
    cr_expect(rig_logged(r, "longer than the client waits"));
    end();
}

/* The client goes away while a filter thinks: its session ends at once, and so does the filter's. */
Test(milter_failures, client_gone)
{
    static const char *const lines[] = {"", "EHLO c.example\r\n", "MAIL FROM:<s@a.example>\r\n",
                                        "RCPT TO:<r@ours.example>\r\n", "DATA\r\n",
                                        "A: b\r\n\r\nc\r\n.\r\n"};

    for (size_t at = 0; at < ARRAY_LEN(lines); at++) {
        begin(1);
        fake_answer(f, "CHMRTL"[at], 0, SLICE(""));
        rig_connect(r, "192.0.2.7");
        for (size_t i = 0; i <= at; i++)
            rig_say(r, lines[i]);
        rig_close(r);
        rig_advance(r, lines[at][0] == 'A' ? 300001 : 2001); /* at the end it may still read */
        cr_expect_eq(r->ended, 1, "%zu", at);
        cr_expect_eq(f->fd, -1, "%zu", at);
        cr_expect_eq(rig_files(r), 0);
        end();
    }
}

/* Others are served while one waits. */
Test(milter_failures, hung_filter_is_one_sessions_trouble)
{
    begin(1);
    fake_answer(f, 'M', 0, SLICE(""));
    greet();
    rig_say(r, "MAIL FROM:<s@a.example>\r\n");
    int waits = r->fd;
    r->fd = -1;
    r->listener.n_milters = 0;
    greet();
    message("250");
    rig_close(r);
    r->fd = waits;
    rig_advance(r, 30001);
    rig_expect(r, "451 4.7.1");
    end();
}

/* More than a packet holds must not be cut: a filter would not see what follows. */
Test(milter_failures, field_too_long)
{
    begin(1);
    greet();
    envelope();
    rig_ask(r, "DATA", "354");
    rig_say(r, "A: b\r\n");
    for (int i = 0; i < 70; i++) {
        char line[1003];
        memset(line, ' ', 1000);
        memcpy(line, i ? " x" : "B:", 2);
        memcpy(line + 1000, "\r\n", 3);
        rig_say(r, line);
    }
    rig_say(r, "\r\nbody\r\n");
    rig_ask(r, ".", "552 5.3.4 Error: header field B is too long");
    end();
}

Test(milter_failures, too_many_changes)
{
    begin(1);
    fake_raw(f, 'E', SLICE(""));
    for (int i = 0; i <= LIMIT_MILTER_CHANGES; i++)
        fake_and(f, 'E', 'h', SLICE("X\0y\0"));
    fake_and(f, 'E', 'c', SLICE(""));
    greet();
    message("451 4.7.1");
    cr_expect(rig_logged(r, "it changes too much"));
    end();
}

/* What the first has asked for so far is not the second's to lose. */
Test(milter_failures, another_dies_meanwhile)
{
    begin(2);
    all->fake[1].config.on_error = MILTER_IS_PASSED;
    fake_answer(f, 'E', 'h', SLICE("X-New\0v\0"));
    greet();
    envelope();
    rig_ask(r, "DATA", "354");
    rig_say(r, "A: b\r\n\r\nc\r\n.\r\n");
    close(all->fake[1].fd);
    all->fake[1].fd = -1;
    rig_pump(r);
    cr_expect(rig_logged(r, "smtpd.milter_failed: milter=second"));
    cr_assert_eq(send(f->fd, "\0\0\0\1c", 5, MSG_NOSIGNAL), 5);
    rig_expect(r, "250");
    check_content("A: b\r\nX-New: v\r\n\r\nc\r\n");
    end();
}
