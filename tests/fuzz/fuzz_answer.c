/* A resolver's packet, whatever it holds, becomes an answer within its own claims. */
#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_CNAME, DNS_MX, DNS_TLSA};

    if (size < 1)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct arena *arena = arena_new();
        struct slice packet = slice_make((const char *)data + 1, size - 1);
        struct dns_answer a = dns_answer_parse(arena, "mx.example", types[i], 0, packet,
                                               data[0] & 1, data[0] & 2, "");
        REQUIRE(a.lookup != DNS_DATA || a.n > 0);
        REQUIRE((a.lookup == DNS_ERROR) == (a.security == DNS_BOGUS || a.security == DNS_FAILED));
        REQUIRE(!(data[0] & 2) || a.security == DNS_BOGUS);
        arena_free(&arena);
    }
    return 0;
}
