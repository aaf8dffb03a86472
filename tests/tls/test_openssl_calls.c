/* What the calls of OpenSSL's DANE interface return: a row per record and per call. */
#include <openssl/err.h>
#include <string.h>

#include "tests/tls/leaks.h"
#include "tests/tls/pins.h"

TestSuite(openssl_calls, .init = pins_start, .fini = pins_stop);

/* ---- records */

enum data { ZEROS, CERT, KEY, CERT_AND_MORE, KEY_AND_MORE, NO_POINTER };

struct add {
    const char *record;
    uint8_t usage, selector, mtype;
    enum data data;
    size_t len; /* of ZEROS */
    int expected;
};

// clang-format off
static const struct add adds[] = {
    {"3 1 1, 32 octets", 3, 1, 1, ZEROS, 32, 1},
    {"3 1 1, 31 octets", 3, 1, 1, ZEROS, 31, 0},
    {"3 1 1, 33 octets", 3, 1, 1, ZEROS, 33, 0},
    {"3 1 1, 64 octets", 3, 1, 1, ZEROS, 64, 0},
    {"3 1 1, empty", 3, 1, 1, ZEROS, 0, 0},
    {"3 1 1, no data at all", 3, 1, 1, NO_POINTER, 32, 0},
    {"3 1 2, 64 octets", 3, 1, 2, ZEROS, 64, 1},
    {"3 1 2, 32 octets", 3, 1, 2, ZEROS, 32, 0},
    {"3 1 2, 63 octets", 3, 1, 2, ZEROS, 63, 0},
    {"3 1 2, empty", 3, 1, 2, ZEROS, 0, 0},
    {"3 0 1, 32 octets", 3, 0, 1, ZEROS, 32, 1},
    {"2 0 1, 32 octets", 2, 0, 1, ZEROS, 32, 1},
    {"2 1 2, 64 octets", 2, 1, 2, ZEROS, 64, 1},
    {"usage 0 is accepted", 0, 0, 1, ZEROS, 32, 1},
    {"usage 1 is accepted", 1, 1, 1, ZEROS, 32, 1},
    {"usage 4", 4, 1, 1, ZEROS, 32, 0},
    {"usage 255", 255, 1, 1, ZEROS, 32, 0},
    {"selector 2", 3, 2, 1, ZEROS, 32, 0},
    {"selector 255", 3, 255, 1, ZEROS, 32, 0},
    {"matching type 3", 3, 1, 3, ZEROS, 32, 0},
    {"matching type 255", 3, 1, 255, ZEROS, 32, 0},
    {"3 0 0, a certificate", 3, 0, 0, CERT, 0, 1},
    {"3 1 0, a key", 3, 1, 0, KEY, 0, 1},
    {"2 0 0, a certificate", 2, 0, 0, CERT, 0, 1},
    {"2 1 0, a key", 2, 1, 0, KEY, 0, 1},
    {"3 0 0, a certificate and an octet", 3, 0, 0, CERT_AND_MORE, 0, 0},
    {"3 1 0, a key and an octet", 3, 1, 0, KEY_AND_MORE, 0, 0},
    {"3 0 0, a key", 3, 0, 0, KEY, 0, 0},
    {"3 1 0, a certificate", 3, 1, 0, CERT, 0, 0},
    {"3 0 0, junk", 3, 0, 0, ZEROS, 40, 0},
    {"3 1 0, junk", 3, 1, 0, ZEROS, 40, 0},
    {"2 0 0, junk", 2, 0, 0, ZEROS, 40, 0},
    {"2 1 0, junk", 2, 1, 0, ZEROS, 40, 0},
    {"3 0 0, empty: an error of the library, not a refusal", 3, 0, 0, ZEROS, 0, -1},
    {"3 1 0, empty", 3, 1, 0, ZEROS, 0, -1},
    {"2 0 0, empty", 2, 0, 0, ZEROS, 0, -1},
    {"2 1 0, empty", 2, 1, 0, ZEROS, 0, -1},
};
// clang-format on

