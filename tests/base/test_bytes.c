/* Slices, bounded buffers, arenas. */
#include <stdlib.h>
#include <string.h>

#include "config/base/arena.h"
#include "config/base/buf.h"
#include "tests/base/leaks.h"

Test(slice, to_u64_at_the_edges)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        bool ok;
    } rows[] = {
        {"0",                                   0,          0,          true },
        {"1",                                   0,          0,          false},
        {"007",                                 9,          7,          true },
        {"65535",                               65535,      65535,      true },
        {"65536",                               65535,      0,          false},
        {"18446744073709551615",                UINT64_MAX, UINT64_MAX, true },
        {"18446744073709551616",                UINT64_MAX, 0,          false},
        {"184467440737095516150",               UINT64_MAX, 0,          false},
        {"00000000000000000000000000000000001", 1,          1,          true },
        {"",                                    9,          0,          false},
        {"-1",                                  9,          0,          false},
        {"+1",                                  9,          0,          false},
        {" 1",                                  9,          0,          false},
        {"1 ",                                  9,          0,          false},
        {"1.0",                                 9,          0,          false},
        {"0x1",                                 9,          0,          false},
        {"\xd9\xa1",                            9,          0,          false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 4711;
        bool ok = slice_to_u64(slice_of(rows[i].text), rows[i].max, &value);
        cr_expect_eq(ok, rows[i].ok, "\"%s\"", rows[i].text);
        cr_expect_eq(value, rows[i].ok ? rows[i].value : 4711, "\"%s\"", rows[i].text);
    }
}

Test(slice, comparing_and_cutting)
{
    struct slice s = SLICE("Hello");

    cr_expect(slice_eq(slice_of(NULL), SLICE("")));
    cr_expect(slice_caseeq(s, SLICE("hELLO")));
    cr_expect_not(slice_eq(s, SLICE("hELLO")));
    cr_expect_not(slice_caseeq(SLICE("\xc3"), SLICE("\xe3")), "case is a matter of ASCII only");
    cr_expect(slice_starts(s, SLICE("Hel")));
    cr_expect_not(slice_starts(s, SLICE("Hello!")));
    cr_expect(slice_casestarts(s, SLICE("HEL")));
    cr_expect(slice_caseends(s, SLICE("LO")));
    cr_expect(slice_caseends(s, SLICE("")));
    cr_expect_not(slice_caseends(SLICE("lo"), SLICE("Hello")));
    cr_expect_eq(slice_skip(s, 99).n, 0);
    cr_expect_eq(slice_head(s, 99).n, 5);
    cr_expect_eq(slice_find(s, 'l'), 2);
    cr_expect_eq(slice_find(s, 'z'), 5);
    cr_expect(slice_eq(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    cr_expect_eq(slice_trim(SLICE(" \t ")).n, 0);
}

Test(slice, copying)
{
    char small[4];

    cr_expect_not(slice_copy(SLICE("long"), small, sizeof(small)));
    cr_expect_str_eq(small, "lon");
    cr_expect(slice_copy(SLICE("abc"), small, sizeof(small)));
    cr_expect_str_eq(small, "abc");
    char *copy = slice_dup(slice_make("a\0b", 3));
    cr_expect_eq(memcmp(copy, "a\0b", 4), 0);
    free(copy);
    CHECK_LEAKS();
}

Test(buf, never_grows_past_its_maximum)
{
    struct buf b;
    char *p;

    buf_init(&b, 5);
    cr_expect(buf_append(&b, SLICE("abc")));
    cr_expect_not(buf_append(&b, SLICE("def")));
    cr_expect_not(buf_printf(&b, "%d", 123));
    cr_expect_str_eq(buf_cstr(&b), "abc", "what did not fit changed nothing");
    cr_expect_eq(buf_room(&b), 2);
    cr_expect_eq(buf_reserve(&b, 100, &p), 2);
    memcpy(p, "de", 2);
    buf_commit(&b, 2);
    cr_expect_not(buf_append_byte(&b, 'f'));
    cr_expect_eq(buf_reserve(&b, 1, &p), 0);
    cr_expect(buf_append(&b, SLICE("")));
    cr_expect_str_eq(buf_cstr(&b), "abcde");
    buf_free(&b);
    cr_expect(buf_append(&b, SLICE("again")), "a freed buffer keeps its maximum");
    cr_expect_not(buf_append_byte(&b, '!'));
    buf_free(&b);
    CHECK_LEAKS();
}

Test(buf, consumes_from_the_front)
{
    struct buf b;

    buf_init(&b, 300);
    cr_expect_eq(buf_slice(&b).n, 0);
    cr_expect_str_eq(buf_cstr(&b), "");
    for (int round = 0; round < 1000; round++) {
        cr_assert(buf_printf(&b, "%03d", round));
        if (b.n < 90)
            continue;
        buf_consume(&b, 3);
        char first[4];
        (void)slice_copy(buf_slice(&b), first, sizeof(first));
        cr_assert_eq(atol(first), round - 28, "round %d begins with %s", round, first);
    }
    buf_consume(&b, b.n);
    cr_expect_eq(b.n, 0);
    cr_expect(buf_append(&b, SLICE("x")));
    buf_clear(&b);
    cr_expect_eq(buf_room(&b), 300);
    buf_free(&b);
    CHECK_LEAKS();
}

Test(buf, reserve_without_commit_leaves_the_content)
{
    struct buf b;
    char *p;

    buf_init(&b, 1000);
    cr_assert(buf_append(&b, SLICE("abc")));
    cr_expect_eq(buf_reserve(&b, 500, &p), 500);
    memset(p, 'x', 500);
    buf_commit(&b, 0);
    cr_expect_str_eq(buf_cstr(&b), "abc");
    buf_free(&b);
}

Test(arena, memory_is_zero_aligned_and_freed_at_once)
{
    static const size_t sizes[] = {0, 1, 3, 16, 4095, 4096, 4097, 100000, 7};
    struct arena *a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *p = arena_alloc(a, sizes[i]);
        cr_expect_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            cr_assert_eq(p[k], 0);
        memset(p, 0xff, sizes[i]);
    }
    cr_expect_str_eq(arena_strdup(a, SLICE("text")), "text");
    cr_expect_str_eq(arena_printf(a, "%s-%d", "a", 7), "a-7");
    arena_free(&a);
    cr_expect_null(a);
    arena_free(&a);
    CHECK_LEAKS();
}

Test(arena, arrays_grow_and_keep_their_elements)
{
    struct arena *a = arena_new();
    int *v = NULL;

    for (int i = 0; i < 1000; i++) {
        v = arena_grow(a, v, (size_t)i, sizeof(*v));
        v[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(v[i], i);
    arena_free(&a);
}
