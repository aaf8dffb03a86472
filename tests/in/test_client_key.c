/* A client's certificate as its right to relay: what counts is its key. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

struct client {
    EVP_PKEY *key;
    X509 *cert;
    struct key_digest digest;
};

static struct client client_new(void)
{
    struct client c = {.key = EVP_EC_gen("P-256")};
    unsigned char *der = NULL;

    c.cert = rig_certificate(c.key);
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c.cert), &der);
    cr_assert(EVP_Digest(der, (size_t)n, c.digest.sha256, NULL, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
    return c;
}

static void client_free(struct client *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->cert);
}

/* A listener that asks for certificates and has no clients by network. shown: what the client has.
 */
static struct rig *rig_of(const struct client *shown, struct key_digest *listed, size_t n)
{
    struct rig *r = rig_new();

    rig_identity(r);
    r->listener.n_clients = 0;
    r->listener.client_keys = listed;
    r->listener.n_client_keys = n;
    r->door.asks_certificate = n > 0;
    r->client = SSL_CTX_new(TLS_client_method());
    if (shown)
        cr_assert(SSL_CTX_use_cert_and_key(r->client, shown->cert, shown->key, NULL, 1) == 1);
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    return r;
}

static void ask_to_relay(struct rig *r, const char *want)
{
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", want);
}

static void start_tls(struct rig *r)
{
    rig_ask(r, "EHLO client.example", "250");
    rig_ask(r, "STARTTLS", "220");
    rig_handshake(r);
}

Test(client_key, a_listed_key_may_relay)
{
    struct client c = client_new(), other = client_new();
    struct key_digest listed[] = {other.digest, c.digest};
    struct rig *r = rig_of(&c, listed, 2);

    ask_to_relay(r, "554 5.7.1"); /* nothing is known in clear */
    rig_ask(r, "RSET", "250");
    start_tls(r);
    ask_to_relay(r, "250");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "x\r\n.", "250");
    cr_expect(rig_logged(r, ", listed=yes"));
    cr_expect(rig_logged(r, "tls=TLSv1.3, client_key="));
    rig_free(&r);
    client_free(&c);
    client_free(&other);
}

Test(client_key, any_other_key_may_not)
{
    struct client c = client_new(), other = client_new();
    struct key_digest listed[] = {other.digest};
    struct rig *r = rig_of(&c, listed, 1);

    start_tls(r);
    ask_to_relay(r, "554 5.7.1");
    rig_ask(r, "RCPT TO:<r@ours.example>", "250");
    cr_expect(rig_logged(r, ", listed=no"));
    rig_free(&r);
    client_free(&c);
    client_free(&other);
}

Test(client_key, none_is_needed)
{
    struct client other = client_new();
    struct key_digest listed[] = {other.digest};
    struct rig *r = rig_of(NULL, listed, 1);

    start_tls(r);
    ask_to_relay(r, "554 5.7.1");
    cr_expect_not(rig_logged(r, "client_key"));
    rig_free(&r);
    client_free(&other);
}

Test(client_key, nobody_is_asked_where_none_is_listed)
{
    struct client c = client_new();
    struct rig *r = rig_of(&c, NULL, 0);

    start_tls(r);
    ask_to_relay(r, "554 5.7.1");
    cr_expect_not(rig_logged(r, "client_key"));
    rig_free(&r);
    client_free(&c);
}

/* A proxy's key is its own, not its clients'. */
Test(client_key, xclient_leaves_it_behind)
{
    struct client c = client_new();
    struct key_digest listed[] = {c.digest};
    struct ip_net proxies[1];
    struct rig *r;

    cr_assert(ip_parse_net(SLICE("127.0.0.1"), &proxies[0]));
    r = rig_of(&c, listed, 1);
    rig_close(r);
    r->listener.xclients = proxies;
    r->listener.n_xclients = 1;
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    start_tls(r);
    ask_to_relay(r, "250");
    rig_ask(r, "RSET", "250");
    rig_ask(r, "XCLIENT ADDR=192.0.2.7", "220");
    ask_to_relay(r, "554 5.7.1");
    rig_free(&r);
    client_free(&c);
}
