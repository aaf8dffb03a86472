/* The connection in TLS: upgrade, injection, back-pressure, ends. */
#include <string.h>
#include <sys/socket.h>

#include "config/base/clock.h"
#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tests/tls/pair.h"
#include "tls/keys.h"

enum { MAX = 64 * 1024 };

static struct cert cert;
static SSL_CTX *server;
static struct tls_clients clients;

static void start(void)
{
    struct buf errors;
    buf_init(&errors, 4096);
    cert = cert_make(&(struct cert_wish){"mx.d.example", "DNS:mx.d.example", NULL, false, VALID});
    server = cert_server(&cert, NULL);
    cr_assert(tls_clients_init(&clients, &errors));
    buf_free(&errors);
}

static void stop(struct pair *p)
{
    pair_stop(p);
    SSL_CTX_free(server);
    tls_clients_free(&clients);
    cert_free(&cert);
    NO_LEAKS();
}

TestSuite(conn_tls, .init = start);

static bool upgrade(struct pair *p)
{
    return pair_tls(p, SSL_new(clients.opportunistic), SSL_new(server));
}

Test(conn_tls, upgrades_in_the_middle)
{
    struct pair p;
    pair_start(&p, MAX);
    end_say(&p.a, "STARTTLS\r\n");
    pair_pump(&p);
    end_say(&p.b, "220 go\r\n");
    pair_pump(&p);
    cr_expect_null(conn_ssl(p.a.c));
    cr_assert(upgrade(&p), "%s / %s", p.a.error, p.b.error);
    cr_expect_not_null(conn_ssl(p.a.c));
    end_say(&p.a, "EHLO");
    end_say(&p.b, "250 hi");
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.b.got), "STARTTLS\r\nEHLO");
    cr_expect_str_eq(buf_cstr(&p.a.got), "220 go\r\n250 hi");
    cr_expect_eq(conn_in(p.b.c)->cap + conn_out(p.a.c)->cap, 0);
    conn_free(&p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.b.closed, 1);
    cr_expect_str_eq(p.b.error, "the other side closed the connection", "close_notify was sent");
    stop(&p);
}

Test(conn_tls, the_last_clear_reply_goes_out_first)
{
    struct pair p;
    pair_start(&p, 1024 * 1024);
    conn_pause(p.a.c);
    p.b.to_send = 1024 * 1024;
    end_fill(&p.b);
    cr_assert_gt(conn_out(p.b.c)->n, 0);
    conn_tls(p.b.c, SSL_new(server), true);
    pair_pump(&p);
    conn_resume(p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.a.received, 1024 * 1024);
    cr_expect(p.a.pattern_ok);
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    pair_pump(&p);
    cr_expect_eq(p.a.tls_ok + p.b.tls_ok, 2, "%s / %s", p.a.error, p.b.error);
    stop(&p);
}

static void large_transfer(int version)
{
    struct pair p;
    const size_t size = 20 * 1024 * 1024;
    SSL_CTX_set_max_proto_version(server, version);
    pair_start(&p, MAX);
    cr_assert(upgrade(&p));
    p.a.to_send = p.b.to_send = size;
    end_fill(&p.a);
    end_fill(&p.b);
    pair_pump(&p);
    cr_expect_eq(p.a.received, size, "TLS %x: %zu", version, p.a.received);
    cr_expect_eq(p.b.received, size, "TLS %x: %zu", version, p.b.received);
    cr_expect(p.a.pattern_ok && p.b.pattern_ok);
    stop(&p);
}

Test(conn_tls, large_transfer_both_ways_1_3)
{
    large_transfer(TLS1_3_VERSION);
}

Test(conn_tls, large_transfer_both_ways_1_2)
{
    large_transfer(TLS1_2_VERSION);
}

/* Records are 16 KiB, the buffer is 1,000 octets: the rest waits inside TLS, where no event tells.
 */
Test(conn_tls, decrypted_octets_are_not_forgotten)
{
    struct pair p;
    pair_start(&p, 1000);
    cr_assert(upgrade(&p));
    buf_free(conn_out(p.a.c));
    buf_init(conn_out(p.a.c), 100000);
    p.a.to_send = 100000;
    end_fill(&p.a);
    pair_pump(&p);
    cr_expect_eq(p.b.received, 100000);
    cr_expect(p.b.pattern_ok);
    stop(&p);
}

Test(conn_tls, decrypted_octets_come_after_a_pause)
{
    struct pair p;
    pair_start(&p, 1000);
    cr_assert(upgrade(&p));
    p.b.consume = false;
    buf_init(conn_out(p.a.c), 10000);
    p.a.to_send = 10000;
    end_fill(&p.a);
    pair_pump(&p);
    cr_assert_eq(conn_in(p.b.c)->n, 1000);
    conn_pause(p.b.c);
    pair_pump(&p);
    p.b.consume = true;
    conn_resume(p.b.c);
    pair_pump(&p);
    cr_expect_eq(p.b.received, 10000);

    /* Room made outside a callback, told by conn_flush alone. */
    p.b.consume = false;
    p.a.to_send = 10000;
    end_fill(&p.a);
    pair_pump(&p);
    cr_assert_eq(conn_in(p.b.c)->n, 1000);
    buf_clear(conn_in(p.b.c));
    p.b.received += 1000;
    p.b.consume = true;
    conn_flush(p.b.c);
    pair_pump(&p);
    cr_expect_eq(p.b.received, 20000);
    stop(&p);
}

