#include "config/config.h"

#include <stdio.h>

#include "config/build.h"

bool config_load(const char *file, struct buf *errors, struct config **out_config)
{
    struct arena *arena = arena_new();
    struct errors mistakes = {.arena = arena};
    struct config *c = arena_alloc(arena, sizeof(*c));

    c->arena = arena;
    c->file = arena_strdup(arena, slice_of(file));
    atomic_init(&c->refs, 1);
    struct node *root = tree_load(arena, c->file, &mistakes);
    if (root)
        build_config(c, root, &mistakes);
    if (mistakes.n) {
        errors_print(&mistakes, errors);
        arena_free(&arena);
        return false;
    }
    *out_config = c;
    return true;
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config **cp)
{
    struct config *c = *cp;

    *cp = NULL;
    /* The last one must see what all others did before they let go. */
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct arena *arena = c->arena; /* which holds c itself */
    arena_free(&arena);
}

const char *config_where_text(const struct config_where *w, char text[300])
{
    if (w->line == 0)
        (void)snprintf(text, 300, "default");
    else
        (void)snprintf(text, 300, "%.250s:%d:%d", w->file, w->line, w->column);
    return text;
}
