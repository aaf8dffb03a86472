/* UTF-8, RFC 3629. Pure, any thread. */
#include "config/base/utf8.h"

static bool is_surrogate(uint32_t point)
{
    return point >= 0xd800 && point <= 0xdfff;
}

/* How many octets a sequence has by its first one, 0 if none starts so. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

size_t utf8_decode(struct slice s, uint32_t *out_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = s.n ? length_of((unsigned char)s.p[0]) : 0;

    if (n == 0 || n > s.n)
        return 0;
    uint32_t point = (unsigned char)s.p[0] & first_bits[n];
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    if (point < least[n] || point > 0x10ffff || is_surrogate(point))
        return 0;
    *out_point = point;
    return n;
}

bool utf8_ok(struct slice s)
{
    uint32_t point;

    while (s.n) {
        size_t n = utf8_decode(s, &point);
        if (n == 0)
            return false;
        s = slice_skip(s, n);
    }
    return true;
}

bool utf8_append(uint32_t point, struct buf *out)
{
    static const unsigned char first_mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    char octets[4];

    if (point > 0x10ffff || is_surrogate(point))
        return false;
    for (size_t i = n; i-- > 1; point >>= 6)
        octets[i] = (char)(0x80 | (point & 0x3f));
    octets[0] = (char)(first_mark[n] | point);
    return buf_append(out, slice_make(octets, n));
}

bool utf8_is_text(uint32_t point)
{
    bool noncharacter = (point & 0xfffe) == 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
    return point >= 0xa0 && point <= 0x10ffff && !is_surrogate(point) && !noncharacter;
}
