/* Usability of TLSA records by their fields. */
#include <criterion/criterion.h>
#include <string.h>

#include "tls/verdict.h"

static const uint8_t data[80];

struct row {
    uint8_t usage, selector, mtype;
    uint16_t len;
    const char *why; /* a part of it; NULL: usable */
};

// clang-format off
static const struct row rows[] = {
    {3, 1, 1, 32, NULL},
    {3, 0, 1, 32, NULL},
    {3, 1, 2, 64, NULL},
    {3, 0, 2, 64, NULL},
    {2, 0, 1, 32, NULL},
    {2, 1, 2, 64, NULL},
    {3, 0, 0, 70, NULL},
    {2, 1, 0, 1, NULL},
    {0, 0, 1, 32, "RFC 7672 section 3.1.3"},
    {1, 1, 1, 32, "3.1.3"},
    {4, 1, 1, 32, "usage"},
    {255, 1, 1, 32, "usage"},
    {3, 2, 1, 32, "selector"},
    {3, 255, 1, 32, "selector"},
    {3, 1, 3, 32, "matching"},
    {3, 1, 255, 32, "matching"},
    {3, 1, 1, 0, "no association data"},
    {3, 1, 0, 0, "no association"},
    {3, 1, 1, 31, "SHA-256"},
    {3, 1, 1, 33, "SHA-256"},
    {3, 1, 1, 64, "SHA-256"},
    {3, 1, 2, 32, "SHA-512"},
    {3, 1, 2, 63, "SHA-512"},
    {2, 0, 2, 65, "SHA-512"},
    {0, 0, 255, 0, "usages 0 and 1"},
};
// clang-format on

Test(tlsa, unusable_why)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct tlsa_record record = {r->usage, r->selector, r->mtype, r->len, data};
        const char *why = tlsa_unusable_why(&record);
        if (!r->why)
            cr_expect_null(why, "%d %d %d %d: %s", r->usage, r->selector, r->mtype, r->len, why);
        else
            cr_expect(why && strstr(why, r->why), "%d %d %d %d: %s", r->usage, r->selector,
                      r->mtype, r->len, why ? why : "usable");
    }
}

Test(tlsa, record_of_the_parser_for_truncated_rdata)
{
    struct tlsa_record record = {0, 0, 255, 0, NULL};
    cr_assert_not_null(tlsa_unusable_why(&record));
    record = (struct tlsa_record){3, 1, 1, 32, NULL};
    cr_assert_not_null(tlsa_unusable_why(&record));
}
