/* STARTTLS and TLS from the start at our own door, and what must not get through it. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig *starttls_rig(void)
{
    struct rig *r = rig_new();
    rig_identity(r);
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220 relay.example");
    return r;
}

static void start_tls(struct rig *r)
{
    rig_say(r, "EHLO client.example\r\n");
    rig_read(r);
    cr_expect(memmem(buf_slice(&r->got).p, r->got.n, "250-STARTTLS\r\n", 14), "not offered");
    rig_expect(r, "250");
    rig_ask(r, "STARTTLS", "220 2.0.0");
    rig_handshake(r);
}

Test(tls, message_over_starttls)
{
    struct rig *r = starttls_rig();
    char p[2000] = "";

    start_tls(r);
    rig_ask(r, "MAIL FROM:<s@a.example>", "503"); /* RFC 3207 §4.2: all is forgotten */
    rig_say(r, "EHLO client.example\r\n");
    rig_read(r);
    cr_expect_null(memmem(buf_slice(&r->got).p, r->got.n, "STARTTLS", 8), "offered twice");
    rig_expect(r, "250");
    rig_ask(r, "STARTTLS", "503");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\nx\r\n.", "250 2.0.0");
    struct message *m = rig_message(r);
    cr_assert(body_read(m->body, 0, p, sizeof(p) - 1) > 0);
    cr_expect(strstr(p, "ESMTPS") && strstr(p, "TLSv1.3"), "%s", p);
    cr_expect(rig_logged(r, "proto=ESMTPS, tls=TLSv1.3"));
    message_free(&m);
    rig_ask(r, "QUIT", "221");
    rig_free(&r);
}

/* CVE-2011-0411: what was sent in clear behind STARTTLS must never act inside TLS. */
Test(tls, injection_ends_the_session)
{
    struct rig *r = starttls_rig();

    rig_ask(r, "EHLO client.example", "250");
    rig_say(r, "STARTTLS\r\nEHLO evil.example\r\n");
    rig_expect(r, "5");
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

/* The same with the injected octets one segment later: they are read by the handshake, which fails.
 */
Test(tls, late_injection_fails_the_handshake)
{
    struct rig *r = starttls_rig();

    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220");
    rig_say(r, "EHLO evil.example\r\nMAIL FROM:<a@b.example>\r\n");
    for (int i = 0; i < 100 && !r->closed; i++)
        rig_read(r);
    cr_expect(r->closed);
    cr_expect(!memmem(buf_slice(&r->got).p, r->got.n, "250", 3), "clear text was answered");
    cr_expect(rig_logged(r, "smtpd.tls_failed: client=127.0.0.1"));
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

Test(tls, handshake_deadline)
{
    struct rig *r = starttls_rig();

    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220");
    rig_advance(r, 29000);
    cr_expect_eq(r->ended, 0);
    rig_say(r, "\x16\x03");
    rig_advance(r, 2000);
    rig_expect_close(r);
    cr_expect(rig_logged(r, "took too long"));
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

Test(tls, required)
{
    struct rig *r = rig_new();

    rig_identity(r);
    r->listener.tls = LISTENER_TLS_REQUIRE;
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "MAIL FROM:<s@a.example>", "530 5.7.0");
    rig_ask(r, "STARTTLS", "220");
    rig_handshake(r);
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_free(&r);
}

Test(tls, implicit)
{
    struct rig *r = rig_new();

    rig_identity(r);
    r->listener.tls = LISTENER_TLS_IMPLICIT;
    rig_connect(r, "127.0.0.1");
    rig_read(r);
    cr_expect_eq(r->got.n, 0, "a greeting in clear");
    rig_handshake(r);
    rig_expect(r, "220 relay.example ESMTP");
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "50");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_free(&r);
}

Test(tls, not_offered_without_identity)
{
    struct rig *r = rig_new();

    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "502");
    rig_free(&r);
}

Test(tls, stop_during_the_handshake)
{
    struct rig *r = starttls_rig();

    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220");
    in_session_stop_all(&r->worker);
    rig_expect_close(r);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}
