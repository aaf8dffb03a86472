/* A configuration of one file: it is taken, or each mistake is told with its line and column, at most
 * LIMIT_CONFIG_ERRORS of them, in the same words each time. What is taken has what the relay cannot
 * do without. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/fuzz/mistakes.h"

enum { ERRORS_ROOM = 256 * 1024 };

static int fd = -1;
static char path[64];

static void write_file(struct slice text)
{
    if (fd < 0)
        fd = memfd_create("danelaw.yaml", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0);
    REQUIRE(pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
}

static void check_config(const struct config *c)
{
    REQUIRE(c->hostname && *c->hostname && c->n_listeners > 0);
    for (size_t i = 0; i < c->n_listeners; i++)
        REQUIRE(c->listeners[i].name && c->listeners[i].n_bind > 0);
}

/* Whether other files would be read: not here. */
static bool includes(struct slice text)
{
    return text.n && memmem(text.p, text.n, "nclude", 6);
}

static bool load(struct buf *errors)
{
    struct config *c = NULL;
    bool ok = config_load(path, errors, &c);

    REQUIRE(ok == (c != NULL) && ok == (errors->n == 0));
    if (ok)
        check_config(c);
    config_unref(&c);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct buf errors, again;

    if (includes(text))
        return 0;
    write_file(text);
    buf_init(&errors, ERRORS_ROOM);
    buf_init(&again, ERRORS_ROOM);
    if (!load(&errors)) /* YAML knows line ends of one octet and of three */
        check_mistakes(buf_slice(&errors), path, size + 1);
    (void)load(&again);
    REQUIRE(slice_eq(buf_slice(&errors), buf_slice(&again)));
    buf_free(&errors);
    buf_free(&again);
    return 0;
}
