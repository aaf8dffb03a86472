/* Intrusive binary heap ordered by a 64-bit key, smallest first; equal keys in no order. Pure. */
#ifndef DANELAW_HEAP_H
#define DANELAW_HEAP_H

#include "config/base/base.h"

struct heap_node {
    int64_t key;
    size_t at; /* index + 1 in the heap; 0: in none */
};

struct heap {
    struct heap_node **v;
    size_t n, cap;
};

void heap_free(struct heap *h); /* frees the index, not the nodes */
void heap_insert(struct heap *h, struct heap_node *node, int64_t key); /* node in no heap */
void heap_remove(struct heap *h, struct heap_node *node);              /* no-op if in none */
void heap_change(struct heap *h, struct heap_node *node, int64_t key); /* inserts if in none */
struct heap_node *heap_first(const struct heap *h);                    /* NULL when empty */

#endif
