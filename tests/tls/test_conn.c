/* The connection in clear: order of callbacks, back-pressure, ends, deadlines. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "tests/tls/leaks.h"
#include "tests/tls/pair.h"

enum { MAX = 64 * 1024 };

static void stop(struct pair *p)
{
    pair_stop(p);
    NO_LEAKS();
}

Test(conn, says_and_hears)
{
    struct pair p;
    pair_start(&p, MAX);
    end_say(&p.a, "hello");
    cr_expect_eq(p.b.readable + p.a.drained, 0, "callbacks come only from the loop");
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.b.got), "hello");
    cr_expect_eq(p.a.drained, 1, "became empty");
    cr_expect_eq(conn_in(p.b.c)->cap + conn_out(p.a.c)->cap, 0,
                 "an idle connection holds no buffer");
    stop(&p);
}

Test(conn, large_transfer_both_ways)
{
    struct pair p;
    const size_t size = 20 * 1024 * 1024;
    pair_start(&p, MAX);
    p.a.to_send = p.b.to_send = size;
    end_fill(&p.a);
    end_fill(&p.b);
    pair_pump(&p);
    cr_expect_eq(p.a.received, size);
    cr_expect_eq(p.b.received, size);
    cr_expect(p.a.pattern_ok && p.b.pattern_ok);
    stop(&p);
}

Test(conn, drained_at_half)
{
    struct pair p;
    pair_start(&p, 8 * 1024 * 1024);
    conn_pause(p.b.c);
    p.a.to_send = 8 * 1024 * 1024;
    end_fill(&p.a);
    pair_pump(&p);
    cr_expect_eq(p.a.drained, 0);
    cr_expect_gt(conn_out(p.a.c)->n, 4 * 1024 * 1024);
    conn_resume(p.b.c);
    pair_pump(&p);
    cr_expect_geq(p.a.drained, 2, "at half and when empty");
    cr_expect_eq(p.b.received, 8 * 1024 * 1024);
    stop(&p);
}

Test(conn, full_input_stops_the_peer)
{
    struct pair p;
    pair_start(&p, MAX);
    p.b.consume = false;
    p.a.to_send = 4 * 1024 * 1024;
    end_fill(&p.a);
    pair_pump(&p);
    cr_expect_eq(conn_in(p.b.c)->n, MAX);
    cr_expect_gt(p.a.to_send, 0);
    p.b.consume = true;
    p.b.received += conn_in(p.b.c)->n;
    p.b.next_in = MAX % 251;
    buf_clear(conn_in(p.b.c));
    conn_resume(p.b.c);
    pair_pump(&p);
    cr_expect_eq(p.b.received, 4 * 1024 * 1024);
    cr_expect(p.b.pattern_ok);
    stop(&p);
}

Test(conn, resume_tells_of_what_is_left)
{
    struct pair p;
    pair_start(&p, MAX);
    p.b.consume = false;
    end_say(&p.a, "one");
    pair_pump(&p);
    cr_expect_eq(p.b.readable, 1);
    conn_pause(p.b.c);
    end_say(&p.a, "two");
    pair_pump(&p);
    cr_expect_eq(p.b.readable, 1);
    cr_expect_eq(conn_in(p.b.c)->n, 3);
    p.b.consume = true;
    conn_resume(p.b.c);
    cr_expect_eq(p.b.readable, 1, "not from inside conn_resume");
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.b.got), "onetwo");
    stop(&p);
}

Test(conn, end_of_file_comes_after_the_octets)
{
    struct pair p;
    pair_start(&p, MAX);
    end_say(&p.a, "last words");
    conn_free(&p.a.c);
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.b.got), "last words");
    cr_expect_eq(p.b.closed, 1);
    cr_expect_eq(p.b.why, CAUSE_CONNECTION_LOST);
    cr_expect_str_eq(p.b.error, "the other side closed the connection");
    stop(&p);
}

/* Answers what it reads, as a session does. */
static void answer_readable(void *arg)
{
    struct end *e = arg;
    e->readable++;
    buf_clear(conn_in(e->c));
    end_say(e, "221 bye");
}

