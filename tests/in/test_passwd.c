/* `danelaw passwd`: what becomes of the text, and of the file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mta/run/passwd_file.h"

#define KEY   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define OLD   "SCRAM-SHA-256$4096:QUJDREVGR0g=$" KEY ":" KEY
#define FRESH "SCRAM-SHA-256$5000:QUJDREVGR0g=$" KEY ":" KEY

static const struct {
    const char *text, *name, *credentials, *from, *want;
} edits[] = {
    {"", "anna", "NEW", NULL, "anna NEW\n"},
    {"", "anna", "NEW", "@a.example", "anna NEW from=@a.example\n"},
    {"anna OLD\n", "anna", "NEW", NULL, "anna NEW\n"},
    {"anna OLD", "anna", "NEW", NULL, "anna NEW\n"},
    {"bert OLD", "anna", "NEW", NULL, "bert OLD\nanna NEW\n"},
    {"# one\n\n  anna  OLD from=a@b # two\n\tbert\tOLD\n", "anna", "NEW", NULL,
     "# one\n\nanna NEW from=a@b\n\tbert\tOLD\n"},
    {"anna from=a@b OLD\n", "anna", "NEW", NULL, "anna NEW from=a@b\n"},
    {"anna OLD from=a@b\n", "anna", "NEW", "@c", "anna NEW from=@c\n"},
    {"anna OLD from=a@b\n", "anna", "NEW", "", "anna NEW\n"},
    {"anna OLD # from=a@b\n", "anna", "NEW", NULL, "anna NEW\n"},
    {"#anna OLD\nann OLD\nannaa OLD\n", "anna", "NEW", NULL,
     "#anna OLD\nann OLD\nannaa OLD\nanna NEW\n"},
    {"bert OLD\n# c\nanna OLD\ncora OLD\n", "anna", NULL, NULL, "bert OLD\n# c\ncora OLD\n"},
    {"bert OLD\n", "anna", NULL, NULL, "bert OLD\n"},
};

Test(passwd, text)
{
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct buf out;
        buf_init(&out, 1000);
        cr_assert(passwd_edit(slice_of(edits[i].text), slice_of(edits[i].name),
                              edits[i].credentials, edits[i].from, &out));
        cr_assert_str_eq(buf_cstr(&out), edits[i].want, "row %zu: %s", i, buf_cstr(&out));
        buf_free(&out);
    }
}

static char dir[64], path[96];

static void enter(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/danelaw-passwd-XXXXXX");
    cr_assert(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/users", dir);
}

static void leave(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(passwd_file, .init = enter, .fini = leave);

static enum passwd_result put(const char *name, const char *credentials, const char *from,
                              char *said, size_t size)
{
    struct buf errors;

    buf_init(&errors, 4096);
    enum passwd_result result =
        passwd_write(path, slice_of(name), credentials, from, NULL, &errors);
    (void)slice_copy(buf_slice(&errors), said, size);
    buf_free(&errors);
    return result;
}

static void check_file(const char *want)
{
    char got[2000] = "";
    FILE *f = fopen(path, "re");

    cr_assert(f);
    got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
    (void)fclose(f);
    cr_assert_str_eq(got, want);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "we");

    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(passwd_file, made_replaced_removed)
{
    char said[1000];
    struct stat st;

    cr_assert_eq(put("anna", OLD, NULL, said, sizeof(said)), PASSWD_DONE, "%s", said);
    check_file("anna " OLD "\n");
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(put("bert", OLD, "@a.example", said, sizeof(said)), PASSWD_DONE);
    cr_assert_eq(put("anna", FRESH, NULL, said, sizeof(said)), PASSWD_DONE);
    check_file("anna " FRESH "\nbert " OLD " from=@a.example\n");
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    cr_assert_eq(put("cora", NULL, NULL, said, sizeof(said)), PASSWD_NO_SUCH_USER);
    cr_assert_eq(put("anna", NULL, NULL, said, sizeof(said)), PASSWD_DONE);
    check_file("bert " OLD " from=@a.example\n");
}

/* A mistake in it, or one that would come in: it stays as it was. */
Test(passwd_file, wrong_files_are_not_touched)
{
    char said[1000];

    write_file("bert sesame\n", 0600);
    cr_assert_eq(put("anna", OLD, NULL, said, sizeof(said)), PASSWD_FAILED);
    cr_assert(strstr(said, "users:1:6: ") && !strstr(said, "sesame"), "%s", said);
    check_file("bert sesame\n");
    write_file("bert " OLD "\n", 0600);
    cr_assert_eq(put("anna", OLD, "a b", said, sizeof(said)), PASSWD_FAILED);
    cr_assert_eq(put("anna", OLD, "nonsense", said, sizeof(said)), PASSWD_FAILED);
    check_file("bert " OLD "\n");
}

Test(passwd_file, a_link_stays_a_link)
{
    char said[1000], target[128];
    struct stat st;

    (void)snprintf(target, sizeof(target), "%s/real", dir);
    write_file("bert " OLD "\n", 0600);
    cr_assert(rename(path, target) == 0 && symlink("real", path) == 0);
    cr_assert_eq(put("anna", OLD, NULL, said, sizeof(said)), PASSWD_DONE, "%s", said);
    cr_assert(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
    check_file("bert " OLD "\nanna " OLD "\n");
}

Test(passwd_file, no_such_directory)
{
    char said[1000];

    (void)snprintf(path, sizeof(path), "%s/none/users", dir);
    cr_assert_eq(put("anna", OLD, NULL, said, sizeof(said)), PASSWD_FAILED);
    cr_assert(strstr(said, "No such file or directory"), "%s", said);
}
