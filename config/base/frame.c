#include "config/base/frame.h"

enum { HEADER = 5 };

static uint64_t big_endian(const char *p, int octets)
{
    uint64_t v = 0;
    for (int i = 0; i < octets; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

enum frame_result frame_peek(const struct buf *in, size_t max, struct frame *out_frame)
{
    struct slice s = buf_slice(in);

    if (s.n < 4)
        return FRAME_MORE;
    uint64_t length = big_endian(s.p, 4);
    if (length < 1 || length - 1 > max)
        return FRAME_BROKEN;
    if (s.n - 4 < length)
        return FRAME_MORE;
    out_frame->kind = (uint8_t)s.p[4];
    out_frame->body = slice_make(s.p + HEADER, length - 1);
    return FRAME_OK;
}

void frame_consume(struct buf *in, const struct frame *f)
{
    buf_consume(in, HEADER + f->body.n);
}

bool frame_append(struct buf *out, uint8_t kind, struct slice body)
{
    if (buf_room(out) < HEADER + body.n || body.n >= UINT32_MAX)
        return false;
    return frame_put_u32(out, (uint32_t)body.n + 1) && frame_put_u8(out, kind) &&
           buf_append(out, body);
}

struct frame_reader frame_reader_of(struct slice body)
{
    return (struct frame_reader){body, false};
}

static uint64_t get(struct frame_reader *r, int octets)
{
    if (r->failed || r->left.n < (size_t)octets) {
        r->failed = true;
        return 0;
    }
    uint64_t v = big_endian(r->left.p, octets);
    r->left = slice_skip(r->left, (size_t)octets);
    return v;
}

uint8_t frame_get_u8(struct frame_reader *r)
{
    return (uint8_t)get(r, 1);
}

uint16_t frame_get_u16(struct frame_reader *r)
{
    return (uint16_t)get(r, 2);
}

uint32_t frame_get_u32(struct frame_reader *r)
{
    return (uint32_t)get(r, 4);
}

uint64_t frame_get_u64(struct frame_reader *r)
{
    return get(r, 8);
}

struct slice frame_get_str(struct frame_reader *r, size_t max)
{
    uint32_t n = frame_get_u32(r);

    if (r->failed || n > max || n > r->left.n) {
        r->failed = true;
        return SLICE("");
    }
    struct slice s = slice_head(r->left, n);
    r->left = slice_skip(r->left, n);
    return s;
}

bool frame_reader_done(const struct frame_reader *r)
{
    return !r->failed && r->left.n == 0;
}

static bool put(struct buf *b, uint64_t v, int octets)
{
    char p[8];
    for (int i = 0; i < octets; i++)
        p[i] = (char)(v >> (8 * (octets - 1 - i)));
    return buf_append(b, slice_make(p, (size_t)octets));
}

bool frame_put_u8(struct buf *b, uint8_t v)
{
    return put(b, v, 1);
}

bool frame_put_u16(struct buf *b, uint16_t v)
{
    return put(b, v, 2);
}

bool frame_put_u32(struct buf *b, uint32_t v)
{
    return put(b, v, 4);
}

bool frame_put_u64(struct buf *b, uint64_t v)
{
    return put(b, v, 8);
}

bool frame_put_str(struct buf *b, struct slice s)
{
    return s.n < UINT32_MAX && buf_room(b) >= 4 + s.n && frame_put_u32(b, (uint32_t)s.n) &&
           buf_append(b, s);
}
