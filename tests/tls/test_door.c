/* Which certificate a client gets: by its algorithms, by SNI; and what its own certificate says. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tests/tls/shake.h"
#include "tls/certificate.h"
#include "tls/door.h"

/* Two identities: the default with two kinds of key, and one with a wildcard. */
enum { EC, RSA_KEY, SECOND, THIRD, N_CERTS };

static const struct cert_wish wishes[N_CERTS] = {
    [EC] = {"a",                          .san = "DNS:Mx.Example.org,DNS:*.both.example"},
    [RSA_KEY] = {"a",                            .san = "DNS:mx.example.org", .key = CERT_RSA_2048},
    [SECOND] = {"b",.san = "DNS:*.other.example,DNS:xn--bcher-kva.example,email:a@b.example"},
    [THIRD] = {"only-a-cn.example"                           },
};

struct place {
    struct cert certs[N_CERTS];
    struct tls_identity *ids[3];
    struct tls_door door;
};

static char dir[] = "/tmp/danelaw-door-XXXXXX";

static struct tls_identity *load(const struct cert *certs, size_t n)
{
    char names[4][100];
    struct config_path paths[4];
    struct buf errors, warnings;

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s/%zu.pem", dir, i);
        (void)snprintf(names[2 + i], sizeof(names[i]), "%s/%zu.key", dir, i);
        cert_write_pem(&certs[i], names[i], names[2 + i]);
        paths[i] = (struct config_path){.path = names[i]};
        paths[2 + i] = (struct config_path){.path = names[2 + i]};
    }
    struct identity_config c = {"id", &paths[0], &paths[2], n, n, {0}};
    buf_init(&errors, 4096);
    buf_init(&warnings, 4096);
    struct tls_identity *id = tls_identity_new(&c, &errors, &warnings);
    cr_assert(id, "%s", buf_cstr(&errors));
    buf_free(&errors);
    buf_free(&warnings);
    return id;
}

static struct place *place_new(void)
{
    struct place *p = base_alloc(sizeof(*p));

    cr_assert(mkdtemp(dir));
    for (size_t i = 0; i < N_CERTS; i++)
        p->certs[i] = cert_make(&wishes[i]);
    p->ids[0] = load(&p->certs[EC], 2);
    p->ids[1] = load(&p->certs[SECOND], 1);
    p->ids[2] = load(&p->certs[THIRD], 1);
    p->door = (struct tls_door){p->ids, 3, false};
    return p;
}

static void place_free(struct place *p)
{
    char command[100];

    for (size_t i = 0; i < N_CERTS; i++)
        cert_free(&p->certs[i]);
    for (size_t i = 0; i < ARRAY_LEN(p->ids); i++)
        tls_identity_free(&p->ids[i]);
    free(p);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
    NO_LEAKS();
}

/* Which of the certificates the client sees; -1: no handshake. */
static int seen(struct place *p, SSL *client)
{
    SSL *server = tls_door_ssl(&p->door);
    int which = -1;

    cr_assert(server);
    if (shake_hands(client, server)) {
        X509 *peer = SSL_get0_peer_certificate(client);
        for (int i = 0; i < N_CERTS; i++)
            if (X509_cmp(peer, p->certs[i].x509) == 0)
                which = i;
    }
    SSL_free(server);
    return which;
}

struct client_row {
    const char *name, *sni;
    int version;                /* of TLS, the only one; 0: any */
    const char *ciphers, *sigs; /* NULL: the library's */
    int want;
};

static int seen_by(struct place *p, const struct client_row *r)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(ctx);

    if (r->sni)
        SSL_set_tlsext_host_name(client, r->sni);
    SSL_set_min_proto_version(client, r->version);
    SSL_set_max_proto_version(client, r->version);
    if (r->version && r->version < TLS1_2_VERSION)
        SSL_set_security_level(client, 0);
    if (r->ciphers)
        cr_assert_eq(SSL_set_cipher_list(client, r->ciphers), 1);
    if (r->sigs)
        cr_assert_eq(SSL_set1_sigalgs_list(client, r->sigs), 1);
    int which = seen(p, client);
    SSL_free(client);
    SSL_CTX_free(ctx);
    return which;
}

