/* The wire parser by itself: whatever the octets are, nothing it hands out lies outside the packet,
 * no name is longer than a name, and no more records come than the header announces. */
#include <string.h>

#include "dns/wire.h"
#include "tests/fuzz/bytes.h"

/* Whole labels up to the root label, which is the last octet; RFC 1035 §3.1. */
static void check_name(const struct wire_name *name)
{
    struct wire_name again;
    char text[DNS_NAME_MAX];
    size_t at = 0;

    REQUIRE(name->n >= 1 && name->n <= sizeof(name->octets));
    while (name->octets[at] && at < name->n) {
        REQUIRE(name->octets[at] <= LIMIT_LABEL);
        at += 1u + name->octets[at];
    }
    REQUIRE(at + 1 == name->n);
    if (wire_name_text(name, text))
        REQUIRE(wire_name_of(text, &again) && wire_name_eq(&again, name));
}

static void check_rdata(const struct wire_message *m, const struct wire_record *r)
{
    struct wire_name name;
    struct ip ip;
    uint16_t preference;
    uint32_t ttl;
    struct tlsa_record tlsa = wire_tlsa(r);

    if (wire_mx(m, r, &preference, &name) || wire_target(m, r, &name))
        check_name(&name);
    if (wire_address(r, &ip))
        REQUIRE(r->rdata.n == (r->type == DNS_AAAA ? 16u : 4u));
    if (wire_soa_negative_ttl(m, r, &ttl))
        REQUIRE(ttl <= r->ttl);
    REQUIRE((tlsa.len == 0) == !tlsa.data);
    REQUIRE(tlsa.len + 3u == r->rdata.n || (tlsa.mtype == 255 && !tlsa.data && r->rdata.n < 3));
}

static bool is_inside(struct slice packet, struct slice s)
{
    return s.p >= packet.p && s.n <= packet.n && s.p + s.n <= packet.p + packet.n;
}

static void check_records(const struct wire_message *m)
{
    struct wire_cursor c = wire_records(m);

    for (struct wire_record r; wire_next(&c, &r);) {
        REQUIRE(is_inside(m->packet, r.rdata));
        REQUIRE(r.rdata.p == m->packet.p + r.rdata_at && r.ttl <= INT32_MAX);
        check_name(&r.owner);
        check_rdata(m, &r);
    }
    REQUIRE(c.read <= (unsigned)m->answers + m->authorities && c.at <= m->packet.n);
    REQUIRE(c.broken || c.read == (unsigned)m->answers + m->authorities);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice packet = slice_make((const char *)data, size);
    struct wire_message m;
    struct wire_name name;

    for (size_t from = 0; from < size && from < 64; from++) {
        size_t at = from;
        if (wire_name_read(packet, &at, &name)) {
            REQUIRE(at > from && at <= size);
            check_name(&name);
        }
    }
    if (wire_open(packet, &m)) {
        check_name(&m.qname);
        check_records(&m);
    }
    return 0;
}
