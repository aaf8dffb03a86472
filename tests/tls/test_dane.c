/* DANE in handshakes over memory: what matches, what must not, and what the outcome says. */
#include <openssl/err.h>
#include <string.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tests/tls/shake.h"
#include "tls/certificate.h"
#include "tls/dane.h"

static struct tls_clients clients;

/* The certificates of a test: a CA, leaves of it, self-signed ones. */
enum who {
    SELF,
    SELF_OTHER_NAME,
    SELF_EXPIRED,
    SELF_FUTURE,
    CA,
    LEAF,
    LEAF_EXPIRED,
    LEAF_FUTURE,
    LEAF_NEXT_HOP,
    LEAF_WRONG_NAME,
    LEAF_CN_ONLY,
    LEAF_WILDCARD,
    LEAF_PARTIAL,
    OTHER,
    N_CERTS
};

static struct cert certs[N_CERTS];

// clang-format off
static const struct cert_wish wishes[N_CERTS] = {
    [SELF] = {"mx.d.example", "DNS:mx.d.example", NULL, false, VALID},
    [SELF_OTHER_NAME] = {"nobody", "DNS:else.example", NULL, false, VALID},
    [SELF_EXPIRED] = {"mx.d.example", "DNS:mx.d.example", NULL, false, EXPIRED},
    [SELF_FUTURE] = {"mx.d.example", "DNS:mx.d.example", NULL, false, FUTURE},
    [CA] = {"Some CA", NULL, NULL, true, VALID},
    [LEAF] = {"leaf", "DNS:mx.d.example", &certs[CA], false, VALID},
    [LEAF_EXPIRED] = {"leaf", "DNS:mx.d.example", &certs[CA], false, EXPIRED},
    [LEAF_FUTURE] = {"leaf", "DNS:mx.d.example", &certs[CA], false, FUTURE},
    [LEAF_NEXT_HOP] = {"leaf", "DNS:d.example", &certs[CA], false, VALID},
    [LEAF_WRONG_NAME] = {"mx.d.example", "DNS:else.example", &certs[CA], false, VALID},
    [LEAF_CN_ONLY] = {"mx.d.example", NULL, &certs[CA], false, VALID},
    [LEAF_WILDCARD] = {"leaf", "DNS:*.d.example", &certs[CA], false, VALID},
    [LEAF_PARTIAL] = {"leaf", "DNS:m*.d.example", &certs[CA], false, VALID},
    [OTHER] = {"mx.d.example", "DNS:mx.d.example", NULL, true, VALID},
};
// clang-format on

static void start(void)
{
    struct buf errors;
    buf_init(&errors, 4096);
    for (int i = 0; i < N_CERTS; i++)
        certs[i] = cert_make(&wishes[i]);
    cr_assert(tls_clients_init(&clients, &errors), "%s", buf_cstr(&errors));
    buf_free(&errors);
}

static void stop(void)
{
    tls_clients_free(&clients);
    for (int i = 0; i < N_CERTS; i++)
        cert_free(&certs[i]);
    NO_LEAKS();
}

TestSuite(dane, .init = start);

struct record_wish {
    enum who of;
    uint8_t usage, selector, mtype;
    bool wrong;
    uint16_t cut; /* octets taken off its end */
};

struct row {
    const char *name;
    enum who leaf;
    bool send_ca;
    size_t n;
    struct record_wish r[3];
    enum cause cause;
    enum verdict_mode mode;
    int depth, record;
    const char *peer; /* the matched name */
    const char *error;
    const char *text; /* a part of the status's words */
};

#define OK_EE                  CAUSE_OK, VERDICT_DANE, 0, 0, "", ""
#define OK_TA                  CAUSE_OK, VERDICT_DANE, 1, 0, "mx.d.example", ""
#define REFUSED(cause, symbol) CAUSE_##cause, VERDICT_CLEAR, -1, -1, "", "X509_V_ERR_" symbol
#define NO_MATCH               REFUSED(DANE_MISMATCH, "DANE_NO_MATCH")

