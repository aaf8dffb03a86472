/* xtext (RFC 3461 §4) and the address forms of RFC 6533 §3. Pure, any thread. */
#include "mta/smtp/xtext.h"

#include "config/base/utf8.h"

enum { PRINTABLE_FIRST = 33, PRINTABLE_LAST = 126 };

static bool is_xchar(char c)
{
    return c >= PRINTABLE_FIRST && c <= PRINTABLE_LAST && c != '+' && c != '=';
}

/* Upper case only, as both RFCs say. -1: no digit. */
static int hex_value(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "+HH" at the front of in: printable ASCII, space, or with above_ascii an octet of 128 and more. A line
 * break, an escape or a NUL has no business in an address or an envelope id. */
static bool decode_hexchar(struct slice in, bool above_ascii, char *out_octet)
{
    int high = in.n >= 3 ? hex_value(in.p[1]) : -1;
    int low = in.n >= 3 ? hex_value(in.p[2]) : -1;
    int octet = high * 16 + low;

    if (high < 0 || low < 0)
        return false;
    *out_octet = (char)octet;
    return octet >= 0x80 ? above_ascii : octet >= ' ' && octet <= PRINTABLE_LAST;
}

static bool decode(struct slice in, bool above_ascii, struct buf *out)
{
    while (in.n) {
        char c = in.p[0];
        bool escaped = c == '+';

        if (escaped ? !decode_hexchar(in, above_ascii, &c) : !is_xchar(c))
            return false;
        if (!buf_append_byte(out, c))
            return false;
        in = slice_skip(in, escaped ? 3 : 1);
    }
    return true;
}

bool xtext_decode(struct slice in, struct buf *out)
{
    return decode(in, false, out);
}

static bool is_utf8_text(struct slice s)
{
    while (s.n) {
        uint32_t point;
        size_t n = utf8_decode(s, &point);

        if (n == 0 || (point >= 0x80 && !utf8_is_text(point)))
            return false;
        s = slice_skip(s, n);
    }
    return true;
}

bool xtext_decode_octets_of_utf8(struct slice in, struct buf *out)
{
    size_t before = out->n;

    return decode(in, true, out) && is_utf8_text(slice_skip(buf_slice(out), before));
}

bool xtext_encode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (is_xchar(c) ? !buf_append_byte(out, c)
                        : !buf_printf(out, "+%02X", (unsigned)(unsigned char)c))
            return false;
    }
    return true;
}

/* --- Addresses of type utf-8 --- */

/* QCHAR */
static bool is_qchar(char c)
{
    return is_xchar(c) && c != '\\';
}

/* HEXPOINT without the control characters: what has to be escaped, and everything above ASCII. */
static bool is_hexpoint(uint32_t point)
{
    return point == ' ' || point == '+' || point == '=' || point == '\\' || utf8_is_text(point);
}

/* "\x{HEX}" at the front of in: as few digits as it takes. Returns its length, 0 if it is none. */
static size_t decode_embedded(struct slice in, uint32_t *out_point)
{
    enum { OPEN = 3, DIGITS_MIN = 2, DIGITS_MAX = 6 };
    uint32_t point = 0;
    size_t n = OPEN;

    if (!slice_starts(in, SLICE("\\x{")))
        return 0;
    for (; n < in.n && n < OPEN + DIGITS_MAX && hex_value(in.p[n]) >= 0; n++)
        point = point * 16 + (uint32_t)hex_value(in.p[n]);
    bool shortest = n == OPEN + DIGITS_MIN || (n > OPEN + DIGITS_MIN && in.p[OPEN] != '0');
    if (!shortest || n >= in.n || in.p[n] != '}' || !is_hexpoint(point))
        return 0;
    *out_point = point;
    return n + 1;
}

bool xtext_decode_utf8(struct slice in, bool unitext, struct buf *out)
{
    while (in.n) {
        uint32_t point = 0;
        size_t n = is_qchar(in.p[0]) ? 1 : decode_embedded(in, &point);

        if (n == 0 && unitext && (unsigned char)in.p[0] >= 0x80)
            n = utf8_decode(in, &point);
        if (n == 0 || (point >= 0x80 && !utf8_is_text(point)))
            return false;
        bool ok = point ? utf8_append(point, out) : buf_append(out, slice_head(in, n));
        if (!ok)
            return false;
        in = slice_skip(in, n);
    }
    return true;
}

bool xtext_encode_utf8(struct slice text, bool unitext, struct buf *out)
{
    while (text.n) {
        uint32_t point;
        size_t n = utf8_decode(text, &point);
        bool plain = n == 1 ? is_qchar(text.p[0]) : unitext;

        if (n == 0)
            return false;
        if (plain ? !buf_append(out, slice_head(text, n))
                  : !buf_printf(out, "\\x{%02X}", (unsigned)point))
            return false;
        text = slice_skip(text, n);
    }
    return true;
}
