/* The encodings of parameter values, both ways: whatever is encoded is decoded to the same text, or
 * refused if no text may be so; whatever is decoded has no control character, and is the same again
 * when it is encoded and decoded. The first octet says whether UTF-8 may stand as it is. */
#include "config/base/utf8.h"
#include "mta/smtp/xtext.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 1 << 20 };

/* What a decoder lets through, by its definition. */
static bool is_text(struct slice s, bool utf8)
{
    uint32_t point;

    for (size_t n; s.n; s = slice_skip(s, n)) {
        n = utf8_decode(s, &point);
        if (n == 0 || point < ' ' || point == 0x7f || (point >= 0x80 && !(utf8 && utf8_is_text(point))))
            return false;
    }
    return true;
}

struct form {
    bool utf8, unitext;
};

static bool encode(struct form f, struct slice in, struct buf *out)
{
    return f.utf8 ? xtext_encode_utf8(in, f.unitext, out) : xtext_encode(in, out);
}

static bool decode(struct form f, struct slice in, struct buf *out)
{
    return f.utf8 ? xtext_decode_utf8(in, f.unitext, out) : xtext_decode(in, out);
}

/* One word that can stand in a command. */
static void check_encoded(struct form f, struct slice s)
{
    REQUIRE(!has_control(s) && slice_find(s, ' ') == s.n && slice_find(s, '=') == s.n);
    for (size_t i = 0; i < s.n && !f.unitext; i++)
        REQUIRE((uint8_t)s.p[i] < 0x80);
}

/* encode, then decode: the same, or none at all if it is no text. */
static void there_and_back(struct form f, struct slice text)
{
    struct buf word, back;

    buf_init(&word, ROOM);
    buf_init(&back, ROOM);
    if (encode(f, text, &word)) {
        check_encoded(f, buf_slice(&word));
        bool ok = decode(f, buf_slice(&word), &back);
        REQUIRE(ok == is_text(text, f.utf8));
        REQUIRE(!ok || slice_eq(buf_slice(&back), text));
    } else {
        REQUIRE(f.utf8 && !utf8_ok(text));
    }
    buf_free(&back);
    buf_free(&word);
}

static void decode_first(struct form f, struct slice word)
{
    struct buf text;

    buf_init(&text, ROOM);
    if (decode(f, word, &text)) {
        REQUIRE(is_text(buf_slice(&text), f.utf8) && text.n <= word.n);
        there_and_back(f, buf_slice(&text));
    }
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct form forms[] = {{false, false}, {true, false}, {true, true}};
    struct slice in = slice_make((const char *)data, size);
    struct form f = forms[take_below(&in, ARRAY_LEN(forms))];

    there_and_back(f, in);
    decode_first(f, in);
    return 0;
}
