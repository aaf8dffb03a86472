/* Frames as hostile input: every split, every length, every truncation. */
#include <string.h>

#include "config/base/frame.h"
#include "tests/base/leaks.h"

static void append(struct buf *b, const char *p, size_t n)
{
    cr_assert(buf_append(b, slice_make(p, n)));
}

/* Two frames: kind 7 "hello", kind 9 without a body. */
static const char two[] = "\0\0\0\6\7hello\0\0\0\1\11";
enum { TWO = sizeof(two) - 1 };

static void expect_both(struct buf *b, size_t split)
{
    struct frame f;

    cr_assert_eq(frame_peek(b, 5, &f), FRAME_OK, "split %zu", split);
    cr_expect_eq(f.kind, 7);
    cr_expect(slice_eq(f.body, SLICE("hello")), "split %zu", split);
    frame_consume(b, &f);
    cr_assert_eq(frame_peek(b, 5, &f), FRAME_OK, "split %zu", split);
    cr_expect_eq(f.kind, 9);
    cr_expect_eq(f.body.n, 0);
    frame_consume(b, &f);
    cr_expect_eq(frame_peek(b, 5, &f), FRAME_MORE, "split %zu", split);
    cr_expect_eq(b->n, 0);
}

Test(frame, every_split)
{
    for (size_t split = 0; split <= TWO; split++) {
        struct buf b;
        struct frame f;
        buf_init(&b, 100);
        append(&b, two, split);
        cr_expect_eq(frame_peek(&b, 5, &f), split >= 10 ? FRAME_OK : FRAME_MORE, "%zu", split);
        append(&b, two + split, TWO - split);
        expect_both(&b, split);
        buf_free(&b);
    }
    CHECK_LEAKS();
}

Test(frame, byte_by_byte)
{
    struct buf b;
    struct frame f;
    int frames = 0;

    buf_init(&b, 100);
    for (size_t i = 0; i < TWO; i++) {
        append(&b, two + i, 1);
        if (frame_peek(&b, 5, &f) == FRAME_OK) {
            cr_expect(i == 9 || i == TWO - 1, "at %zu", i);
            frame_consume(&b, &f);
            frames++;
        }
    }
    cr_expect_eq(frames, 2);
    buf_free(&b);
}

Test(frame, lengths_out_of_bounds_are_broken_at_once)
{
    static const struct {
        const char *name, *head;
        enum frame_result result;
    } rows[] = {
        {"zero has no room for the kind", "\0\0\0\0",         FRAME_BROKEN},
        {"the maximum",                   "\0\0\0\6",         FRAME_MORE  },
        {"one more",                      "\0\0\0\7",         FRAME_BROKEN},
        {"the largest",                   "\xff\xff\xff\xff", FRAME_BROKEN},
        {"the sign",                      "\x80\0\0\1",       FRAME_BROKEN},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        struct frame f;
        buf_init(&b, 100);
        append(&b, rows[i].head, 3);
        cr_expect_eq(frame_peek(&b, 5, &f), FRAME_MORE, "%s", rows[i].name);
        append(&b, rows[i].head + 3, 1);
        cr_expect_eq(frame_peek(&b, 5, &f), rows[i].result, "%s", rows[i].name);
        buf_free(&b);
    }
}

Test(frame, append_is_all_or_nothing)
{
    struct buf b;
    struct frame f;

    buf_init(&b, 10);
    cr_expect_not(frame_append(&b, 1, SLICE("123456")));
    cr_expect_eq(b.n, 0);
    cr_expect(frame_append(&b, 1, SLICE("12345")));
    cr_expect_eq(frame_peek(&b, 5, &f), FRAME_OK);
    cr_expect(slice_eq(f.body, SLICE("12345")));
    buf_free(&b);
}

static void put_fields(struct buf *b)
{
    cr_assert(frame_put_u8(b, 0xfe) && frame_put_u16(b, 0xfedc) && frame_put_u32(b, 0xfedcba98));
    cr_assert(frame_put_u64(b, UINT64_C(0xfedcba9876543210)));
    cr_assert(frame_put_str(b, SLICE("text")) && frame_put_str(b, SLICE("")));
}

Test(frame, fields_come_back)
{
    struct buf b;

    buf_init(&b, 100);
    put_fields(&b);
    struct frame_reader r = frame_reader_of(buf_slice(&b));
    cr_expect_eq(frame_get_u8(&r), 0xfe);
    cr_expect_eq(frame_get_u16(&r), 0xfedc);
    cr_expect_eq(frame_get_u32(&r), 0xfedcba98);
    cr_expect_eq(frame_get_u64(&r), UINT64_C(0xfedcba9876543210));
    cr_expect_not(frame_reader_done(&r));
    cr_expect(slice_eq(frame_get_str(&r, 4), SLICE("text")));
    cr_expect_eq(frame_get_str(&r, 4).n, 0);
    cr_expect(frame_reader_done(&r));
    buf_free(&b);
}

/* Cut anywhere, the reader fails, stays failed and gives nothing any more. */
Test(frame, a_cut_body_fails_and_stays_so)
{
    struct buf b;

    buf_init(&b, 100);
    put_fields(&b);
    for (size_t cut = 0; cut < b.n; cut++) {
        struct frame_reader r = frame_reader_of(slice_head(buf_slice(&b), cut));
        (void)frame_get_u8(&r);
        (void)frame_get_u16(&r);
        (void)frame_get_u32(&r);
        (void)frame_get_u64(&r);
        (void)frame_get_str(&r, 4);
        (void)frame_get_str(&r, 4);
        cr_expect(r.failed, "cut at %zu", cut);
        cr_expect_not(frame_reader_done(&r));
        cr_expect_eq(frame_get_u8(&r), 0, "a failed reader reads nothing");
        cr_expect_eq(frame_get_str(&r, 100).n, 0);
    }
    buf_free(&b);
}

Test(frame, strings_over_their_maximum_fail)
{
    struct frame_reader r = frame_reader_of(slice_make("\0\0\0\5hello", 9));
    cr_expect_eq(frame_get_str(&r, 4).n, 0);
    cr_expect(r.failed);
    r = frame_reader_of(slice_make("\xff\xff\xff\xffhello", 9));
    cr_expect_eq(frame_get_str(&r, SIZE_MAX).n, 0);
    cr_expect(r.failed);
}

Test(frame, writers_tell_when_full)
{
    struct buf b;

    buf_init(&b, 7);
    cr_expect_not(frame_put_u64(&b, 1));
    cr_expect_not(frame_put_str(&b, SLICE("1234")), "not even its length");
    cr_expect_eq(b.n, 0);
    cr_expect(frame_put_str(&b, SLICE("123")));
    cr_expect_not(frame_put_u8(&b, 1));
    buf_free(&b);
    CHECK_LEAKS();
}
