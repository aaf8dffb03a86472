/* How OpenSSL verifies a chain against TLSA records: a row per fact that ours relies on, or has to
 * work around. x509_vfy.c of OpenSSL 3.0; the order of the sections is the order of its steps. */
#include "tests/tls/leaks.h"
#include "tests/tls/pins.h"

TestSuite(openssl_verify, .init = pins_start, .fini = pins_stop);

#define OK_311   "0: 3 1 1 at depth 0"
#define NO_MATCH "65 no match"

// clang-format off
static const struct pin strength[] = {
    {"a leaf's key is weighed before DANE: RSA-1024 fails at level 2 though 3 1 1 matches",
     "66 key too small",
     {SELF_RSA_1024}, {{SELF_RSA_1024, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 2},
    {"the same at level 1 matches", OK_311,
     {SELF_RSA_1024}, {{SELF_RSA_1024, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 1},
    {"RSA-1024 under usage 2 at level 2", "66 key too small",
     {LEAF_RSA_1024, INT}, {{INT, 2, 0, 1}}, .level = 2},
    {"a leaf signed with SHA-1 fails under usage 2 at level 1", "68 digest too weak",
     {LEAF_SHA1, INT}, {{INT, 2, 0, 1}}, .level = 1},
    {"a leaf signed with SHA-1 passes under usage 2 at level 0", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_SHA1, INT}, {{INT, 2, 0, 1}}, .level = PIN_LEVEL_0},
    {"a leaf signed with SHA-1 passes under usage 3 at level 1", OK_311,
     {SELF_SHA1}, {{SELF_SHA1, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 1},
    {"so it does if it is part of a chain", OK_311,
     {LEAF_SHA1, INT}, {{LEAF_SHA1, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 1},
    {"the trust anchor's own signature is not weighed: intermediate",
     "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_OF_INT_SHA1, INT_SHA1}, {{INT_SHA1, 2, 0, 1}}, .level = 1},
    {"the trust anchor's own signature is not weighed: root", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_OF_ROOT_SHA1, ROOT_SHA1}, {{ROOT_SHA1, 2, 0, 1}}, .level = 1},
    {"the signature of an intermediate below the trust anchor is", "68 digest too weak",
     {LEAF_OF_INT_SHA1, INT_SHA1, ROOT}, {{ROOT, 2, 0, 1}}, .level = 1},
    {"TLS 1.1 cannot be had at level 1", "no handshake",
     {SELF}, {{SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 1, .version = TLS1_1_VERSION},
    {"TLS 1.1 can be had at level 0, whatever openssl.cnf says", OK_311,
     {SELF}, {{SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = PIN_LEVEL_0,
     .version = TLS1_1_VERSION},
    {"TLS 1.0 cannot be had at level 1", "no handshake",
     {SELF}, {{SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .level = 1, .version = TLS1_VERSION},
};

static const struct pin usage_3[] = {
    {"without the flag, usage 3 is checked for its name", "62 wrong name",
     {SELF_OTHER_NAME}, {{SELF_OTHER_NAME, 3, 1, 1}}},
    {"with the flag, it is not", OK_311,
     {SELF_OTHER_NAME}, {{SELF_OTHER_NAME, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"without the flag, a name that matches is told", "0: 3 1 1 at depth 0, mx.d.example",
     {SELF}, {{SELF, 3, 1, 1}}},
    {"with the flag, no name is told though it would match", OK_311,
     {SELF}, {{SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"the flag holds beside records of usage 2", OK_311,
     {LEAF_OTHER_NAME, INT}, {{INT, 2, 0, 1}, {LEAF_OTHER_NAME, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf that has expired", OK_311,
     {SELF_EXPIRED}, {{SELF_EXPIRED, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf that is not yet valid", OK_311,
     {SELF_FUTURE}, {{SELF_FUTURE, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf that ends before it begins", OK_311,
     {SELF_BACKWARDS}, {{SELF_BACKWARDS, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf of another purpose", OK_311,
     {SELF_CLIENT}, {{SELF_CLIENT, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf that is a CA", OK_311,
     {SELF_CA}, {{SELF_CA, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf whose issuer was not sent", OK_311,
     {LEAF}, {{LEAF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches a leaf that its issuer did not sign", OK_311,
     {LEAF_FORGED, INT}, {{LEAF_FORGED, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 3 matches nothing but the leaf: 3 1 1 of the issuer", NO_MATCH,
     {LEAF, INT}, {{INT, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"no match, though the trust store would vouch for it", NO_MATCH,
     {LEAF, INT}, {{OTHER, 3, 1, 1}}, .dane_flags = NO_EE_NAMES, .trusted = ROOT},
    {"no match, and expired as well: the match is what is told", NO_MATCH,
     {SELF_EXPIRED}, {{OTHER, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
};

static const struct pin order[] = {
    {"usage 3 is tried before usage 2", "0: 3 0 1 at depth 0",
     {LEAF, INT}, {{INT, 2, 1, 1}, {LEAF, 3, 0, 1}}, .dane_flags = NO_EE_NAMES},
    {"selector 1 before selector 0", "0: 3 1 1 at depth 0",
     {SELF}, {{SELF, 3, 0, 2}, {SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"the stronger digest before the weaker", "0: 3 1 2 at depth 0",
     {SELF}, {{SELF, 3, 1, 1}, {SELF, 3, 1, 2}}, .dane_flags = NO_EE_NAMES},
    {"a digest before the full data", "0: 3 1 1 at depth 0",
     {SELF}, {{SELF, 3, 1, 0}, {SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"where usage 3 does not match, usage 2 does", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}, {OTHER, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"a record of another key beside the right one", OK_311,
     {SELF}, {{OTHER, 3, 1, 1}, {SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
};

static void sha256_first(SSL_CTX *ctx)
{
    REQUIRE(SSL_CTX_dane_mtype_set(ctx, EVP_sha256(), 1, 3) == 1);
}

static void no_sha512(SSL_CTX *ctx)
{
    REQUIRE(SSL_CTX_dane_mtype_set(ctx, NULL, 2, 0) == 1);
}

static const struct pin agility[] = {
    {"of two digests only the strongest counts: 3 1 1 right, 3 1 2 wrong", NO_MATCH,
     {SELF}, {{SELF, 3, 1, 1}, {SELF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES},
    {"3 1 1 wrong, 3 1 2 right", "0: 3 1 2 at depth 0",
     {SELF}, {{SELF, 3, 1, 1, true}, {SELF, 3, 1, 2}}, .dane_flags = NO_EE_NAMES},
    {"each selector has its own strongest: 3 0 1 right, 3 1 2 wrong", "0: 3 0 1 at depth 0",
     {SELF}, {{SELF, 3, 0, 1}, {SELF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES},
    {"each usage too: 2 1 1 right, 3 1 2 wrong", "0: 2 1 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 1, 1}, {LEAF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES},
    {"full data always counts: 3 1 0 right, 3 1 2 wrong", "0: 3 1 0 at depth 0",
     {SELF}, {{SELF, 3, 1, 0}, {SELF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES},
    {"full data does not silence a digest: 3 1 0 of another, 3 1 1 right", OK_311,
     {SELF}, {{OTHER, 3, 1, 0}, {SELF, 3, 1, 1}}, .dane_flags = NO_EE_NAMES},
    {"only records that were loaded count: 3 1 2 cut short is not there", OK_311,
     {SELF}, {{SELF, 3, 1, 1}, {SELF, 3, 1, 2, .cut = 1}}, .dane_flags = NO_EE_NAMES},
    {"usage 2: 2 0 1 right, 2 0 2 wrong", NO_MATCH,
     {LEAF, INT}, {{INT, 2, 0, 1}, {INT, 2, 0, 2, true}}},
    {"a higher ordinal is stronger: SHA-256 put above SHA-512", OK_311,
     {SELF}, {{SELF, 3, 1, 1}, {SELF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES,
     .setup = sha256_first},
    {"no digest disables the type: its records are refused", OK_311,
     {SELF}, {{SELF, 3, 1, 1}, {SELF, 3, 1, 2, true}}, .dane_flags = NO_EE_NAMES, .setup = no_sha512},
};

static const struct pin usage_2[] = {
    {"the root, all sent", "0: 2 0 1 at depth 2, mx.d.example", {LEAF, INT, ROOT}, {{ROOT, 2, 0, 1}}},
    {"an intermediate is a trust anchor without more ado", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}}},
    {"the first match ends the chain, below a root that would match too",
     "0: 2 0 1 at depth 1, mx.d.example", {LEAF, INT, ROOT}, {{ROOT, 2, 0, 1}, {INT, 2, 0, 1}}},
    {"the order sent does not matter", "0: 2 0 1 at depth 2, mx.d.example",
     {LEAF, ROOT, INT}, {{ROOT, 2, 0, 1}}},
    {"the trust anchor was not sent", NO_MATCH, {LEAF, INT}, {{ROOT, 2, 0, 1}}},
    {"the trust store does not help", NO_MATCH, {LEAF, INT}, {{ROOT, 2, 0, 1}}, .trusted = ROOT},
    {"not even where a record of usage 0 has it looked at", NO_MATCH,
     {LEAF, INT}, {{ROOT, 2, 0, 1}, {OTHER, 0, 0, 1}}, .trusted = ROOT},
    {"usage 2 never matches the leaf: 2 0 1 of a self-signed one", NO_MATCH, {SELF}, {{SELF, 2, 0, 1}}},
    {"2 1 1 of a self-signed leaf", NO_MATCH, {SELF}, {{SELF, 2, 1, 1}}},
    {"2 0 1 of a leaf with a chain", NO_MATCH, {LEAF, INT, ROOT}, {{LEAF, 2, 0, 1}}},
    {"2 0 0: the certificate comes from DNS, it need not be sent", "0: 2 0 0 at depth 2, mx.d.example",
     {LEAF, INT}, {{ROOT, 2, 0, 0}}},
    {"2 0 0 of an intermediate that was not sent", "0: 2 0 0 at depth 1, mx.d.example",
     {LEAF}, {{INT, 2, 0, 0}}},
    {"2 1 0 as last resort: a key that signed the top of what was sent",
     "0: 2 1 0 at depth 1 by key, mx.d.example", {LEAF, INT}, {{ROOT, 2, 1, 0}}},
    {"2 1 0 of a self-signed leaf's own key is such a key", "0: 2 1 0 at depth 0 by key, mx.d.example",
     {SELF}, {{SELF, 2, 1, 0}}},
    {"2 1 0 of a key that signed nothing", NO_MATCH, {LEAF, INT}, {{OTHER, 2, 1, 0}}},
    {"2 1 0 of a certificate that was sent is a plain match", "0: 2 1 0 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 1, 0}}},
    {"no match, and expired as well: the match is what is told", NO_MATCH,
     {LEAF_EXPIRED, INT}, {{OTHER, 2, 0, 1}}},
};

static const struct pin chain[] = {
    {"a leaf that has expired", "10 expired", {LEAF_EXPIRED, INT}, {{INT, 2, 0, 1}}},
    {"a leaf that is not yet valid", "9 not yet valid", {LEAF_FUTURE, INT}, {{INT, 2, 0, 1}}},
    {"a self-signed trust anchor that has expired", "10 expired",
     {LEAF_OF_ROOT_EXPIRED, ROOT_EXPIRED}, {{ROOT_EXPIRED, 2, 0, 1}}},
    {"the same where the trust anchor comes from DNS", "10 expired", {LEAF_OF_ROOT_EXPIRED},
     {{ROOT_EXPIRED, 2, 0, 0}}},
    {"a trust anchor at the top that is not self-issued may have expired",
     "0: 2 1 1 at depth 1, mx.d.example", {LEAF_OF_INT_EXPIRED, INT_EXPIRED}, {{INT_EXPIRED, 2, 1, 1}}},
    {"the same certificate in the middle of the chain may not", "10 expired",
     {LEAF_OF_INT_EXPIRED, INT_EXPIRED, ROOT}, {{ROOT, 2, 0, 1}}},
    {"a leaf of another purpose", "26 wrong purpose", {LEAF_CLIENT, INT}, {{INT, 2, 0, 1}}},
    {"an issuer that is no CA", "79 not a CA", {LEAF_OF_NO_CA, INT_NO_CA, ROOT}, {{ROOT, 2, 0, 1}}},
    {"the trust anchor's path length", "25 path too long",
     {LEAF_OF_PATH_0, INT_OF_PATH_0, ROOT_PATH_0}, {{ROOT_PATH_0, 2, 0, 1}}},
    {"the path length of a root above the trust anchor does not count",
     "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_OF_PATH_0, INT_OF_PATH_0, ROOT_PATH_0}, {{INT_OF_PATH_0, 2, 0, 1}}},
    {"the trust anchor excludes the name", "48 name excluded",
     {LEAF_OF_EXCLUDES, ROOT_EXCLUDES}, {{ROOT_EXCLUDES, 2, 0, 1}}},
    {"the trust anchor does not permit the name", "47 name not permitted",
     {LEAF_OF_PERMITS, ROOT_PERMITS}, {{ROOT_PERMITS, 2, 0, 1}}},
    {"constraints hold when the trust anchor comes from DNS", "48 name excluded",
     {LEAF_OF_EXCLUDES}, {{ROOT_EXCLUDES, 2, 0, 0}}},
    {"a bare key has no constraints to hold", "0: 2 1 0 at depth 0 by key, mx.d.example",
     {LEAF_OF_EXCLUDES}, {{ROOT_EXCLUDES, 2, 1, 0}}},
    {"a leaf that its issuer did not sign", "7 bad signature", {LEAF_FORGED, INT}, {{INT, 2, 0, 1}}},
};

static const struct pin names[] = {
    {"a wrong name alone: trusted, but not who was meant", "62 wrong name",
     {LEAF_OTHER_NAME, INT}, {{INT, 2, 0, 1}}},
    {"the CN does not count beside a DNS name", "62 wrong name",
     {LEAF_OTHER_NAME, INT}, {{INT, 2, 0, 1}}, .host_flags = WHOLE_LABEL},
    {"the CN counts if there is no SAN",
     "0: 2 0 1 at depth 1, mx.d.example", {LEAF_CN, INT}, {{INT, 2, 0, 1}}},
    {"the CN counts if the SAN holds no DNS name", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_MAIL, INT}, {{INT, 2, 0, 1}}},
    {"unless that is forbidden", "62 wrong name",
     {LEAF_CN, INT}, {{INT, 2, 0, 1}}, .host_flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT},
    {"any of several reference names will do", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .base = "mx.e.example", .also = "mx.d.example"},
    {"case does not matter", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .base = "MX.D.Example"},
    {"a dot at the end of a reference name does", "62 wrong name",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .base = "mx.d.example."},
    {"a dot at its beginning stands for every subdomain", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .base = ".d.example"},
    {"a dot at its beginning: however far below", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .base = ".example"},
    {"a star is a label", "0: 2 0 1 at depth 1, *.d.example",
     {LEAF_STAR, INT}, {{INT, 2, 0, 1}}, .host_flags = WHOLE_LABEL},
    {"a star is no more than one label", "62 wrong name",
     {LEAF_STAR, INT}, {{INT, 2, 0, 1}}, .base = "a.b.d.example", .host_flags = WHOLE_LABEL},
    {"a star is no less than one label", "62 wrong name",
     {LEAF_STAR, INT}, {{INT, 2, 0, 1}}, .base = "d.example", .host_flags = WHOLE_LABEL},
    {"a star needs two dots behind it", "62 wrong name",
     {LEAF_STAR_WIDE, INT}, {{INT, 2, 0, 1}}, .base = "d.example", .host_flags = WHOLE_LABEL},
    {"a star is the first label", "62 wrong name",
     {LEAF_STAR_SECOND, INT}, {{INT, 2, 0, 1}}, .base = "mx.a.d.example", .host_flags = WHOLE_LABEL},
    {"a star in the CN", "0: 2 0 1 at depth 1, *.d.example",
     {LEAF_STAR_CN, INT}, {{INT, 2, 0, 1}}, .host_flags = WHOLE_LABEL},
    {"without the flag, a part of a label will do", "0: 2 0 1 at depth 1, m*.d.example",
     {LEAF_STAR_PART, INT}, {{INT, 2, 0, 1}}},
    {"with the flag, it will not", "62 wrong name",
     {LEAF_STAR_PART, INT}, {{INT, 2, 0, 1}}, .host_flags = WHOLE_LABEL},
    {"no star within an xn-- label, even without the flag", "62 wrong name",
     {LEAF_STAR_XN, INT}, {{INT, 2, 0, 1}}, .base = "xn--mx-xka.d.example"},
    {"but a star that is a label matches an xn-- label", "0: 2 0 1 at depth 1, *.d.example",
     {LEAF_STAR, INT}, {{INT, 2, 0, 1}}, .base = "xn--mx-xka.d.example", .host_flags = WHOLE_LABEL},
    {"an address among the reference names is demanded beside the name", "64 wrong address",
     {LEAF, INT}, {{INT, 2, 0, 1}}, .also = "192.0.2.1"},
    {"a certificate with both has both", "0: 2 0 1 at depth 1, mx.d.example",
     {LEAF_ADDRESS, INT}, {{INT, 2, 0, 1}}, .also = "192.0.2.1"},
    {"the address alone is not enough", "62 wrong name",
     {LEAF_ADDRESS, INT}, {{INT, 2, 0, 1}}, .base = "else.example", .also = "192.0.2.1"},
};

static int observe(int ok, X509_STORE_CTX *ctx)
{
    return ok;
}

static int permit(int ok, X509_STORE_CTX *ctx)
{
    return 1;
}

static int forget(int ok, X509_STORE_CTX *ctx)
{
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static const struct pin callbacks[] = {
    {"a callback that returns what it is given changes nothing", NO_MATCH,
     {LEAF, INT}, {{OTHER, 2, 0, 1}}, .callback = observe},
    {"one that returns 1 changes the final code of usage 2: no issuer", "20 no issuer",
     {LEAF, INT}, {{OTHER, 2, 0, 1}}, .callback = permit},
    {"one that returns 1: self-signed", "18 self-signed", {SELF}, {{OTHER, 2, 0, 1}},
     .callback = permit},
    {"one that returns 1: self-signed in the chain", "19 self-signed in chain",
     {LEAF, INT, ROOT}, {{OTHER, 2, 0, 1}}, .callback = permit},
    {"one that returns 1 does not change that of usage 3", NO_MATCH, {SELF}, {{OTHER, 3, 1, 1}},
     .callback = permit},
    {"the error stays though all that follows is well", "62 wrong name",
     {LEAF_OTHER_NAME, INT}, {{INT, 2, 0, 1}}, .callback = permit},
    {"one that clears the error makes a mismatch look verified", "0: no authority",
     {SELF}, {{OTHER, 3, 1, 1}}, .callback = forget},
};

static const struct pin no_dane[] = {
    {"with no record loaded the trust store decides: it knows the root", "0: no authority",
     {LEAF, INT}, .trusted = ROOT},
    {"with no record loaded the trust store decides: it does not", "20 no issuer", {LEAF, INT}},
    {"with no record loaded names are checked", "62 wrong name", {LEAF_OTHER_NAME, INT},
     .trusted = ROOT},
    {"a record that was refused is none", "0: no authority",
     {LEAF, INT}, {{LEAF, 3, 1, 1, .cut = 1}}, .trusted = ROOT},
    {"usage 0 loaded: the trust store and a match", "0: 0 0 1 at depth 2, mx.d.example",
     {LEAF, INT}, {{ROOT, 0, 0, 1}}, .trusted = ROOT},
    {"usage 0 loaded beside usage 2: enough by itself", "0: 0 0 1 at depth 2, mx.d.example",
     {LEAF, INT}, {{OTHER, 2, 0, 1}, {ROOT, 0, 0, 1}}, .trusted = ROOT},
    {"usage 1 loaded: the trust store and a match", "0: 1 1 1 at depth 0, mx.d.example",
     {LEAF, INT}, {{LEAF, 1, 1, 1}}, .trusted = ROOT},
    {"usage 1 loaded: the trust store does not know the root", "20 no issuer",
     {LEAF, INT}, {{LEAF, 1, 1, 1}}},
};
// clang-format on

#define PINS(table)                                                                                \
    Test(openssl_verify, table)                                                                    \
    {                                                                                              \
        pins_check(table, ARRAY_LEN(table));                                                       \
    }

PINS(strength)
PINS(usage_3)
PINS(order)
PINS(agility)
PINS(usage_2)
PINS(chain)
PINS(names)
PINS(callbacks)
PINS(no_dane)
