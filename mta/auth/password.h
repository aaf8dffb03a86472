/* Passwords and what is kept of them: a yescrypt or Argon2id hash, a SCRAM-SHA-256 verifier (RFC 5803
 * §3, RFC 7677). Passwords and their copies live in memory of fixed size that is wiped; the one
 * exception is the working memory of libidn when a text beyond ASCII is prepared.
 *
 * Threads: any. What hashes (said below) takes milliseconds to a tenth of a second: never on a
 * worker. */
#ifndef DANELAW_AUTH_PASSWORD_H
#define DANELAW_AUTH_PASSWORD_H

#include "config/base/base64.h"
#include "config/base/limits.h"

enum {
    SCRAM_KEY = 32,            /* octets of SHA-256 */
    SCRAM_SALT_MAX = 64,       /* octets; ours are 16 */
    SCRAM_ITERATIONS = 16384,  /* of a verifier that we make */
    SCRAM_ITERATIONS_MIN = 4096, /* RFC 7677 asks for it */
    SCRAM_ITERATIONS_MAX = 1000000, /* a client, and PLAIN here, must do as many */
};

/* In base64, as the protocol and libgsasl have them. */
struct scram_verifier {
    unsigned iterations;
    char salt[BASE64_SIZE(SCRAM_SALT_MAX) + 1];
    char stored_key[BASE64_SIZE(SCRAM_KEY) + 1], server_key[BASE64_SIZE(SCRAM_KEY) + 1];
};

/* "SCRAM-SHA-256$16384:SALT$STOREDKEY:SERVERKEY". Pure. */
MUST_USE bool scram_parse(struct slice text, struct scram_verifier *out);
/* NULL if text is a hash that password_matches can use, else what it is not. Also bounds what it
 * would cost, in memory and rounds, to use it. Pure. */
const char *password_hash_problem(struct slice text);

/* SASLprep (RFC 4013) into out, NUL-terminated, of at most size octets with the NUL. stored: as a stored
 * string, in which code points that Unicode 3.2 does not know are refused. False: empty, too long,
 * not UTF-8, or something SASLprep forbids. */
MUST_USE bool password_prepare(struct slice in, bool stored, char *out, size_t size);

/* Whether a prepared password fits a hash or verifier. Hashes. */
MUST_USE bool password_matches(const char *credential, const char *password);
/* Append a fresh yescrypt hash, a fresh verifier. Hash. */
MUST_USE bool password_hash(const char *password, struct buf *out);
MUST_USE bool password_verifier(const char *password, struct buf *out);

#endif