// clang-format off
static const struct row rows[] = {
    {"3 0 0", SELF, 0, 1, {{SELF, 3, 0, 0}}, OK_EE, NULL},
    {"3 0 1", SELF, 0, 1, {{SELF, 3, 0, 1}}, OK_EE, NULL},
    {"3 0 2", SELF, 0, 1, {{SELF, 3, 0, 2}}, OK_EE, NULL},
    {"3 1 0", SELF, 0, 1, {{SELF, 3, 1, 0}}, OK_EE, NULL},
    {"3 1 1", SELF, 0, 1, {{SELF, 3, 1, 1}}, OK_EE, NULL},
    {"3 1 2", SELF, 0, 1, {{SELF, 3, 1, 2}}, OK_EE, NULL},
    {"3 0 0 of another", SELF, 0, 1, {{OTHER, 3, 0, 0}}, NO_MATCH, NULL},
    {"3 0 1 wrong", SELF, 0, 1, {{SELF, 3, 0, 1, true}}, NO_MATCH, NULL},
    {"3 0 2 wrong", SELF, 0, 1, {{SELF, 3, 0, 2, true}}, NO_MATCH, NULL},
    {"3 1 0 of another", SELF, 0, 1, {{OTHER, 3, 1, 0}}, NO_MATCH, NULL},
    {"3 1 1 wrong", SELF, 0, 1, {{SELF, 3, 1, 1, true}}, NO_MATCH, "its 3 1 1 would be "},
    {"3 1 2 wrong", SELF, 0, 1, {{SELF, 3, 1, 2, true}}, NO_MATCH, NULL},
    {"3 1 1, other name, RFC 7672 §3.1.1", SELF_OTHER_NAME, 0, 1, {{SELF_OTHER_NAME, 3, 1, 1}},
     OK_EE, NULL},
    {"3 1 1, expired", SELF_EXPIRED, 0, 1, {{SELF_EXPIRED, 3, 1, 1}}, OK_EE, NULL},
    {"3 1 1, not yet valid", SELF_FUTURE, 0, 1, {{SELF_FUTURE, 3, 1, 1}}, OK_EE, NULL},
    {"rollover pair", SELF, 0, 2, {{OTHER, 3, 1, 1}, {SELF, 3, 1, 1}}, CAUSE_OK, VERDICT_DANE, 0, 1,
     "", "", NULL},
    {"1 1 1 beside 3 1 1", SELF, 0, 2, {{OTHER, 1, 1, 1}, {SELF, 3, 1, 1}}, CAUSE_OK, VERDICT_DANE,
     0, 1, "", "", NULL},
    {"1 1 1 right beside 3 1 1 wrong", SELF, 0, 2, {{SELF, 1, 1, 1}, {SELF, 3, 1, 1, true}},
     NO_MATCH, NULL},
    {"digest agility: 3 1 1 right, 3 1 2 wrong, RFC 7671 §9", SELF, 0, 2, {{SELF, 3, 1, 1},
     {SELF, 3, 1, 2, true}}, NO_MATCH, NULL},

    {"2 0 0", LEAF, true, 1, {{CA, 2, 0, 0}}, OK_TA, NULL},
    {"2 0 1", LEAF, true, 1, {{CA, 2, 0, 1}}, OK_TA, NULL},
    {"2 0 2", LEAF, true, 1, {{CA, 2, 0, 2}}, OK_TA, NULL},
    {"2 1 0", LEAF, true, 1, {{CA, 2, 1, 0}}, OK_TA, NULL},
    {"2 1 1", LEAF, true, 1, {{CA, 2, 1, 1}}, OK_TA, NULL},
    {"2 1 2", LEAF, true, 1, {{CA, 2, 1, 2}}, OK_TA, NULL},
    {"2 0 0 of another", LEAF, true, 1, {{OTHER, 2, 0, 0}}, NO_MATCH, NULL},
    {"2 0 1 wrong", LEAF, true, 1, {{CA, 2, 0, 1, true}}, NO_MATCH, NULL},
    {"2 0 2 wrong", LEAF, true, 1, {{CA, 2, 0, 2, true}}, NO_MATCH, NULL},
    {"2 1 1 wrong", LEAF, true, 1, {{CA, 2, 1, 1, true}}, NO_MATCH, NULL},
    {"2 1 2 wrong", LEAF, true, 1, {{CA, 2, 1, 2, true}}, NO_MATCH, NULL},
    {"2 0 1, TA not sent, RFC 7671 §5.2", LEAF, false, 1, {{CA, 2, 0, 1}}, NO_MATCH,
     "must send the trust anchor"},
    {"2 0 0, TA not sent", LEAF, false, 1, {{CA, 2, 0, 0}}, OK_TA, NULL},
    {"2 0 1 of the leaf", LEAF, true, 1, {{LEAF, 2, 0, 1}}, NO_MATCH, "should be usage 3"},
    {"2 0 1, expired", LEAF_EXPIRED, true, 1, {{CA, 2, 0, 1}}, REFUSED(DANE_EXPIRED,
     "CERT_HAS_EXPIRED"), NULL},
    {"2 0 1, not yet valid", LEAF_FUTURE, true, 1, {{CA, 2, 0, 1}}, REFUSED(DANE_NOT_YET_VALID,
     "CERT_NOT_YET_VALID"), NULL},
    {"2 0 1, wrong name, the CN does not count, RFC 7672 §3.2.3", LEAF_WRONG_NAME, true, 1,
     {{CA, 2, 0, 1}}, REFUSED(DANE_NAME, "HOSTNAME_MISMATCH"),
     "names else.example, expected was mx.d.example or d.example"},
    {"2 0 1, CN only", LEAF_CN_ONLY, true, 1, {{CA, 2, 0, 1}}, OK_TA, NULL},
    {"2 0 1, next hop's name, RFC 7672 §3.2.2", LEAF_NEXT_HOP, true, 1, {{CA, 2, 0, 1}}, CAUSE_OK,
     VERDICT_DANE, 1, 0, "d.example", "", NULL},
    {"2 0 1, wildcard", LEAF_WILDCARD, true, 1, {{CA, 2, 0, 1}}, CAUSE_OK, VERDICT_DANE, 1, 0,
     "*.d.example", "", NULL},
    {"2 0 1, partial wildcard", LEAF_PARTIAL, true, 1, {{CA, 2, 0, 1}}, REFUSED(DANE_NAME,
     "HOSTNAME_MISMATCH"), NULL},
    {"2 0 1 wrong beside 3 1 1 right", LEAF_WRONG_NAME, true, 2, {{CA, 2, 0, 1, true},
     {LEAF_WRONG_NAME, 3, 1, 1}}, CAUSE_OK, VERDICT_DANE, 0, 1, "", "", NULL},

    {"usage 0 only", SELF, 0, 1, {{SELF, 0, 0, 1}}, CAUSE_OK, VERDICT_ENCRYPT, -1, -1, "", "",
     NULL},
    {"usage 1 only", SELF, 0, 1, {{SELF, 1, 1, 1}}, CAUSE_OK, VERDICT_ENCRYPT, -1, -1, "", "",
     NULL},
    {"3 0 0 that does not decode", SELF_EXPIRED, 0, 1, {{SELF, 3, 0, 0, false, 9}}, CAUSE_OK,
     VERDICT_ENCRYPT, -1, -1, "", "", NULL},
    {"3 0 0 broken beside 3 1 1", SELF, 0, 2, {{SELF, 3, 0, 0, false, 9}, {SELF, 3, 1, 1}},
     CAUSE_OK, VERDICT_DANE, 0, 1, "", "", NULL},
    {"3 0 0 broken beside 3 1 1 wrong", SELF, 0, 2, {{SELF, 3, 0, 0, false, 9},
     {SELF, 3, 1, 1, true}}, NO_MATCH, NULL},
};
// clang-format on

