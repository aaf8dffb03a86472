/* The facts codec: what decodes has that one form only, and is within the promises of facts.h. */
#include <string.h>

#include "dns/facts.h"
#include "tests/fuzz/bytes.h"

static bool in_error(enum dns_security s)
{
    return s == DNS_BOGUS || s == DNS_FAILED;
}

static bool is_normal(const char *name)
{
    char text[DNS_NAME_MAX];
    return dns_name_normalise(slice_of(name), text) && strcmp(text, name) == 0;
}

static void check_host(const struct host_facts *h)
{
    bool chosen = false;

    REQUIRE(is_normal(h->name) && is_normal(h->expanded));
    REQUIRE(!h->tlsa_base[0] || is_normal(h->tlsa_base));
    REQUIRE(h->n_candidates <= ARRAY_LEN(h->candidates) && h->n_tlsa <= LIMIT_TLSA_RECORDS);
    for (size_t i = 0; i < h->n_candidates; i++)
        chosen |= h->candidates[i].chosen && h->candidates[i].security == DNS_SECURE;
    REQUIRE(h->n_tlsa == 0 || (chosen && h->tlsa_base[0] && h->tlsa_lookup == DNS_DATA));
    REQUIRE(in_error(h->addresses_security) == (h->addresses_lookup == DNS_ERROR));
    for (size_t i = 0; i < h->n_tlsa; i++)
        REQUIRE(h->tlsa[i].len <= LIMIT_TLSA_DATA && (h->tlsa[i].len == 0 || h->tlsa[i].data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make((const char *)data, size);
    struct dest_facts *f, *again;
    struct buf out, twice;

    if (!dest_facts_decode(body, &f))
        return 0;
    REQUIRE(is_normal(f->name) && is_normal(f->expanded));
    REQUIRE(f->n_hosts <= LIMIT_MX_HOSTS && f->n_steps <= LIMIT_PLAN_QUERIES);
    for (size_t i = 0; i < f->n_hosts; i++)
        check_host(&f->hosts[i]);
    buf_init(&out, LIMIT_DNS_FRAME);
    buf_init(&twice, LIMIT_DNS_FRAME);
    REQUIRE(dest_facts_encode(f, &out));
    REQUIRE(slice_eq(buf_slice(&out), body));
    REQUIRE(dest_facts_decode(buf_slice(&out), &again));
    REQUIRE(dest_facts_encode(again, &twice) && slice_eq(buf_slice(&twice), body));
    dest_facts_unref(&again);
    dest_facts_unref(&f);
    buf_free(&out);
    buf_free(&twice);
    return 0;
}
