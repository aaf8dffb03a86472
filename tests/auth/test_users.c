/* The users file: what is read, each mistake with its place, nothing that repeats a credential, and
 * no text at all that harms. */
#include <stdio.h>
#include <string.h>

#include "leaks.h"
#include "mta/auth/users.h"

#define KEY    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HASH   "$y$j9T$Qk0tNOgtKqCDZsWyvTJfi.$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0"
#define ARGON  "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM$" \
               "RdescudvJCsgt3ub+b/dWRWJTmaaJObGRdescudvJCs"
#define SCRAM  "SCRAM-SHA-256$4096:QUJDREVGR0g=$" KEY ":" KEY

static struct users *parse(const char *text, char *said, size_t size)
{
    struct users *u = NULL;
    struct buf errors;

    buf_init(&errors, 64 * 1024);
    bool ok = users_parse(slice_of(text), "users", &errors, &u);
    cr_assert_eq(ok, u != NULL);
    cr_assert_eq(ok, errors.n == 0);
    (void)slice_copy(buf_slice(&errors), said, size);
    buf_free(&errors);
    return u;
}

static bool may_send(const struct users *u, const char *name, const char *path)
{
    const struct user *user = users_find(u, slice_of(name));
    struct slice in = slice_of(path);
    struct address a;

    cr_assert(user, "%s", name);
    cr_assert_eq(address_parse_path(&in, ADDRESS_SENDER, true, &a), CAUSE_OK, "%s", path);
    return user_may_send(user, &a);
}

Test(users, a_file)
{
    char said[1000];
    struct users *u = parse("# who may send\n"
                            "\n"
                            "  \t \n"
                            "zoe " HASH "\n"
                            "\tanna@example.org  " ARGON "\t" SCRAM " # of the desk\n"
                            "j\xc3\xbcrgen " SCRAM " from=a@Example.ORG,@lists.example.org",
                            said, sizeof(said));

    cr_assert(u, "%s", said);
    cr_assert_eq(u->n, 3);
    cr_assert_str_eq(users_find(u, SLICE("zoe"))->hash, HASH);
    cr_assert_null(users_find(u, SLICE("zoe"))->verifier);
    cr_assert_str_eq(users_find(u, SLICE("anna@example.org"))->hash, ARGON);
    cr_assert_eq(users_find(u, SLICE("anna@example.org"))->verifier->iterations, 4096);
    cr_assert_eq(users_find(u, SLICE("j\xc3\xbcrgen"))->where.line, 6);
    cr_assert_str_eq(u->without_verifier->name, "zoe");
    static const char *const strangers[] = {"", "zo", "zoee", "ZOE", "anna", "#", "# who"};
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        cr_assert_null(users_find(u, slice_of(strangers[i])), "%s", strangers[i]);
    cr_assert_null(users_find(u, slice_make("zoe\0x", 5)));
    users_free(&u);
    CHECK_LEAKS();
}

