/* Handshakes that fail in every way we have a name for: what is found, and that the record which is
 * said to mend it does. */
#include "tests/tls/test_diagnose.h"

#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tests/tls/mistakes.h"
#include "tests/tls/shake.h"

static struct tls_clients clients;

enum who {
    NOBODY,
    ROOT,
    CA,
    NEW_CA,
    CA_OLD,
    CA_SHORT,
    CA_BELOW,
    CA_BOUND,
    OTHER,
    SELF,
    SELF_RSA,
    SELF_WEAK,
    LEAF,
    LEAF_NEW,
    LEAF_ELSE,
    LEAF_EXPIRED,
    LEAF_FUTURE,
    LEAF_CLIENT,
    LEAF_SHA1,
    LEAF_FORGED,
    LEAF_DEEP,
    LEAF_BOUND,
    LEAF_OLD,
    N_CERTS
};

static struct cert certs[N_CERTS];

#define MX "DNS:mx.d.example"
static const struct cert_wish wishes[N_CERTS] = {
    [ROOT] = {.cn = "Root",                .ca = true                                  },
    [CA] = {                       .cn = "CA one",     .issuer = &certs[ROOT],                                   .ca = true},
    [NEW_CA] = {                       .cn = "CA two",     .issuer = &certs[ROOT],                                   .ca = true},
    [CA_OLD] = {.cn = "Old", .issuer = &certs[ROOT], .ca = true, .dates = EXPIRED},
    [CA_SHORT] = {                       .cn = "Short",                 .ca = true,                   .constraints = "pathlen:0"},
    [CA_BELOW] = {                       .cn = "Below", .issuer = &certs[CA_SHORT],                                   .ca = true},
    [CA_BOUND] = {                       .cn = "Bound",                 .ca = true, .name_constraints = "excluded;DNS:d.example"},
    [OTHER] = {                       .cn = "Other",                  .san = MX,                                   .ca = true},
    [SELF] = {                       .cn = "self",                  .san = MX                                            },
    [SELF_RSA] = {        .cn = "self rsa",       .san = MX,                                                   .key = CERT_RSA_2048},
    [SELF_WEAK] = {            .cn = "weak",        .san = MX,                                                    .key = CERT_RSA_768},
    [LEAF] = {            .cn = "leaf",       .san = MX,                                                   .issuer = &certs[CA]},
    [LEAF_NEW] = {            .cn = "leaf",   .san = MX,                                               .issuer = &certs[NEW_CA]},
    [LEAF_ELSE] = {    .cn = "mx.d.example",       .san = "DNS:www.else.example",                                                   .issuer = &certs[CA]},
    [LEAF_EXPIRED] = {            .cn = "leaf",       .san = MX,                                   .issuer = &certs[CA], .dates = EXPIRED},
    [LEAF_FUTURE] = {                       .cn = "leaf",                  .san = MX,                         .issuer = &certs[CA], .dates = FUTURE},
    [LEAF_CLIENT] = {        .cn = "leaf",                .san = MX,                                    .issuer = &certs[CA], .eku = "clientAuth"},
    [LEAF_SHA1] = {.cn = "leaf",                           .san = MX,                                                            .issuer = &certs[CA], .sha1 = true},
    [LEAF_FORGED] = {                                                    .cn = "leaf",               .san = MX,                                                           .issuer = &certs[CA], .forged = true},
    [LEAF_DEEP] = {                  .cn = "leaf",       .san = MX,.issuer = &certs[CA_BELOW]},
    [LEAF_OLD] = {.cn = "leaf", .san = MX, .issuer = &certs[CA_OLD]},
    [LEAF_BOUND] = { .cn = "leaf",            .san = MX,                                                    .issuer = &certs[CA_BOUND]},
};

