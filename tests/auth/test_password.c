/* What is kept of a password fits that password and no other; hashes made elsewhere are understood;
 * SASLprep does its part. */
#include <argon2.h>
#include <string.h>

#include "leaks.h"
#include "mta/auth/password.h"

static char *made(bool (*make)(const char *, struct buf *), const char *password)
{
    struct buf b;

    buf_init(&b, 1024);
    cr_assert(make(password, &b));
    char *text = slice_dup(buf_slice(&b));
    buf_free(&b);
    return text;
}

static void check_fits(const char *credential, const char *password)
{
    static const char *const others[] = {"", "sesam", "sesamee", "Sesame", "x"};

    cr_assert(password_matches(credential, password), "%s", credential);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        cr_assert_not(password_matches(credential, others[i]), "%s", others[i]);
}

Test(password, a_hash_and_a_verifier_of_ours)
{
    char *hash = made(password_hash, "sesame"), *again = made(password_hash, "sesame");
    char *verifier = made(password_verifier, "sesame");
    struct scram_verifier v;

    cr_assert_null(password_hash_problem(slice_of(hash)));
    cr_assert(strncmp(hash, "$y$", 3) == 0);
    cr_assert_str_neq(hash, again);
    cr_assert(scram_parse(slice_of(verifier), &v));
    cr_assert_eq(v.iterations, SCRAM_ITERATIONS);
    check_fits(hash, "sesame");
    check_fits(verifier, "sesame");
    free(hash);
    free(again);
    free(verifier);
    CHECK_LEAKS();
}

/* RFC 7677 §3: user "user", password "pencil", salt and iterations of the example; the keys follow
 * from the proofs that it shows, which is what the test of the exchange replays. */
Test(password, the_standards_verifier)
{
    static const char rfc[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                              "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                              "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    cr_assert(password_matches(rfc, "pencil"));
    cr_assert_not(password_matches(rfc, "pencils"));
}

Test(password, argon2id)
{
    char hash[200];

    cr_assert_eq(argon2id_hash_encoded(1, 64, 2, "sesame", 6, "saltsalt", 8, 32, hash, sizeof(hash)),
                 ARGON2_OK);
    cr_assert_null(password_hash_problem(slice_of(hash)), "%s", hash);
    check_fits(hash, "sesame");
    CHECK_LEAKS();
}

Test(password, what_is_no_credential_fits_nothing)
{
    static const char *const wrong[] = {"", "sesame", "*0", "*1", "$1$abcdefgh$", "$y$", "$y$j9T$",
                                        "$argon2id$", "SCRAM-SHA-256$", "$2b$05$abc"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        cr_assert_not(password_matches(wrong[i], "sesame"), "%s", wrong[i]);
}

static const struct {
    const char *in;
    bool stored, ok;
    const char *out;
} prepared[] = {
    {"sesame", true, true, "sesame"},
    {"open sesame ~!", true, true, "open sesame ~!"},
    {"I\xc2\xadX", true, true, "IX"},               /* RFC 4013 §3: soft hyphen to nothing */
    {"\xc2\xaa", true, true, "a"},                  /* NFKC */
    {"\xe2\x85\xa8", true, true, "IX"},
    {"caf\xc3\xa9", true, true, "caf\xc3\xa9"},
    {"cafe\xcc\x81", true, true, "caf\xc3\xa9"},
    {"\xc2\xa0", true, true, " "},                  /* other blanks to a blank */
    {"", true, false, NULL},
    {"\xc2\xad", true, false, NULL},                /* nothing is left */
    {"\x07", true, false, NULL},
    {"a\tb", true, false, NULL},
    {"\x7f", true, false, NULL},
    {"\xd8\xa7\x31", true, false, NULL},            /* bidirectional check */
    {"\xc8\xa1", true, false, NULL},                /* U+0221, not in Unicode 3.2: never stored */
    {"\xc8\xa1", false, true, "\xc8\xa1"},          /* but asked for */
    {"\xff", true, false, NULL},
    {"\xc3", true, false, NULL},
    {"a\xc3", false, false, NULL},
    {"\xc0\x80", true, false, NULL},
    {"\xed\xa0\x80", true, false, NULL},
    {"\xf4\x90\x80\x80", true, false, NULL},
};

Test(password, saslprep)
{
    for (size_t i = 0; i < ARRAY_LEN(prepared); i++) {
        char out[LIMIT_AUTH_PASSWORD + 1] = "";
        bool ok = password_prepare(slice_of(prepared[i].in), prepared[i].stored, out, sizeof(out));
        cr_assert_eq(ok, prepared[i].ok, "row %zu", i);
        cr_assert(!ok || strcmp(out, prepared[i].out) == 0, "row %zu: %s", i, out);
    }
    CHECK_LEAKS();
}

Test(password, lengths)
{
    char in[LIMIT_AUTH_PASSWORD + 2], out[LIMIT_AUTH_PASSWORD + 1];

    memset(in, 'a', sizeof(in));
    cr_assert(password_prepare(slice_make(in, LIMIT_AUTH_PASSWORD), true, out, sizeof(out)));
    cr_assert_eq(strlen(out), LIMIT_AUTH_PASSWORD);
    cr_assert_not(password_prepare(slice_make(in, LIMIT_AUTH_PASSWORD + 1), true, out, sizeof(out)));
    cr_assert_not(password_prepare(slice_make("a\0b", 3), true, out, sizeof(out)));
    /* U+FDFA becomes 18 characters: 84 of them are 252 octets, and would be far more than fit. */
    for (size_t i = 0; i + 3 <= LIMIT_AUTH_PASSWORD; i += 3)
        memcpy(in + i, "\xef\xb7\xba", 3);
    cr_assert_not(password_prepare(slice_make(in, 255), true, out, sizeof(out)));
}
