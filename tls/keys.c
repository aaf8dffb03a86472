/* Certificates and keys of our identities, and the TLS contexts. Loaded once per configuration on
 * the thread that loads it, then only read. */
#include "tls/keys.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "tls/chain.h"

/* The connection consumes its output as it goes (partial writes from a moving buffer), and an idle
 * one should cost little memory. */
static const uint64_t modes =
    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS;

/* One line about one file; the reason is the system's or the TLS library's. */
static void complain(const struct identity_config *id, struct buf *errors, const char *option,
                     const char *file, const char *reason)
{
    char where[300];
    (void)!buf_printf(errors, "%s: identity \"%s\": %s %s: %s\n",
                      config_where_text(&id->where, where), id->name, option, file, reason);
    ERR_clear_error();
}

/* The first error of a chain is the cause; the later ones say who passed it on. */
static const char *library_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason ? reason : "not in PEM format";
}

/* The library's own words for a missing file are poor; ask the system first. */
static bool readable(const struct identity_config *id, struct buf *errors, const char *option,
                     const char *file)
{
    if (access(file, R_OK) == 0)
        return true;
    complain(id, errors, option, file, strerrordesc_np(errno));
    return false;
}

/* A key behind a pass phrase would make the daemon ask the terminal. */
static int no_pass_phrase(char *buffer, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *read_key(const char *file)
{
    BIO *in = BIO_new_file(file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(in);
    return key;
}

static bool load_certificate(SSL_CTX *ctx, const struct identity_config *id, struct buf *errors)
{
    const char *file = id->certificate_file;
    if (!readable(id, errors, "certificate_file", file))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, file) == 1)
        return true;
    complain(id, errors, "certificate_file", file, library_reason());
    return false;
}

static bool load_key(SSL_CTX *ctx, const struct identity_config *id, struct buf *errors)
{
    char where[300];
    EVP_PKEY *key;

    if (!readable(id, errors, "key_file", id->key_file))
        return false;
    key = read_key(id->key_file);
    if (!key) {
        complain(id, errors, "key_file", id->key_file, library_reason());
        return false;
    }
    bool fits = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1;
    bool used = fits && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    if (!fits)
        (void)!buf_printf(
            errors, "%s: identity \"%s\": key_file %s does not fit certificate_file %s\n",
            config_where_text(&id->where, where), id->name, id->key_file, id->certificate_file);
    else if (!used)
        complain(id, errors, "key_file", id->key_file, library_reason());
    ERR_clear_error();
    return used;
}

/* What both ends have in common. */
static bool context_basics(SSL_CTX *ctx, int floor)
{
    SSL_CTX_set_mode(ctx, (long)modes);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, LIMIT_CERT_LIST);
    return SSL_CTX_set_min_proto_version(ctx, floor) == 1;
}

SSL_CTX *tls_server_context(const struct identity_config *id, struct buf *errors)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    REQUIRE(ctx && context_basics(ctx, TLS1_2_VERSION));
    /* The client knows better which ciphers its processor is fast at, and all that are left are
     * good. */
    SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_dh_auto(ctx, 1);
    (void)SSL_CTX_set_num_tickets(ctx, 1); /* each session needs one at most */
    if (load_certificate(ctx, id, errors) && load_key(ctx, id, errors))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* RFC 7672 §8.2: anonymous suites only where nothing is authenticated, and there they gain nothing.
 */
static SSL_CTX *client_context(const char *ciphers, int floor)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || !context_basics(ctx, floor) || SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    /* SMTP marks its own ends, so a missing close_notify cuts nothing off unseen. */
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* tls/dane.c decides per connection */
    SSL_CTX_set_verify_depth(ctx, LIMIT_VERIFY_DEPTH);
    return ctx;
}

static const char authenticated_ciphers[] = "DEFAULT:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=1";

static bool prepare(struct tls_clients *c)
{
    c->opportunistic = client_context("DEFAULT:!eNULL:@SECLEVEL=0", TLS1_VERSION);
    c->authenticated = client_context(authenticated_ciphers, TLS1_2_VERSION);
    c->pkix = client_context(authenticated_ciphers, TLS1_2_VERSION);
    if (!c->opportunistic || !c->authenticated || !c->pkix)
        return false;
    tls_chain_ignore(c->opportunistic);
    tls_chain_observe(c->authenticated);
    tls_chain_observe(c->pkix);
    return SSL_CTX_dane_enable(c->authenticated) == 1 &&
           SSL_CTX_set_default_verify_paths(c->pkix) == 1;
}

bool tls_clients_init(struct tls_clients *c, struct buf *errors)
{
    *c = (struct tls_clients){0};
    bool ok = prepare(c);
    if (!ok) {
        (void)!buf_printf(errors, "TLS client: %s\n", library_reason());
        tls_clients_free(c);
    }
    ERR_clear_error();
    return ok;
}

void tls_clients_free(struct tls_clients *c)
{
    SSL_CTX_free(c->opportunistic);
    SSL_CTX_free(c->authenticated);
    SSL_CTX_free(c->pkix);
    *c = (struct tls_clients){0};
}