static void start(void)
{
    struct buf errors;
    buf_init(&errors, 4096);
    for (int i = NOBODY + 1; i < N_CERTS; i++)
        if (wishes[i].cn)
            certs[i] = cert_make(&wishes[i]);
    cr_assert(tls_clients_init(&clients, &errors), "%s", buf_cstr(&errors));
    cr_assert_eq(X509_STORE_add_cert(SSL_CTX_get_cert_store(clients.pkix), certs[ROOT].x509), 1);
    buf_free(&errors);
}

static void stop(void)
{
    tls_clients_free(&clients);
    for (int i = NOBODY + 1; i < N_CERTS; i++)
        cert_free(&certs[i]);
    NO_LEAKS();
}

TestSuite(diagnose, .init = start);

struct record_wish {
    enum who of;
    uint8_t usage, selector, mtype;
    enum how how;
};

static struct tlsa_record make_record(const struct record_wish *w, uint8_t data[RECORD_MAX])
{
    const struct tlsa_record meant = {
        .usage = w->usage, .selector = w->selector, .mtype = w->mtype};
    return cert_record_made(&certs[w->of], &certs[CA], &meant, w->how, data);
}

/* ---- one attempt ---- */

struct row {
    const char *name;
    const char *expected; /* names of findings */
    const char *text;     /* a part of the first one's text; NULL: any */
    enum who leaf, chain[2];
    struct record_wish r[3];
    int days_later; /* of the diagnosis, not of the handshake */
    unsigned soon_days;
    bool pkix, authorities_known, one_key_type;
    void (*server)(SSL_CTX *);
};

/* What an attempt leaves behind, to be diagnosed. */
struct attempt {
    struct tlsa_record records[3];
    uint8_t data[3][RECORD_MAX];
    struct host_facts host;
    struct dest_facts dest;
    struct verdict v;
    SSL_CTX *ctx;
    SSL *client, *server;
    struct tls_outcome o;
};

static void decide(struct attempt *a, size_t n, enum tls_level level)
{
    a->host = (struct host_facts){.name = "mx.d.example",
                                  .expanded = "mx.d.example",
                                  .addresses_security = DNS_SECURE,
                                  .alias_security = DNS_SECURE,
                                  .n_candidates = 1,
                                  .tlsa_base = "mx.d.example",
                                  .tlsa = a->records,
                                  .n_tlsa = n};
    a->dest = (struct dest_facts){.name = "d.example",
                                  .expanded = "d.example",
                                  .kind = DEST_MX,
                                  .security = DNS_SECURE,
                                  .hosts = &a->host,
                                  .n_hosts = 1};
    const struct verdict_input in = {level, true, &a->dest, 0};
    a->v = verdict_decide(&in);
}

static void shake(struct attempt *a, const struct row *row, enum tls_level level)
{
    char why[WHY_MAX];

    a->ctx = cert_server(&certs[row->leaf], NULL);
    for (size_t i = 0; i < ARRAY_LEN(row->chain); i++)
        if (row->chain[i])
            REQUIRE(SSL_CTX_add1_chain_cert(a->ctx, certs[row->chain[i]].x509) == 1);
    if (row->server)
        row->server(a->ctx);
    a->client = tls_dane_client(&clients, &a->v, level, "mx.d.example");
    a->server = SSL_new(a->ctx);
    REQUIRE(a->client && a->server);
    bool done = shake_hands_why(a->client, a->server, why);
    a->o = tls_dane_outcome(a->client, &a->v, done, why);
}

static void end(struct attempt *a)
{
    SSL_free(a->client);
    SSL_free(a->server);
    SSL_CTX_free(a->ctx);
}

static size_t diagnose(const struct attempt *a, const struct row *row, struct finding *out,
                       size_t max)
{
    const struct tls_diagnosis in = {
        .v = &a->v,
        .o = &a->o,
        .ssl = a->client,
        .host = "mx.d.example",
        .port = 25,
        .now_s = time(NULL) + 60 + row->days_later * INT64_C(86400), /* off the edge of a day */
        .tlsa_ttl_s = 3600,
        .soon_days = row->soon_days,
        .one_key_type = row->one_key_type,
        .known = row->authorities_known ? SSL_CTX_get_cert_store(clients.pkix) : NULL,
    };
    return tls_diagnose_handshake(&in, out, max);
}

