/* STARTTLS and TLS from the start at our own door, and what must not get through it. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* ---- What a client may not do (ids of the threat catalogue) ---- */

static void expect_no_handshake(struct rig *r)
{
    for (int i = 0; i < 100 && !r->closed; i++)
        rig_read(r);
    cr_expect(r->closed);
    cr_expect(rig_logged(r, "smtpd.tls_failed: client=127.0.0.1"));
    cr_expect_eq(r->ended, 1);
}

/* T8: TLS 1.2 is the floor. The client's alert may come before it notices. */
Test(tls, old_versions_are_refused)
{
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct rig *r = starttls_rig();
        rig_ask(r, "EHLO client.example", "250");
        rig_ask(r, "STARTTLS", "220");
        r->client = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_security_level(r->client, 0);
        SSL_CTX_set_min_proto_version(r->client, versions[i]);
        SSL_CTX_set_max_proto_version(r->client, versions[i]);
        cr_expect_not(rig_try_handshake(r));
        SSL_free(r->ssl);
        r->ssl = NULL;
        expect_no_handshake(r);
        rig_free(&r);
    }
}

/* T5, T8: what is no TLS record, and SSL 2 in its own form, end the session; what follows in clear
 * is not answered. */
Test(tls, what_is_no_handshake)
{
    static const struct slice openings[] = {
        {"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80", 20},
        {"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80", 20},
        {"\x16\x03\x01\xff\xff",                                                             5 },
        {"\x15\x03\x03\x00\x02\x02\x28",                                                     7 },
        {"\0\0\0\0\0\0\0\0\0\0\0\0",                                                         12},
    };

    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        struct rig *r = starttls_rig();
        rig_ask(r, "EHLO client.example", "250");
        rig_ask(r, "STARTTLS", "220");
        rig_write(r, openings[i]);
        rig_say(r, "\r\nEHLO client.example\r\n");
        shutdown(r->fd, SHUT_WR);
        expect_no_handshake(r);
        cr_expect(!memmem(buf_slice(&r->got).p, r->got.n, "250", 3), "clear text was answered");
        rig_free(&r);
    }
}

/* T8: TLS 1.2 renegotiation is not done: it was a way to put words in a client's mouth, and costs
 * us more than the client. */
Test(tls, no_renegotiation)
{
    struct rig *r = starttls_rig();
    int rc = 0;

    r->client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(r->client, TLS1_2_VERSION);
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220");
    rig_handshake(r);
    rig_ask(r, "EHLO client.example", "250");
    cr_assert_eq(SSL_renegotiate(r->ssl), 1);
    for (int i = 0; i < 20 && (rc = SSL_do_handshake(r->ssl)) != 1 &&
                    SSL_get_error(r->ssl, rc) == SSL_ERROR_WANT_READ;
         i++)
        rig_pump(r);
    cr_expect_neq(rc, 1, "it was done");
    ERR_clear_error();
    rig_free(&r);
}

/* T7: an end without close_notify may be an attacker's: a message that was cut off is none. */
Test(tls, the_end_within_data)
{
    for (int notify = 0; notify < 2; notify++) {
        struct rig *r = starttls_rig();
        start_tls(r);
        rig_ask(r, "EHLO client.example", "250");
        rig_ask(r, "MAIL FROM:<s@a.example>", "250");
        rig_ask(r, "RCPT TO:<r@b.example>", "250");
        rig_ask(r, "DATA", "354");
        rig_say(r, "Subject: half\r\n\r\nhalf of it\r\n");
        if (notify)
            (void)SSL_shutdown(r->ssl);
        shutdown(r->fd, SHUT_WR);
        rig_pump(r);
        cr_expect_eq(r->ended, 1);
        cr_expect_eq(rig_messages(r, NULL, 0), 0);
        cr_expect_eq(rig_files(r), 0);
        cr_expect(rig_logged(r, "smtpd.disconnect: client=127.0.0.1, helo=client.example, "
                                "reason=connection lost"));
        rig_free(&r);
    }
}

/* T11: one octet at a time does not move the deadline of the handshake, with TLS from the start
 * either. */
Test(tls, a_handshake_in_drops)
{
    struct rig *r = rig_new();

    rig_identity(r);
    r->listener.tls = LISTENER_TLS_IMPLICIT;
    rig_connect(r, "127.0.0.1");
    for (int i = 0; i < 29; i++) {
        rig_write(
            r, slice_make("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + (i < 11 ? i : 10), 1));
        rig_advance(r, 1000);
    }
    cr_expect_eq(r->ended, 0);
    rig_advance(r, 1001);
    rig_expect_close(r);
    cr_expect(rig_logged(r, "took too long"));
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}