static const struct client_row rows[] = {
    {"no SNI",                                   NULL,                    0,              NULL,                            NULL,                        EC     },
    {"an unknown name",                          "elsewhere.example",     0,              NULL,                            NULL,                        EC     },
    {"no name at all",                           "not a name",            0,              NULL,                            NULL,                        EC     },
    {"the default by its name",                  "mx.example.org",        0,              NULL,                            NULL,                        EC     },
    {"only RSA signatures",                      NULL,                    0,              NULL,                            "RSA-PSS+SHA256:RSA+SHA256", RSA_KEY},
    {"only RSA ciphers",                         NULL,                    TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256",   NULL,                        RSA_KEY},
    {"only ECDSA ciphers",                       NULL,                    TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL,                        EC     },
    {"a wildcard",                               "mx.other.example",      0,              NULL,                            NULL,                        SECOND },
    {"a wildcard in capitals",                   "MX.OTHER.EXAMPLE",      TLS1_2_VERSION, NULL,                            NULL,                        SECOND },
    {"two labels for one star",                  "a.b.other.example",     0,              NULL,                            NULL,                        EC     },
    {"no label for the star",                    "other.example",         0,              NULL,                            NULL,                        EC     },
    {"an A-label",                               "xn--bcher-kva.example", 0,              NULL,                            NULL,                        SECOND },
    {"a U-label is no name",
     "b\xc3\xbc"
     "cher.example",                                                      0,              NULL,                            NULL,                        EC     },
    {"a mailbox is no name",                     "a@b.example",           0,              NULL,                            NULL,                        EC     },
    {"a CN where there is nothing else",         "only-a-cn.example",     0,              NULL,                            NULL,                        THIRD  },
    {"a CN beside other names",                  "b",                     0,              NULL,                            NULL,                        EC     },
    {"a name whose certificate has no such key", "mx.other.example",      0,              NULL,                            "RSA+SHA256",                -1     },
    {"TLS 1.1",                                  NULL,                    TLS1_1_VERSION, NULL,                            NULL,                        -1     },
    {"TLS 1.0",                                  NULL,                    TLS1_VERSION,   NULL,                            NULL,                        -1     },
    {"anonymous suites",                         NULL,                    TLS1_2_VERSION, "aNULL:@SECLEVEL=0",             NULL,                        -1     },
    {"null suites",                              NULL,                    TLS1_2_VERSION, "eNULL:@SECLEVEL=0",             NULL,                        -1     },
};

Test(door, the_certificate_that_fits)
{
    struct place *p = place_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(seen_by(p, &rows[i]), rows[i].want, "%s", rows[i].name);
    place_free(p);
}

Test(door, an_exact_name_goes_before_a_wildcard)
{
    struct cert_wish wish = {"c", .san = "DNS:mx.both.example"};
    struct place *p = place_new();
    const struct client_row exact = {"", "mx.both.example", 0, NULL, NULL, SECOND};
    const struct client_row other = {"", "my.both.example", 0, NULL, NULL, EC};

    tls_identity_free(&p->ids[1]);
    cert_free(&p->certs[SECOND]);
    p->certs[SECOND] = cert_make(&wish);
    p->ids[1] = load(&p->certs[SECOND], 1);
    struct tls_identity *turned[] = {p->ids[1], p->ids[0]};
    cr_expect_eq(seen_by(p, &exact), SECOND);
    cr_expect_eq(seen_by(p, &other), EC);
    p->door = (struct tls_door){turned, 2, false};
    cr_expect_eq(seen_by(p, &exact), SECOND);
    cr_expect_eq(seen_by(p, &other), EC);
    place_free(p);
}

/* ---- Client certificates ---- */

/* A handshake of a client with a certificate. True: it stands, and out has what the server knows.
 */
static bool shows(struct place *p, const struct cert *own, int version, bool *out_any,
                  struct key_digest *out_key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(ctx), *server = tls_door_ssl(&p->door);

    SSL_set_min_proto_version(client, version);
    SSL_set_max_proto_version(client, version);
    if (own)
        cr_assert_eq(SSL_use_cert_and_key(client, own->x509, own->key, NULL, 1), 1);
    bool ok = shake_hands(client, server);
    *out_any = ok && tls_client_key(server, out_key);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    return ok;
}

static void expect_key(const struct cert *c, const struct key_digest *key)
{
    struct certificate plain = tls_certificate(c->x509);
    cr_expect_arr_eq(key->sha256, plain.digest[1][0], 32);
}

/* Whatever its chain and dates: it proves a key and nothing else. */
static const struct cert_wish client_wishes[] = {
    {"client"},
    { "client",                    .key = CERT_RSA_2048, .dates = EXPIRED},
    { "client", .key = CERT_ED25519,             .dates = FUTURE, .eku = "serverAuth"},
};

Test(door, any_client_certificate_proves_its_key)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct place *p = place_new();
    struct key_digest key;
    bool any;

    p->door.asks_certificate = true;
    for (size_t i = 0; i < ARRAY_LEN(client_wishes) * 2; i++) {
        struct cert c = cert_make(&client_wishes[i / 2]);
        cr_assert(shows(p, &c, versions[i % 2], &any, &key), "%zu", i);
        cr_assert(any, "%zu", i);
        expect_key(&c, &key);
        cert_free(&c);
    }
    cr_expect(shows(p, NULL, TLS1_3_VERSION, &any, &key), "none is needed");
    cr_expect_not(any);
    place_free(p);
}