Test(conn, answers_a_half_closed_peer)
{
    struct loop *loop = loop_new("t");
    struct conn_ops answering = end_ops;
    struct end e = {0};
    char answer[16] = "";
    int fds[2];

    answering.on_readable = answer_readable;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    e.c = conn_accept(loop, fds[0], MAX, MAX, &answering, &e);
    conn_pause(e.c);
    cr_assert_eq(write(fds[1], "QUIT", 4), 4);
    shutdown(fds[1], SHUT_WR);
    for (int i = 0; i < 5; i++)
        loop_pump(loop);
    cr_expect_eq(e.readable + e.closed, 0);
    conn_resume(e.c);
    for (int i = 0; i < 5; i++)
        loop_pump(loop);
    cr_expect_eq(e.readable, 1);
    cr_expect_eq(e.closed, 1);
    cr_expect_eq(read(fds[1], answer, sizeof(answer) - 1), 7);
    cr_expect_str_eq(answer, "221 bye");
    close(fds[1]);
    conn_free(&e.c);
    loop_free(&loop);
    NO_LEAKS();
}

Test(conn, write_error_comes_from_the_loop)
{
    struct pair p;
    pair_start(&p, MAX);
    conn_pause(p.a.c);
    conn_free(&p.b.c);
    end_say(&p.a, "to nobody");
    cr_expect_eq(p.a.closed, 0);
    conn_flush(p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.a.closed, 1);
    cr_expect_eq(p.a.why, CAUSE_CONNECTION_LOST);
    conn_flush(p.a.c);
    conn_resume(p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.a.closed, 1, "the last callback");
    stop(&p);
}

Test(conn, deadline)
{
    struct pair p;
    clock_fake_start(1000000);
    pair_start(&p, MAX);
    conn_deadline(p.b.c, 5000);
    conn_deadline(p.a.c, 1000);
    conn_deadline(p.a.c, 0);
    for (int i = 0; i < 4; i++) { /* octets that trickle in do not move it */
        clock_fake_advance(1000);
        end_say(&p.a, "x");
        pair_pump(&p);
    }
    cr_expect_eq(p.b.timeout, 0);
    clock_fake_advance(1000);
    pair_pump(&p);
    cr_expect_eq(p.b.timeout, 1);
    cr_expect_eq(p.a.timeout, 0);
    end_say(&p.a, "more");
    pair_pump(&p);
    cr_expect_eq(p.b.readable, 4, "nothing after on_timeout");
    clock_fake_stop();
    stop(&p);
}

static const struct ip_port nowhere = {
    {0, {127, 0, 0, 1}},
    1
};

static struct end dialled(struct loop *loop, const struct ip_port *to)
{
    struct end e = {.consume = true};
    buf_init(&e.got, 4096);
    return e;
}

Test(conn, refused)
{
    struct loop *loop = loop_new("t");
    struct end e = dialled(loop, &nowhere);
    e.c = conn_connect(loop, &nowhere, MAX, MAX, &end_ops, &e);
    cr_expect_eq(e.closed, 0);
    for (int i = 0; i < 1000 && !e.closed; i++) {
        loop_pump(loop);
        usleep(100);
    }
    cr_expect_eq(e.closed, 1);
    cr_expect_eq(e.connected, 0);
    cr_expect_eq(e.why, CAUSE_CONNECT_FAILED);
    cr_expect_str_eq(e.error, "connection failed: Connection refused");
    conn_free(&e.c);
    loop_free(&loop);
    NO_LEAKS();
}

static int listen_on(struct ip_port *out_addr)
{
    struct ip_port any = {
        {0, {127, 0, 0, 1}},
        0
    };
    struct sockaddr_storage sa;
    socklen_t len = ip_to_sockaddr(&any, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, 5) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
    REQUIRE(ip_from_sockaddr((struct sockaddr *)&sa, out_addr));
    return fd;
}

Test(conn, connects)
{
    struct loop *loop = loop_new("t");
    struct ip_port addr;
    int listener = listen_on(&addr);
    struct end a = dialled(loop, &addr), b = dialled(loop, &addr);

    a.c = conn_connect(loop, &addr, MAX, MAX, &end_ops, &a);
    cr_expect_eq(a.connected, 0);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    b.c = conn_accept(loop, fd, MAX, MAX, &end_ops, &b);
    while (!a.connected)
        loop_pump(loop);
    end_say(&a, "over TCP");
    while (!b.readable)
        loop_pump(loop);
    cr_expect_str_eq(buf_cstr(&b.got), "over TCP");
    cr_expect_eq(conn_peer(a.c)->port, addr.port);
    cr_expect_eq(conn_local(b.c)->port, addr.port);
    cr_expect_eq(conn_peer(b.c)->port, conn_local(a.c)->port);
    conn_free(&a.c);
    conn_free(&b.c);
    buf_free(&b.got);
    loop_free(&loop);
    close(listener);
    NO_LEAKS();
}