Test(users, senders)
{
    char said[1000];
    struct users *u = parse("free " SCRAM "\n"
                            "desk " SCRAM " from=desk@example.org,@lists.example.org\n"
                            "b\xc3\xbc " SCRAM " from=\xc3\xbc@xn--bcher-kva.example\n", said, sizeof(said));

    cr_assert(u, "%s", said);
    static const struct {
        const char *user, *path;
        bool may;
    } rows[] = {
        {"free", "<anybody@example.net>", true},
        {"free", "<>", true},
        {"desk", "<desk@example.org>", true},
        {"desk", "<desk@EXAMPLE.org>", true},
        {"desk", "<Desk@example.org>", false}, /* RFC 5321 §2.4 */
        {"desk", "<\"desk\"@example.org>", false},
        {"desk", "<other@example.org>", false},
        {"desk", "<x@example.org>", false}, /* what stands for a domain is nobody's address */
        {"desk", "<any@lists.example.org>", true},
        {"desk", "<any@sub.lists.example.org>", false},
        {"desk", "<any@example.com>", false},
        {"desk", "<desk@[192.0.2.1]>", false},
        {"desk", "<>", true},
        {"b\xc3\xbc", "<\xc3\xbc@xn--bcher-kva.example>", true},
        {"b\xc3\xbc", "<x@xn--bcher-kva.example>", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_assert_eq(may_send(u, rows[i].user, rows[i].path), rows[i].may, "%s %s", rows[i].user,
                     rows[i].path);
    users_free(&u);
    CHECK_LEAKS();
}

static const struct {
    const char *text, *want; /* the beginning of the first line */
} mistakes[] = {
    {"anna", "users:1:1: the user \"anna\" has neither a hash nor a verifier"},
    {"anna from=a@example.org", "users:1:1: the user \"anna\" has neither"},
    {"anna sesame", "users:1:6: what stands here must be a hash ("},
    {"\n\n  anna " HASH " sesame", "users:3:82: what stands here must be a hash ("},
    {"j\xc3\xbcrgen sesame", "users:1:8: what stands here must be a hash ("},
    {"anna $1$abc$def", "users:1:6: what stands here must be a hash ("},
    {"anna $y$j9T$abc$def", "users:1:6: what stands here must be a whole yescrypt hash"},
    {"anna $y$jzT$abc$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0",
     "users:1:6: what stands here must be a hash of a cost that this relay may spend"},
    {"anna $y$jDT$abc$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0",
     "users:1:6: what stands here must be a hash of a cost that this relay may spend"},
    {"anna $argon2id$v=16$m=65536,t=3,p=4$c29tZXNhbHQxMjM$RdescudvJCsgt3ub+b/dWRWJTmaaJObG",
     "users:1:6: what stands here must be a whole Argon2id hash of version 19"},
    {"anna $argon2id$v=19$m=4194304,t=3,p=4$c29tZXNhbHQxMjM$RdescudvJCsgt3ub+b/dWRWJTmaaJObG",
     "users:1:6: what stands here must be a hash of a cost"},
    {"anna $argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM$RdescudvJCsgt3ub+b/dWRWJTmaaJObG",
     "users:1:6: what stands here must be a hash ("},
    {"anna SCRAM-SHA-1$4096:QUJDREVGR0g=$" KEY ":" KEY, "users:1:6: what stands here must be a hash"},
    {"anna SCRAM-SHA-256$4095:QUJDREVGR0g=$" KEY ":" KEY, "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$04096:QUJDREVGR0g=$" KEY ":" KEY, "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$9999999:QUJDREVGR0g=$" KEY ":" KEY, "users:1:6: what stands here must be SCR"},
    {"anna SCRAM-SHA-256$4096:QUJDREVGR0g$" KEY ":" KEY, "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$4096:QUJD$" KEY ":" KEY, "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$4096:QUJDREVGR0g=$" KEY ":QUJD", "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$4096:QUJDREVGR0g=$" KEY, "users:1:6: what stands here must be SCRAM"},
    {"anna SCRAM-SHA-256$", "users:1:6: what stands here must be SCRAM"},
    {"anna " HASH " " ARGON, "users:1:80: a second hash of the user \"anna\""},
    {"anna " SCRAM " " SCRAM, "users:1:128: a second verifier of the user \"anna\""},
    {"anna " SCRAM " from=@a.example from=@b.example", "users:1:144: a second from= of the user"},
    {"anna " SCRAM " from=", "users:1:133: \"\" in from= must be an address"},
    {"anna " SCRAM " from=a@b.example,", "users:1:145: \"\" in from= must be an address"},
    {"anna " SCRAM " from=a@b.example,,@c.example", "users:1:145: \"\" in from= must be"},
    {"anna " SCRAM " from=example.org", "users:1:133: \"example.org\" in from= must be an address"},
    {"anna " SCRAM " from=\"a,b\"@c.example", "users:1:133: \"\"a\" in from= must be an address"},
    {"anna " SCRAM " from=<a@b.example>", "users:1:133: \"<a@b.example>\" in from= must be"},
    {"anna " SCRAM " from=a@b.example>", "users:1:133: \"a@b.example>\" in from= must be"},
    {"anna " SCRAM " from=@h.example:a@b.example", "users:1:133: \"@h.example:a@b.example\" in"},
    {"anna " SCRAM " from=@", "users:1:133: \"@\" in from= must be"},
    {"anna " SCRAM "\nbert " SCRAM "\nanna " HASH, "users:3:1: duplicate key \"anna\""},
    {"an\xc3na " SCRAM, "users:1:1: a user's name must be UTF-8"},
    {"\xef\xac\x81sh " SCRAM, "users:1:1: a user's name must be in the form that SASLprep"}, /* ﬁ */
    {"anna " SCRAM "\r\n", "users:1:127: a control character"},
    {"an\x01na " SCRAM, "users:1:3: a control character"},
    {"anna" "\x7f " SCRAM, "users:1:5: a control character"},
};

Test(users, mistakes)
{
    char said[4000];

    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        cr_assert_null(parse(mistakes[i].text, said, sizeof(said)), "%s", mistakes[i].text);
        cr_assert(strncmp(said, mistakes[i].want, strlen(mistakes[i].want)) == 0,
                  "%s\n got %s want %s", mistakes[i].text, said, mistakes[i].want);
    }
    CHECK_LEAKS();
}

Test(users, all_mistakes_are_told_and_no_credential)
{
    char said[4000];

    cr_assert_null(parse("anna sesame\nbert " HASH "x\ncora SCRAM-SHA-256$1:secret\n", said,
                         sizeof(said)));
    cr_assert(strstr(said, "users:1:6:") && strstr(said, "users:2:6:") && strstr(said, "users:3:6:"),
              "%s", said);
    cr_assert(!strstr(said, "sesame") && !strstr(said, "Q/ij") && !strstr(said, "secret"), "%s",
              said);
    CHECK_LEAKS();
}

/* Cut behind every octet, and with every octet changed: an answer, whatever it is, and no harm. */
Test(users, hostile_text)
{
    static const char file[] = "a " HASH " " SCRAM " from=a@b.example,@c.example\n"
                               "\xc3\xbc " ARGON "\n";
    char text[sizeof(file)], said[4000];

    for (size_t n = 0; n < sizeof(file); n++) {
        char *cut = base_alloc(n + 1); /* of its own size, so that a read past the end is seen */
        memcpy(cut, file, n);
        struct users *u = parse(cut, said, sizeof(said));
        users_free(&u);
        free(cut);
    }
    static const char put[] = {' ', '$', ':', '=', ',', '@', '\n', '\t', '#', '.', 'A', '\x80', '\xff'};
    for (size_t n = 0; n < sizeof(file) - 1; n++) {
        for (size_t i = 0; i < sizeof(put); i++) {
            memcpy(text, file, sizeof(file));
            text[n] = put[i];
            struct users *u = parse(text, said, sizeof(said));
            users_free(&u);
        }
    }
    CHECK_LEAKS();
}

Test(users, many)
{
    enum { MANY = 20000 };
    char *text = base_alloc(MANY * 180), *end = text, said[1000];

    for (int i = 0; i < MANY; i++)
        end += snprintf(end, 180, "user%d %s\n", (i * 7919) % MANY, SCRAM);
    struct users *u = parse(text, said, sizeof(said));
    cr_assert(u && u->n == MANY, "%s", said);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "user%d", i);
        cr_assert(users_find(u, slice_of(name)), "%s", name);
    }
    users_free(&u);
    free(text);
    CHECK_LEAKS();
}
