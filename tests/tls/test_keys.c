/* Identities: what loads, and the one clear line for each file that does not. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tls/keys.h"

static char dir[] = "/tmp/danelaw-keys-XXXXXX";

static const struct {
    const char *name;
    struct cert_wish wish;
} made[] = {
    {"ec",   {"ec", .san = "DNS:mx.example"}             },
    {"ec2",  {"ec2"}                                     },
    {"rsa",  {"rsa", .key = CERT_RSA_2048}               },
    {"ed",   {"ed", .key = CERT_ED25519}                 },
    {"weak", {"weak", .key = CERT_RSA_768}               },
    {"old",  {"old", .dates = EXPIRED}                   },
    {"soon", {"soon", .dates = FUTURE, .key = CERT_ED25519}},
};

static void write_file(const char *name, const char *text, size_t n)
{
    FILE *f = fopen(name, "w");
    cr_assert(f);
    cr_assert_eq(fwrite(text, 1, n, f), n);
    fclose(f);
}

static size_t read_file(const char *name, char *text, size_t size)
{
    FILE *f = fopen(name, "r");
    cr_assert(f);
    size_t n = fread(text, 1, size, f);
    fclose(f);
    return n;
}

/* A good chain, the same cut within its second certificate, and one cut within its first. */
static void write_chains(void)
{
    char text[20000];
    size_t first = read_file("ec.pem", text, sizeof(text));
    size_t both = first + read_file("ec2.pem", text + first, sizeof(text) - first);

    write_file("chain.pem", text, both);
    write_file("cut2.pem", text, first + (both - first) / 2);
    write_file("cut1.pem", text, first / 2);
    size_t key = read_file("ec.key", text, sizeof(text));
    write_file("cut.key", text, key / 2);
}

static void write_locked_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen("locked.key", "w");
    cr_assert(f && PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (unsigned char *)"secret", 6,
                                        NULL, NULL) == 1);
    fclose(f);
    EVP_PKEY_free(key);
}

static void start(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        struct cert c = cert_make(&made[i].wish);
        char pem[40], key[40];
        snprintf(pem, sizeof(pem), "%s.pem", made[i].name);
        snprintf(key, sizeof(key), "%s.key", made[i].name);
        cert_write_pem(&c, pem, key);
        cert_free(&c);
    }
    write_file("junk", "no certificate\n", 15);
    write_file("empty", "", 0);
    write_chains();
    write_locked_key();
}

