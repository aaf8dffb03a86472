#include "config/tree.h"

#include <string.h>

bool node_is_null(const struct node *n)
{
    return n->kind == NODE_SCALAR && !n->quoted &&
           (n->text.n == 0 || slice_eq(n->text, SLICE("~")) ||
            slice_caseeq(n->text, SLICE("null")));
}

const struct entry *node_find(const struct node *n, const char *key)
{
    struct slice wanted = slice_of(key);

    for (size_t i = 0; n && n->kind == NODE_MAP && i < n->n; i++)
        if (slice_eq(n->entries[i].key, wanted))
            return &n->entries[i];
    return NULL;
}

const char *node_describe(const struct node *n, struct arena *arena)
{
    if (n->kind == NODE_MAP)
        return "a mapping";
    if (n->kind == NODE_LIST)
        return "a list";
    return node_is_null(n) ? "nothing" : arena_printf(arena, "\"%.100s\"", n->text.p);
}
