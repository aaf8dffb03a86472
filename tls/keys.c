/* Certificates and keys of our identities, and the TLS contexts. Loaded once per configuration on
 * the thread that loads it, then only read. */
#include "tls/keys.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "config/base/limits.h"
#include "tls/chain.h"
#include "tls/door.h"
#include "tls/pem.h"

/* The connection consumes its output as it goes (partial writes from a moving buffer), and an idle
 * one should cost little memory. */
static const uint64_t modes =
    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS;

/* ---- Identities ---- */

/* A certificate with its chain, and its key. */
struct pair {
    X509 *leaf;
    STACK_OF(X509) * rest;
    EVP_PKEY *key;
};

static void pair_free(struct pair *p)
{
    X509_free(p->leaf);
    sk_X509_pop_free(p->rest, X509_free);
    EVP_PKEY_free(p->key);
    *p = (struct pair){0};
}

/* Whom the lines of one load are about, and where they go. */
struct load {
    const struct identity_config *id;
    struct buf *errors, *warnings;
};

static void tell(struct buf *out, const struct load *l, const struct config_path *file,
                 const char *option, const char *words, const char *more)
{
    char where[300];
    (void)!buf_printf(out, "%s: identity \"%s\": %s %s%s%s\n",
                      config_where_text(&file->where, where), l->id->name, option, file->path,
                      words, more);
}

/* The first error of a chain is the cause; the later ones say who passed it on. */
static const char *library_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason ? reason : "the TLS library does not say why";
}

static bool read_pair(const struct load *l, const struct config_path *cert,
                      const struct config_path *key, struct pair *out)
{
    const char *why_cert = pem_read_chain(cert->path, &out->leaf, &out->rest);
    const char *why_key = pem_read_key(key->path, &out->key);

    if (why_cert)
        tell(l->errors, l, cert, "certificate_file", ": ", why_cert);
    if (why_key)
        tell(l->errors, l, key, "key_file", ": ", why_key);
    if (why_cert || why_key)
        return false;
    bool fits = X509_check_private_key(out->leaf, out->key) == 1;
    ERR_clear_error();
    if (!fits)
        tell(l->errors, l, key, "key_file", " does not fit certificate_file ", cert->path);
    return fits;
}

/* RFC 7671 §5.1: a client that goes by the key alone (3 1 1) does not look at the dates, so this
 * stops nothing. */
static void warn_of_dates(const struct load *l, const struct config_path *file, X509 *cert)
{
    const ASN1_TIME *end = X509_get0_notAfter(cert), *start = X509_get0_notBefore(cert);
    char day[TLS_DATE_MAX];

    if (X509_cmp_current_time(end) < 0)
        tell(l->warnings, l, file, "certificate_file", ": it expired on ", tls_date_text(end, day));
    else if (X509_cmp_current_time(start) > 0)
        tell(l->warnings, l, file, "certificate_file", ": it is not valid before ",
             tls_date_text(start, day));
}

/* The library keeps one certificate for each kind of key and would silently let a second replace
 * the first. */
static bool use_pair(const struct load *l, const struct config_path *cert, const struct pair *p,
                     struct tls_identity *id)
{
    if (SSL_CTX_use_cert_and_key(id->ctx, p->leaf, p->key, p->rest, 0) == 1) {
        warn_of_dates(l, cert, p->leaf);
        if (!tls_names_add(&id->names, p->leaf))
            tell(l->warnings, l, cert, "certificate_file", ": ",
                 "it has too many names, SNI finds only the first");
        return true;
    }
    bool second = ERR_GET_REASON(ERR_peek_error()) == SSL_R_NOT_REPLACING_CERTIFICATE;
    tell(l->errors, l, cert, "certificate_file",
         second ? ": a second one for a key of kind " : ": ",
         second ? EVP_PKEY_get0_type_name(p->key) : library_reason());
    ERR_clear_error();
    return false;
}

/* Goes on after a bad pair, so that one run tells of all. */
static bool load_pairs(const struct load *l, struct tls_identity *id)
{
    bool ok = true;

    for (size_t i = 0; i < l->id->n_certificate_files; i++) {
        struct pair pair = {0};
        ok &= read_pair(l, &l->id->certificate_files[i], &l->id->key_files[i], &pair) &&
              use_pair(l, &l->id->certificate_files[i], &pair, id);
        pair_free(&pair);
    }
    return ok;
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

static SSL_CTX *server_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    REQUIRE(ctx && context_basics(ctx, TLS1_2_VERSION));
    /* The client knows better which ciphers its processor is fast at, and all that are left are
     * good. */
    SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_dh_auto(ctx, 1);
    SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT); /* it may have been a password */
    (void)SSL_CTX_set_num_tickets(ctx, 1); /* each session needs one at most */
    tls_door_prepare(ctx);
    return ctx;
}

struct tls_identity *tls_identity_new(const struct identity_config *config, struct buf *errors,
                                      struct buf *warnings)
{
    struct load load = {config, errors, warnings};
    struct tls_identity *id = base_alloc(sizeof(*id));

    REQUIRE(config->n_certificate_files == config->n_key_files && config->n_key_files);
    ERR_clear_error();
    id->ctx = server_context();
    if (!load_pairs(&load, id))
        tls_identity_free(&id);
    return id;
}

void tls_identity_free(struct tls_identity **id)
{
    if (!*id)
        return;
    SSL_CTX_free((*id)->ctx);
    tls_names_free(&(*id)->names);
    free(*id);
    *id = NULL;
}

/* ---- Clients ---- */

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
