/* XCLIENT at the door: whose rights count after it, and what trace, log and message say. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

/* A proxy at 127.0.0.1, which may relay itself; so may 10.0.0.0/8. */
static struct ip_net nets[2];

static struct rig *rig_of(const char *from)
{
    struct rig *r = rig_new();

    cr_assert(ip_parse_net(SLICE("127.0.0.1"), &nets[0]) &&
              ip_parse_net(SLICE("10.0.0.0/8"), &nets[1]));
    r->listener.xclients = nets;
    r->listener.n_xclients = 1;
    r->listener.clients = nets;
    r->listener.n_clients = 2;
    rig_connect(r, from);
    rig_expect(r, "220 relay.example");
    rig_ask(r, "EHLO proxy.example", "250");
    return r;
}

static void ask_to_relay(struct rig *r, const char *want)
{
    rig_ask(r, "EHLO client.example", "250-relay.example");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", want);
}

static void expect_in_trace(struct rig *r, const char *text)
{
    struct message *m = rig_message(r);
    char p[2000] = "";

    cr_assert(body_read(m->body, 0, p, sizeof(p) - 1) > 0);
    cr_expect(strstr(p, text), "%s", p);
    message_free(&m);
}

Test(xclient, the_client_is_another)
{
    struct rig *r = rig_of("127.0.0.1");

    rig_ask(r, "XCLIENT NAME=far.example ADDR=192.0.2.7 HELO=said.example PROTO=ESMTP",
            "220 relay.example ESMTP");
    rig_ask(r, "MAIL FROM:<s@a.example>", "503"); /* all is new, EHLO too */
    ask_to_relay(r, "554 5.7.1");
    rig_ask(r, "RCPT TO:<r@ours.example>", "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\nx\r\n.", "250");
    expect_in_trace(r, "from client.example (far.example [192.0.2.7])");
    cr_expect(rig_logged(r, "smtpd.xclient: proxy=127.0.0.1, listener=lan, client=192.0.2.7, "
                            "name=far.example, helo=said.example, proto=ESMTP"));
    cr_expect(rig_logged(r, "client=192.0.2.7, helo=client.example, proto=ESMTP, tls=none, "
                            "client_name=far.example"));
    cr_expect_str_eq(r->moves, "127.0.0.1 192.0.2.7, ");
    rig_free(&r);
}

Test(xclient, a_client_that_may_relay)
{
    struct rig *r = rig_of("127.0.0.1");

    rig_ask(r, "XCLIENT ADDR=10.1.2.3", "220");
    ask_to_relay(r, "250");
    rig_ask(r, "RSET", "250");
    rig_ask(r, "XCLIENT ADDR=IPV6:2001:db8::1 NAME=[TEMPUNAVAIL]", "220");
    ask_to_relay(r, "554 5.7.1");
    cr_expect_str_eq(r->moves, "127.0.0.1 10.1.2.3, 10.1.2.3 2001:db8::1, ");
    rig_free(&r);
}

/* Nobody knows who it is, so it has the rights of nobody; the connection stays the proxy's. */
Test(xclient, an_unknown_address_has_no_rights)
{
    struct rig *r = rig_of("127.0.0.1");

    rig_ask(r, "XCLIENT ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]", "220");
    ask_to_relay(r, "554 5.7.1");
    cr_expect(rig_logged(r, "client=unknown"));
    cr_expect_str_eq(r->moves, "");
    rig_free(&r);
}

Test(xclient, a_login_relays_and_stays_with_the_message)
{
    struct rig *r = rig_of("127.0.0.1");

    rig_ask(r, "XCLIENT ADDR=192.0.2.7 LOGIN=user+40example.org", "220");
    ask_to_relay(r, "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\nx\r\n.", "250");
    struct message *m = rig_message(r);
    cr_expect_str_eq(m->user, "user@example.org");
    message_free(&m);
    cr_expect(rig_logged(r, "user=user@example.org"));
    expect_in_trace(r, "with ESMTPA");
    rig_ask(r, "XCLIENT ADDR=192.0.2.8", "220"); /* somebody else, without a login */
    ask_to_relay(r, "554 5.7.1");
    rig_free(&r);
}

/* RFC 3207 §4.2: what was said in clear may have been anybody's word. */
Test(xclient, a_login_said_in_clear_does_not_survive_starttls)
{
    struct rig *r = rig_new();

    cr_assert(ip_parse_net(SLICE("127.0.0.1"), &nets[0]));
    r->listener.xclients = nets;
    r->listener.n_xclients = 1;
    rig_identity(r);
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220 relay.example");
    rig_ask(r, "XCLIENT ADDR=192.0.2.7 LOGIN=user", "220");
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220 2.0.0");
    rig_handshake(r);
    ask_to_relay(r, "554 5.7.1");
    rig_ask(r, "RSET", "250");
    rig_ask(r, "XCLIENT LOGIN=user", "220"); /* within TLS it counts */
    ask_to_relay(r, "250");
    rig_free(&r);
}

Test(xclient, from_others_it_is_refused)
{
    struct rig *r = rig_of("10.0.0.1");

    rig_ask(r, "XCLIENT ADDR=192.0.2.7", "502");
    ask_to_relay(r, "250");
    cr_expect_str_eq(r->moves, "");
    rig_free(&r);
}

Test(xclient, not_in_a_transaction)
{
    struct rig *r = rig_of("127.0.0.1");

    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "XCLIENT ADDR=10.1.2.3", "503");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "250");
    rig_free(&r);
}

Test(xclient, a_client_with_too_many_connections)
{
    struct rig *r = rig_of("127.0.0.1");

    r->move_cause = CAUSE_TOO_MANY_CONNECTIONS;
    rig_ask(r, "XCLIENT ADDR=192.0.2.7", "421 4.7.0");
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

/* The proxy goes while admission is asked: the session waits for the answer and ends then, as the
 * new client's. */
Test(xclient, the_proxy_goes_meanwhile)
{
    struct rig *r = rig_of("127.0.0.1");

    cr_assert_eq(send(r->fd, "XCLIENT ADDR=192.0.2.7\r\n", 24, 0), 24);
    rig_close(r);
    cr_expect_eq(r->ended, 1);
    cr_expect_str_eq(r->moves, "127.0.0.1 192.0.2.7, ");
    rig_free(&r);
}
