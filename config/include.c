/* Files and what they include, merged into one tree. A file is read once; sections of several files
 * are joined, what is in a section stands in one place. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "config/reader.h"

struct seen_file {
    dev_t device;
    ino_t inode;
    const char *name;
};

struct loader {
    struct arena *arena;
    struct errors *errors;
    struct node *root; /* of the merged tree; keeps the first file's place */
    struct seen_file *seen;
    size_t n_seen, nodes_left;
    int depth;
};

/* at: the include that asks; NULL for the first file. */
static void report_unreadable(struct loader *l, const char *file, const struct config_where *at,
                              const char *why)
{
    struct config_where whole = {file, 0, 0};

    l->errors->incomplete = true;
    if (at)
        errors_add(l->errors, *at, "%.200s: cannot be read: %s", file, why);
    else
        errors_add(l->errors, whole, "cannot be read: %s", why);
}

/* Appends all of the file. Returns NULL, or why not. */
static const char *read_all(int fd, struct buf *text)
{
    for (;;) {
        char *p;
        size_t room = buf_reserve(text, 64 * 1024, &p);
        if (room == 0)
            return "it is too large for a configuration";
        ssize_t n = read(fd, p, room);
        if (n == 0)
            return NULL;
        if (n < 0 && errno != EINTR)
            return strerror(errno);
        buf_commit(text, n > 0 ? (size_t)n : 0);
    }
}

/* False, and reported, if this file was read before: two includes that meet, or a circle. */
static bool note_file(struct loader *l, int fd, const char *file, const struct config_where *at)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        report_unreadable(l, file, at, strerror(errno));
        return false;
    }
    for (size_t i = 0; at && i < l->n_seen; i++) {
        if (l->seen[i].device == st.st_dev && l->seen[i].inode == st.st_ino) {
            errors_add(l->errors, *at, "%.200s is included a second time, first as %.200s", file,
                       l->seen[i].name);
            return false;
        }
    }
    if (l->n_seen == LIMIT_CONFIG_FILES) {
        report_unreadable(l, file, at, "too many files");
        return false;
    }
    l->seen = arena_grow(l->arena, l->seen, l->n_seen, sizeof(*l->seen));
    l->seen[l->n_seen++] = (struct seen_file){st.st_dev, st.st_ino, file};
    return true;
}

static struct node *parse_open_file(struct loader *l, int fd, const char *file,
                                    const struct config_where *at)
{
    struct node *root = NULL;
    struct buf text;

    /* One octet more than allowed, so that reading the limit exactly still meets the end. */
    buf_init(&text, LIMIT_CONFIG_FILE + 1);
    const char *why = read_all(fd, &text);
    if (why)
        report_unreadable(l, file, at, why);
    else
        root = reader_parse(l->arena, file, buf_slice(&text), &l->nodes_left, l->errors);
    if (!root)
        l->errors->incomplete = true;
    buf_free(&text);
    return root;
}

static struct node *parse_file(struct loader *l, const char *file, const struct config_where *at)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct node *root = NULL;

    if (fd < 0) {
        report_unreadable(l, file, at, strerror(errno));
        return NULL;
    }
    if (note_file(l, fd, file, at))
        root = parse_open_file(l, fd, file, at);
    (void)close(fd);
    return root;
}

static void add_entry(struct loader *l, struct node *to, struct entry e)
{
    to->entries = arena_grow(l->arena, to->entries, to->n, sizeof(*to->entries));
    to->entries[to->n++] = e;
}

/* Joins a section of another file; a second one in the same file stays, as a duplicate. */
static void merge_entry(struct loader *l, struct entry e)
{
    const struct entry *old = node_find(l->root, e.key.p);

    if (!old || old->where.file == e.where.file || old->value->kind != NODE_MAP ||
        e.value->kind != NODE_MAP) {
        add_entry(l, l->root, e);
        return;
    }
    for (size_t i = 0; i < e.value->n; i++)
        add_entry(l, old->value, e.value->entries[i]);
}

