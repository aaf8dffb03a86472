/* The servers of the certificate pool: a context per chain and manner, made when first asked for.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/mix.h"

enum { MAX_CONTEXTS = 1024 };

struct context {
    char key[100]; /* "chain manner" */
    SSL_CTX *ctx;
};

struct mix_servers {
    char folder[400];
    struct context v[MAX_CONTEXTS];
    size_t n;
};

struct manner {
    const char *name;
    int least, most; /* protocol */
    const char *ciphers;
};

static const struct manner manners[] = {
    {"1.3",       TLS1_2_VERSION, TLS1_3_VERSION, "ALL:!aNULL:@SECLEVEL=0"},
    {"1.2",       TLS1_2_VERSION, TLS1_2_VERSION, "ALL:!aNULL:@SECLEVEL=0"},
    {"old",       TLS1_VERSION,   TLS1_VERSION,   "ALL:!aNULL:@SECLEVEL=0"},
    {"anonymous", TLS1_2_VERSION, TLS1_2_VERSION, "aNULL:@SECLEVEL=0"     },
    {"alien",     TLS1_2_VERSION, TLS1_2_VERSION, "PSK:@SECLEVEL=0"       },
};

static const struct manner *manner_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(manners); i++)
        if (strcmp(manners[i].name, name) == 0)
            return &manners[i];
    return NULL;
}

static void give_up(const char *what, const char *file)
{
    fprintf(stderr, "mix: %s %s\n", what, file);
    ERR_print_errors_fp(stderr);
    exit(2);
}

struct mix_servers *mix_servers_load(const char *folder)
{
    struct mix_servers *s = base_alloc(sizeof(*s));

    if (!slice_copy(slice_of(folder), s->folder, sizeof(s->folder)))
        give_up("too long a name:", folder);
    return s;
}

void mix_servers_free(struct mix_servers **s)
{
    for (size_t i = 0; i < (*s)->n; i++)
        SSL_CTX_free((*s)->v[i].ctx);
    free(*s);
    *s = NULL;
}

/* FOLDER/CHAIN.pem: the key, the leaf, then what is sent behind it. */
static bool read_chain(SSL_CTX *ctx, BIO *in)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL), *next;
    bool ok = key && leaf && SSL_CTX_use_certificate(ctx, leaf) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1;

    while (ok && (next = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        ok = SSL_CTX_add1_chain_cert(ctx, next) == 1;
        X509_free(next);
    }
    EVP_PKEY_free(key);
    X509_free(leaf);
    if (ok)
        ERR_clear_error(); /* the end of the file is one */
    return ok;
}

static SSL_CTX *make_context(const struct mix_servers *s, const char *chain, const struct manner *m)
{
    char file[600];
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *in;

    (void)snprintf(file, sizeof(file), "%s/%s.pem", s->folder, chain);
    in = BIO_new_file(file, "r");
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_dh_auto(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    if (SSL_CTX_set_cipher_list(ctx, m->ciphers) != 1 || !in || !read_chain(ctx, in) ||
        SSL_CTX_set_min_proto_version(ctx, m->least) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, m->most) != 1)
        give_up("cannot serve", file);
    BIO_free(in);
    return ctx;
}

static SSL_CTX *context_of(struct mix_servers *s, const char *chain, const char *manner)
{
    char key[sizeof(s->v[0].key)];
    const struct manner *m = manner_of(manner);

    (void)snprintf(key, sizeof(key), "%s %s", chain, manner);
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].key, key) == 0)
            return s->v[i].ctx;
    if (!m || s->n == MAX_CONTEXTS)
        give_up("no such server:", key);
    struct context *c = &s->v[s->n++];
    memcpy(c->key, key, sizeof(key));
    c->ctx = make_context(s, chain, m);
    return c->ctx;
}

SSL *mix_server_new(struct mix_servers *s, const char *chain, const char *manner)
{
    SSL *ssl = SSL_new(context_of(s, chain, manner));

    REQUIRE(ssl);
    return ssl;
}