static uint8_t data[3][RECORD_MAX];
static struct tlsa_record records[3];

/* The verdict that verdict_decide gives for these records of a secure MX. */
static struct verdict decide(const struct record_wish *r, size_t n, enum tls_level level)
{
    for (size_t i = 0; i < n; i++) {
        records[i] = cert_record(&certs[r[i].of], r[i].usage, r[i].selector, r[i].mtype, r[i].wrong,
                                 data[i]);
        records[i].len = (uint16_t)(records[i].len - r[i].cut);
    }
    static struct host_facts host;
    static struct dest_facts dest;
    host = (struct host_facts){.name = "mx.d.example",
                               .expanded = "mx.d.example",
                               .addresses_security = DNS_SECURE,
                               .alias_security = DNS_SECURE,
                               .n_candidates = 1,
                               .tlsa_base = "mx.d.example",
                               .tlsa = records,
                               .n_tlsa = n};
    dest = (struct dest_facts){.name = "d.example",
                               .expanded = "d.example",
                               .kind = DEST_MX,
                               .security = DNS_SECURE,
                               .hosts = &host,
                               .n_hosts = 1};
    struct verdict_input in = {level, true, &dest, 0};
    return verdict_decide(&in);
}

static struct tls_outcome try_row(const struct row *r, int version)
{
    struct verdict v = decide(r->r, r->n, TLS_LEVEL_DANE);
    SSL_CTX *ctx = cert_server(&certs[r->leaf], r->send_ca ? &certs[CA] : NULL);
    SSL *client = tls_dane_client(&clients, &v, TLS_LEVEL_DANE, "mx.d.example"), *server;

