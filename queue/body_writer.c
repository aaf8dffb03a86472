/* A body while it arrives: in memory at first, in a file of the spool once it is large. One
 * owner. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "queue/body_private.h"

struct body_writer {
    struct buf pending; /* not yet in the file */
    char *path;
    int fd; /* -1: all of it is in pending */
    uint64_t size, max;
    enum cause cause;
    bool eight_bit;
};

static char *join(const char *directory, const char *name)
{
    size_t n = strlen(directory) + strlen(name) + 2;
    char *path = base_alloc(n);
    (void)snprintf(path, n, "%s/%s", directory, name);
    return path;
}

struct body_writer *body_writer_new(const char *spool, const char *id, uint64_t max)
{
    struct body_writer *w = base_alloc(sizeof(*w));
    buf_init(&w->pending, LIMIT_BODY_CHUNK);
    w->path = join(spool, id);
    w->fd = -1;
    w->max = max;
    w->cause = CAUSE_OK;
    return w;
}

static void drop_file(struct body_writer *w)
{
    if (w->fd < 0)
        return;
    close(w->fd);
    w->fd = -1;
    (void)unlink(w->path);
}

/* The space is given back at once, not when the client has sent the rest. */
static void fail(struct body_writer *w, enum cause cause)
{
    drop_file(w);
    buf_free(&w->pending);
    w->cause = cause;
}

static void fail_errno(struct body_writer *w)
{
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    fail(w, full ? CAUSE_QUEUE_FULL : CAUSE_QUEUE_ERROR);
}

static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        s = slice_skip(s, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* Ids are unique, so an existing file is another message's and must not be touched. */
static bool open_spool_file(struct body_writer *w)
{
    if (w->fd < 0)
        w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return w->fd >= 0;
}

static void flush(struct body_writer *w)
{
    if (!open_spool_file(w) || !write_all(w->fd, buf_slice(&w->pending)))
        fail_errno(w);
    else
        buf_clear(&w->pending);
}

void body_writer_append(struct body_writer *w, struct slice s)
{
    if (w->cause == CAUSE_OK && s.n > w->max - w->size)
        fail(w, CAUSE_MESSAGE_TOO_BIG);
    while (s.n && w->cause == CAUSE_OK) {
        struct slice part = slice_head(s, buf_room(&w->pending));
        REQUIRE(buf_append(&w->pending, part));
        w->size += part.n;
        w->eight_bit = w->eight_bit || body_any_8bit(part);
        s = slice_skip(s, part.n);
        if (buf_room(&w->pending) == 0)
            flush(w);
    }
}

enum cause body_writer_cause(const struct body_writer *w)
{
    return w->cause;
}

static void writer_free(struct body_writer **wp)
{
    struct body_writer *w = *wp;
    buf_free(&w->pending);
    free(w->path);
    free(w);
    *wp = NULL;
}

static struct body *finish_file(struct body_writer *w)
{
    if (w->pending.n)
        flush(w);
    if (w->cause != CAUSE_OK)
        return NULL;
    struct body *b = body_of_written(w->path, w->fd, w->size, w->eight_bit);
    w->path = NULL;
    return b;
}

struct body *body_writer_finish(struct body_writer **wp)
{
    struct body_writer *w = *wp;
    struct body *b = NULL;

    if (w->cause == CAUSE_OK && w->size > LIMIT_BODY_IN_ROW)
        b = finish_file(w);
    else if (w->cause == CAUSE_OK)
        b = body_of_memory(buf_slice(&w->pending));
    writer_free(wp);
    return b;
}

void body_writer_abort(struct body_writer **wp)
{
    if (!*wp)
        return;
    drop_file(*wp);
    writer_free(wp);
}
