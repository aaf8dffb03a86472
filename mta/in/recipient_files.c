#include "mta/in/recipient_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tells one content of a path from another; all zero: there is no file. */
struct stamp {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec modified, changed;
};

struct recipient_file {
    const char *path; /* of the configuration that is held */
    struct recipients *list;
    struct stamp read; /* of the content in list */
    struct stamp seen; /* main loop: at the last poll */
    bool told;         /* main loop: that poll has said so */
};

struct recipient_files {
    _Atomic unsigned refs;
    struct config *config;
    struct recipient_file *v;
    size_t n;
};

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->number == b->number && a->size == b->size &&
           is_same_time(&a->modified, &b->modified) && is_same_time(&a->changed, &b->changed);
}

/* ---- reading */

static bool complain(struct buf *errors, const char *path, const char *what)
{
    (void)!buf_printf(errors, "%s: %s\n", path, what);
    return false;
}

static bool read_all(int fd, struct buf *text)
{
    ssize_t n = 1;

    while (n != 0 && buf_room(text)) {
        char *p;
        size_t room = buf_reserve(text, 1024 * 1024, &p);
        n = read(fd, p, room);
        if (n < 0 && errno != EINTR)
            return false;
        buf_commit(text, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* The stamp is taken before: a change while we read is seen by the next poll. */
static bool read_open_file(struct recipient_file *f, int fd, struct buf *text, struct buf *errors)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return complain(errors, f->path, strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return complain(errors, f->path, "is not a file");
    f->read = f->seen = stamp_of(&st);
    if (!read_all(fd, text))
        return complain(errors, f->path, strerrordesc_np(errno));
    if (text->n > LIMIT_RECIPIENTS_FILE)
        return complain(errors, f->path, "is larger than a file of recipients may be (64m)");
    return recipients_parse(buf_slice(text), f->path, errors, &f->list);
}

static bool read_file(struct recipient_file *f, struct buf *errors)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not stop us */
    struct buf text;

    if (fd < 0)
        return complain(errors, f->path, strerrordesc_np(errno));
    buf_init(&text, LIMIT_RECIPIENTS_FILE + 1);
    bool ok = read_open_file(f, fd, &text, errors);
    buf_free(&text);
    close(fd);
    return ok;
}

/* ---- the set of them */

static struct recipient_file *find(const struct recipient_files *f, const char *path)
{
    for (size_t i = 0; f && i < f->n; i++)
        if (strcmp(f->v[i].path, path) == 0)
            return &f->v[i];
    return NULL;
}

static struct stamp stamp_on_disk(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? stamp_of(&st) : (struct stamp){0};
}

static bool take(struct recipient_files *f, const char *path, const struct recipient_files *old,
                 struct buf *errors)
{
    const struct recipient_file *before = find(old, path);
    struct recipient_file file = {.path = path};
    struct stamp now = stamp_on_disk(path);
    bool ok = true;

    if (find(f, path))
        return true;
    if (before && is_same(&before->read, &now)) {
        file.list = recipients_ref(before->list);
        file.read = file.seen = before->read;
    } else {
        ok = read_file(&file, errors);
    }
    f->v[f->n++] = file;
    return ok;
}

bool recipient_files_load(struct config *c, const struct recipient_files *old,
                          struct buf *errors, struct recipient_files **out)
{
    struct recipient_files *f = base_alloc(sizeof(*f));
    bool ok = true;

    f->refs = 1;
    f->config = config_ref(c);
    f->v = base_alloc_array(c->n_domains + 1, sizeof(*f->v));
    for (size_t i = 0; i < c->n_domains; i++)
        if (c->domains[i].recipients_file)
            ok &= take(f, c->domains[i].recipients_file, old, errors);
    if (ok)
        *out = f;
    else
        recipient_files_unref(&f);
    return ok;
}

struct recipient_files *recipient_files_ref(struct recipient_files *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void recipient_files_unref(struct recipient_files **fp)
{
    struct recipient_files *f = *fp;

    *fp = NULL;
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < f->n; i++)
        recipients_unref(&f->v[i].list);
    free(f->v);
    config_unref(&f->config);
    free(f);
}

const struct recipients *recipient_files_find(const struct recipient_files *f, const char *path)
{
    const struct recipient_file *file = find(f, path);
    return file ? file->list : NULL;
}

static bool poll_one(struct recipient_file *file)
{
    struct stamp now = stamp_on_disk(file->path);
    bool rests = is_same(&now, &file->seen), other = !is_same(&now, &file->read);

    file->seen = now;
    if (!rests || !other)
        file->told = false;
    if (!rests || !other || file->told)
        return false;
    file->told = true;
    return true;
}

bool recipient_files_poll(struct recipient_files *f)
{
    bool any = false;

    for (size_t i = 0; i < f->n; i++)
        any |= poll_one(&f->v[i]);
    return any;
}

struct config *recipient_files_config(const struct recipient_files *f)
{
    return f->config;
}

size_t recipient_files_count(const struct recipient_files *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += recipients_count(f->v[i].list);
    return n;
}