static size_t make_data(const struct add *a, uint8_t data[RECORD_MAX])
{
    memset(data, 0, RECORD_MAX);
    if (a->data == ZEROS || a->data == NO_POINTER)
        return a->len;
    bool key = a->data == KEY || a->data == KEY_AND_MORE;
    bool more = a->data == CERT_AND_MORE || a->data == KEY_AND_MORE;
    return (size_t)cert_record(pin_cert(SELF), 3, key, 0, false, data).len + more;
}

static SSL_CTX *dane_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    REQUIRE(ctx && SSL_CTX_dane_enable(ctx) == 1);
    return ctx;
}

Test(openssl_calls, records)
{
    static uint8_t data[RECORD_MAX];
    SSL_CTX *ctx = dane_context();

    for (size_t i = 0; i < ARRAY_LEN(adds); i++) {
        const struct add *a = &adds[i];
        SSL *ssl = SSL_new(ctx);
        REQUIRE(ssl && SSL_dane_enable(ssl, "mx.d.example") == 1);
        size_t n = make_data(a, data);
        ERR_clear_error();
        int seen = SSL_dane_tlsa_add(ssl, a->usage, a->selector, a->mtype,
                                     a->data == NO_POINTER ? NULL : data, n);
        bool dirty = ERR_peek_error() != 0;
        cr_expect_eq(seen, a->expected, "%s: expected %d, seen %d", a->record, a->expected, seen);
        cr_expect_eq(dirty, a->expected != 1, "%s: error queue expected %s, seen %s", a->record,
                     a->expected != 1 ? "dirty" : "clean", dirty ? "dirty" : "clean");
        SSL_free(ssl);
    }
    ERR_clear_error();
    SSL_CTX_free(ctx);
}

/* ---- other calls: each gets an SSL of a context with DANE, nothing more */

static const uint8_t digest[32];

static long add_before_enable(SSL *ssl)
{
    return SSL_dane_tlsa_add(ssl, 3, 1, 1, digest, sizeof(digest));
}

static long enable(SSL *ssl)
{
    return SSL_dane_enable(ssl, "mx.d.example");
}

static long enable_twice(SSL *ssl)
{
    (void)enable(ssl);
    return SSL_dane_enable(ssl, "mx.d.example");
}

static long enable_empty(SSL *ssl)
{
    return SSL_dane_enable(ssl, "");
}

static long enable_without_name(SSL *ssl)
{
    return SSL_dane_enable(ssl, NULL);
}

static bool sni_is(SSL *ssl, const char *name)
{
    const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return name ? sni && strcmp(sni, name) == 0 : !sni;
}

static long enable_sets_sni(SSL *ssl)
{
    (void)enable(ssl);
    return sni_is(ssl, "mx.d.example");
}

static long enable_keeps_sni(SSL *ssl)
{
    (void)SSL_set_tlsext_host_name(ssl, "else.example");
    (void)enable(ssl);
    return sni_is(ssl, "else.example");
}

static long enable_without_name_sets_no_sni(SSL *ssl)
{
    (void)SSL_dane_enable(ssl, NULL);
    return sni_is(ssl, NULL) && !X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0);
}

static bool host_is(SSL *ssl, int i, const char *name)
{
    const char *host = X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), i);
    return name ? host && strcmp(host, name) == 0 : !host;
}

static long enable_replaces_hosts(SSL *ssl)
{
    (void)SSL_add1_host(ssl, "else.example");
    (void)enable(ssl);
    return host_is(ssl, 0, "mx.d.example") && host_is(ssl, 1, NULL);
}

static long hosts_are_added(SSL *ssl)
{
    (void)enable(ssl);
    (void)SSL_add1_host(ssl, "d.example");
    return host_is(ssl, 0, "mx.d.example") && host_is(ssl, 1, "d.example");
}

static long address_is_no_host(SSL *ssl)
{
    (void)enable(ssl);
    return SSL_add1_host(ssl, "192.0.2.1") == 1 && host_is(ssl, 1, NULL);
}

static long second_address(SSL *ssl)
{
    (void)SSL_add1_host(ssl, "192.0.2.1");
    return SSL_add1_host(ssl, "2001:db8::1");
}

static long name_after_address(SSL *ssl)
{
    (void)SSL_add1_host(ssl, "192.0.2.1");
    return SSL_add1_host(ssl, "d.example");
}

