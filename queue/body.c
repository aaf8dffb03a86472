/* Finished bodies: counted, read from any thread. See body.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/body_private.h"

static struct body *body_alloc(uint64_t size)
{
    struct body *b = base_alloc(sizeof(*b));
    b->refs = 1;
    b->fd = -1;
    b->size = size;
    return b;
}

struct body *body_of_memory(struct slice content)
{
    struct body *b = body_alloc(content.n);
    b->memory = slice_dup(content);
    b->synced = true;
    return b;
}

struct body *body_of_file(const char *path, uint64_t size)
{
    struct body *b = body_alloc(size);
    b->path = base_strdup(path);
    b->synced = true;
    return b;
}

struct body *body_of_written(char *path, int fd, uint64_t size, bool eight_bit)
{
    struct body *b = body_alloc(size);
    b->path = path;
    b->fd = fd;
    b->unowned = true;
    b->eight_bit = eight_bit;
    return b;
}

struct body *body_ref(struct body *b)
{
    b->refs++;
    return b;
}

void body_unref(struct body **bp)
{
    struct body *b = *bp;

    *bp = NULL;
    if (!b || --b->refs)
        return;
    if (b->fd >= 0)
        close(b->fd);
    if (b->unowned)
        (void)unlink(b->path);
    free(b->memory);
    free(b->path);
    free(b);
}

bool body_rename(struct body *b, const char *spool, const char *id)
{
    if (!b->path)
        return true;
    REQUIRE(b->unowned && !b->synced && b->refs == 1);
    size_t n = strlen(spool) + strlen(id) + 2;
    char *path = base_alloc(n);
    (void)snprintf(path, n, "%s/%s", spool, id);
    bool ok = renameat2(AT_FDCWD, b->path, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
    if (ok) {
        free(b->path);
        b->path = path;
    } else {
        free(path);
    }
    return ok;
}

uint64_t body_size(const struct body *b)
{
    return b->size;
}

bool body_is_file(const struct body *b)
{
    return b->path != NULL;
}

/* One pass without a branch: the compiler takes many octets at once. */
bool body_any_8bit(struct slice s)
{
    unsigned char all = 0;

    for (size_t i = 0; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return all >= 0x80;
}

bool body_has_8bit(const struct body *b)
{
    return b->memory ? body_any_8bit(body_memory(b)) : b->eight_bit;
}

struct slice body_memory(const struct body *b)
{
    REQUIRE(b->memory);
    return slice_make(b->memory, b->size);
}

/* Two readers may open at the same time; the one that comes second closes its own. */
static int open_file(struct body *b)
{
    int fd = b->fd, none = -1;

    if (fd >= 0)
        return fd;
    fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || atomic_compare_exchange_strong(&b->fd, &none, fd))
        return fd;
    close(fd);
    return none;
}

static long read_file(struct body *b, uint64_t offset, char *dst, size_t n)
{
    int fd = open_file(b);
    size_t done = 0;

    if (fd < 0)
        return -1;
    while (done < n) {
        ssize_t got = pread(fd, dst + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return (long)done;
}

long body_read(struct body *b, uint64_t offset, char *dst, size_t n)
{
    if (offset >= b->size)
        return 0;
    if (n > b->size - offset)
        n = (size_t)(b->size - offset);
    if (b->path)
        return read_file(b, offset, dst, n);
    memcpy(dst, b->memory + offset, n);
    return (long)n;
}

static int sync_data(int fd)
{
#ifdef SABOTAGE_NOFSYNC
    return 0;
#else
    return fdatasync(fd);
#endif
}

/* The descriptor is given back: a file may wait for days, and is opened again when it is read. */
enum body_sync body_sync_file(struct body *b)
{
    if (b->synced)
        return BODY_SYNCED;
    int failed = sync_data(b->fd) ? errno : 0;
    if (close(atomic_exchange(&b->fd, -1)) && !failed)
        failed = errno;
    if (failed == ENOSPC || failed == EDQUOT)
        return BODY_NO_SPACE;
    b->synced = failed == 0;
    return failed ? BODY_SYNC_FAILED : BODY_SYNCED;
}

void body_keep_file(struct body *b)
{
    b->unowned = false;
}