static struct tlsa_record parse_mend(const char *mend, uint8_t data[RECORD_MAX])
{
    unsigned usage, selector, mtype;
    char hex[2 * 64 + 1] = "";
    long n = 0;

    cr_assert_eq(sscanf(mend, "_25._tcp.mx.d.example. IN TLSA %u %u %u %128s", &usage, &selector,
                        &mtype, hex),
                 4, "%s", mend);
    uint8_t *decoded = OPENSSL_hexstr2buf(hex, &n);
    REQUIRE(decoded && n > 0);
    memcpy(data, decoded, (size_t)n);
    OPENSSL_free(decoded);
    return (struct tlsa_record){(uint8_t)usage, (uint8_t)selector, (uint8_t)mtype, (uint16_t)n,
                                data};
}

/* A record that is said to mend it must do so, alone, on the same server. */
static void expect_mended(const struct row *row, const char *mend)
{
    static struct attempt a;

    a.records[0] = parse_mend(mend, a.data[0]);
    decide(&a, 1, TLS_LEVEL_DANE);
    shake(&a, row, TLS_LEVEL_DANE);
    cr_expect_eq(a.o.mode, VERDICT_DANE, "%s: %s does not mend: %s", row->name, mend,
                 a.o.status.text);
    end(&a);
}

static void check_row(const struct row *row, bool seen[FINDING_COUNT])
{
    static struct attempt a;
    struct finding found[12];
    const enum tls_level level = row->pkix ? TLS_LEVEL_VERIFY : TLS_LEVEL_DANE;
    size_t n_records = 0;

    for (; n_records < 3 && row->r[n_records].of; n_records++)
        a.records[n_records] = make_record(&row->r[n_records], a.data[n_records]);
    decide(&a, n_records, level);
    shake(&a, row, level);
    size_t n = diagnose(&a, row, found, ARRAY_LEN(found));
    expect_findings(row->name, found, n, row->expected, seen);
    if (row->text && n)
        cr_expect(strstr(found[0].text, row->text), "%s: %s", row->name, found[0].text);
    for (size_t i = 0; i < n; i++)
        if (found[i].mend[0])
            expect_mended(row, found[i].mend);
    end(&a);
}

/* ---- servers that cannot agree with us ---- */

static void only_old_tls(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
}

static void only_anonymous(SSL_CTX *ctx)
{
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_dh_auto(ctx, 1);
    REQUIRE(SSL_CTX_set_cipher_list(ctx, "aNULL:@SECLEVEL=0") == 1);
}

#define R(of, u, s, m, how)                                                                        \
    {                                                                                              \
        of, u, s, m, how                                                                           \
    }

