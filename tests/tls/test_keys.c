/* Identities: what loads, and the one clear line for what does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tls/keys.h"

static char dir[] = "/tmp/danelaw-keys-XXXXXX";
static char cert_file[100], key_file[100], other_cert[100], other_key[100], junk[100];

static void start(void)
{
    struct cert a = cert_make(&(struct cert_wish){"a", NULL, NULL, false, VALID});
    struct cert b = cert_make(&(struct cert_wish){"b", NULL, NULL, false, VALID});

    cr_assert_not_null(mkdtemp(dir));
    snprintf(cert_file, sizeof(cert_file), "%s/cert", dir);
    snprintf(key_file, sizeof(key_file), "%s/key", dir);
    snprintf(other_cert, sizeof(other_cert), "%s/other_cert", dir);
    snprintf(other_key, sizeof(other_key), "%s/other_key", dir);
    snprintf(junk, sizeof(junk), "%s/junk", dir);
    cert_write_pem(&a, cert_file, key_file);
    cert_write_pem(&b, other_cert, other_key);
    FILE *f = fopen(junk, "w");
    fputs("no certificate\n", f);
    fclose(f);
    cert_free(&a);
    cert_free(&b);
}

static void stop(void)
{
    const char *files[] = {cert_file, key_file, other_cert, other_key, junk};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        unlink(files[i]);
    rmdir(dir);
}

TestSuite(keys, .init = start, .fini = stop);

struct row {
    const char *name, *cert, *key;
    const char *text; /* of the error; NULL: it loads */
};

// clang-format off
static const struct row rows[] = {
    {"good", cert_file, key_file, NULL},
    {"key of another", cert_file, other_key, "key_file %K does not fit certificate_file %C\n"},
    {"no certificate", "/nowhere/cert", key_file,
     "certificate_file %C: No such file or directory\n"},
    {"no key", cert_file, "/nowhere/key", "key_file %K: No such file or directory\n"},
    {"junk certificate", junk, key_file, "certificate_file %C: no start line\n"},
    {"junk key", cert_file, junk, "key_file %K: "},
    {"a directory", cert_file, "/", "key_file %K: "},
};
// clang-format on

/* The row's text with the files put in. */
static void expand(const struct row *r, char *out, size_t size)
{
    size_t n = 0;
    for (const char *p = r->text; *p && n + 1 < size; p++) {
        if (*p == '%' && (p[1] == 'K' || p[1] == 'C'))
            n += (size_t)snprintf(out + n, size - n, "%s", *++p == 'K' ? r->key : r->cert);
        else
            out[n++] = *p;
    }
    out[n] = '\0';
}

Test(keys, server_context)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct identity_config id = {
            "relay", rows[i].cert, rows[i].key, {"danelaw.yaml", 7, 3}
        };
        struct buf errors;
        char text[400];
        buf_init(&errors, 4096);
        SSL_CTX *ctx = tls_server_context(&id, &errors);
        cr_expect_eq(ctx != NULL, !rows[i].text, "%s: %s", rows[i].name, buf_cstr(&errors));
        if (rows[i].text) {
            const char *prefix = "danelaw.yaml:7:3: identity \"relay\": ";
            expand(&rows[i], text, sizeof(text));
            cr_expect_eq(strncmp(buf_cstr(&errors), prefix, strlen(prefix)), 0, "%s",
                         buf_cstr(&errors));
            cr_expect(strstr(buf_cstr(&errors), text), "%s: %s", rows[i].name, buf_cstr(&errors));
            cr_expect_eq(slice_find(buf_slice(&errors), '\n') + 1, errors.n, "one line");
        } else {
            cr_expect_eq(errors.n, 0);
            cr_expect_eq(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
            cr_expect(SSL_CTX_get_options(ctx) & SSL_OP_NO_RENEGOTIATION);
            cr_expect_eq(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
        }
        SSL_CTX_free(ctx);
        buf_free(&errors);
    }
    NO_LEAKS();
}

Test(keys, clients)
{
    struct tls_clients c;
    struct buf errors;
    buf_init(&errors, 100);
    cr_assert(tls_clients_init(&c, &errors));
    cr_expect_eq(errors.n, 0);
    cr_expect_eq(SSL_CTX_get_security_level(c.opportunistic), 0);
    cr_expect_eq(SSL_CTX_get_security_level(c.authenticated), 1);
    cr_expect_eq(SSL_CTX_get_min_proto_version(c.authenticated), TLS1_2_VERSION);
    cr_expect_eq(SSL_CTX_get_min_proto_version(c.pkix), TLS1_2_VERSION);
    cr_expect(SSL_CTX_get_options(c.authenticated) & SSL_OP_IGNORE_UNEXPECTED_EOF);
    tls_clients_free(&c);
    cr_expect_null(c.pkix);
    NO_LEAKS();
}
