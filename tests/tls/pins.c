#include "tests/tls/pins.h"

#include <stdio.h>

#include "tests/tls/leaks.h"
#include "tests/tls/shake.h"

static struct cert certs[N_PIN_CERTS];

#define MX           "DNS:mx.d.example"
#define SIGNED_BY(x) .issuer = &certs[x]

// clang-format off
static const struct cert_wish wishes[N_PIN_CERTS] = {
    [SELF] = {"self", MX},
    [SELF_OTHER_NAME] = {"self", "DNS:else.example"},
    [SELF_EXPIRED] = {"self", MX, .dates = EXPIRED},
    [SELF_FUTURE] = {"self", MX, .dates = FUTURE},
    [SELF_BACKWARDS] = {"self", MX, .dates = BACKWARDS},
    [SELF_CLIENT] = {"self", MX, .eku = "clientAuth"},
    [SELF_CA] = {"self", MX, .ca = true},
    [SELF_SHA1] = {"self", MX, .sha1 = true},
    [SELF_RSA_1024] = {"self", MX, .key = CERT_RSA_1024},

    [ROOT] = {"root", .ca = true},
    [ROOT_EXPIRED] = {"root expired", .ca = true, .dates = EXPIRED},
    [ROOT_SHA1] = {"root sha1", .ca = true, .sha1 = true},
    [ROOT_PATH_0] = {"root path", .ca = true, .constraints = "pathlen:0"},
    [ROOT_EXCLUDES] = {"root excludes", .ca = true, .name_constraints = "excluded;DNS:d.example"},
    [ROOT_PERMITS] = {"root permits", .ca = true, .name_constraints = "permitted;DNS:else.example"},
    [INT] = {"int", .ca = true, SIGNED_BY(ROOT)},
    [INT_EXPIRED] = {"int expired", .ca = true, .dates = EXPIRED, SIGNED_BY(ROOT)},
    [INT_SHA1] = {"int sha1", .ca = true, .sha1 = true, SIGNED_BY(ROOT)},
    [INT_OF_PATH_0] = {"int path", .ca = true, SIGNED_BY(ROOT_PATH_0)},
    [INT_NO_CA] = {"int no ca", MX, SIGNED_BY(ROOT)},

    [LEAF] = {"leaf", MX, SIGNED_BY(INT)},
    [LEAF_OF_ROOT_EXPIRED] = {"leaf", MX, SIGNED_BY(ROOT_EXPIRED)},
    [LEAF_OF_ROOT_SHA1] = {"leaf", MX, SIGNED_BY(ROOT_SHA1)},
    [LEAF_OF_EXCLUDES] = {"leaf", MX, SIGNED_BY(ROOT_EXCLUDES)},
    [LEAF_OF_PERMITS] = {"leaf", MX, SIGNED_BY(ROOT_PERMITS)},
    [LEAF_OF_INT_EXPIRED] = {"leaf", MX, SIGNED_BY(INT_EXPIRED)},
    [LEAF_OF_INT_SHA1] = {"leaf", MX, SIGNED_BY(INT_SHA1)},
    [LEAF_OF_PATH_0] = {"leaf", MX, SIGNED_BY(INT_OF_PATH_0)},
    [LEAF_OF_NO_CA] = {"leaf", MX, SIGNED_BY(INT_NO_CA)},
    [LEAF_EXPIRED] = {"leaf", MX, .dates = EXPIRED, SIGNED_BY(INT)},
    [LEAF_FUTURE] = {"leaf", MX, .dates = FUTURE, SIGNED_BY(INT)},
    [LEAF_CLIENT] = {"leaf", MX, .eku = "clientAuth", SIGNED_BY(INT)},
    [LEAF_SHA1] = {"leaf", MX, .sha1 = true, SIGNED_BY(INT)},
    [LEAF_FORGED] = {"leaf", MX, .forged = true, SIGNED_BY(INT)},
    [LEAF_RSA_1024] = {"leaf", MX, .key = CERT_RSA_1024, SIGNED_BY(INT)},
    [LEAF_OTHER_NAME] = {"mx.d.example", "DNS:else.example", SIGNED_BY(INT)},
    [LEAF_CN] = {"mx.d.example", SIGNED_BY(INT)},
    [LEAF_MAIL] = {"mx.d.example", "email:postmaster@d.example", SIGNED_BY(INT)},
    [LEAF_STAR] = {"leaf", "DNS:*.d.example", SIGNED_BY(INT)},
    [LEAF_STAR_WIDE] = {"leaf", "DNS:*.example", SIGNED_BY(INT)},
    [LEAF_STAR_SECOND] = {"leaf", "DNS:mx.*.d.example", SIGNED_BY(INT)},
    [LEAF_STAR_PART] = {"leaf", "DNS:m*.d.example", SIGNED_BY(INT)},
    [LEAF_STAR_XN] = {"leaf", "DNS:xn--*.d.example", SIGNED_BY(INT)},
    [LEAF_STAR_CN] = {"*.d.example", SIGNED_BY(INT)},
    [LEAF_ADDRESS] = {"leaf", MX ",IP:192.0.2.1", SIGNED_BY(INT)},
    [OTHER] = {"other", MX, .ca = true},
};
// clang-format on

