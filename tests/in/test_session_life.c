/* Inbound sessions over time: deadlines, clients that do not wait, do not read or go away, and the
 * end of the daemon. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

Test(session_life, command_deadline_is_not_moved_by_octets)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    for (int i = 0; i < 4; i++) {
        rig_advance(r, 74000);
        rig_say(r, "N");
    }
    rig_advance(r, 5000);
    rig_expect(r, "421 4.4.2");
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

Test(session_life, commands_move_the_deadline)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    for (int i = 0; i < 4; i++) {
        rig_advance(r, 200000);
        rig_ask(r, "NOOP", "250");
    }
    rig_advance(r, 301000);
    rig_expect(r, "421 4.4.2");
    rig_free(&r);
}

/* 5 min at 500 octets a second: 150,000 octets per block. */
Test(session_life, slow_data_is_cut_off)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    rig_say_large(r, 160000); /* more than a block: the deadline moves */
    rig_advance(r, 299000);
    rig_say_large(r, 120000); /* less than the second */
    rig_advance(r, 2000);
    rig_expect(r, "421 4.4.2");
    rig_expect_close(r);
    cr_expect_eq(rig_files(r), 0);
    rig_free(&r);
}

Test(session_life, fast_data_goes_on)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    for (int i = 0; i < 6; i++) {
        rig_say_large(r, 160000);
        rig_advance(r, 290000);
    }
    rig_ask(r, ".", "250");
    rig_free(&r);
}

Test(session_life, talks_early)
{
    struct rig *r = rig_new();

    r->early = "EHLO client.example\r\n";
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "554 5.5.0");
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

/* The connection breaks while the queue has the message. Replies are stuck in a full socket, so
 * that the break is seen; the message stays, and the session waits for its request. */
Test(session_life, orphan)
{
    struct rig *r = rig_new();
    char line[64];

    r->send_buffer = 1;
    rig_connect(r, "127.0.0.1");
    rig_say(r, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n");
    for (int i = 0; i < 900; i++) {
        snprintf(line, sizeof(line), "RCPT TO:<r%d@b.example>\r\n", i);
        rig_say(r, line);
    }
    rig_say(r, "DATA\r\n\r\nx\r\n");
    cr_assert_eq(send(r->fd, ".\r\n", 3, 0), 3);
    for (int i = 0; i < 20; i++)
        (void)loop_pump(r->loop); /* the queue's loop stands still */
    close(r->fd);
    r->fd = -1;
    for (int i = 0; i < 20; i++)
        (void)loop_pump(r->loop);
    cr_expect_eq(r->ended, 0, "it must wait for its request");
    cr_expect_eq(r->store->ops->count(r->store), 0);
    rig_pump(r);
    cr_expect_eq(r->ended, 1);
    cr_expect_eq(r->store->ops->count(r->store), 1, "the message stays");
    cr_expect(rig_logged(r, "client was gone"));
    rig_free(&r);
}

Test(session_life, client_gone_without_quit)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    rig_say_large(r, 100000);
    rig_close(r); /* before the end: nothing is queued */
    cr_expect_eq(r->ended, 1);
    cr_expect_eq(rig_messages(r, NULL, 0), 0);
    cr_expect_eq(rig_files(r), 0);
    rig_free(&r);
}

Test(session_life, stop_tells_idle_sessions)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    in_session_stop_all(&r->worker);
    rig_expect(r, "421 4.3.2");
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

Test(session_life, stop_lets_data_end)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    in_session_stop_all(&r->worker);
    rig_advance(r, 7000);
    rig_say(r, "\r\nx\r\n.\r\n");
    rig_expect(r, "250 2.0.0");
    rig_expect(r, "421 4.3.2");
    rig_expect_close(r);
    cr_expect_eq(rig_messages(r, NULL, 0), 1);
    rig_free(&r);
}

Test(session_life, stop_has_a_grace)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    in_session_stop_all(&r->worker);
    rig_advance(r, 8001);
    rig_expect(r, "421 4.3.2");
    rig_expect_close(r);
    cr_expect_eq(rig_messages(r, NULL, 0), 0);
    rig_free(&r);
}

/* A client that never reads: replies stop at a bound, and so does reading. */
Test(session_life, replies_not_taken)
{
    struct rig *r = rig_new();

    r->send_buffer = 1;
    rig_connect(r, "127.0.0.1");
    for (int i = 0; i < 90; i++)
        rig_say(r, "EHLO x.example\r\n");
    rig_advance(r, 301000);
    rig_advance(r, 20000);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}