static long fresh_result(SSL *ssl)
{
    return SSL_get_verify_result(ssl);
}

static long fresh_authority(SSL *ssl)
{
    (void)enable(ssl);
    return SSL_get0_dane_authority(ssl, NULL, NULL);
}

static long default_flags(SSL *ssl)
{
    return (long)SSL_dane_set_flags(ssl, 0);
}

static long default_level(SSL *ssl)
{
    return SSL_get_security_level(ssl);
}

static long default_floor(SSL *ssl)
{
    return SSL_get_min_proto_version(ssl);
}

static long full_data_with_digest(SSL *ssl)
{
    return SSL_CTX_dane_mtype_set(SSL_get_SSL_CTX(ssl), EVP_sha256(), 0, 1);
}

static long full_data_disabled(SSL *ssl)
{
    return SSL_CTX_dane_mtype_set(SSL_get_SSL_CTX(ssl), NULL, 0, 0);
}

static long context_without_dane(SSL *ssl)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *other = SSL_new(ctx);
    long seen = SSL_dane_enable(other, "mx.d.example");
    SSL_free(other);
    SSL_CTX_free(ctx);
    return seen;
}

struct call {
    const char *fact;
    long (*call)(SSL *);
    long expected;
};

// clang-format off
static const struct call calls[] = {
    {"SSL_dane_tlsa_add before SSL_dane_enable", add_before_enable, -1},
    {"SSL_dane_enable", enable, 1},
    {"SSL_dane_enable a second time", enable_twice, 0},
    {"SSL_dane_enable with an empty name", enable_empty, -1},
    {"SSL_dane_enable without a name", enable_without_name, 1},
    {"SSL_dane_enable where the context has no DANE", context_without_dane, 0},
    {"SSL_dane_enable sets SNI", enable_sets_sni, true},
    {"SSL_dane_enable leaves an SNI that was set", enable_keeps_sni, true},
    {"SSL_dane_enable without a name sets neither SNI nor host", enable_without_name_sets_no_sni, true},
    {"SSL_dane_enable replaces the hosts that were set", enable_replaces_hosts, true},
    {"SSL_add1_host after it adds one", hosts_are_added, true},
    {"SSL_add1_host with an address adds no host but an address", address_is_no_host, true},
    {"SSL_add1_host refuses a second address", second_address, 0},
    {"SSL_add1_host takes a name after an address", name_after_address, 1},
    {"the verify result of a new SSL is X509_V_OK", fresh_result, X509_V_OK},
    {"SSL_get0_dane_authority before a handshake", fresh_authority, -1},
    {"no flag of SSL_dane_set_flags is set by default", default_flags, 0},
    {"the default security level, as Debian builds it", default_level, 2},
    {"openssl.cnf sets no floor of TLS versions", default_floor, 0},
    {"SSL_CTX_dane_mtype_set: matching type 0 gets no digest", full_data_with_digest, 0},
    {"SSL_CTX_dane_mtype_set: matching type 0 is never disabled", full_data_disabled, 1},
};
// clang-format on

Test(openssl_calls, results)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        SSL_CTX *ctx = dane_context();
        SSL *ssl = SSL_new(ctx);
        REQUIRE(ssl);
        long seen = calls[i].call(ssl);
        cr_expect_eq(seen, calls[i].expected, "%s: expected %ld, seen %ld", calls[i].fact,
                     calls[i].expected, seen);
        ERR_clear_error();
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
}

/* ---- the error queue, and how a connection ends */

static void refuse_a_record(SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);
    REQUIRE(ssl && SSL_dane_enable(ssl, "mx.d.example") == 1);
    REQUIRE(SSL_dane_tlsa_add(ssl, 3, 1, 1, digest, 1) == 0);
    SSL_free(ssl);
}

