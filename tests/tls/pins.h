/* Facts about OpenSSL that ours builds on, each tried in a handshake in memory with calls of
 * OpenSSL alone. A test that fails here says that the library has changed, not that we have. */
#ifndef DANELAW_TESTS_TLS_PINS_H
#define DANELAW_TESTS_TLS_PINS_H

#include <openssl/x509v3.h>

#include "tests/tls/certs.h"

/* Certificates, by what is peculiar about them. A leaf is of INT, which is of ROOT, unless its name
 * says otherwise; without another word it is valid and names mx.d.example. */
enum pin_cert {
    NOBODY,
    SELF, /* self-signed */
    SELF_OTHER_NAME,
    SELF_EXPIRED,
    SELF_FUTURE,
    SELF_BACKWARDS, /* ends before it begins */
    SELF_CLIENT,    /* extended key usage clientAuth only */
    SELF_CA,
    SELF_SHA1, /* signed with SHA-1 */
    SELF_RSA_1024,
    ROOT,
    ROOT_EXPIRED,
    ROOT_SHA1,
    ROOT_PATH_0,   /* path length 0 */
    ROOT_EXCLUDES, /* name constraints: not below d.example */
    ROOT_PERMITS,  /* name constraints: only below else.example */
    INT,
    INT_EXPIRED,
    INT_SHA1,
    INT_OF_PATH_0,
    INT_NO_CA, /* an issuer that is no CA */
    LEAF,
    LEAF_OF_ROOT_EXPIRED,
    LEAF_OF_ROOT_SHA1,
    LEAF_OF_EXCLUDES,
    LEAF_OF_PERMITS,
    LEAF_OF_INT_EXPIRED,
    LEAF_OF_INT_SHA1,
    LEAF_OF_PATH_0,
    LEAF_OF_NO_CA,
    LEAF_EXPIRED,
    LEAF_FUTURE,
    LEAF_CLIENT,
    LEAF_SHA1,
    LEAF_FORGED,
    LEAF_RSA_1024,
    LEAF_OTHER_NAME,  /* the SAN names another; the CN is right */
    LEAF_CN,          /* no SAN */
    LEAF_MAIL,        /* a SAN without a DNS name; the CN is right */
    LEAF_STAR,        /* *.d.example */
    LEAF_STAR_WIDE,   /* *.example */
    LEAF_STAR_SECOND, /* mx.*.d.example */
    LEAF_STAR_PART,   /* m*.d.example */
    LEAF_STAR_XN,     /* xn--*.d.example */
    LEAF_STAR_CN,     /* CN *.d.example, no SAN */
    LEAF_ADDRESS,     /* 192.0.2.1 beside the name */
    OTHER,            /* of somebody else altogether */
    N_PIN_CERTS
};

enum { PIN_SENT = 4, PIN_RECORDS = 4 };

struct pin_record {
    enum pin_cert of;
    uint8_t usage, selector, mtype;
    bool wrong;   /* one bit turned */
    uint16_t cut; /* octets taken off the end */
};

struct pin {
    const char *fact, *expected;
    enum pin_cert sent[PIN_SENT]; /* the leaf first */
    struct pin_record tlsa[PIN_RECORDS];
    const char *base, *also;  /* reference identifiers; NULL: mx.d.example, none */
    unsigned long dane_flags; /* SSL_dane_set_flags */
    unsigned int host_flags;  /* SSL_set_hostflags */
    int level;                /* of security; 0 is written PIN_LEVEL_0, nothing means 1 */
    int version;              /* of TLS; nothing: 1.3 and 1.2 in turn */
    enum pin_cert trusted;    /* in the trust store */
    int (*callback)(int ok, X509_STORE_CTX *ctx);
    void (*setup)(SSL_CTX *client), (*server_setup)(SSL_CTX *server);
    bool verify_peer;    /* nothing: SSL_VERIFY_NONE, which goes on and tells afterwards */
    SSL_SESSION *resume; /* borrowed */
    SSL_CTX *server;     /* instead of one for sent; borrowed */
};
enum { PIN_LEVEL_0 = -1 };

#define NO_EE_NAMES DANE_FLAG_NO_DANE_EE_NAMECHECKS
#define WHOLE_LABEL X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS

void pins_start(void); /* makes the certificates */
void pins_stop(void);
struct cert *pin_cert(enum pin_cert who);

/* What there was to see after the handshake, in words:
 *   "0: 2 0 1 at depth 1, mx.d.example"   verify result, matched record, depth, matched name
 *   "0: 2 1 0 at depth 1 by key"          the match was a bare key that signed this, the top
 *   "0: no authority"                     verified, but by no TLSA record
 *   "65 no match"                         X509_V_ERR_DANE_NO_MATCH
 *   "no handshake"
 * Returns text. */
enum { PIN_TEXT = 200 };
const char *pin_outcome(SSL *client, bool done, char text[PIN_TEXT]);

/* The two ends of a pin: contexts and connections that have tried to shake hands. */
struct pin_ends {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    bool done;
};
struct pin_ends pin_shake(const struct pin *p, int version);
void pin_ends_free(struct pin_ends *e);

/* Every row, in every version it is for; says fact, expected and seen of each that differs. */
void pins_check(const struct pin *rows, size_t n);

#endif
