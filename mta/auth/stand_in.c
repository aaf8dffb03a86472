#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "mta/auth/exchange_private.h"

/* For a file without users. The hash is of a password that was thrown away. */
static const char nobodys_hash[] =
    "$y$j9T$Qk0tNOgtKqCDZsWyvTJfi.$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0";

static void digest(const struct auth_engine *e, const char *label, const char *name,
                   uint8_t out[STAND_IN_DIGEST])
{
    char text[16 + LIMIT_LOGIN + 1];
    struct buf b;
    unsigned n = 0;

    buf_init(&b, sizeof(text) - 1);
    REQUIRE(buf_printf(&b, "%s:%s", label, name) && slice_copy(buf_slice(&b), text, sizeof(text)));
    buf_free(&b);
    REQUIRE(HMAC(EVP_sha512(), e->secret, sizeof(e->secret), (const uint8_t *)text, strlen(text),
                 out, &n) &&
            n == STAND_IN_DIGEST);
}

/* The user whose credentials' shape is taken: iterations, length of the salt, kind and cost of the
 * hash are then as frequent among strangers as among users. NULL: there are none. */
static const struct user *model(const struct auth_engine *e, const struct users *users,
                                const char *name)
{
    uint8_t d[STAND_IN_DIGEST];
    uint64_t pick;

    digest(e, "model", name, d);
    memcpy(&pick, d, sizeof(pick));
    return users->n ? &users->v[pick % users->n] : NULL;
}

const char *stand_in_credential(const struct auth_engine *e, const struct users *users,
                                const char *name)
{
    const struct user *u = model(e, users, name);
    return !u ? nobodys_hash : u->hash ? u->hash : u->verifier_text;
}

static void put(const struct auth_engine *e, const char *label, const char *name, size_t n,
                char *out, size_t size)
{
    uint8_t d[STAND_IN_DIGEST];
    struct buf b;

    digest(e, label, name, d);
    buf_init(&b, size - 1);
    REQUIRE(base64_encode(slice_make((const char *)d, n), &b) &&
            slice_copy(buf_slice(&b), out, size));
    buf_free(&b);
}

/* Octets of a salt in base64. */
static size_t salt_length(const char *text)
{
    char salt[SCRAM_SALT_MAX];
    size_t n = 16;
    return base64_decode(slice_of(text), salt, sizeof(salt), &n) ? n : 16;
}

void stand_in_verifier(const struct auth_engine *e, const struct users *users, const char *name,
                       struct scram_verifier *out)
{
    const struct user *u = model(e, users, name);
    const struct scram_verifier *v = u ? u->verifier : NULL;

    out->iterations = v ? v->iterations : SCRAM_ITERATIONS;
    put(e, "salt", name, v ? salt_length(v->salt) : 16, out->salt, sizeof(out->salt));
    put(e, "stored", name, SCRAM_KEY, out->stored_key, sizeof(out->stored_key));
    put(e, "server", name, SCRAM_KEY, out->server_key, sizeof(out->server_key));
}