    SSL_CTX_set_max_proto_version(ctx, version);
    server = SSL_new(ctx);
    REQUIRE(client && server);
    bool done = shake_hands(client, server);
    struct tls_outcome o = tls_dane_outcome(client, &v, done, done ? NULL : "alert");
    cr_expect_str_eq(done ? SSL_get_servername(server, TLSEXT_NAMETYPE_host_name) : "mx.d.example",
                     "mx.d.example", "%s: SNI", r->name);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    return o;
}

static void check_row(const struct row *r, int version)
{
    struct tls_outcome o = try_row(r, version);
    cr_expect_eq(o.status.cause, r->cause, "%s: %s: %s", r->name, cause_info(o.status.cause)->name,
                 o.status.text);
    cr_expect_eq(o.mode, r->mode, "%s: %s", r->name, verdict_mode_name(o.mode));
    cr_expect_eq(o.depth, r->depth, "%s: depth %d", r->name, o.depth);
    cr_expect_eq(o.record, r->record, "%s: record %d", r->name, o.record);
    cr_expect_str_eq(o.peer_name, r->peer, "%s: name %s", r->name, o.peer_name);
    cr_expect_str_eq(o.error, r->error, "%s: %s", r->name, o.error);
    if (r->text)
        cr_expect(strstr(o.status.text, r->text), "%s: %s", r->name, o.status.text);
}

Test(dane, matrix)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(&rows[i], TLS1_3_VERSION);
        check_row(&rows[i], TLS1_2_VERSION);
    }
    stop();
}

Test(dane, none_decodes_under_dane_only)
{
    const struct record_wish r = {SELF, 3, 0, 0, false, 9};
    struct verdict v = decide(&r, 1, TLS_LEVEL_DANE_ONLY);

    cr_assert_eq(v.mode, VERDICT_DANE);
    cr_assert_null(tls_dane_client(&clients, &v, TLS_LEVEL_DANE_ONLY, "mx.d.example"));
    cr_assert_eq(v.mode, VERDICT_SKIP);
    cr_assert_eq(v.skip.cause, CAUSE_DANE_UNAVAILABLE);
    stop();
}

