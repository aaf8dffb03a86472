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

/* The next piece of what is left: of one octet up to max, as *seed has it (never 0). */
static inline struct slice take_piece(struct slice *in, uint32_t *seed, size_t max)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return take(in, *seed % max + 1);
}

/* Whether every line ends in CRLF but perhaps the last, with no other CR, LF or NUL anywhere. */
static inline bool has_strict_lines(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool cr = s.p[i] == '\r', lf = s.p[i] == '\n';
        if (s.p[i] == '\0' || (cr && (i + 1 == s.n || s.p[i + 1] != '\n')) ||
            (lf && (i == 0 || s.p[i - 1] != '\r')))
            return false;
    }
    return true;
}

static inline bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

#endif
