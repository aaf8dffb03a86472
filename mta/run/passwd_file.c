#include "mta/run/passwd_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the text ---- */

static struct slice old_from(struct slice line)
{
    struct slice field, list, found = SLICE("");

    while (users_next_field(&line, &field))
        if (users_is_from(field, &list))
            found = list;
    return found;
}

static bool put_line(struct slice name, const char *credentials, struct slice from, struct buf *out)
{
    return buf_append(out, name) && buf_append_byte(out, ' ') &&
           buf_append(out, slice_of(credentials)) &&
           (from.n == 0 || (buf_append(out, SLICE(" from=")) && buf_append(out, from))) &&
           buf_append_byte(out, '\n');
}

static bool is_of(struct slice line, struct slice name)
{
    struct slice field;
    return users_next_field(&line, &field) && slice_eq(field, name);
}

bool passwd_edit(struct slice text, struct slice name, const char *credentials, const char *from,
                 struct buf *out)
{
    struct slice line;
    bool found = false, ok = true;

    while (ok && users_next_line(&text, &line)) {
        if (!is_of(line, name)) {
            ok = buf_append(out, line) && buf_append_byte(out, '\n');
            continue;
        }
        found = true;
        if (credentials)
            ok = put_line(name, credentials, from ? slice_of(from) : old_from(line), out);
    }
    if (ok && credentials && !found)
        ok = put_line(name, credentials, slice_of(from), out);
    return ok;
}

/* ---- the file ---- */

struct place {
    char path[PATH_MAX];  /* links followed */
    char fresh[PATH_MAX]; /* of the new file, beside it */
    int dir;              /* locked */
    struct stat old;
    bool exists;
};

static bool fail(const char *path, const char *what, struct buf *errors)
{
    (void)!buf_printf(errors, "danelaw passwd: %s: %s: %s\n", path, what, strerrordesc_np(errno));
    return false;
}

static bool lock_directory(struct place *p, struct buf *errors)
{
    char copy[PATH_MAX];

    (void)slice_copy(slice_of(p->path), copy, sizeof(copy));
    p->dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0 || flock(p->dir, LOCK_EX) != 0)
        return fail(p->path, "the directory cannot be opened", errors);
    return true;
}

static bool find_place(const char *path, struct place *p, struct buf *errors)
{
    struct buf b;

    p->dir = -1;
    p->exists = realpath(path, p->path) != NULL;
    if (!p->exists && errno != ENOENT)
        return fail(path, "cannot be found", errors);
    buf_init(&b, sizeof(p->fresh) - 1);
    bool fits = (p->exists || slice_copy(slice_of(path), p->path, sizeof(p->path))) &&
                buf_printf(&b, "%s.XXXXXX", p->path) &&
                slice_copy(buf_slice(&b), p->fresh, sizeof(p->fresh));
    buf_free(&b);
    errno = ENAMETOOLONG;
    if (!fits)
        return fail(path, "cannot be written", errors);
    return lock_directory(p, errors);
}

static bool read_old(struct place *p, struct buf *text, struct buf *errors)
{
    char *room;
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t got = 1;

    p->exists = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || fail(p->path, "cannot be read", errors);
    errno = EINVAL;
    bool ok = fstat(fd, &p->old) == 0 && S_ISREG(p->old.st_mode);
    while (ok && got > 0) {
        size_t n = buf_reserve(text, 64 * 1024, &room);
        got = n ? read(fd, room, n) : -1;
        buf_commit(text, got > 0 ? (size_t)got : 0);
    }
    close(fd);
    return (ok && got == 0) || fail(p->path, "cannot be read", errors);
}

/* What would be written is read first as the relay will read it: a file with a mistake is not made, and
 * one that had a mistake is not touched. */
static bool is_sound(const struct place *p, struct slice text, struct buf *errors)
{
    struct users *u;

    if (!users_parse(text, p->path, errors, &u))
        return false;
    users_free(&u);
    return true;
}

static bool give_owner(const struct place *p, int fd, const char *create_as)
{
    const struct passwd *pw = NULL;

    if (p->exists)
        return (p->old.st_uid == geteuid() && p->old.st_gid == getegid()) ||
               fchown(fd, p->old.st_uid, p->old.st_gid) == 0;
    if (geteuid() == 0 && create_as)
        pw = getpwnam(create_as);
    return !pw || fchown(fd, pw->pw_uid, pw->pw_gid) == 0;
}

static bool write_all(int fd, struct slice text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR)
            return false;
        text = slice_skip(text, n > 0 ? (size_t)n : 0);
    }
    return fsync(fd) == 0;
}

static bool replace(struct place *p, struct slice text, const char *create_as, struct buf *errors)
{
    int fd = mkostemp(p->fresh, O_CLOEXEC); /* mode 0600 */

    if (fd < 0)
        return fail(p->fresh, "cannot be made", errors);
    bool ok = fchmod(fd, 0600) == 0 && give_owner(p, fd, create_as) && write_all(fd, text);
    if (!ok)
        (void)fail(p->fresh, "cannot be written", errors);
    close(fd);
    if (ok && (rename(p->fresh, p->path) != 0 || fsync(p->dir) != 0))
        ok = fail(p->path, "cannot be replaced", errors);
    if (!ok)
        (void)unlink(p->fresh);
    return ok;
}

static bool has_user(struct slice text, struct slice name)
{
    struct slice line;

    while (users_next_line(&text, &line))
        if (is_of(line, name))
            return true;
    return false;
}

enum passwd_result passwd_write(const char *path, struct slice name, const char *credentials,
                                const char *from, const char *create_as, struct buf *errors)
{
    struct place p;
    struct buf old, fresh;
    enum passwd_result result = PASSWD_FAILED;

    buf_init(&old, LIMIT_USERS_FILE);
    buf_init(&fresh, LIMIT_USERS_FILE);
    if (!find_place(path, &p, errors) || !read_old(&p, &old, errors)) {
        /* said */
    } else if (!credentials && !has_user(buf_slice(&old), name)) {
        result = PASSWD_NO_SUCH_USER;
    } else if (!passwd_edit(buf_slice(&old), name, credentials, from, &fresh)) {
        errno = EFBIG;
        (void)fail(p.path, "cannot be written", errors);
    } else if (is_sound(&p, buf_slice(&fresh), errors) &&
               replace(&p, buf_slice(&fresh), create_as, errors)) {
        result = PASSWD_DONE;
    }
    if (p.dir >= 0)
        close(p.dir);
    buf_free(&old);
    buf_free(&fresh);
    return result;
}
