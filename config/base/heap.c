#include "config/base/heap.h"

#include <stdlib.h>

void heap_free(struct heap *h)
{
    free(h->v);
    *h = (struct heap){0};
}

static void put(struct heap *h, size_t i, struct heap_node *node)
{
    h->v[i] = node;
    node->at = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct heap_node *node = h->v[i];
    while (i && h->v[(i - 1) / 2]->key > node->key) {
        put(h, i, h->v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, node);
}

static void sift_down(struct heap *h, size_t i)
{
    struct heap_node *node = h->v[i];
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && h->v[child + 1]->key < h->v[child]->key)
            child++;
        if (h->v[child]->key >= node->key)
            break;
        put(h, i, h->v[child]);
    }
    put(h, i, node);
}

void heap_insert(struct heap *h, struct heap_node *node, int64_t key)
{
    REQUIRE(node->at == 0);
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->v = base_realloc(h->v, h->cap * sizeof(*h->v));
    }
    node->key = key;
    put(h, h->n++, node);
    sift_up(h, h->n - 1);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->at == 0)
        return;
    size_t i = node->at - 1;
    struct heap_node *last = h->v[--h->n];
    node->at = 0;
    if (last == node)
        return;
    put(h, i, last);
    sift_up(h, i);
    sift_down(h, last->at - 1);
}

void heap_change(struct heap *h, struct heap_node *node, int64_t key)
{
    heap_remove(h, node);
    heap_insert(h, node, key);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n ? h->v[0] : NULL;
}