void pins_start(void)
{
    for (int i = NOBODY + 1; i < N_PIN_CERTS; i++)
        certs[i] = cert_make(&wishes[i]);
}

void pins_stop(void)
{
    for (int i = NOBODY + 1; i < N_PIN_CERTS; i++)
        cert_free(&certs[i]);
    NO_LEAKS();
}

struct cert *pin_cert(enum pin_cert who)
{
    return &certs[who];
}

/* ---- what was seen */

static const char *word_of(long code)
{
    static const struct {
        long code;
        const char *word;
    } words[] = {
        {X509_V_ERR_CERT_SIGNATURE_FAILURE,            "bad signature"       },
        {X509_V_ERR_CERT_NOT_YET_VALID,                "not yet valid"       },
        {X509_V_ERR_CERT_HAS_EXPIRED,                  "expired"             },
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,       "self-signed"         },
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,         "self-signed in chain"},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "no issuer"           },
        {X509_V_ERR_PATH_LENGTH_EXCEEDED,              "path too long"       },
        {X509_V_ERR_INVALID_PURPOSE,                   "wrong purpose"       },
        {X509_V_ERR_PERMITTED_VIOLATION,               "name not permitted"  },
        {X509_V_ERR_EXCLUDED_VIOLATION,                "name excluded"       },
        {X509_V_ERR_HOSTNAME_MISMATCH,                 "wrong name"          },
        {X509_V_ERR_IP_ADDRESS_MISMATCH,               "wrong address"       },
        {X509_V_ERR_DANE_NO_MATCH,                     "no match"            },
        {X509_V_ERR_EE_KEY_TOO_SMALL,                  "key too small"       },
        {X509_V_ERR_CA_MD_TOO_WEAK,                    "digest too weak"     },
        {X509_V_ERR_INVALID_CA,                        "not a CA"            },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].code == code)
            return words[i].word;
    return X509_verify_cert_error_string(code);
}

const char *pin_outcome(SSL *client, bool done, char text[PIN_TEXT])
{
    long code = SSL_get_verify_result(client);
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    uint8_t usage, selector, mtype;
    int depth = SSL_get0_dane_authority(client, &cert, &key);
    const char *name = SSL_get0_peername(client);

    if (!done)
        (void)snprintf(text, PIN_TEXT, "no handshake");
    else if (code != X509_V_OK)
        (void)snprintf(text, PIN_TEXT, "%ld %s", code, word_of(code));
    else if (SSL_get0_dane_tlsa(client, &usage, &selector, &mtype, NULL, NULL) < 0)
        (void)snprintf(text, PIN_TEXT, "0: no authority");
    else
        (void)snprintf(text, PIN_TEXT, "0: %u %u %u at depth %d%s%s%s", usage, selector, mtype,
                       depth, key ? " by key" : "", name ? ", " : "", name ? name : "");
    return text;
}

