/* UTF-8, RFC 3629: every code point there and back, and every two octets that begin a sequence. */
#include "config/base/utf8.h"
#include "tests/base/leaks.h"

/* A slice in a static table. */
#define T(literal)                                                                                 \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

Test(utf8, every_code_point_there_and_back)
{
    char storage[8];

    for (uint32_t point = 0; point <= 0x110000; point++) {
        struct buf b;
        uint32_t back = 0xffffffff;

        buf_init(&b, sizeof(storage));
        bool legal = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
        cr_assert_eq(utf8_append(point, &b), legal, "U+%04X", point);
        if (legal) {
            cr_assert_eq(utf8_decode(buf_slice(&b), &back), b.n, "U+%04X", point);
            cr_assert_eq(back, point);
            cr_assert_eq(utf8_decode(slice_head(buf_slice(&b), b.n - 1), &back), 0, "cut");
        }
        buf_free(&b);
    }
}

Test(utf8, what_is_none)
{
    static const struct slice rows[] = {
        T("\xc3\x28"),
        T("\xc0\xae"),
        T("\xc1\xbf"),
        T("\xe0\x9f\xbf"),
        T("\xed\xa0\x80"),
        T("\xf0\x8f\xbf\xbf"),
        T("\xf4\x90\x80\x80"),
        T("\xf5\x80\x80\x80"),
        T("\x80"),
        T("\xff"),
        T("a\xc3"),
        T("\xe2\x82"),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_not(utf8_ok(rows[i]), "row %zu", i);
    cr_expect(utf8_ok(SLICE("")));
    cr_expect(utf8_ok(SLICE("pl\xc3\xa4in \xf0\x9f\x93\xa7")));
}

Test(utf8, text)
{
    static const struct {
        uint32_t point;
        bool text;
    } rows[] = {
        {'a',      false},
        {0x7f,     false},
        {0x80,     false},
        {0x9f,     false},
        {0xa0,     true },
        {0xfdcf,   true },
        {0xfdd0,   false},
        {0xfffe,   false},
        {0xd800,   false},
        {0x1f4e7,  true },
        {0x10ffff, false},
        {0x110000, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(utf8_is_text(rows[i].point), rows[i].text, "U+%04X", rows[i].point);
}