// clang-format off
static const struct row rows[] = {
    /* Nothing to say. */
    {"3 1 1", "", NULL, SELF, {0}, {R(SELF, 3, 1, 1, RIGHT)}},
    {"rollover pair", "", NULL, SELF, {0}, {R(OTHER, 3, 1, 1, RIGHT), R(SELF, 3, 1, 1, RIGHT)}},
    {"current and issuer", "", NULL, LEAF, {CA}, {R(LEAF, 3, 1, 1, RIGHT), R(CA, 2, 0, 1, RIGHT)}},
    {"3 1 1 of an expired one", "", NULL, LEAF_EXPIRED, {0}, {R(LEAF_EXPIRED, 3, 1, 1, RIGHT)}},
    {"2 1 0, signed by a bare key", "", NULL, LEAF, {0}, {R(CA, 2, 1, 0, RIGHT)}},

    /* Records of something else. */
    {"2 0 1 of the leaf", "record-of-leaf", "2 0 1 ", LEAF, {CA}, {R(LEAF, 2, 0, 1, RIGHT)}},
    {"3 0 1 of the issuer", "record-of-issuer", "CN=CA one", LEAF, {CA}, {R(CA, 3, 0, 1, RIGHT)}},
    {"3 1 1 of the issuer, leaf of another name", "record-of-issuer", NULL, LEAF_ELSE, {CA}, {R(CA, 3, 1, 1, RIGHT)}},
    {"3 1 1 of the certificate", "wrong-selector", "the SHA-256 of the certificate of CN=self", SELF, {0}, {R(SELF, 3, 1, 1, OTHER_SELECTOR)}},
    {"3 0 1 of the key", "wrong-selector", NULL, SELF, {0}, {R(SELF, 3, 0, 1, OTHER_SELECTOR)}},
    {"2 1 1 of the certificate", "wrong-selector", NULL, LEAF, {CA}, {R(CA, 2, 1, 1, OTHER_SELECTOR)}},
    {"3 1 1 with SHA-512, beside a stale one", "wrong-matching-type", "the SHA-512", SELF, {0}, {R(SELF, 3, 1, 1, OF_512), R(OTHER, 3, 1, 1, RIGHT)}},
    {"3 1 2 with SHA-256, beside a stale one", "wrong-matching-type", NULL, SELF, {0}, {R(SELF, 3, 1, 2, OF_256), R(OTHER, 3, 1, 1, RIGHT)}},
    {"3 1 0 with SHA-256, beside a stale one", "wrong-matching-type", NULL, SELF, {0}, {R(SELF, 3, 1, 0, OF_256), R(OTHER, 3, 1, 1, RIGHT)}},
    {"3 1 1 in full, beside a stale one", "wrong-matching-type", "a copy", SELF, {0}, {R(SELF, 3, 1, 1, OF_DER), R(OTHER, 3, 1, 1, RIGHT)}},
    {"PEM", "record-of-pem", "the PEM certificate", SELF, {0}, {R(SELF, 3, 0, 1, OF_PEM)}},
    {"PEM, no newline", "record-of-pem", NULL, SELF, {0}, {R(SELF, 3, 0, 1, OF_PEM_CUT)}},
    {"PEM of Windows, SHA-512", "record-of-pem", NULL, SELF, {0}, {R(SELF, 3, 0, 2, OF_PEM_CRLF)}},
    {"PEM of the chain", "record-of-pem", NULL, LEAF, {CA}, {R(LEAF, 3, 0, 1, OF_CHAIN_PEM)}},
    {"PEM of the issuer", "record-of-pem", NULL, LEAF, {CA}, {R(CA, 2, 0, 1, OF_PEM)}},
    {"PEM of the key", "record-of-pem", "the PEM public key", SELF, {0}, {R(SELF, 3, 1, 1, OF_KEY_PEM)}},
    {"PEM of the key, no newline", "record-of-pem", NULL, SELF, {0}, {R(SELF, 3, 1, 1, OF_KEY_PEM_CUT)}},
    {"point of the curve", "record-of-bare-key", NULL, SELF, {0}, {R(SELF, 3, 1, 1, OF_BARE_KEY)}},
    {"PKCS #1", "record-of-bare-key", NULL, SELF_RSA, {0}, {R(SELF_RSA, 3, 1, 1, OF_BARE_KEY)}},
    {"SHA-256 of nothing", "empty-digest", "e3b0c442", SELF, {0}, {R(SELF, 3, 1, 1, OF_NOTHING)}},
    {"SHA-512 of nothing", "empty-digest", "cf83e135", SELF, {0}, {R(SELF, 3, 1, 2, OF_NOTHING)}},
    {"hexadecimal twice", "hex-of-hex", NULL, SELF, {0}, {R(SELF, 3, 1, 1, HEX_TEXT), R(OTHER, 3, 1, 1, RIGHT)}},
    {"agility", "agility-stale", NULL, SELF, {0}, {R(SELF, 3, 1, 1, RIGHT), R(OTHER, 3, 1, 2, RIGHT)}},

    /* Usage 3, and the key is another one. */
    {"3 1 1 stale, leaf ten days old", "key-renewed", "10 days ago; TTL of the TLSA records 3600 s", SELF, {0}, {R(OTHER, 3, 1, 1, RIGHT)}},
    {"3 1 2 stale", "key-renewed", NULL, SELF, {0}, {R(OTHER, 3, 1, 2, RIGHT)}},
    {"3 0 1 stale", "certificate-renewed", NULL, SELF, {0}, {R(OTHER, 3, 0, 1, RIGHT)}},
    {"3 1 1 stale, leaf old", "key-unknown", "50 days ago", SELF, {0}, {R(OTHER, 3, 1, 1, RIGHT)}, .days_later = 40},
    {"3 1 1 stale, other names", "other-certificate", "names www.else.example", LEAF_ELSE, {CA}, {R(OTHER, 3, 1, 1, RIGHT)}},

    /* Usage 2, and the anchor is not there. */
    {"2 0 1, leaf alone", "ta-not-sent", "issuer CN=CA one was not sent", LEAF, {0}, {R(CA, 2, 0, 1, RIGHT)}},
    {"2 1 1 of the root, known", "ta-not-sent candidate", "the record is of that", LEAF, {CA}, {R(ROOT, 2, 1, 1, RIGHT)}, .authorities_known = true},
    {"2 1 1 of the root, unknown", "ta-not-sent ta-rotated candidate", NULL, LEAF, {CA}, {R(ROOT, 2, 1, 1, RIGHT)}},
    {"2 1 1 of the CA before, all sent", "ta-rotated candidate candidate", "issued by CN=CA two", LEAF_NEW, {NEW_CA, ROOT}, {R(CA, 2, 1, 1, RIGHT)}},
    {"2 0 1 stale, self-signed", "ta-rotated", NULL, SELF, {0}, {R(OTHER, 2, 0, 1, RIGHT)}},
    {"2 0 1 of one that did not issue", "chain-broken", "CN=Other, which was sent", LEAF, {CA, OTHER}, {R(OTHER, 2, 0, 1, RIGHT)}},
    {"both usages stale", "key-renewed ta-not-sent", NULL, LEAF, {0}, {R(OTHER, 3, 1, 1, RIGHT), R(OTHER, 2, 0, 1, RIGHT)}},

    /* The anchor is there. */
    {"other name", "name-mismatch", "names www.else.example; expected was mx.d.example or d.example", LEAF_ELSE, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"expired", "expired", "CN=leaf expired ", LEAF_EXPIRED, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"not yet valid", "not-yet-valid", "CN=leaf is valid from ", LEAF_FUTURE, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"RSA 768", "key-weak", "CN=weak: RSA 768", SELF_WEAK, {0}, {R(SELF_WEAK, 3, 1, 1, RIGHT)}},
    {"SHA-1", "signature-weak", "SHA1", LEAF_SHA1, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"for clients", "purpose", NULL, LEAF_CLIENT, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"path length", "path-length", NULL, LEAF_DEEP, {CA_BELOW, CA_SHORT}, {R(CA_SHORT, 2, 0, 1, RIGHT)}},
    {"name constraints", "name-constraints", NULL, LEAF_BOUND, {CA_BOUND}, {R(CA_BOUND, 2, 0, 1, RIGHT)}},
    {"forged", "chain-broken", "signature", LEAF_FORGED, {CA}, {R(CA, 2, 0, 1, RIGHT)}},

    /* Accepted, with something to say. */
    {"soon", "expires-soon", "in 4 days", LEAF, {CA}, {R(CA, 2, 0, 1, RIGHT)}, .days_later = 5},
    {"not soon", "", NULL, LEAF, {CA}, {R(CA, 2, 0, 1, RIGHT)}},
    {"soon, if one asks so", "expires-soon", "in 9 days", LEAF, {CA}, {R(CA, 2, 0, 1, RIGHT)}, .soon_days = 11},
    {"the anchor expired long ago, and is not judged", "", NULL, LEAF_OLD, {CA_OLD}, {R(CA_OLD, 2, 0, 1, RIGHT)}, .soon_days = 2},
    {"soon does not matter to usage 3", "", NULL, LEAF, {CA}, {R(LEAF, 3, 1, 1, RIGHT)}, .days_later = 9},
    {"stale kind of issuer", "combination-stale", "2 1 1 ", LEAF, {CA}, {R(OTHER, 2, 1, 1, RIGHT), R(LEAF, 3, 1, 1, RIGHT)}},
    {"stale kind of leaf", "combination-stale", "3 1 1 ", LEAF, {CA}, {R(OTHER, 3, 1, 1, RIGHT), R(CA, 2, 0, 1, RIGHT)}},
    {"wrong kind beside a right one", "record-of-leaf", NULL, LEAF, {CA}, {R(LEAF, 2, 0, 1, RIGHT), R(LEAF, 3, 1, 1, RIGHT)}},
    {"usages 0 and 1", "none-usable", "records: 2", LEAF, {CA}, {R(LEAF, 1, 1, 1, RIGHT), R(CA, 0, 0, 1, RIGHT)}},

    /* No handshake at all. */
    {"TLS 1.1", "protocol-floor", NULL, SELF, {0}, {R(SELF, 3, 1, 1, RIGHT)}, .server = only_old_tls},
    {"anonymous", "no-cipher", NULL, SELF, {0}, {R(SELF, 3, 1, 1, RIGHT)}, .server = only_anonymous},
    {"none of the type of key we asked for", "", NULL, SELF, {0}, {R(SELF, 3, 1, 1, RIGHT)}, .one_key_type = true, .server = only_anonymous},

    /* Public authorities. */
    {"PKIX", "", NULL, LEAF, {CA}, .pkix = true},
    {"PKIX soon", "expires-soon", NULL, LEAF, {CA}, .pkix = true, .soon_days = 11},
    {"PKIX, CA not sent", "pkix-incomplete", "issued by CN=CA one", LEAF, {0}, .pkix = true},
    {"PKIX, self-signed", "pkix-self-signed", NULL, SELF, {0}, .pkix = true},
    {"PKIX, unknown root sent", "pkix-self-signed", NULL, LEAF_DEEP, {CA_BELOW, CA_SHORT}, .pkix = true},
    {"PKIX, expired", "pkix-expired", "CN=leaf expired", LEAF_EXPIRED, {CA}, .pkix = true},
    {"PKIX, not yet valid", "pkix-expired", "CN=leaf is valid from", LEAF_FUTURE, {CA}, .pkix = true},
    {"PKIX, other name", "pkix-name", "names www.else.example", LEAF_ELSE, {CA}, .pkix = true},
    {"PKIX, for clients", "purpose", NULL, LEAF_CLIENT, {CA}, .pkix = true},
    {"PKIX, TLS 1.1", "protocol-floor", NULL, LEAF, {CA}, .pkix = true, .server = only_old_tls},
};
// clang-format on

