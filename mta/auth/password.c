#include "mta/auth/password.h"

#include <argon2.h>
#include <crypt.h>
#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    YESCRYPT_HASH = 43,    /* digits of the hash proper */
    YESCRYPT_SALT_MAX = 86, /* crypt(5) */
    YESCRYPT_COST = 5,     /* crypt(5)'s default: 16 MiB, some tens of milliseconds */
    ARGON2_ROUNDS_MAX = 32,
    ARGON2_LANES_MAX = 16,
    OUR_SALT = 16,
};

/* What stands before the next c; moves *left behind that c. False without one. */
static bool take_until(struct slice *left, char c, struct slice *out)
{
    size_t n = slice_find(*left, c);

    *out = slice_head(*left, n);
    if (n == left->n)
        return false;
    *left = slice_skip(*left, n + 1);
    return true;
}

/* ---- SCRAM verifiers ---- */

static bool keep_base64(struct slice text, size_t least, size_t most, char *out)
{
    char data[SCRAM_SALT_MAX];
    size_t n;
    bool ok = base64_decode(text, data, most, &n) && n >= least;

    explicit_bzero(data, sizeof(data));
    return ok && slice_copy(text, out, BASE64_SIZE(most) + 1);
}

bool scram_parse(struct slice text, struct scram_verifier *out)
{
    struct slice name, iterations, salt, stored;
    uint64_t n;

    if (!take_until(&text, '$', &name) || !slice_eq(name, SLICE("SCRAM-SHA-256")) ||
        !take_until(&text, ':', &iterations) || !take_until(&text, '$', &salt) ||
        !take_until(&text, ':', &stored) || iterations.p[0] == '0' ||
        !slice_to_u64(iterations, SCRAM_ITERATIONS_MAX, &n) || n < SCRAM_ITERATIONS_MIN)
        return false;
    out->iterations = (unsigned)n;
    return keep_base64(salt, 8, SCRAM_SALT_MAX, out->salt) &&
           keep_base64(stored, SCRAM_KEY, SCRAM_KEY, out->stored_key) &&
           keep_base64(text, SCRAM_KEY, SCRAM_KEY, out->server_key);
}

static bool hmac(const uint8_t *key, const char *text, uint8_t out[SCRAM_KEY])
{
    unsigned n = 0;
    return HMAC(EVP_sha256(), key, SCRAM_KEY, (const uint8_t *)text, strlen(text), out, &n) &&
           n == SCRAM_KEY;
}

/* RFC 5802 §3: StoredKey = H(HMAC(Hi(password, salt, i), "Client Key")), ServerKey likewise without H.
 * libgsasl's function for it leaves a copy of the password behind. */
static bool derive(const char *password, struct slice salt, unsigned iterations,
                   uint8_t stored[SCRAM_KEY], uint8_t server[SCRAM_KEY])
{
    uint8_t salted[SCRAM_KEY], client[SCRAM_KEY];
    bool ok = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const uint8_t *)salt.p,
                                (int)salt.n, (int)iterations, EVP_sha256(), SCRAM_KEY,
                                salted) == 1 &&
              hmac(salted, "Client Key", client) && hmac(salted, "Server Key", server) &&
              SHA256(client, SCRAM_KEY, stored) != NULL;

    explicit_bzero(salted, sizeof(salted));
    explicit_bzero(client, sizeof(client));
    return ok;
}

static bool scram_matches(const char *credential, const char *password)
{
    struct scram_verifier v;
    char salt[SCRAM_SALT_MAX], wanted[SCRAM_KEY];
    uint8_t stored[SCRAM_KEY], server[SCRAM_KEY];
    size_t salt_n, n;

    return scram_parse(slice_of(credential), &v) &&
           base64_decode(slice_of(v.salt), salt, sizeof(salt), &salt_n) &&
           base64_decode(slice_of(v.stored_key), wanted, sizeof(wanted), &n) &&
           derive(password, slice_make(salt, salt_n), v.iterations, stored, server) &&
           CRYPTO_memcmp(stored, wanted, SCRAM_KEY) == 0;
}

