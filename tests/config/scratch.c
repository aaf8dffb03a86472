#include "tests/config/scratch.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

static char folder[64];

void scratch_enter(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/danelaw-config-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

void scratch_leave(void)
{
    cr_assert_eq(chdir("/"), 0);
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void scratch_write(const char *name, const char *text)
{
    char parent[256];
    const char *slash = strrchr(name, '/');

    if (slash) {
        (void)slice_copy(slice_make(name, (size_t)(slash - name)), parent, sizeof(parent));
        (void)mkdir(parent, 0700);
    }
    FILE *f = fopen(name, "w");
    cr_assert_not_null(f, "%s", name);
    cr_assert_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    cr_assert_eq(fclose(f), 0);
}

char *scratch_load(const char *text, struct config **out_config)
{
    struct buf errors;

    *out_config = NULL;
    scratch_write("danelaw.yaml", text);
    buf_init(&errors, 64 * 1024);
    bool ok = config_load("danelaw.yaml", &errors, out_config);
    cr_expect_eq(ok, errors.n == 0, "a failure must say why, a success nothing");
    cr_expect_eq(ok, *out_config != NULL);
    char *said = slice_dup(buf_slice(&errors));
    buf_free(&errors);
    return said;
}

struct config *scratch_config(const char *text)
{
    struct config *c;
    char *said = scratch_load(text, &c);

    cr_assert_str_empty(said, "%s", said);
    free(said);
    return c;
}

void scratch_check_leaks(void)
{
#if defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "leaks");
#endif
}
