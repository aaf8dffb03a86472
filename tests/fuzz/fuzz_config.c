/* A configuration of one file: it is taken, or each mistake is told with its line and column, at most
 * LIMIT_CONFIG_ERRORS of them, in the same words each time. What is taken has what the relay cannot
 * do without. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "config/config.h"
#include "tests/fuzz/bytes.h"

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

/* Digits and a colon at the front, cut off. */
static uint64_t take_number(struct slice *s)
{
    uint64_t n = 0;
    size_t colon = slice_find(*s, ':');

    REQUIRE(colon < s->n && slice_to_u64(slice_head(*s, colon), INT32_MAX, &n) && n > 0);
    *s = slice_skip(*s, colon + 1);
    return n;
}

/* YAML knows line ends of three octets and of one; none is shorter than that. */
static void check_error(struct slice line, size_t octets)
{
    struct slice file = slice_of(path);

    REQUIRE(!has_control(line) && slice_starts(line, file));
    line = slice_skip(line, file.n);
    if (slice_starts(line, SLICE(": and ")))
        return;
    REQUIRE(slice_starts(line, SLICE(":")));
    line = slice_skip(line, 1);
    REQUIRE(take_number(&line) <= octets + 1);
    REQUIRE(take_number(&line) <= octets + 1);
    REQUIRE(line.n > 1 && line.p[0] == ' ');
}

static void check_errors(struct slice said, size_t octets)
{
    size_t n = 0;

    for (; said.n; n++) {
        struct slice line = slice_head(said, slice_find(said, '\n'));
        REQUIRE(line.n < said.n);
        check_error(line, octets);
        said = slice_skip(said, line.n + 1);
    }
    REQUIRE(n > 0 && n <= LIMIT_CONFIG_ERRORS + 1);
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
    if (!load(&errors))
        check_errors(buf_slice(&errors), size);
    (void)load(&again);
    REQUIRE(slice_eq(buf_slice(&errors), buf_slice(&again)));
    buf_free(&errors);
    buf_free(&again);
    return 0;
}
