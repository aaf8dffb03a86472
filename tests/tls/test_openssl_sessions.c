/* What resumption keeps and what it does not: nothing is verified again, so a resumed session must
 * never count as authenticated by the TLSA records of today. */
#include <string.h>

#include "tests/tls/leaks.h"
#include "tests/tls/pins.h"

TestSuite(openssl_sessions, .init = pins_start, .fini = pins_stop);

/* Reads what the server sends after the handshake: in TLS 1.3, the tickets. */
static void read_tickets(SSL *client)
{
    char octet;
    (void)SSL_read(client, &octet, 1);
}

/* A session whose connection was not shut down is not resumed; so it is. The caller's. */
static SSL_SESSION *session_of(SSL *client)
{
    read_tickets(client);
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return SSL_get1_session(client);
}

struct resumption {
    const char *fact, *expected;
    struct pin made, used; /* the same server for both: used.sent is made.sent */
};

// clang-format off
static const struct resumption rows[] = {
    {"made under records that match, used under the same", "reused, 0: no authority",
     {.sent = {SELF}, .tlsa = {{SELF, 3, 1, 1}}}, {.tlsa = {{SELF, 3, 1, 1}}}},
    {"made under records that match, used under others: still \"ok\"", "reused, 0: no authority",
     {.sent = {SELF}, .tlsa = {{SELF, 3, 1, 1}}}, {.tlsa = {{OTHER, 3, 1, 1}}}},
    {"made under usage 2 for one name, used for another", "reused, 0: no authority",
     {.sent = {LEAF, INT}, .tlsa = {{INT, 2, 0, 1}}}, {.tlsa = {{INT, 2, 0, 1}}, .base = "else.example"}},
    {"made without records, used under records that match", "reused, 20 no issuer",
     {.sent = {LEAF, INT}}, {.tlsa = {{LEAF, 3, 1, 1}}}},
    {"made under others, used under records that match", "reused, 65 no match",
     {.sent = {SELF}, .tlsa = {{OTHER, 3, 1, 1}}}, {.tlsa = {{SELF, 3, 1, 1}}}},
};
// clang-format on

/* The second connection goes to the server of the first: tickets are under its context's key. */
static void resume(const struct resumption *r, int version)
{
    struct pin_ends first = pin_shake(&r->made, version);
    SSL_SESSION *session = session_of(first.client);
    struct pin used = r->used;
    char text[PIN_TEXT], seen[PIN_TEXT + 20];

    used.resume = session;
    used.server = first.server_ctx;
    struct pin_ends second = pin_shake(&used, version);
    (void)snprintf(seen, sizeof(seen), "%s, %s",
                   SSL_session_reused(second.client) ? "reused" : "new",
                   pin_outcome(second.client, second.done, text));
    cr_expect_str_eq(seen, r->expected, "%s (%s): expected \"%s\", seen \"%s\"", r->fact,
                     SSL_get_version(second.client), r->expected, seen);
    int authority = SSL_get0_dane_authority(second.client, NULL, NULL);
    cr_expect_eq(authority, -1, "%s: authority expected -1, seen %d", r->fact, authority);
    pin_ends_free(&second);
    pin_ends_free(&first);
    SSL_SESSION_free(session);
}

Test(openssl_sessions, nothing_is_verified_again)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        resume(&rows[i], TLS1_3_VERSION);
        resume(&rows[i], TLS1_2_VERSION);
    }
}

static const struct pin good = {
    .sent = {LEAF, INT},
      .tlsa = {{INT, 2, 0, 1}   }
};

static SSL_SESSION *stored(SSL_SESSION *s)
{
    unsigned char *der = NULL;
    int n = i2d_SSL_SESSION(s, &der);
    const unsigned char *p = der;
    SSL_SESSION *copy = d2i_SSL_SESSION(NULL, &p, n);
    OPENSSL_free(der);
    REQUIRE(copy);
    return copy;
}

/* So what was sent cannot be verified once more, even if one wanted to. */
Test(openssl_sessions, a_stored_session_has_the_leaf_but_not_its_chain)
{
    struct pin_ends first = pin_shake(&good, TLS1_3_VERSION);
    SSL_SESSION *session = session_of(first.client), *copy = stored(session);
    struct pin used = good;

    used.resume = copy;
    used.server = first.server_ctx;
    struct pin_ends second = pin_shake(&used, TLS1_3_VERSION);
    cr_expect_eq(SSL_session_reused(second.client), 1);
    cr_expect_not_null(SSL_get0_peer_certificate(second.client), "the leaf");
    cr_expect_null(SSL_get_peer_cert_chain(second.client), "the chain");
    pin_ends_free(&second);
    pin_ends_free(&first);
    SSL_SESSION_free(copy);
    SSL_SESSION_free(session);
}

static int n_new;

static int count_new(SSL *ssl, SSL_SESSION *session)
{
    n_new++;
    return 0;
}

static void count_sessions(SSL_CTX *client)
{
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, count_new);
}

Test(openssl_sessions, tickets_of_tls_1_3_come_after_the_handshake)
{
    static const struct {
        const char *fact;
        int version, during, after;
    } when[] = {
        {"TLS 1.3: two, with the first data", TLS1_3_VERSION, 0, 2},
        {"TLS 1.2: one, in the handshake",    TLS1_2_VERSION, 1, 1},
    };
    struct pin p = good;

    p.setup = count_sessions;
    for (size_t i = 0; i < ARRAY_LEN(when); i++) {
        n_new = 0;
        struct pin_ends e = pin_shake(&p, when[i].version);
        cr_expect_eq(n_new, when[i].during, "%s: during the handshake expected %d, seen %d",
                     when[i].fact, when[i].during, n_new);
        read_tickets(e.client);
        cr_expect_eq(n_new, when[i].after, "%s: in all expected %d, seen %d", when[i].fact,
                     when[i].after, n_new);
        pin_ends_free(&e);
    }
}

Test(openssl_sessions, a_connection_cut_off_is_not_resumed)
{
    struct pin_ends first = pin_shake(&good, TLS1_3_VERSION);
    read_tickets(first.client);
    SSL_SESSION *session = SSL_get1_session(first.client);

    cr_expect_eq(SSL_SESSION_is_resumable(session), 1, "while it lasts");
    SSL_free(first.client);
    first.client = NULL;
    cr_expect_eq(SSL_SESSION_is_resumable(session), 0, "freed without a shutdown");
    pin_ends_free(&first);
    SSL_SESSION_free(session);
}
