/* Certificates made on the spot, and TLSA records that match them. */
#ifndef DANELAW_TESTS_TLS_CERTS_H
#define DANELAW_TESTS_TLS_CERTS_H

#include <openssl/ssl.h>

#include "dns/facts.h"

struct cert {
    X509 *x509;
    EVP_PKEY *key;
};

enum { VALID, EXPIRED, FUTURE, BACKWARDS }; /* BACKWARDS: ends before it begins */
enum cert_key { CERT_P256, CERT_RSA_1024, CERT_RSA_2048, CERT_RSA_768, CERT_ED25519 };

struct cert_wish {
    const char *cn;
    const char *san;           /* "DNS:a,DNS:b"; NULL: none */
    const struct cert *issuer; /* NULL: self-signed */
    bool ca;
    int dates;
    enum cert_key key;
    bool sha1;                    /* signed with SHA-1 */
    bool forged;                  /* names the issuer, but is signed with its own key */
    const char *constraints;      /* of a CA: "pathlen:0"; NULL: none */
    const char *name_constraints; /* "excluded;DNS:d.example"; NULL: none */
    const char *eku;              /* extended key usage, "clientAuth"; NULL: none */
};

struct cert cert_make(const struct cert_wish *wish);
void cert_free(struct cert *c);
/* A server context with the leaf and, if not NULL, its issuer in the chain. */
SSL_CTX *cert_server(const struct cert *leaf, const struct cert *issuer);

/* A record of the certificate; wrong: with one bit turned. data is the caller's storage. */
enum { RECORD_MAX = 2048 };
struct tlsa_record cert_record(const struct cert *c, uint8_t usage, uint8_t selector, uint8_t mtype,
                               bool wrong, uint8_t data[RECORD_MAX]);
void cert_write_pem(const struct cert *c, const char *cert_file, const char *key_file);

#endif