Test(dane, refused_records_leave_no_errors_behind)
{
    const struct record_wish r[] = {
        {SELF, 3, 0, 0,  false, 9},
        {SELF,   3,    1,  1}
    };
    struct verdict v = decide(r, 2, TLS_LEVEL_DANE);

    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH); /* somebody else's */
    SSL *ssl = tls_dane_client(&clients, &v, TLS_LEVEL_DANE, "mx.d.example");
    cr_assert_not_null(ssl);
    cr_assert_eq(v.usable, 2);
    cr_assert_eq(ERR_peek_error(), 0);
    SSL_free(ssl);
    stop();
}

Test(dane, names_that_openssl_would_misread_fail_closed)
{
    static const char *const bad[] = {"", ".d.example", "192.0.2.1", "2001:db8::1"};
    const struct record_wish r = {SELF, 3, 1, 1};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct verdict v = decide(&r, 1, TLS_LEVEL_DANE);
        v.names[1] = bad[i];
        v.n_names = 2;
        cr_expect_null(tls_dane_client(&clients, &v, TLS_LEVEL_DANE, ""), "%s", bad[i]);
        cr_expect_eq(v.mode, VERDICT_SKIP);
        cr_expect_eq(v.skip.cause, CAUSE_TLS_LOCAL);
    }
    stop();
}

/* An anonymous suite shows no certificate and leaves the verify result at "ok". */
Test(dane, anonymous_suites_are_not_offered)
{
    const struct record_wish r = {SELF, 3, 1, 1};
    struct verdict v = decide(&r, 1, TLS_LEVEL_DANE);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_dh_auto(ctx, 1);
    cr_assert_eq(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0"), 1);
    SSL *client = tls_dane_client(&clients, &v, TLS_LEVEL_DANE, ""), *server = SSL_new(ctx);

    bool done = shake_hands(client, server);
    cr_expect(!done);
    struct tls_outcome o = tls_dane_outcome(client, &v, done, "handshake failure");
    cr_expect_eq(o.status.cause, CAUSE_TLS_HANDSHAKE);
    cr_expect_str_eq(o.status.text, "TLS handshake failed: handshake failure");
    /* Were somebody to say that it had ended well, it would still prove nothing. */
    o = tls_dane_outcome(client, &v, true, NULL);
    cr_expect_eq(o.status.cause, CAUSE_DANE_MISMATCH);
    cr_expect_str_eq(tls_outcome_label(&o), "may");
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    stop();
}

struct plain_row {
    const char *name;
    enum verdict_mode mode;
    const char *names[2];
    enum who leaf;
    enum cause cause;
    const char *label;
};

// clang-format off
static const struct plain_row plain_rows[] = {
    {"may takes anything", VERDICT_OPPORTUNISTIC, {0}, SELF_EXPIRED, CAUSE_OK, "may"},
    {"encrypt takes anything", VERDICT_ENCRYPT, {0}, SELF_OTHER_NAME, CAUSE_OK, "encrypt"},
    {"pkix refuses a self-signed one", VERDICT_PKIX, {"mx.d.example"}, SELF, CAUSE_PKIX_FAILED,
     "none"},
    {"pkix takes a trusted one", VERDICT_PKIX, {"mx.d.example"}, LEAF, CAUSE_OK, "pkix"},
    {"pkix takes the second name", VERDICT_PKIX, {"else", "d.example"}, LEAF_NEXT_HOP, CAUSE_OK,
     "pkix"},
    {"pkix refuses another name", VERDICT_PKIX, {"mx.d.example"}, LEAF_NEXT_HOP, CAUSE_PKIX_FAILED,
     "none"},
    {"pkix does not look at the CN", VERDICT_PKIX, {"mx.d.example"}, LEAF_CN_ONLY,
     CAUSE_PKIX_FAILED, "none"},
    {"pkix refuses an expired one", VERDICT_PKIX, {"mx.d.example"}, LEAF_EXPIRED, CAUSE_PKIX_FAILED,
     "none"},
};
// clang-format on

Test(dane, without_dane)
{
    X509_STORE_add_cert(SSL_CTX_get_cert_store(clients.pkix), certs[CA].x509);
    for (size_t i = 0; i < ARRAY_LEN(plain_rows); i++) {
        const struct plain_row *r = &plain_rows[i];
        struct verdict v = {.mode = r->mode, .base = ""};
        while (v.n_names < 2 && r->names[v.n_names]) {
            v.names[v.n_names] = r->names[v.n_names];
            v.n_names++;
        }
        SSL_CTX *ctx = cert_server(&certs[r->leaf], NULL);
        SSL *client = tls_dane_client(&clients, &v, TLS_LEVEL_MAY, "mx.d.example"),
            *server = SSL_new(ctx);
        bool done = shake_hands(client, server);
        struct tls_outcome o = tls_dane_outcome(client, &v, done, NULL);
        cr_expect_eq(o.status.cause, r->cause, "%s: %s", r->name, o.status.text);
        cr_expect_str_eq(tls_outcome_label(&o), r->label, "%s", r->name);
        SSL_free(client);
        SSL_free(server);
        SSL_CTX_free(ctx);
    }
    stop();
}

Test(dane, pkix_of_a_literal_wants_the_address)
{
    struct verdict v = {.mode = VERDICT_PKIX, .base = ""};
    SSL *ssl = tls_dane_client(&clients, &v, TLS_LEVEL_VERIFY, "192.0.2.1");
    cr_assert_not_null(ssl);
    cr_expect_null(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), "RFC 6066 section 3");
    SSL_free(ssl);
    cr_expect_null(tls_dane_client(&clients, &v, TLS_LEVEL_VERIFY, "not an address"));
    stop();
}