static const struct pin good = {
    .sent = {SELF}, .tlsa = {{SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES};

Test(openssl_calls, a_refused_record_spoils_the_next_read)
{
    struct pin_ends e = pin_shake(&good, TLS1_2_VERSION);
    char octet;

    int n = SSL_read(e.client, &octet, 1);
    int seen = SSL_get_error(e.client, n);
    cr_expect_eq(seen, SSL_ERROR_WANT_READ, "nothing to read: expected 2, seen %d", seen);
    refuse_a_record(e.client_ctx);
    n = SSL_read(e.client, &octet, 1);
    seen = SSL_get_error(e.client, n);
    cr_expect_eq(seen, SSL_ERROR_SSL, "after a refused record: expected 1, seen %d", seen);
    ERR_clear_error();
    pin_ends_free(&e);
}

// clang-format off
static const struct {
    const char *fact;
    struct pin pin;
    bool done;
    long code;
} ended[] = {
    {"a match", {.sent = {SELF}, .tlsa = {{SELF, 3, 1, 1}}}, true, X509_V_OK},
    {"no match", {.sent = {SELF}, .tlsa = {{OTHER, 3, 1, 1}}}, false, X509_V_ERR_DANE_NO_MATCH},
    {"no record", {.sent = {SELF}}, false, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT},
};
// clang-format on

/* With SSL_VERIFY_PEER the handshake ends; with SSL_VERIFY_NONE it goes on and tells. */
Test(openssl_calls, verify_peer_ends_the_handshake)
{
    for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
        struct pin p = ended[i].pin;
        p.verify_peer = true;
        struct pin_ends e = pin_shake(&p, TLS1_3_VERSION);
        long code = SSL_get_verify_result(e.client);
        cr_expect_eq(e.done, ended[i].done, "%s: handshake done: expected %d, seen %d",
                     ended[i].fact, ended[i].done, e.done);
        cr_expect_eq(code, ended[i].code, "%s: expected %ld, seen %ld", ended[i].fact,
                     ended[i].code, code);
        pin_ends_free(&e);
    }
}

static void anonymous(SSL_CTX *client)
{
    REQUIRE(SSL_CTX_set_cipher_list(client, "aNULL:@SECLEVEL=0") == 1);
}

static void anonymous_server(SSL_CTX *server)
{
    anonymous(server);
    SSL_CTX_set_dh_auto(server, 1);
}

/* Nobody is authenticated, and yet the verify result is "ok": only the authority says so. */
Test(openssl_calls, anonymous_suites_leave_the_verify_result_alone)
{
    const struct pin p = {.sent = {SELF},
                          .tlsa = {{SELF, 3, 1, 1, true}},
                          .setup = anonymous,
                          .server_setup = anonymous_server};
    struct pin_ends e = pin_shake(&p, TLS1_2_VERSION);
    char text[PIN_TEXT];

    cr_expect_str_eq(pin_outcome(e.client, e.done, text), "0: no authority",
                     "expected \"0: no authority\", seen \"%s\"", text);
    cr_expect_null(SSL_get0_peer_certificate(e.client));
    int seen = SSL_get0_dane_authority(e.client, NULL, NULL);
    cr_expect_eq(seen, -1, "authority: expected -1, seen %d", seen);
    pin_ends_free(&e);
}

static int seen_depth;

static int note_depth(int ok, X509_STORE_CTX *ctx)
{
    if (!ok && seen_depth < 0)
        seen_depth = X509_STORE_CTX_get_error_depth(ctx);
    return ok;
}

// clang-format off
static const struct {
    const char *fact;
    struct pin pin;
    int depth;
} depths[] = {
    {"usage 3: the leaf", {.sent = {LEAF, INT}, .tlsa = {{OTHER, 3, 1, 1}}}, 0},
    {"usage 2: the top", {.sent = {LEAF, INT, ROOT}, .tlsa = {{OTHER, 2, 0, 1}}}, 2},
    {"expired: who has",
     {.sent = {LEAF_OF_ROOT_EXPIRED, ROOT_EXPIRED}, .tlsa = {{ROOT_EXPIRED, 2, 0, 1}}}, 1},
};
// clang-format on

Test(openssl_calls, depth_of_a_mismatch)
{
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        struct pin p = depths[i].pin;
        seen_depth = -1;
        p.callback = note_depth;
        struct pin_ends e = pin_shake(&p, TLS1_3_VERSION);
        cr_expect_eq(seen_depth, depths[i].depth, "%s: depth expected %d, seen %d", depths[i].fact,
                     depths[i].depth, seen_depth);
        pin_ends_free(&e);
    }
}
