/* What a fuzz target makes of its input: octets from the front, zeros when there are none left. */
#ifndef DANELAW_FUZZ_BYTES_H
#define DANELAW_FUZZ_BYTES_H

#include "config/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline uint8_t take_u8(struct slice *in)
{
    uint8_t v = in->n ? (uint8_t)in->p[0] : 0;
    *in = slice_skip(*in, 1);
    return v;
}

static inline uint16_t take_u16(struct slice *in)
{
    uint16_t high = take_u8(in);
    return (uint16_t)(high << 8 | take_u8(in));
}

/* Less than end, which is at most 256. */
static inline unsigned take_below(struct slice *in, unsigned end)
{
    return take_u8(in) % end;
}

/* At most n octets. */
static inline struct slice take(struct slice *in, size_t n)
{
    struct slice head = slice_head(*in, n);
    *in = slice_skip(*in, n);
    return head;
}

#endif