/* ---- the two ends */

static SSL_CTX *server_context(const struct pin *p, int version)
{
    if (p->server) {
        SSL_CTX_up_ref(p->server);
        return p->server;
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    REQUIRE(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    REQUIRE(SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1);
    REQUIRE(SSL_CTX_set_max_proto_version(ctx, version) == 1);
    REQUIRE(SSL_CTX_use_certificate(ctx, certs[p->sent[0]].x509) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(ctx, certs[p->sent[0]].key) == 1);
    for (int i = 1; i < PIN_SENT && p->sent[i]; i++)
        REQUIRE(SSL_CTX_add1_chain_cert(ctx, certs[p->sent[i]].x509) == 1);
    if (p->server_setup)
        p->server_setup(ctx);
    return ctx;
}

static SSL_CTX *client_context(const struct pin *p)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    REQUIRE(ctx && SSL_CTX_dane_enable(ctx) == 1);
    SSL_CTX_set_security_level(ctx, p->level == PIN_LEVEL_0 ? 0 : p->level ? p->level : 1);
    if (p->trusted)
        REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certs[p->trusted].x509) == 1);
    if (p->setup)
        p->setup(ctx);
    return ctx;
}

/* The result is not looked at: a refused record is one of the facts. */
static void add_records(SSL *ssl, const struct pin *p)
{
    uint8_t data[RECORD_MAX];

    for (int i = 0; i < PIN_RECORDS && p->tlsa[i].of; i++) {
        const struct pin_record *w = &p->tlsa[i];
        struct tlsa_record r =
            cert_record(&certs[w->of], w->usage, w->selector, w->mtype, w->wrong, data);
        (void)SSL_dane_tlsa_add(ssl, r.usage, r.selector, r.mtype, r.data, (size_t)r.len - w->cut);
    }
}

static SSL *client_of(SSL_CTX *ctx, const struct pin *p)
{
    SSL *ssl = SSL_new(ctx);

    REQUIRE(ssl && SSL_dane_enable(ssl, p->base ? p->base : "mx.d.example") == 1);
    if (p->also)
        REQUIRE(SSL_add1_host(ssl, p->also) == 1);
    SSL_dane_set_flags(ssl, p->dane_flags);
    SSL_set_hostflags(ssl, p->host_flags);
    SSL_set_verify(ssl, p->verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, p->callback);
    add_records(ssl, p);
    if (p->resume)
        REQUIRE(SSL_set_session(ssl, p->resume) == 1);
    return ssl;
}

struct pin_ends pin_shake(const struct pin *p, int version)
{
    struct pin_ends e = {.client_ctx = client_context(p), .server_ctx = server_context(p, version)};

    e.client = client_of(e.client_ctx, p);
    e.server = SSL_new(e.server_ctx);
    REQUIRE(e.client && e.server);
    e.done = shake_hands(e.client, e.server);
    return e;
}

void pin_ends_free(struct pin_ends *e)
{
    SSL_free(e->client);
    SSL_free(e->server);
    SSL_CTX_free(e->client_ctx);
    SSL_CTX_free(e->server_ctx);
    *e = (struct pin_ends){0};
}

static void check(const struct pin *p, int version)
{
    struct pin_ends e = pin_shake(p, version);
    char text[PIN_TEXT];

    cr_expect_str_eq(pin_outcome(e.client, e.done, text), p->expected,
                     "%s (%s): expected \"%s\", seen \"%s\"", p->fact, SSL_get_version(e.client),
                     p->expected, text);
    pin_ends_free(&e);
}

void pins_check(const struct pin *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check(&rows[i], rows[i].version ? rows[i].version : TLS1_3_VERSION);
        if (!rows[i].version)
            check(&rows[i], TLS1_2_VERSION);
    }
}
