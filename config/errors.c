#include "config/errors.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"

/* One mistake's text; quoted values are cut by its callers, this is the end of all growth. */
enum { MISTAKE_MAX = 1000, SHOWN_MAX = 100 };

static const char *clean_text(struct arena *arena, struct buf *text)
{
    char *copy = arena_strdup(arena, buf_slice(text));
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return copy;
}

void errors_add(struct errors *e, struct config_where where, const char *fmt, ...)
{
    struct buf text;
    va_list args;

    if (e->n == LIMIT_CONFIG_ERRORS) {
        e->left_out++;
        return;
    }
    buf_init(&text, MISTAKE_MAX);
    va_start(args, fmt);
    if (!buf_vprintf(&text, fmt, args))
        (void)!buf_append(&text, SLICE("a value is far too long"));
    va_end(args);
    e->v = arena_grow(e->arena, e->v, e->n, sizeof(*e->v));
    e->v[e->n++] = (struct mistake){where, clean_text(e->arena, &text)};
    buf_free(&text);
}

static int compare_where(const struct config_where *a, const struct config_where *b)
{
    int files = strcmp(a->file, b->file);
    if (files)
        return files;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

static int compare_mistakes(const void *va, const void *vb)
{
    const struct mistake *a = va, *b = vb;
    int places = compare_where(&a->where, &b->where);
    return places ? places : strcmp(a->text, b->text);
}

static bool print_mistake(const struct mistake *m, struct buf *out)
{
    char place[300];
    if (m->where.line == 0)
        return buf_printf(out, "%s: %s\n", m->where.file, m->text);
    return buf_printf(out, "%s: %s\n", config_where_text(&m->where, place), m->text);
}

void errors_print(struct errors *e, struct buf *out)
{
    if (e->n)
        qsort(e->v, e->n, sizeof(*e->v), compare_mistakes);
    for (size_t i = 0; i < e->n; i++) {
        if (i && compare_mistakes(&e->v[i - 1], &e->v[i]) == 0)
            continue;
        if (!print_mistake(&e->v[i], out))
            return; /* the caller's buffer is full; the first mistakes are in it */
    }
    if (e->left_out)
        (void)!buf_printf(out, "%s: and %zu more mistakes\n", e->v[0].where.file, e->left_out);
}

static int compare_named(const void *va, const void *vb)
{
    const struct named *a = va, *b = vb;
    size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
    int keys = n ? memcmp(a->key.p, b->key.p, n) : 0;

    if (keys == 0 && a->key.n != b->key.n)
        return a->key.n < b->key.n ? -1 : 1;
    return keys ? keys : (a->order > b->order) - (a->order < b->order);
}

void errors_add_duplicates(struct errors *e, struct named *v, size_t n)
{
    char place[300];
    size_t first = 0;

    for (size_t i = 0; i < n; i++)
        v[i].order = i;
    if (n)
        qsort(v, n, sizeof(*v), compare_named);
    for (size_t i = 1; i < n; i++) {
        if (!slice_eq(v[i].key, v[first].key)) {
            first = i;
            continue;
        }
        errors_add(e, v[i].where, "duplicate key \"%.*s\" (first at %s)",
                   (int)slice_head(v[i].shown, SHOWN_MAX).n, v[i].shown.p,
                   config_where_text(&v[first].where, place));
    }
}
