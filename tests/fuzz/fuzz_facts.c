/* What decodes must encode again to the same facts; nothing else may decode. */
#include "dns/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dest_facts *f, *again;
    struct buf out;

    if (!dest_facts_decode(slice_make((const char *)data, size), &f))
        return 0;
    buf_init(&out, LIMIT_DNS_FRAME);
    REQUIRE(dest_facts_encode(f, &out));
    REQUIRE(dest_facts_decode(buf_slice(&out), &again));
    REQUIRE(again->n_hosts == f->n_hosts && again->kind == f->kind);
    dest_facts_unref(&again);
    dest_facts_unref(&f);
    buf_free(&out);
    return 0;
}