static void handshake_rows(bool seen[FINDING_COUNT])
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i], seen);
}

Test(diagnose, handshakes)
{
    bool seen[FINDING_COUNT] = {0};
    handshake_rows(seen);
    stop();
}

/* ---- no TLS, although it was promised ---- */

static void starttls_row(enum cause cause, bool published, const char *expected,
                         bool seen[FINDING_COUNT])
{
    static struct attempt a;
    const struct record_wish w = {SELF, 3, 1, 1, RIGHT};
    const struct status status = status_make(cause, "454 4.7.0 busy");
    struct finding found[2];

    a.records[0] = make_record(&w, a.data[0]);
    decide(&a, published, TLS_LEVEL_DANE);
    const struct tls_diagnosis in = {.v = &a.v, .status = &status, .port = 25};
    size_t n = tls_diagnose_handshake(&in, found, ARRAY_LEN(found));
    expect_findings(expected, found, n, expected, seen);
    if (n)
        cr_expect(strstr(found[0].text, "(454 4.7.0 busy)"), "%s", found[0].text);
}

static void starttls_rows(bool seen[FINDING_COUNT])
{
    starttls_row(CAUSE_STARTTLS_NOT_OFFERED, true, "starttls-hidden", seen);
    starttls_row(CAUSE_STARTTLS_REFUSED, true, "starttls-refused", seen);
    starttls_row(CAUSE_STARTTLS_NOT_OFFERED, false, "", seen);
    starttls_row(CAUSE_REMOTE_TEMPFAIL, true, "", seen);
}