bool password_verifier(const char *password, struct buf *out)
{
    char salt[OUR_SALT];
    uint8_t stored[SCRAM_KEY], server[SCRAM_KEY];

    REQUIRE(getrandom(salt, sizeof(salt), 0) == sizeof(salt));
    return derive(password, slice_make(salt, sizeof(salt)), SCRAM_ITERATIONS, stored, server) &&
           buf_printf(out, "SCRAM-SHA-256$%d:", SCRAM_ITERATIONS) &&
           base64_encode(slice_make(salt, sizeof(salt)), out) && buf_append_byte(out, '$') &&
           base64_encode(slice_make((char *)stored, SCRAM_KEY), out) &&
           buf_append_byte(out, ':') && base64_encode(slice_make((char *)server, SCRAM_KEY), out);
}

/* ---- yescrypt ---- */

/* crypt(5)'s digits, "./0-9A-Za-z"; -1: none of them. */
static int crypt_digit(char c)
{
    if (c == '.' || c == '/')
        return c - '.';
    if (c >= '0' && c <= '9')
        return c - '0' + 2;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 12;
    return c >= 'a' && c <= 'z' ? c - 'a' + 38 : -1;
}

static bool is_crypt_text(struct slice s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.n; i++)
        if (crypt_digit(s.p[i]) < 0)
            return false;
    return s.n >= least && s.n <= most;
}

/* "$y$jNr$SALT$HASH": 128 · r · 2^N octets of memory. Only the form that crypt_gensalt makes: with
 * more parameters the cost would be harder to bound. */
static const char *yescrypt_problem(struct slice text)
{
    struct slice params, salt;

    if (!take_until(&text, '$', &params) || !take_until(&text, '$', &salt) || params.n != 3 ||
        params.p[0] != 'j' || !is_crypt_text(params, 3, 3) ||
        !is_crypt_text(salt, 1, YESCRYPT_SALT_MAX) ||
        !is_crypt_text(text, YESCRYPT_HASH, YESCRYPT_HASH))
        return "a whole yescrypt hash as crypt(5) makes it";
    int n = crypt_digit(params.p[1]) + 1;
    uint64_t r = (uint64_t)crypt_digit(params.p[2]) + 1;
    if (n > 30 || (128 * r) << n > LIMIT_AUTH_HASH_MEMORY)
        return "a hash of a cost that this relay may spend";
    return NULL;
}

static bool yescrypt_matches(const char *credential, const char *password)
{
    struct crypt_data data = {0};
    const char *made = crypt_rn(password, credential, &data, sizeof(data));
    bool ok = made && made[0] != '*' && strlen(made) == strlen(credential) &&
              CRYPTO_memcmp(made, credential, strlen(credential)) == 0;

    explicit_bzero(&data, sizeof(data));
    return ok;
}

bool password_hash(const char *password, struct buf *out)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {0};
    const char *made = NULL;

    if (crypt_gensalt_rn("$y$", YESCRYPT_COST, NULL, 0, setting, sizeof(setting)))
        made = crypt_rn(password, setting, &data, sizeof(data));
    bool ok = made && made[0] == '$' && buf_append(out, slice_of(made));
    explicit_bzero(&data, sizeof(data));
    return ok;
}

/* ---- Argon2id ---- */

static bool take_number(struct slice *left, const char *prefix, char end, uint64_t max,
                        uint64_t *out)
{
    struct slice digits;

    if (!slice_starts(*left, slice_of(prefix)))
        return false;
    *left = slice_skip(*left, strlen(prefix));
    return take_until(left, end, &digits) && slice_to_u64(digits, max, out);
}

/* Base64 without padding. */
static bool is_bare_base64(struct slice s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
            return false;
    return s.n >= least && s.n <= most && s.n % 4 != 1;
}