Test(conn, freed_in_each_callback)
{
    struct pair p;

    pair_start(&p, MAX);
    p.b.free_in_callback = true; /* on_readable */
    end_say(&p.a, "x");
    pair_pump(&p);
    cr_expect_null(p.b.c);
    cr_expect_eq(p.a.closed, 1);
    pair_stop(&p);

    pair_start(&p, MAX);
    p.a.free_in_callback = true; /* on_drained */
    end_say(&p.a, "x");
    pair_pump(&p);
    cr_expect_null(p.a.c);
    cr_expect_str_eq(buf_cstr(&p.b.got), "x");
    p.b.free_in_callback = true; /* told of nothing any more */
    pair_stop(&p);

    pair_start(&p, MAX);
    p.b.free_in_callback = true; /* on_closed */
    conn_free(&p.a.c);
    pair_pump(&p);
    cr_expect_null(p.b.c);
    pair_stop(&p);

    clock_fake_start(1000000);
    pair_start(&p, MAX);
    p.b.free_in_callback = true; /* on_timeout */
    conn_deadline(p.b.c, 10);
    clock_fake_advance(10);
    pair_pump(&p);
    cr_expect_null(p.b.c);
    clock_fake_stop();
    stop(&p);
}

Test(conn, finish_sends_the_last_reply)
{
    struct pair p;
    pair_start(&p, 1024 * 1024);
    conn_pause(p.a.c);
    p.b.to_send = 1024 * 1024;
    end_fill(&p.b);
    cr_expect_gt(conn_out(p.b.c)->n, 0, "more than the socket takes");
    conn_finish(&p.b.c);
    cr_expect_null(p.b.c);
    conn_resume(p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.a.received, 1024 * 1024);
    cr_expect_eq(p.a.closed, 1);
    stop(&p);
}

Test(conn, finish_does_not_reset_a_talking_peer)
{
    struct loop *loop = loop_new("t");
    struct ip_port addr;
    int listener = listen_on(&addr);
    struct end a = dialled(loop, &addr), b = dialled(loop, &addr);

    a.c = conn_connect(loop, &addr, MAX, MAX, &end_ops, &a);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    b.c = conn_accept(loop, fd, MAX, MAX, &end_ops, &b);
    conn_pause(b.c);
    while (!a.connected)
        loop_pump(loop);
    end_say(&a, "much that nobody reads");
    for (int i = 0; i < 20; i++)
        loop_pump(loop);
    cr_expect(buf_append(conn_out(b.c), SLICE("421 bye\r\n")));
    conn_finish(&b.c);
    end_say(&a, "and more"); /* would meet a reset */
    for (int i = 0; i < 2000 && !a.closed; i++) {
        loop_pump(loop);
        usleep(100);
    }
    cr_expect_str_eq(buf_cstr(&a.got), "421 bye\r\n");
    cr_expect_str_eq(a.error, "the other side closed the connection");
    conn_free(&a.c);
    for (int i = 0; i < 20; i++) {
        loop_pump(loop);
        usleep(100);
    }
    buf_free(&a.got);
    loop_free(&loop);
    close(listener);
    NO_LEAKS();
}

Test(conn, finish_gives_up_on_a_peer_that_takes_nothing)
{
    struct pair p;
    clock_fake_start(1000000);
    pair_start(&p, 1024 * 1024);
    conn_pause(p.a.c);
    p.b.to_send = 1024 * 1024;
    end_fill(&p.b);
    conn_finish(&p.b.c);
    clock_fake_advance(60000);
    pair_pump(&p);
    conn_resume(p.a.c);
    pair_pump(&p);
    cr_expect_lt(p.a.received, 1024 * 1024);
    cr_expect_eq(p.a.closed, 1);
    clock_fake_stop();
    stop(&p);
}
