/* A resolver's packet, whatever it holds, becomes an answer within its own claims. The first octet is
 * the validator's word: secure, bogus. */
#include <string.h>

#include "dns/answer.h"
#include "tests/fuzz/bytes.h"

static const char QUESTION[] = "mx.example";

static bool is_normal(const char *name)
{
    char text[DNS_NAME_MAX];
    return dns_name_normalise(slice_of(name), text) && strcmp(text, name) == 0;
}

static void check_mx(const struct dns_answer *a)
{
    for (size_t i = 0; i < a->n; i++) {
        const char *exchange = a->mx[i].exchange;
        REQUIRE(!exchange || !exchange[0] || is_normal(exchange));
    }
}

static void check_tlsa(const struct dns_answer *a)
{
    REQUIRE(a->n <= LIMIT_TLSA_RECORDS);
    for (size_t i = 0; i < a->n; i++)
        REQUIRE(a->tlsa[i].len <= LIMIT_TLSA_DATA && (a->tlsa[i].len == 0) == !a->tlsa[i].data);
}

static void check_names(const struct dns_answer *a)
{
    REQUIRE(a->n <= LIMIT_PTR_NAMES);
    for (size_t i = 0; i < a->n; i++)
        REQUIRE(is_normal(a->names[i]));
}

static void check_records(const struct dns_answer *a, uint16_t type)
{
    if (a->lookup != DNS_DATA)
        REQUIRE(a->n == 0);
    else if (type == DNS_MX)
        check_mx(a);
    else if (type == DNS_TLSA)
        check_tlsa(a);
    else if (type == DNS_CNAME)
        REQUIRE(a->n == 1 && a->cname);
    else if (type == DNS_PTR)
        check_names(a);
    else if (type == DNS_TXT)
        REQUIRE(a->text && strlen(a->text) <= LIMIT_TXT);
    else
        REQUIRE(a->n <= LIMIT_HOST_ADDRESSES && a->addresses);
}

static void check(const struct dns_answer *a, uint16_t type, bool secure, bool bogus)
{
    bool is_error = a->security == DNS_BOGUS || a->security == DNS_FAILED;

    REQUIRE(a->lookup != DNS_DATA || a->n > 0);
    REQUIRE((a->lookup == DNS_ERROR) == is_error && is_error == (a->why[0] != '\0'));
    REQUIRE(bogus == (a->security == DNS_BOGUS));
    REQUIRE(is_error || (a->security == DNS_SECURE) == secure);
    REQUIRE(is_normal(a->expanded) && a->ttl <= INT32_MAX);
    REQUIRE(a->aliased || strcmp(a->expanded, QUESTION) == 0);
    check_records(a, type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_CNAME, DNS_MX, DNS_TLSA, DNS_PTR, DNS_TXT};
    struct slice packet = slice_make((const char *)data, size);
    uint8_t word = take_u8(&packet);

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct arena *arena = arena_new();
        struct dns_answer a = dns_answer_parse(arena, QUESTION, types[i], 0, packet, word & 1,
                                               word & 2, "");
        check(&a, types[i], word & 1, word & 2);
        arena_free(&arena);
    }
    return 0;
}