Test(diagnose, starttls)
{
    bool seen[FINDING_COUNT] = {0};
    starttls_rows(seen);
    stop();
}

/* ---- one server, two keys ---- */

static void key_type_row(const char *name, const struct record_wish *w, enum who first,
                         enum who second, const char *expected, bool seen[FINDING_COUNT])
{
    static struct attempt a, b;
    const struct row one = {.name = name, .leaf = first}, two = {.name = name, .leaf = second};
    struct certificate leaf[2];
    struct finding found[2];

    for (struct attempt *at = &a; at; at = at == &a ? &b : NULL) {
        at->records[0] = make_record(w, at->data[0]);
        decide(at, 1, TLS_LEVEL_DANE);
        shake(at, at == &a ? &one : &two, TLS_LEVEL_DANE);
        cr_assert_eq(tls_certificates(at->client, &leaf[at == &b], 1), 1);
    }
    const struct tls_key_type ka = {&a.o, &leaf[0]}, kb = {&b.o, &leaf[1]};
    size_t n = tls_diagnose_key_types(&a.v, 25, &ka, &kb, found, ARRAY_LEN(found));
    expect_findings(name, found, n, expected, seen);
    if (n) {
        cr_expect(strstr(found[0].text, "RSA 2048 fits, that with ECDSA P-256 does not"), "%s",
                  found[0].text);
        expect_mended(first == SELF ? &one : &two, found[0].mend);
    }
    end(&a);
    end(&b);
}