Test(door, nobody_is_asked_without_a_list)
{
    struct place *p = place_new();
    struct key_digest key;
    bool any;

    cr_expect(shows(p, &p->certs[SECOND], TLS1_3_VERSION, &any, &key));
    cr_expect_not(any);
    place_free(p);
}

/* The public half of one key with the private half of another. */
static EVP_PKEY *chimera(EVP_PKEY *public_half, EVP_PKEY *private_half)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *own = NULL, *other = NULL, mixed[4];
    EVP_PKEY *key = NULL;

    cr_assert(EVP_PKEY_todata(public_half, EVP_PKEY_KEYPAIR, &own) == 1);
    cr_assert(EVP_PKEY_todata(private_half, EVP_PKEY_KEYPAIR, &other) == 1);
    mixed[0] = *OSSL_PARAM_locate(own, OSSL_PKEY_PARAM_GROUP_NAME);
    mixed[1] = *OSSL_PARAM_locate(own, OSSL_PKEY_PARAM_PUB_KEY);
    mixed[2] = *OSSL_PARAM_locate(other, OSSL_PKEY_PARAM_PRIV_KEY);
    mixed[3] = OSSL_PARAM_construct_end();
    cr_assert(EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, mixed) == 1);
    OSSL_PARAM_free(own);
    OSSL_PARAM_free(other);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Anybody can have a copy of a certificate; its key is what counts. */
Test(door, a_borrowed_certificate_ends_the_handshake)
{
    struct place *p = place_new();
    struct cert a = cert_make(&client_wishes[0]), b = cert_make(&client_wishes[0]);
    struct cert thief = {a.x509, chimera(a.key, b.key)};
    struct key_digest key;
    bool any;

    p->door.asks_certificate = true;
    cr_expect(shows(p, &a, TLS1_3_VERSION, &any, &key) && any);
    cr_expect_not(shows(p, &thief, TLS1_3_VERSION, &any, &key));
    cr_expect_not(shows(p, &thief, TLS1_2_VERSION, &any, &key));
    EVP_PKEY_free(thief.key);
    cert_free(&a);
    cert_free(&b);
    place_free(p);
}

