/* Base64: RFC 4648 §10's vectors both ways, everything that must not be read, and a value of each
 * length there and back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/base/base64.h"

static const struct {
    const char *data, *text;
} vectors[] = {
    {"",       ""        },
    {"f",      "Zg=="    },
    {"fo",     "Zm8="    },
    {"foo",    "Zm9v"    },
    {"foob",   "Zm9vYg=="},
    {"fooba",  "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

Test(base64, vectors)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char data[16];
        size_t n = 99;
        struct buf text;
        buf_init(&text, 16);
        cr_assert(base64_encode(slice_of(vectors[i].data), &text));
        cr_assert_str_eq(buf_cstr(&text), vectors[i].text);
        cr_assert(base64_decode(slice_of(vectors[i].text), data, sizeof(data), &n));
        cr_assert(slice_eq(slice_make(data, n), slice_of(vectors[i].data)), "%s", vectors[i].text);
        buf_free(&text);
    }
}

Test(base64, what_is_not_base64)
{
    static const char *const wrong[] = {
        "Z",     "Zg",     "Zg=",      "Zg==Zg==", "Zh==", "Zm9=", "Z===", "====",  "Zm 9",
        "Zm9v ", " Zm9v",  "Zm9v\r\n", "Zm9-",     "Zm9_", "=",    "Zg=g", "*",     "Zm9v=",
        "Zg==\n", "\xc3\xa9Zg",
    };
    char data[16];
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        cr_assert_not(base64_decode(slice_of(wrong[i]), data, sizeof(data), &n), "%s", wrong[i]);
    cr_assert_not(base64_decode(slice_make("Zm\09v", 4), data, sizeof(data), &n));
}

Test(base64, every_length_there_and_back_and_no_octet_too_far)
{
    char data[67], back[67];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 151 + 7);
    for (size_t n = 0; n <= sizeof(data); n++) {
        struct buf text;
        size_t got;
        buf_init(&text, BASE64_SIZE(n));
        cr_assert(base64_encode(slice_make(data, n), &text));
        cr_assert_eq(text.n, BASE64_SIZE(n));
        cr_assert(base64_decode(buf_slice(&text), back, n, &got));
        cr_assert(got == n && memcmp(data, back, n) == 0);
        cr_assert(n == 0 || !base64_decode(buf_slice(&text), back, n - 1, &got));
        buf_free(&text);
        buf_init(&text, n ? BASE64_SIZE(n) - 1 : 0);
        cr_assert(n == 0 || !base64_encode(slice_make(data, n), &text));
        buf_free(&text);
    }
}
