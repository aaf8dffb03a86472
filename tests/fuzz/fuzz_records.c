/* The codec of plain lookups: the first octet picks the type that was asked; what decodes has that one
 * form only, and is within the promises of records.h. */
#include <string.h>

#include "dns/records.h"
#include "tests/fuzz/bytes.h"

static void check(const struct dns_records *r, uint16_t type)
{
    char name[DNS_NAME_MAX];

    REQUIRE(r->n_addresses <= LIMIT_LOOKUP_ADDRESSES && r->n_names <= LIMIT_PTR_NAMES);
    REQUIRE(r->lookup <= DNS_ERROR && r->ttl <= INT32_MAX);
    for (size_t i = 0; i < r->n_names; i++)
        REQUIRE(dns_name_normalise(slice_of(r->names[i]), name) && strcmp(name, r->names[i]) == 0);
    REQUIRE(strlen(r->text) <= LIMIT_TXT);
    for (const char *c = r->text; *c; c++)
        REQUIRE(*c >= ' ' && *c < 0x7f);
    REQUIRE(r->lookup != DNS_DATA || type == DNS_TXT || r->n_addresses + r->n_names > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT};
    struct dns_records r;
    struct buf out;

    if (size == 0)
        return 0;
    uint16_t type = types[data[0] % ARRAY_LEN(types)];
    struct slice body = slice_make((const char *)data + 1, size - 1);
    if (!dns_records_decode(body, type, &r))
        return 0;
    check(&r, type);
    buf_init(&out, 8192);
    REQUIRE(dns_records_encode(&r, type, &out));
    REQUIRE(slice_eq(buf_slice(&out), body));
    buf_free(&out);
    return 0;
}
