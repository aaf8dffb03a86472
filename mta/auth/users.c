/* The users file as a whole. */
#include "mta/auth/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One run over the file. */
struct reading {
    struct users *users;
    struct errors errors;
    struct slice line; /* the whole line */
    int number;
};

/* Columns count characters, as those of the configuration do. */
static struct config_where where_of(const struct reading *r, struct slice at)
{
    int column = 1;

    for (const char *p = r->line.p; p < at.p; p++)
        column += ((unsigned char)*p & 0xc0) != 0x80;
    return (struct config_where){r->users->file, r->number, column};
}

/* ---- fields ---- */

static void read_hash(struct reading *r, struct user *u, struct slice field)
{
    const char *wanted = password_hash_problem(field);

    if (wanted)
        errors_add(&r->errors, where_of(r, field), "what stands here must be %s", wanted);
    else if (u->hash)
        errors_add(&r->errors, where_of(r, field), "a second hash of the user \"%.100s\"", u->name);
    u->hash = arena_strdup(r->users->arena, field);
}

static void read_verifier(struct reading *r, struct user *u, struct slice field)
{
    struct scram_verifier *v = arena_alloc(r->users->arena, sizeof(*v));

    if (!scram_parse(field, v))
        errors_add(&r->errors, where_of(r, field),
                   "what stands here must be SCRAM-SHA-256$ITERATIONS:SALT$KEY:KEY, with %d to %d "
                   "iterations", SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
    else if (u->verifier)
        errors_add(&r->errors, where_of(r, field), "a second verifier of the user \"%.100s\"",
                   u->name);
    u->verifier = v;
    u->verifier_text = arena_strdup(r->users->arena, field);
}

static void read_from(struct reading *r, struct user *u, struct slice field)
{
    struct slice list, wrong;
    bool again = u->restricted;

    (void)users_is_from(field, &list);
    const char *wanted = users_parse_senders(list, r->users->arena, u, &wrong);
    if (wanted)
        errors_add(&r->errors, where_of(r, wrong), "\"%.*s\" in from= must be %s",
                   wrong.n < 100 ? (int)wrong.n : 100, wrong.p, wanted);
    else if (again)
        errors_add(&r->errors, where_of(r, field), "a second from= of the user \"%.100s\"",
                   u->name);
}

/* It may be a password in clear: it is not quoted. */
static void read_unknown(struct reading *r, struct user *u, struct slice field)
{
    errors_add(&r->errors, where_of(r, field),
               "what stands here must be a hash ($y$… or $argon2id$…), a verifier "
               "(SCRAM-SHA-256$…) or from=ADDRESS,@DOMAIN,…");
}

static void read_field(struct reading *r, struct user *u, struct slice field)
{
    static const struct {
        struct slice prefix;
        void (*read)(struct reading *r, struct user *u, struct slice field);
    } fields[] = {
        {{"$y$", 3},             read_hash    },
        {{"$argon2id$", 10},     read_hash    },
        {{"SCRAM-SHA-256$", 14}, read_verifier},
        {{"from=", 5},           read_from    },
        {{"", 0},                read_unknown }, /* everything begins so */
    };
    size_t i = 0;

    while (!slice_starts(field, fields[i].prefix))
        i++;
    fields[i].read(r, u, field);
}

/* ---- lines ---- */

static bool has_only_text(struct reading *r)
{
    for (size_t i = 0; i < r->line.n; i++) {
        unsigned char c = (unsigned char)r->line.p[i];
        if ((c >= ' ' && c != 0x7f) || c == '\t')
            continue;
        errors_add(&r->errors, where_of(r, slice_skip(r->line, i)),
                   "a control character (lines end in LF alone)");
        return false;
    }
    return true;
}

static void read_line(struct reading *r)
{
    struct slice left = r->line, name, field;
    struct user u = {0};

    if (!has_only_text(r) || !users_next_field(&left, &name))
        return;
    const char *wanted = users_name_problem(name);
    u.name = arena_strdup(r->users->arena, name);
    u.where = where_of(r, name);
    if (wanted)
        errors_add(&r->errors, u.where, "a user's name must be %s", wanted);
    size_t before = r->errors.n + r->errors.left_out;
    while (users_next_field(&left, &field))
        read_field(r, &u, field);
    if (!u.hash && !u.verifier && r->errors.n + r->errors.left_out == before)
        errors_add(&r->errors, u.where, "the user \"%.100s\" has neither a hash nor a verifier",
                   u.name);
    r->users->v = arena_grow(r->users->arena, r->users->v, r->users->n, sizeof(u));
    r->users->v[r->users->n++] = u;
}

static int compare_users(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

static void report_duplicates(struct reading *r)
{
    struct users *u = r->users;
    struct named *names = base_alloc_array(u->n + 1, sizeof(*names));

    for (size_t i = 0; i < u->n; i++)
        names[i] = (struct named){slice_of(u->v[i].name), slice_of(u->v[i].name), u->v[i].where, 0};
    errors_add_duplicates(&r->errors, names, u->n);
    free(names);
}

static void finish(struct users *u)
{
    if (u->n)
        qsort(u->v, u->n, sizeof(*u->v), compare_users);
    for (size_t i = 0; i < u->n && !u->without_verifier; i++)
        if (!u->v[i].verifier)
            u->without_verifier = &u->v[i];
}

bool users_parse(struct slice text, const char *file, struct buf *errors, struct users **out)
{
    struct users *u = base_alloc(sizeof(*u));
    struct reading r = {.users = u};

    u->arena = r.errors.arena = arena_new();
    u->file = arena_strdup(u->arena, slice_of(file));
    while (u->n <= LIMIT_USERS && users_next_line(&text, &r.line)) {
        r.number++;
        read_line(&r);
    }
    if (u->n > LIMIT_USERS)
        errors_add(&r.errors, where_of(&r, r.line), "more than %d users", LIMIT_USERS);
    report_duplicates(&r);
    finish(u);
    bool ok = r.errors.n == 0;
    errors_print(&r.errors, errors);
    if (ok)
        *out = u;
    else
        users_free(&u);
    return ok;
}

void users_free(struct users **up)
{
    struct users *u = *up;

    *up = NULL;
    if (!u)
        return;
    arena_free(&u->arena);
    free(u);
}

const struct user *users_find(const struct users *u, struct slice name)
{
    size_t low = 0, high = u->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice here = slice_of(u->v[middle].name);
        size_t n = here.n < name.n ? here.n : name.n;
        int order = n ? memcmp(here.p, name.p, n) : 0;
        if (order == 0 && here.n == name.n)
            return &u->v[middle];
        if (order < 0 || (order == 0 && here.n < name.n))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- the file ---- */

static bool complain(const char *path, const char *why, struct buf *errors)
{
    (void)!buf_printf(errors, "%s: %s\n", path, why);
    return false;
}

/* The whole file, with room for one octet more than it may have. */
static bool read_all(int fd, char *text, size_t size, size_t *out_n)
{
    ssize_t got = 1;

    for (*out_n = 0; *out_n < size && got > 0; *out_n += got > 0 ? (size_t)got : 0)
        got = read(fd, text + *out_n, size - *out_n);
    return got >= 0;
}

static bool load_open(int fd, const char *path, struct buf *errors, struct users **out,
                      unsigned *out_mode)
{
    struct stat st;
    size_t n;
    bool ok = false;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return complain(path, "the users file must be a regular file", errors);
    if (st.st_size > LIMIT_USERS_FILE)
        return complain(path, "the users file is too large", errors);
    size_t size = (size_t)st.st_size + 1;
    char *text = base_alloc(size);
    if (!read_all(fd, text, size, &n))
        (void)complain(path, strerrordesc_np(errno), errors);
    else if (n == size)
        (void)complain(path, "the users file is being written, try again", errors);
    else
        ok = users_parse(slice_make(text, n), path, errors, out);
    *out_mode = st.st_mode & 07777;
    free(text);
    return ok;
}

bool users_load(const char *path, struct buf *errors, struct users **out, unsigned *out_mode)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        (void)!buf_printf(errors, "%s: the users file cannot be read: %s\n", path,
                          strerrordesc_np(errno));
        return false;
    }
    bool ok = load_open(fd, path, errors, out, out_mode);
    close(fd);
    return ok;
}
