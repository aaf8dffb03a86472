/* The users who may authenticate, from a text file. The file has one user per line:
 *
 *     # comment
 *     NAME CREDENTIAL... [from=ADDRESS,@DOMAIN,...]
 *
 * separated by blanks. NAME is UTF-8 in the form SASLprep gives it (RFC 4013), at most 255 octets,
 * without blanks. CREDENTIALs, at least one and each kind once:
 *
 *     $y$j9T$SALT$HASH                        yescrypt, crypt(5)
 *     $argon2id$v=19$m=65536,t=3,p=4$...      Argon2id, instead of yescrypt
 *     SCRAM-SHA-256$16384:SALT$KEY:KEY        a verifier, RFC 5803 §3
 *
 * from= are the addresses that the user may give in MAIL FROM, and domains of which any; without it
 * the user may give any address. The empty reverse-path claims no address and is always free.
 * `danelaw passwd` writes such lines.
 *
 * Immutable once made, any thread. Pure, but users_load. */
#ifndef DANELAW_AUTH_USERS_H
#define DANELAW_AUTH_USERS_H

#include "config/errors.h"
#include "mta/auth/password.h"
#include "mta/smtp/address.h"

struct user_sender {
    const char *local;  /* to the letter (RFC 5321 §2.4); NULL: any of the domain */
    const char *domain; /* normalised */
};

struct user {
    const char *name;
    const char *hash;                      /* NULL: none */
    const struct scram_verifier *verifier; /* NULL: none */
    const char *verifier_text;             /* likewise, as in the file */
    bool restricted;                       /* from= was written */
    const struct user_sender *senders;
    size_t n_senders;
    struct config_where where;
};

struct users {
    struct arena *arena;
    const char *file;
    struct user *v; /* by name */
    size_t n;
    const struct user *without_verifier; /* one of them; NULL: SCRAM is for everybody */
};

/* False: errors has a line FILE:LINE:COLUMN: for each mistake; none quotes a credential. */
MUST_USE bool users_parse(struct slice text, const char *file, struct buf *errors,
                          struct users **out);
void users_free(struct users **u); /* NULLs the pointer; NULL is fine; wipes nothing: hashes only */
/* NULL: no such user. name: prepared. */
const struct user *users_find(const struct users *u, struct slice name);
/* Whether the user may give this reverse-path. */
bool user_may_send(const struct user *u, const struct address *sender);

/* Reads path. *out_mode: its permissions. Blocks. */
MUST_USE bool users_load(const char *path, struct buf *errors, struct users **out,
                         unsigned *out_mode);

/* ---- one line, for the parser and for who rewrites the file (users_line.c) ---- */

/* The next line without its LF; moves *text behind it. False at the end. */
MUST_USE bool users_next_line(struct slice *text, struct slice *out_line);
/* The next field of a line; moves *line behind it. False: none is left, or a comment begins. */
MUST_USE bool users_next_field(struct slice *line, struct slice *out_field);
/* What a name has to be and is not, or NULL. */
const char *users_name_problem(struct slice name);
/* Parses the list behind "from=" into arena. Returns what an entry has to be, with *out_wrong the
 * entry, or NULL. */
const char *users_parse_senders(struct slice list, struct arena *arena, struct user *out,
                                struct slice *out_wrong);
bool users_is_from(struct slice field, struct slice *out_list);

#endif
