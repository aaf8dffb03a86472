/* Connections behind a proxy until their header is there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/buf.h"
#include "config/base/clock.h"
#include "config/base/limits.h"
#include "config/base/log.h"
#include "mta/in/proxy_wait.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

static const char header[] = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n";

static struct {
    struct loop *loop;
    struct proxy_waits *waits;
    int proxy; /* the other end */
    int given; /* the descriptor that done got; -1: none */
    struct ip_port client;
    struct buf log;
} t;

static void on_done(void *door, int fd, const struct ip_port *client)
{
    cr_expect_eq(door, &t);
    t.given = fd;
    t.client = *client;
}

static void on_line(const char *line, size_t n, void *arg)
{
    (void)!buf_append(&t.log, slice_make(line, n));
}

static void start(void)
{
    clock_fake_start(1796000000000);
    buf_init(&t.log, 65536);
    log_capture(on_line, NULL);
    t.loop = loop_new("main");
    t.waits = proxy_waits_new(t.loop, on_done);
    t.given = t.proxy = -1;
}

static void stop(void)
{
    if (t.given >= 0)
        close(t.given);
    if (t.proxy >= 0)
        close(t.proxy);
    proxy_waits_free(&t.waits);
    loop_free(&t.loop);
    log_capture(NULL, NULL);
    buf_free(&t.log);
    clock_fake_stop();
#if defined(__SANITIZE_ADDRESS__)
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "leaks");
#endif
}

TestSuite(proxy_wait, .init = start, .fini = stop);

static void pump(void)
{
    while (loop_pump(t.loop))
        ;
}

static void dial(void)
{
    struct ip_port peer = {.port = 4000};
    int pair[2];

    cr_assert(ip_parse(SLICE("10.0.0.9"), &peer.ip));
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    t.proxy = pair[0];
    proxy_wait(t.waits, pair[1], &peer, "lan", &t);
}

static void say(const char *p, size_t n)
{
    cr_assert_eq(send(t.proxy, p, n, MSG_NOSIGNAL), (ssize_t)n);
    pump();
}

static void expect_client(const char *want)
{
    char text[IP_TEXT_MAX];
    cr_assert_geq(t.given, 0, "%s", buf_cstr(&t.log));
    cr_expect_str_eq(ip_port_text(&t.client, text), want);
}

static void expect_waiting(void)
{
    char c;
    pump();
    cr_expect_eq(t.given, -1);
    cr_expect(recv(t.proxy, &c, 1, 0) < 0 && errno == EAGAIN, "it is closed: %s", buf_cstr(&t.log));
}

/* Closed without a word. */
static void expect_closed(const char *why)
{
    char c;
    pump();
    cr_expect_eq(t.given, -1);
    ssize_t n = recv(t.proxy, &c, 1, 0);
    cr_expect(n == 0 || (n < 0 && errno == ECONNRESET), "it is not closed, or something was said");
    cr_expect(why ? strstr(buf_cstr(&t.log), why) != NULL : t.log.n == 0, "%s", buf_cstr(&t.log));
}

Test(proxy_wait, whole)
{
    dial();
    expect_waiting();
    say(header, sizeof(header) - 1);
    expect_client("192.0.2.1:56324");
}

/* What is behind the header is the client's, down to the octet: a handshake begins with it. */
Test(proxy_wait, nothing_behind_it_is_taken)
{
    char text[100], rest[100] = "";

    memcpy(text, header, sizeof(header) - 1);
    memcpy(text + sizeof(header) - 1, "\x16\x03\x01rest", 7);
    dial();
    say(text, sizeof(header) - 1 + 7);
    expect_client("192.0.2.1:56324");
    cr_expect_eq(recv(t.given, rest, sizeof(rest), 0), 7);
    cr_expect_str_eq(rest, "\x16\x03\x01rest");
}

Test(proxy_wait, octet_by_octet)
{
    char c;

    dial();
    for (size_t i = 0; i < sizeof(header) - 1; i++) {
        expect_waiting();
        say(header + i, 1);
    }
    expect_client("192.0.2.1:56324");
    cr_expect_lt(recv(t.given, &c, 1, 0), 0, "octets of the header are left");
}

Test(proxy_wait, two_pieces_of_version_2)
{
    static const char v2[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0e\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19xxEHLO";
    char rest[5] = "";

    dial();
    say(v2, 20);
    expect_waiting();
    say(v2 + 20, sizeof(v2) - 1 - 20);
    expect_client("192.0.2.1:56324");
    cr_expect_eq(recv(t.given, rest, 4, 0), 4);
    cr_expect_str_eq(rest, "EHLO");
}

Test(proxy_wait, the_proxy_for_itself)
{
    dial();
    say("PROXY UNKNOWN\r\n", 15);
    expect_client("10.0.0.9:4000");
}

Test(proxy_wait, malformed)
{
    dial();
    say("EHLO client.example\r\n", 21);
    expect_closed("smtpd.proxy: proxy=10.0.0.9, listener=lan, reason=no PROXY header");
}

Test(proxy_wait, too_late)
{
    dial();
    for (int i = 0; i < 4; i++) {
        say(header + i, 1);
        clock_fake_advance(1000);
        expect_waiting();
    }
    clock_fake_advance(1001);
    expect_closed("took too long");
}

Test(proxy_wait, the_end_within_it)
{
    dial();
    say(header, 10);
    shutdown(t.proxy, SHUT_WR);
    expect_closed("ended within");
}

Test(proxy_wait, a_look_whether_we_are_there)
{
    dial();
    shutdown(t.proxy, SHUT_WR);
    expect_closed(NULL);
}

static void raise_descriptors(rlim_t wanted)
{
    struct rlimit limit;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < wanted)
        cr_skip_test("this system has too few descriptors");
    limit.rlim_cur = limit.rlim_cur < wanted ? wanted : limit.rlim_cur;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(proxy_wait, so_many_and_no_more)
{
    int ends[LIMIT_PROXY_WAITING];
    char c;

    raise_descriptors(2 * LIMIT_PROXY_WAITING + 100);

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        dial();
        ends[i] = t.proxy;
    }
    dial();
    cr_expect(strstr(buf_cstr(&t.log), "too many"));
    cr_expect_eq(recv(t.proxy, &c, 1, 0), 0);
    proxy_waits_drop(t.waits);
    cr_expect_eq(recv(ends[7], &c, 1, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        close(ends[i]);
}