/* 64 KiB of certificates are the most that is taken from a client. */
Test(door, a_client_chain_without_end_is_refused)
{
    struct place *p = place_new();
    struct cert c = cert_make(&client_wishes[0]);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    p->door.asks_certificate = true;
    SSL_CTX_use_certificate(ctx, c.x509);
    SSL_CTX_use_PrivateKey(ctx, c.key);
    for (int i = 0; i < 400; i++)
        SSL_CTX_add1_chain_cert(ctx, c.x509);
    SSL *client = SSL_new(ctx), *server = tls_door_ssl(&p->door);
    SSL_set_max_proto_version(client, TLS1_2_VERSION);
    cr_expect_not(shake_hands(client, server));
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
    cert_free(&c);
    place_free(p);
}

/* A ticket from a listener that does not ask is worth nothing at one that does. */
Test(door, no_resumption_where_a_certificate_is_asked_for)
{
    struct place *p = place_new();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL *client = SSL_new(ctx), *server = tls_door_ssl(&p->door);

    cr_assert(shake_hands(client, server));
    SSL_SESSION *session = SSL_get1_session(client);
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* a good end */
    SSL_free(client);
    SSL_free(server);
    for (int asks = 0; asks < 2; asks++) {
        p->door.asks_certificate = asks;
        client = SSL_new(ctx);
        server = tls_door_ssl(&p->door);
        SSL_set_session(client, session);
        cr_expect(shake_hands(client, server));
        cr_expect_eq(SSL_session_reused(server), !asks, "asks: %d", asks);
        SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(client);
        SSL_free(server);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    place_free(p);
}

/* ---- Names: ours against the library's ---- */

static bool library_matches(const char *presented, const char *name)
{
    char san[300];
    (void)snprintf(san, sizeof(san), "DNS:%s", presented);
    struct cert c = cert_make(&(struct cert_wish){"x", .san = san});
    bool is =
        X509_check_host(c.x509, name, 0,
                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                        NULL) == 1;
    cert_free(&c);
    return is;
}

static bool we_match(const char *presented, const char *name)
{
    char san[300], plain[HOSTNAME_MAX];
    struct tls_names names = {0};
    (void)snprintf(san, sizeof(san), "DNS:%s", presented);
    struct cert c = cert_make(&(struct cert_wish){"x", .san = san});

    bool ok = tls_names_add(&names, c.x509) && hostname_normalise(slice_of(name), plain) &&
              tls_names_match(&names, plain) != NAME_DIFFERS;
    tls_names_free(&names);
    cert_free(&c);
    return ok;
}

Test(door, names_match_as_the_library_has_it)
{
    static const char *const presented[] = {
        "a.example",    "A.eXample",         "*.example",           "*.a.example", "*.A.b.example",
        "f*.a.example", "*f.a.example",      "a.*.example",         "*.*.example", "*",
        "*.",           "xn--a-ecp.example", "*.xn--a-ecp.example", "a..example",  ".a.example",
        "b.a.example"};
    static const char *const names[] = {
        "a.example",     "A.EXAMPLE", "b.a.example",       "foo.a.example",        "c.b.a.example",
        "x.a.b.example", "example",   "xn--a-ecp.example", "mx.xn--a-ecp.example", "x.b.example"};

    for (size_t i = 0; i < ARRAY_LEN(presented); i++)
        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            cr_expect_eq(we_match(presented[i], names[j]), library_matches(presented[i], names[j]),
                         "%s and %s", presented[i], names[j]);
}

Test(door, names_have_a_bound)
{
    struct buf san;
    struct tls_names names = {0};

    buf_init(&san, 64 * 1024);
    for (int i = 0; i < 1001; i++)
        cr_assert(buf_printf(&san, "%sDNS:h%d.example", i ? "," : "", i));
    struct cert c = cert_make(&(struct cert_wish){"x", .san = buf_cstr(&san)});
    cr_expect_not(tls_names_add(&names, c.x509));
    cr_expect_eq(names.n, 1000);
    cr_expect_eq(tls_names_match(&names, "h999.example"), NAME_EXACT);
    tls_names_free(&names);
    cert_free(&c);
    buf_free(&san);
    NO_LEAKS();
}