/* RFC 3207 §4.2: replies in the same segment as the 220. The owner sees them in conn_in. */
Test(conn_tls, injected_reply_is_visible)
{
    struct pair p;
    pair_start(&p, MAX);
    p.a.consume = false;
    end_say(&p.b, "220 go\r\n250-evil\r\n250 AUTH\r\n");
    pair_pump(&p);
    buf_consume(conn_in(p.a.c), strlen("220 go\r\n"));
    cr_expect_gt(conn_in(p.a.c)->n, 0);
    /* An owner that does not look gets no TLS with these octets in front of it. */
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    cr_expect_eq(p.a.tls_failed, 0, "told from the loop");
    pair_pump(&p);
    cr_expect_eq(p.a.tls_failed, 1);
    cr_expect_str_eq(p.a.error, "octets arrived before the handshake");
    cr_expect_not_null(conn_ssl(p.a.c));
    stop(&p);
}

Test(conn_tls, clear_octets_instead_of_a_handshake)
{
    struct pair p;
    pair_start(&p, MAX);
    conn_tls(p.b.c, SSL_new(server), true);
    end_say(&p.a, "EHLO evil\r\nMAIL FROM:<>\r\n");
    pair_pump(&p);
    cr_expect_eq(p.b.tls_failed, 1);
    cr_expect(p.b.error[0]);
    cr_expect_eq(conn_in(p.b.c)->n, 0);
    cr_expect_eq(p.b.readable + p.b.closed, 0);
    stop(&p);
}

Test(conn_tls, peer_goes_away_during_the_handshake)
{
    struct pair p;
    pair_start(&p, MAX);
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    conn_free(&p.b.c);
    pair_pump(&p);
    cr_expect_eq(p.a.tls_failed, 1);
    cr_expect_eq(p.a.closed, 0, "one last callback");
    stop(&p);
}

Test(conn_tls, deadline_of_the_handshake)
{
    struct pair p;
    clock_fake_start(1000000);
    pair_start(&p, MAX);
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    conn_deadline(p.a.c, 1000);
    pair_pump(&p);
    clock_fake_advance(1000);
    pair_pump(&p);
    cr_expect_eq(p.a.timeout, 1);
    cr_expect_eq(p.a.tls_ok + p.a.tls_failed, 0);
    clock_fake_stop();
    stop(&p);
}

Test(conn_tls, refusing_client_tells_the_server)
{
    struct pair p;
    pair_start(&p, MAX);
    SSL *client = SSL_new(clients.authenticated);
    SSL_set_verify(client, SSL_VERIFY_PEER, NULL);
    cr_expect(!pair_tls(&p, client, SSL_new(server)));
    cr_expect_str_eq(p.a.error, "certificate verify failed");
    cr_expect(strstr(p.b.error, "alert"), "%s", p.b.error);
    stop(&p);
}

Test(conn_tls, freed_in_on_tls)
{
    struct pair p;
    pair_start(&p, MAX);
    p.a.free_in_callback = p.b.free_in_callback = true;
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    conn_tls(p.b.c, SSL_new(server), true);
    pair_pump(&p);
    cr_expect(!p.a.c && !p.b.c);
    stop(&p);
}

Test(conn_tls, finish_in_tls)
{
    struct pair p;
    pair_start(&p, MAX);
    cr_assert(upgrade(&p));
    cr_expect(buf_append(conn_out(p.b.c), SLICE("221 bye\r\n")));
    conn_finish(&p.b.c);
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.a.got), "221 bye\r\n");
    cr_expect_eq(p.a.closed, 1);
    stop(&p);
}

/* Pauses in on_readable, as a session does that waits for the queue. */
static void pause_readable(void *arg)
{
    struct end *e = arg;
    e->readable++;
    conn_pause(e->c);
}

/* Octets and close_notify come in one turn; the end waits behind the octets, and answers still go
 * out. */
Test(conn_tls, end_waits_behind_octets_that_are_paused_on)
{
    struct pair p;
    struct conn_ops pausing = end_ops;
    pausing.on_readable = pause_readable;
    pair_start(&p, MAX);
    cr_assert(upgrade(&p));
    conn_adopt(p.b.c, &pausing, &p.b);
    end_say(&p.a, "QUIT");
    conn_free(&p.a.c);
    pair_pump(&p);
    cr_expect_eq(p.b.readable, 1);
    cr_expect_eq(p.b.closed, 0);
    conn_adopt(p.b.c, &end_ops, &p.b);
    conn_resume(p.b.c);
    pair_pump(&p);
    cr_expect_str_eq(buf_cstr(&p.b.got), "QUIT");
    cr_expect_eq(p.b.closed, 1);
    stop(&p);
}

Test(conn_tls, tls_on_a_lost_connection)
{
    struct pair p;
    pair_start(&p, MAX);
    conn_free(&p.b.c);
    conn_pause(p.a.c);
    end_say(&p.a, "x");
    conn_tls(p.a.c, SSL_new(clients.opportunistic), false);
    pair_pump(&p);
    cr_expect_eq(p.a.closed, 1);
    cr_expect_eq(p.a.tls_ok + p.a.tls_failed, 0);
    stop(&p);
}
