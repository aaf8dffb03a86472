/* What is said about a record set by itself. */
#include <string.h>

#include "tests/tls/certs.h"
#include "tests/tls/leaks.h"
#include "tests/tls/test_diagnose.h"

static uint8_t data[2 * RECORD_MAX];
static struct cert cert;

struct row {
    const char *name, *expected;
    struct tlsa_record r; /* data: NULL for some octets */
    size_t copies;
    const char *mend; /* its beginning; NULL: none */
};

#define E256                                                                                       \
    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93" \
    "\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"
#define HEX256  "87dc5be70123456789abcdef0123456789ABCDEF0123456789abcdef01234567"
#define B(text) (const uint8_t *)(text)

// clang-format off
static const struct row rows[] = {
    {"one 3 1 1 without a next one", "", {3, 1, 1, 32, NULL}, 1, NULL},
    {"3 1 2", "", {3, 1, 2, 64, NULL}, 1, NULL},
    {"twelve", "", {3, 1, 1, 32, NULL}, 12, NULL},
    {"thirteen", "large-rrset", {3, 1, 1, 32, NULL}, 13, NULL},
    {"1 1 1", "pkix-usage none-usable", {1, 1, 1, 32, NULL}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 1 0101"},
    {"0 0 1", "pkix-usage none-usable", {0, 0, 1, 32, NULL}, 1, "_25._tcp.mx.d.example. IN TLSA 2 0 1 0101"},
    {"usage 4", "unknown-field none-usable", {4, 1, 1, 32, NULL}, 1, NULL},
    {"selector 2", "unknown-field none-usable", {3, 2, 1, 32, NULL}, 1, NULL},
    {"matching type 3", "unknown-field none-usable", {3, 1, 3, 32, NULL}, 1, NULL},
    {"31 octets", "wrong-length none-usable", {3, 1, 1, 31, NULL}, 1, NULL},
    {"SHA-1", "wrong-length none-usable", {3, 1, 1, 20, NULL}, 1, NULL},
    {"no octets", "wrong-length none-usable", {3, 1, 1, 0, NULL}, 1, NULL},
    {"3 1 1 with 64", "wrong-length none-usable", {3, 1, 1, 64, NULL}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 2 0101"},
    {"1 1 2 with 32", "wrong-length none-usable", {1, 1, 2, 32, NULL}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 1 0101"},
    {"3 1 0 with a digest", "not-der none-usable", {3, 1, 0, 32, NULL}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 1 0101"},
    {"3 0 0 with nothing", "not-der none-usable", {3, 0, 0, 0, NULL}, 1, NULL},
    {"2 0 0 with PEM", "not-der none-usable", {2, 0, 0, 15, B("-----BEGIN CERT")}, 1, NULL},
    {"SHA-256 of nothing", "empty-digest", {3, 1, 1, 32, B(E256)}, 1, NULL},
    {"SHA-256 of nothing, 1 1 1", "empty-digest none-usable", {1, 1, 1, 32, B(E256)}, 1, NULL},
    {"hexadecimal twice", "hex-of-hex none-usable", {3, 1, 1, 64, B(HEX256)}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 1 87dc5be70123456789abcdef0123456789abcdef"},
    {"hexadecimal twice, passing for SHA-512", "hex-of-hex", {3, 1, 2, 64, B(HEX256)}, 1, "_25._tcp.mx.d.example. IN TLSA 3 1 1 87dc5be7"},
};
// clang-format on

static size_t diagnose(const struct tlsa_record *records, size_t n, struct finding *out, size_t max)
{
    struct verdict v = {
        .mode = VERDICT_DANE, .base = "mx.d.example", .records = records, .n_records = n};
    for (size_t i = 0; i < n; i++)
        v.usable |= (uint64_t)!tlsa_unusable_why(&records[i]) << i;
    return tls_diagnose_records(&v, 25, out, max);
}

static void check_row(const struct row *row, bool seen[FINDING_COUNT])
{
    struct tlsa_record records[16];
    struct finding found[16];

    memset(data, 1, sizeof(data));
    for (size_t i = 0; i < row->copies; i++) {
        records[i] = row->r;
        if (!records[i].data)
            records[i].data = data;
    }
    size_t n = diagnose(records, row->copies, found, ARRAY_LEN(found));
    expect_findings(row->name, found, n, row->expected, seen);
    if (n && row->mend)
        cr_expect_eq(strncmp(found[0].mend, row->mend, strlen(row->mend)), 0, "%s: %s", row->name,
                     found[0].mend);
    else if (n)
        cr_expect_str_eq(found[0].mend, "", "%s", row->name);
}

/* Whole certificates, which decode. */
static void full_rows(bool seen[FINDING_COUNT])
{
    const struct cert_wish wish = {.cn = "ca", .ca = true};
    struct finding found[4];

    cert = cert_make(&wish);
    struct tlsa_record r[2] = {cert_record(&cert, 2, 0, 0, false, data)};
    size_t n = diagnose(r, 1, found, ARRAY_LEN(found));
    expect_findings("2 0 0", found, n, "only-full", seen);
    r[1] = (struct tlsa_record){3, 1, 1, 32, data};
    n = diagnose(r, 2, found, ARRAY_LEN(found));
    expect_findings("2 0 0 beside 3 1 1", found, n, "", seen);
    r[0].len--;
    n = diagnose(r, 2, found, ARRAY_LEN(found));
    expect_findings("2 0 0, cut", found, n, "not-der", seen);
    r[0].len = 1300;
    n = diagnose(r, 2, found, ARRAY_LEN(found));
    expect_findings("2 0 0, cut, long", found, n, "not-der large-rrset", seen);
    cert_free(&cert);
}

void diagnose_record_rows(bool seen[FINDING_COUNT])
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i], seen);
    full_rows(seen);
}

Test(diagnose_records, by_themselves)
{
    bool seen[FINDING_COUNT] = {0};
    diagnose_record_rows(seen);
    NO_LEAKS();
}
