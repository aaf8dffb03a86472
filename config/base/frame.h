/* The framed protocol of the inner boundaries (mta–dns, supervisor–mta, control socket, status):
 * a frame is a big-endian 32-bit length of what follows, then one octet of kind, then the body.
 * Bodies are built and read field by field; integers are big-endian, strings carry a 32-bit length.
 * A reader that ran off the end or met a bad length is failed and stays so; every read of a failed
 * reader gives zero or the empty slice, so that parsers need one check at the end. Pure. */
#ifndef DANELAW_FRAME_H
#define DANELAW_FRAME_H

#include "config/base/buf.h"

struct frame {
    uint8_t kind;
    struct slice body; /* borrows from the buffer; valid until frame_consume */
};

enum frame_result { FRAME_OK, FRAME_MORE, FRAME_BROKEN };

/* Looks at the first frame of in. max: the largest body; a longer one is FRAME_BROKEN at once. */
enum frame_result frame_peek(const struct buf *in, size_t max, struct frame *out_frame);
void frame_consume(struct buf *in, const struct frame *f);
/* Appends a whole frame; false if it does not fit, then nothing was appended. */
MUST_USE bool frame_append(struct buf *out, uint8_t kind, struct slice body);

struct frame_reader {
    struct slice left;
    bool failed;
};

struct frame_reader frame_reader_of(struct slice body);
uint8_t frame_get_u8(struct frame_reader *r);
uint16_t frame_get_u16(struct frame_reader *r);
uint32_t frame_get_u32(struct frame_reader *r);
uint64_t frame_get_u64(struct frame_reader *r);
struct slice frame_get_str(struct frame_reader *r, size_t max); /* borrows from the body */
/* True if nothing failed and nothing is left over. */
bool frame_reader_done(const struct frame_reader *r);

/* Writers: false when the buffer is full. */
MUST_USE bool frame_put_u8(struct buf *b, uint8_t v);
MUST_USE bool frame_put_u16(struct buf *b, uint16_t v);
MUST_USE bool frame_put_u32(struct buf *b, uint32_t v);
MUST_USE bool frame_put_u64(struct buf *b, uint64_t v);
MUST_USE bool frame_put_str(struct buf *b, struct slice s);

#endif