static void key_type_rows(bool seen[FINDING_COUNT])
{
    const struct record_wish rsa = {SELF_RSA, 3, 1, 1, RIGHT}, none = {OTHER, 3, 1, 1, RIGHT};

    key_type_row("RSA covered", &rsa, SELF_RSA, SELF, "key-type-uncovered", seen);
    key_type_row("RSA covered, asked last", &rsa, SELF, SELF_RSA, "key-type-uncovered", seen);
    key_type_row("none covered", &none, SELF_RSA, SELF, "", seen);
    key_type_row("the same twice", &rsa, SELF_RSA, SELF_RSA, "", seen);
}

Test(diagnose, key_types)
{
    bool seen[FINDING_COUNT] = {0};
    key_type_rows(seen);
    stop();
}

/* ---- the table ---- */

Test(diagnose, every_finding_is_found)
{
    bool seen[FINDING_COUNT] = {0};

    handshake_rows(seen);
    starttls_rows(seen);
    key_type_rows(seen);
    diagnose_record_rows(seen);
    diagnose_dns_rows(seen);
    for (size_t i = 0; i < FINDING_COUNT; i++)
        cr_expect(seen[i], "%s is found by no test", finding_info((enum finding_id)i)->name);
    stop();
}

Test(diagnose, no_more_than_there_is_room_for)
{
    static struct attempt a;
    const struct row row = {
        .name = "room", .leaf = LEAF_NEW, .chain = {NEW_CA, ROOT}
    };
    const struct record_wish w = {CA, 2, 1, 1, RIGHT};
    struct finding found[3] = {{.id = FINDING_COUNT}, {.id = FINDING_COUNT}, {.id = FINDING_COUNT}};

    a.records[0] = make_record(&w, a.data[0]);
    decide(&a, 1, TLS_LEVEL_DANE);
    shake(&a, &row, TLS_LEVEL_DANE);
    cr_expect_eq(diagnose(&a, &row, found, 0), 0);
    cr_expect_eq(diagnose(&a, &row, found, 2), 2);
    cr_expect_eq(found[2].id, FINDING_COUNT);
    end(&a);
    stop();
}