static void stop(void)
{
    char command[100];
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(keys, .init = start, .fini = stop);

enum { FILES = 3 };

struct row {
    const char *name, *certs[FILES], *keys[FILES];
    const char *errors, *warnings; /* NULL errors: it loads; NULL warnings: none */
};

#define AT  "danelaw.yaml:7:3: identity \"relay\": "
#define AT2 "danelaw.yaml:7:13: identity \"relay\": "

// clang-format off
static const struct row rows[] = {
    {"one", {"ec.pem"}, {"ec.key"}, NULL, NULL},
    {"with its chain", {"chain.pem"}, {"ec.key"}, NULL, NULL},
    {"three kinds", {"ec.pem", "rsa.pem", "ed.pem"}, {"ec.key", "rsa.key", "ed.key"}, NULL, NULL},
    {"key of another", {"ec.pem"}, {"ec2.key"},
     AT "key_file ec2.key does not fit certificate_file ec.pem\n", NULL},
    {"keys the wrong way round", {"ec.pem", "rsa.pem"}, {"rsa.key", "ec.key"},
     AT "key_file rsa.key does not fit certificate_file ec.pem\n"
     AT2 "key_file ec.key does not fit certificate_file rsa.pem\n", NULL},
    {"two of one kind", {"ec.pem", "ec2.pem"}, {"ec.key", "ec2.key"},
     AT2 "certificate_file ec2.pem: a second one for a key of kind EC\n", NULL},
    {"options swapped", {"ec.key"}, {"ec.pem"},
     AT "certificate_file ec.key: no certificate in PEM format is in it\n"
     AT "key_file ec.pem: no private key in PEM format is in it\n", NULL},
    {"not there", {"/nowhere/cert"}, {"/nowhere/key"},
     AT "certificate_file /nowhere/cert: No such file or directory\n"
     AT "key_file /nowhere/key: No such file or directory\n", NULL},
    {"junk", {"junk"}, {"junk"},
     AT "certificate_file junk: no certificate in PEM format is in it\n"
     AT "key_file junk: no private key in PEM format is in it\n", NULL},
    {"empty", {"empty"}, {"empty"},
     AT "certificate_file empty: the file is empty\n" AT "key_file empty: the file is empty\n", NULL},
    {"a directory", {"ec.pem"}, {"/"}, AT "key_file /: Is a directory\n", NULL},
    {"a device", {"/dev/zero"}, {"ec.key"},
     AT "certificate_file /dev/zero: not a regular file\n", NULL},
    {"cut off within the chain", {"cut2.pem"}, {"ec.key"}, AT "certificate_file cut2.pem: bad end line\n",
     NULL},
    {"cut off", {"cut1.pem"}, {"cut.key"},
     AT "certificate_file cut1.pem: bad end line\n" AT "key_file cut.key: bad end line\n", NULL},
    {"a pass phrase", {"ec.pem"}, {"locked.key"},
     AT "key_file locked.key: the key is behind a pass phrase, which nobody is there to type\n", NULL},
    {"a key that is too short", {"weak.pem"}, {"weak.key"},
     AT "certificate_file weak.pem: ee key too small\n", NULL},
    {"expired", {"old.pem"}, {"old.key"}, NULL, AT "certificate_file old.pem: it expired on "},
    {"not yet valid", {"ec.pem", "soon.pem"}, {"ec.key", "soon.key"}, NULL,
     AT2 "certificate_file soon.pem: it is not valid before "},
};
// clang-format on

/* Fills files; returns how many. */
static size_t paths(const char *const names[FILES], struct config_path out[FILES])
{
    size_t n = 0;
    for (; n < FILES && names[n]; n++)
        out[n] = (struct config_path){
            names[n], {"danelaw.yaml", 7, 3 + (int)n * 10}
        };
    return n;
}

static void check_identity(const struct tls_identity *id)
{
    cr_expect_eq(SSL_CTX_get_min_proto_version(id->ctx), TLS1_2_VERSION);
    cr_expect(SSL_CTX_get_options(id->ctx) & SSL_OP_NO_RENEGOTIATION);
    cr_expect_eq(SSL_CTX_get_session_cache_mode(id->ctx), SSL_SESS_CACHE_OFF);
    cr_expect_gt(id->names.n, 0);
}

static void check_row(const struct row *r)
{
    struct config_path certs[FILES], keys[FILES];
    struct identity_config c = {.name = "relay", .certificate_files = certs, .key_files = keys};
    const char *warned = r->warnings ? r->warnings : "";
    struct buf errors, warnings;

    c.n_certificate_files = paths(r->certs, certs);
    c.n_key_files = paths(r->keys, keys);
    buf_init(&errors, 4096);
    buf_init(&warnings, 4096);
    struct tls_identity *id = tls_identity_new(&c, &errors, &warnings);
    cr_expect_eq(id != NULL, !r->errors, "%s: %s", r->name, buf_cstr(&errors));
    cr_expect_str_eq(buf_cstr(&errors), r->errors ? r->errors : "", "%s: %s", r->name,
                     buf_cstr(&errors));
    cr_expect_eq(strncmp(buf_cstr(&warnings), warned, strlen(warned)), 0, "%s: %s", r->name,
                 buf_cstr(&warnings));
    cr_expect_eq(warnings.n > 0, *warned != 0, "%s: %s", r->name, buf_cstr(&warnings));
    if (id)
        check_identity(id);
    tls_identity_free(&id);
    buf_free(&errors);
    buf_free(&warnings);
}

Test(keys, identities)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
    NO_LEAKS();
}

Test(keys, a_pipe_does_not_hold_us_up)
{
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    check_row(&(struct row){"a pipe", {"ec.pem"}, {"pipe"}, AT "key_file pipe: not a regular file\n",
                            NULL});
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
