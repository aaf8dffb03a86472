#include "config/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Without a table lookup by content: what is decoded may be a password. -1: no such digit. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* How many '=' end the text: 0, 1 or 2. */
static size_t padding(struct slice text)
{
    if (text.n < 4 || text.p[text.n - 1] != '=')
        return 0;
    return text.p[text.n - 2] == '=' ? 2 : 1;
}

/* The 24 bits of one group of four, of which pad digits are padding; false for a wrong digit. */
static bool group_bits(const char *p, size_t pad, uint32_t *out_bits)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i < 4 - pad ? digit(p[i]) : 0;
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
    }
    *out_bits = bits;
    return true;
}

/* RFC 4648 §3.5: bits that belong to no octet are zero. */
static bool is_canonical(uint32_t bits, size_t pad)
{
    return (bits & ((1u << (8 * pad)) - 1)) == 0;
}

bool base64_decode(struct slice text, char *out, size_t size, size_t *out_n)
{
    size_t pad = padding(text), n = 0;

    if (text.n % 4 != 0 || text.n / 4 * 3 - pad > size)
        return false;
    for (size_t at = 0; at < text.n; at += 4) {
        size_t missing = at + 4 == text.n ? pad : 0;
        uint32_t bits;
        if (!group_bits(text.p + at, missing, &bits) || !is_canonical(bits, missing))
            return false;
        for (size_t i = 0; i < 3 - missing; i++)
            out[n++] = (char)(bits >> (16 - 8 * i));
    }
    *out_n = n;
    return true;
}

bool base64_encode(struct slice data, struct buf *out)
{
    if (BASE64_SIZE(data.n) > buf_room(out))
        return false;
    for (size_t at = 0; at < data.n; at += 3) {
        size_t n = data.n - at < 3 ? data.n - at : 3;
        uint32_t bits = 0;
        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < n ? (uint8_t)data.p[at + i] : 0);
        for (size_t i = 0; i < 4; i++)
            (void)!buf_append_byte(out, i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
    }
    return true;
}