/* "$argon2id$v=19$m=65536,t=3,p=4$SALT$HASH", m in KiB. */
static const char *argon2id_problem(struct slice text)
{
    uint64_t version, memory, rounds, lanes;
    struct slice salt;

    if (!take_number(&text, "v=", '$', 19, &version) || version != 19 ||
        !take_number(&text, "m=", ',', UINT32_MAX, &memory) ||
        !take_number(&text, "t=", ',', UINT32_MAX, &rounds) ||
        !take_number(&text, "p=", '$', UINT32_MAX, &lanes) || !take_until(&text, '$', &salt) ||
        !is_bare_base64(salt, 11, 86) || !is_bare_base64(text, 22, 86) || rounds == 0 ||
        lanes == 0 || memory < 8 * lanes)
        return "a whole Argon2id hash of version 19";
    if (memory * 1024 > LIMIT_AUTH_HASH_MEMORY || rounds > ARGON2_ROUNDS_MAX ||
        lanes > ARGON2_LANES_MAX)
        return "a hash of a cost that this relay may spend";
    return NULL;
}

static bool argon2id_matches(const char *credential, const char *password)
{
    return argon2id_verify(credential, password, strlen(password)) == ARGON2_OK;
}

/* ---- all kinds ---- */

static const struct kind {
    struct slice prefix;
    const char *(*problem)(struct slice behind_prefix); /* NULL: not a hash but a verifier */
    bool (*matches)(const char *credential, const char *password);
} kinds[] = {
    {{"$y$", 3},             yescrypt_problem, yescrypt_matches},
    {{"$argon2id$", 10},     argon2id_problem, argon2id_matches},
    {{"SCRAM-SHA-256$", 14}, NULL,             scram_matches   },
};

static const struct kind *kind_of(struct slice credential)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_starts(credential, kinds[i].prefix))
            return &kinds[i];
    return NULL;
}

const char *password_hash_problem(struct slice text)
{
    const struct kind *k = kind_of(text);

    if (!k || !k->problem)
        return "a hash of yescrypt ($y$…) or Argon2id ($argon2id$…)";
    return k->problem(slice_skip(text, k->prefix.n));
}

bool password_matches(const char *credential, const char *password)
{
    const struct kind *k = kind_of(slice_of(credential));
    return k && k->matches(credential, password);
}

/* ---- preparation ---- */

/* Of these SASLprep changes and forbids nothing. */
static bool is_printable_ascii(struct slice in)
{
    for (size_t i = 0; i < in.n; i++)
        if (in.p[i] < ' ' || in.p[i] > '~')
            return false;
    return true;
}

static bool saslprep(const char *in, Gsasl_saslprep_flags flags, char *out, size_t size)
{
    char *made = NULL;

    if (gsasl_saslprep(in, flags, &made, NULL) != GSASL_OK || !made)
        return false;
    bool ok = *made && slice_copy(slice_of(made), out, size);
    explicit_bzero(made, strlen(made));
    gsasl_free(made);
    return ok;
}

/* libgsasl 2.2 has its flag the wrong way round. What is refused for one of its values has unassigned
 * code points, whichever way a later version has it. */
static bool prepare_copy(const char *in, bool stored, char *out, size_t size)
{
    return saslprep(in, 0, out, size) &&
           (!stored || saslprep(in, GSASL_ALLOW_UNASSIGNED, out, size));
}

bool password_prepare(struct slice in, bool stored, char *out, size_t size)
{
    char copy[LIMIT_AUTH_PASSWORD + 1];
    bool ok = false;

    if (in.n == 0 || in.n > LIMIT_AUTH_PASSWORD || slice_find(in, '\0') != in.n)
        return false;
    if (is_printable_ascii(in))
        return slice_copy(in, out, size);
    if (slice_copy(in, copy, sizeof(copy)))
        ok = prepare_copy(copy, stored, out, size);
    explicit_bzero(copy, sizeof(copy));
    return ok;
}
