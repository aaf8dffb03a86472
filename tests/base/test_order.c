/* Heap, list and hash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/heap.h"
#include "config/base/list.h"
#include "config/base/map.h"
#include "tests/base/leaks.h"

/* The hash again under another name, so that its key can be set. */
#define map_siphash siphash_with_key
uint64_t siphash_with_key(const void *key, size_t n);
#include "config/base/map.c"
#undef map_siphash

enum { NODES = 200, STEPS = 5000 };

/* A small generator of our own: the same run everywhere. */
static unsigned next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33);
}

static int64_t least_key(const struct heap_node *nodes)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].at && nodes[i].key < least)
            least = nodes[i].key;
    return least;
}

static void random_step(struct heap *h, struct heap_node *nodes, uint64_t *random)
{
    struct heap_node *node = &nodes[next_random(random) % NODES];
    int64_t key = next_random(random) % 50 - 25;

    switch (next_random(random) % 3) {
    case 0:
        heap_change(h, node, key);
        break;
    case 1:
        heap_remove(h, node);
        break;
    default:
        if (!node->at)
            heap_insert(h, node, key);
        break;
    }
}

Test(heap, gives_the_least_after_anything)
{
    static struct heap_node nodes[NODES];
    struct heap h = {0};
    uint64_t random = 1;

    for (int step = 0; step < STEPS; step++) {
        random_step(&h, nodes, &random);
        size_t in = 0;
        for (int i = 0; i < NODES; i++)
            in += nodes[i].at != 0;
        cr_assert_eq(in, h.n, "step %d", step);
        struct heap_node *first = heap_first(&h);
        cr_assert_eq(first ? first->key : INT64_MAX, least_key(nodes), "step %d", step);
    }
    int64_t last = INT64_MIN;
    for (struct heap_node *node; (node = heap_first(&h)); heap_remove(&h, node)) {
        cr_assert_geq(node->key, last, "the heap drains in order");
        last = node->key;
    }
    cr_expect_null(heap_first(&h));
    heap_free(&h);
    CHECK_LEAKS();
}

struct item {
    int number;
    struct list node;
};

static void expect_order(struct list *head, const int *numbers, size_t n)
{
    size_t i = 0;
    LIST_EACH(it, head)
    {
        cr_assert_lt(i, n);
        cr_expect_eq(LIST_ENTRY(it, struct item, node)->number, numbers[i]);
        i++;
    }
    cr_expect_eq(i, n);
}

Test(list, order_removal_and_splicing)
{
    struct item items[4];
    struct list a, b;

    list_init(&a);
    list_init(&b);
    cr_expect_null(list_take_first(&a));
    for (int i = 0; i < 4; i++)
        items[i].number = i;
    list_append(&a, &items[1].node);
    list_append(&a, &items[2].node);
    list_prepend(&a, &items[0].node);
    list_append(&b, &items[3].node);
    list_splice(&a, &b);
    cr_expect(list_is_empty(&b));
    expect_order(&a, (const int[]){0, 1, 2, 3}, 4);
    list_splice(&a, &b);
    LIST_EACH(it, &a)
    if (LIST_ENTRY(it, struct item, node)->number % 2)
        list_remove(it);
    expect_order(&a, (const int[]){0, 2}, 2);
    cr_expect(list_is_empty(&items[1].node), "a removed node points to itself");
    list_remove(&items[1].node);
    cr_expect_eq(list_take_first(&a), &items[0].node);
    cr_expect_eq(list_take_first(&a), &items[2].node);
    cr_expect(list_is_empty(&a));
}

/* The reference vectors of SipHash-2-4: key 00 01 … 0f, message 00 01 … n-1. */
Test(map, siphash_reference_vectors)
{
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {
        {0,  UINT64_C(0x726fdb47dd0e0e31)},
        {1,  UINT64_C(0x74f839c593dc67fd)},
        {2,  UINT64_C(0x0d6c8009d9a94f5a)},
        {3,  UINT64_C(0x85676696d7fb7e2d)},
        {7,  UINT64_C(0xab0200f58b01d137)},
        {8,  UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    unsigned char message[16];

    for (unsigned char i = 0; i < 16; i++)
        message[i] = i;
    memcpy(key_words, message, 16);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(siphash_with_key(message, rows[i].n), rows[i].hash, "%zu octets", rows[i].n);
}

struct named {
    char name[8];
    UT_hash_handle hh;
};

Test(map, finds_what_was_put)
{
    struct named *map = NULL, *found;
    static struct named items[500];

    for (int i = 0; i < 500; i++) {
        (void)snprintf(items[i].name, sizeof(items[i].name), "n%d", i);
        HASH_ADD_STR(map, name, &items[i]);
    }
    for (int i = 0; i < 500; i++) {
        HASH_FIND_STR(map, items[i].name, found);
        cr_assert_eq(found, &items[i]);
    }
    HASH_FIND_STR(map, "n500", found);
    cr_expect_null(found);
    HASH_CLEAR(hh, map);
    cr_expect_neq(map_siphash("a", 1), map_siphash("b", 1));
    CHECK_LEAKS();
}