static void load_file(struct loader *l, const char *file, const struct config_where *at);

/* The pattern as glob sees it: relative to the including file, whose own folder is no pattern. */
static const char *glob_pattern(struct loader *l, const struct node *n)
{
    const char *slash = strrchr(n->where.file, '/');
    size_t folder = slash ? (size_t)(slash - n->where.file) + 1 : 0;

    if (n->text.p[0] == '/' || folder == 0)
        return n->text.p;
    char *quoted = arena_alloc(l->arena, 2 * folder + n->text.n + 1);
    size_t at = 0;
    for (size_t i = 0; i < folder; i++) {
        if (strchr("*?[]\\", n->where.file[i]))
            quoted[at++] = '\\';
        quoted[at++] = n->where.file[i];
    }
    memcpy(quoted + at, n->text.p, n->text.n);
    return quoted;
}

static void include_pattern(struct loader *l, const struct node *n)
{
    glob_t found = {0};

    if (n->kind == NODE_BAD)
        return;
    if (n->kind != NODE_SCALAR || n->text.n == 0) {
        errors_add(l->errors, n->where, "\"include\" must be a file name or a list of them, not %s",
                   node_describe(n, l->arena));
        return;
    }
    if (l->depth == LIMIT_CONFIG_DEPTH) {
        errors_add(l->errors, n->where, "includes are nested deeper than %d", LIMIT_CONFIG_DEPTH);
        return;
    }
    l->depth++;
    int result = glob(glob_pattern(l, n), 0, NULL, &found);
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
        load_file(l, arena_strdup(l->arena, slice_of(found.gl_pathv[i])), &n->where);
    /* A pattern may match nothing, like an empty conf.d; a plain name must be there. */
    if (result != 0 && (result != GLOB_NOMATCH || !strpbrk(n->text.p, "*?[")))
        report_unreadable(l, n->text.p, &n->where,
                          result == GLOB_NOMATCH ? strerror(ENOENT) : "its folder cannot be read");
    globfree(&found);
    l->depth--;
}

static void include_all(struct loader *l, const struct node *value)
{
    if (value->kind != NODE_LIST) {
        include_pattern(l, value);
        return;
    }
    for (size_t i = 0; i < value->n; i++)
        include_pattern(l, value->entries[i].value);
}

static void load_file(struct loader *l, const char *file, const struct config_where *at)
{
    struct node *root = parse_file(l, file, at);

    if (!root)
        return;
    if (!l->root) {
        l->root = arena_alloc(l->arena, sizeof(*l->root));
        l->root->kind = NODE_MAP;
        l->root->where = root->where;
    }
    for (size_t i = 0; i < root->n; i++)
        if (!slice_eq(root->entries[i].key, SLICE("include")))
            merge_entry(l, root->entries[i]);
    for (size_t i = 0; i < root->n; i++)
        if (slice_eq(root->entries[i].key, SLICE("include")))
            include_all(l, root->entries[i].value);
}

/* Recursion is bounded by the reader (LIMIT_CONFIG_NESTING). */
static void check_duplicates(struct loader *l, const struct node *n)
{
    if (n->kind == NODE_MAP && n->n > 1) {
        struct named *names = base_alloc_array(n->n, sizeof(*names));
        for (size_t i = 0; i < n->n; i++)
            names[i] = (struct named){
                .key = n->entries[i].key, .shown = n->entries[i].key, .where = n->entries[i].where};
        errors_add_duplicates(l->errors, names, n->n);
        free(names);
    }
    for (size_t i = 0; i < n->n; i++)
        check_duplicates(l, n->entries[i].value);
}

struct node *tree_load(struct arena *arena, const char *file, struct errors *e)
{
    struct loader l = {.arena = arena, .errors = e, .nodes_left = LIMIT_CONFIG_NODES};

    load_file(&l, file, NULL);
    if (l.root)
        check_duplicates(&l, l.root);
    return l.root;
}