/* A session of one connection proves nothing in the next: the records may have changed. */
Test(dane, sessions_are_not_offered_again)
{
    const struct record_wish r = {SELF, 3, 1, 1};
    SSL_CTX *ctx = cert_server(&certs[SELF], NULL);

    for (int i = 0; i < 2; i++) {
        struct verdict v = decide(&r, 1, TLS_LEVEL_DANE);
        SSL *client = tls_dane_client(&clients, &v, TLS_LEVEL_DANE, ""), *server = SSL_new(ctx);
        cr_assert(shake_hands(client, server));
        cr_expect_eq(SSL_session_reused(client), 0);
        SSL_free(client);
        SSL_free(server);
    }
    cr_expect_eq(SSL_CTX_sess_number(clients.authenticated), 0);
    SSL_CTX_free(ctx);
    stop();
}

Test(dane, chain_is_described_even_when_refused)
{
    const struct record_wish r = {CA, 2, 1, 1, true};
    struct verdict v = decide(&r, 1, TLS_LEVEL_DANE);
    SSL_CTX *ctx = cert_server(&certs[LEAF], &certs[CA]);
    SSL *client = tls_dane_client(&clients, &v, TLS_LEVEL_DANE, ""), *server = SSL_new(ctx);
    struct certificate sent[4];

    cr_assert(!shake_hands(client, server));
    cr_assert_eq(tls_certificates(client, sent, ARRAY_LEN(sent)), 2);
    cr_expect_str_eq(sent[0].subject, "CN=leaf");
    cr_expect_str_eq(sent[0].issuer, "CN=Some CA");
    cr_expect_str_eq(sent[1].subject, "CN=Some CA");
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    stop();
}

Test(dane, labels)
{
    struct tls_outcome o = {.mode = VERDICT_DANE, .half_dane = true};
    cr_expect_str_eq(tls_outcome_label(NULL), "none");
    cr_expect_str_eq(tls_outcome_label(&o), "half-dane");
    o.half_dane = false;
    cr_expect_str_eq(tls_outcome_label(&o), "dane");
    struct verdict v = {.mode = VERDICT_DANE};
    o = tls_dane_outcome(NULL, &v, true, NULL);
    cr_expect_eq(o.status.cause, CAUSE_TLS_LOCAL);
    stop();
}
