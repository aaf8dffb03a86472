/* xtext (RFC 3461 §4) and the forms of an address of type utf-8 (RFC 6533 §3). */
#include <criterion/criterion.h>

#include "mta/smtp/xtext.h"

/* A slice in a static table. */
#define T(literal) {"" literal, sizeof(literal) - 1}

struct row {
    struct slice in;
    const char *text; /* NULL: refused */
};

typedef bool coder(struct slice in, struct buf *out);

static void check(coder *run, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf out;
        buf_init(&out, 600);
        bool ok = run(rows[i].in, &out);
        cr_expect_eq(ok, rows[i].text != NULL, "row %zu", i);
        if (ok && rows[i].text)
            cr_expect(slice_eq(buf_slice(&out), slice_of(rows[i].text)), "row %zu: %s", i,
                      buf_cstr(&out));
        buf_free(&out);
    }
}

static bool decode_ascii(struct slice in, struct buf *out)
{
    return xtext_decode_utf8(in, false, out);
}

static bool decode_unitext(struct slice in, struct buf *out)
{
    return xtext_decode_utf8(in, true, out);
}

static bool encode_ascii(struct slice in, struct buf *out)
{
    return xtext_encode_utf8(in, false, out);
}

static bool encode_unitext(struct slice in, struct buf *out)
{
    return xtext_encode_utf8(in, true, out);
}

Test(xtext, decode)
{
    static const struct row rows[] = {
        {T(""),                "",          },
        {T("a@b.example"),     "a@b.example"},
        {T("a+2Bb@c"),         "a+b@c"      },
        {T("+3D+20+2B"),       "= +"        },
        {T("+7E~!"),           "~~!"        },
        {T("+"),               NULL         },
        {T("a+4"),             NULL         },
        {T("+zz"),             NULL         },
        {T("+2b"),             NULL         },
        {T("a=b"),             NULL         },
        {T("a b"),             NULL         },
        {T("+0D+0AMAIL"),      NULL         },
        {T("a+00b"),           NULL         },
        {T("+7F"),             NULL         },
        {T("+1B"),             NULL         },
        {T("+E4"),             NULL         },
        {T("\xc3\xa4"),        NULL         },
        {T("a\0b"),            NULL         },
    };
    check(xtext_decode, rows, ARRAY_LEN(rows));
}

Test(xtext, encode)
{
    static const struct row rows[] = {
        {T("a+b=c d"),  "a+2Bb+3Dc+20d"},
        {T("\r\n\0\xff"), "+0D+0A+00+FF"},
        {T("!~"),       "!~"           },
    };
    check(xtext_encode, rows, ARRAY_LEN(rows));
}

Test(xtext, every_printable_octet_there_and_back)
{
    struct buf all, coded, back;

    buf_init(&all, 100);
    buf_init(&coded, 300);
    buf_init(&back, 100);
    for (int c = ' '; c < 127; c++)
        cr_assert(buf_append_byte(&all, (char)c));
    cr_assert(xtext_encode(buf_slice(&all), &coded));
    cr_assert(xtext_decode(buf_slice(&coded), &back));
    cr_expect(slice_eq(buf_slice(&all), buf_slice(&back)));
    buf_free(&all);
    buf_free(&coded);
    buf_free(&back);
}

Test(xtext, utf8_decode)
{
    static const struct row rows[] = {
        {T("a@b.example"),            "a@b.example"          },
        {T("\\x{E4}@b"),              "\xc3\xa4@b"           },
        {T("\\x{1F4E7}@b"),           "\xf0\x9f\x93\xa7@b"   },
        {T("\\x{20}\\x{2B}\\x{3D}\\x{5C}"), " +=\\"          },
        {T("\\x{41}"),                NULL                   },
        {T("\\x{0D}"),                NULL                   },
        {T("\\x{7F}"),                NULL                   },
        {T("\\x{85}"),                NULL                   },
        {T("\\x{e4}"),                NULL                   },
        {T("\\x{0E4}"),               NULL                   },
        {T("\\x{D800}"),              NULL                   },
        {T("\\x{110000}"),            NULL                   },
        {T("\\x{1000000}"),           NULL                   },
        {T("\\x{}"),                  NULL                   },
        {T("\\x{E4"),                 NULL                   },
        {T("\\"),                     NULL                   },
        {T("a+b"),                    NULL                   },
        {T("a=b"),                    NULL                   },
        {T("\xc3\xa4@b"),             NULL                   },
    };
    static const struct row more[] = {
        {T("\xc3\xa4\\x{E4}"), "\xc3\xa4\xc3\xa4"},
        {T("\xc3("),           NULL              },
        {T("\xc2\x85"),        NULL              },
        {T("\xc0\xae"),        NULL              },
        {T("a\0b"),            NULL              },
    };
    check(decode_ascii, rows, ARRAY_LEN(rows));
    check(decode_unitext, more, ARRAY_LEN(more));
}

Test(xtext, utf8_encode)
{
    static const struct row ascii[] = {
        {T("\xc3\xa4+\\= @b"), "\\x{E4}\\x{2B}\\x{5C}\\x{3D}\\x{20}@b"},
        {T("\xf0\x9f\x93\xa7"), "\\x{1F4E7}"                          },
        {T("\xff"),             NULL                                  },
    };
    static const struct row unitext[] = {
        {T("\xc3\xa4+@b"), "\xc3\xa4\\x{2B}@b"},
        {T("\xc3"),        NULL               },
    };
    check(encode_ascii, ascii, ARRAY_LEN(ascii));
    check(encode_unitext, unitext, ARRAY_LEN(unitext));
}

Test(xtext, no_room)
{
    struct buf out;

    buf_init(&out, 2);
    cr_expect_not(xtext_encode(SLICE("+"), &out));
    buf_clear(&out);
    cr_expect_not(xtext_decode(SLICE("abc"), &out));
    buf_free(&out);
}
