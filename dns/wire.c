#include "dns/wire.h"

#include <netinet/in.h>
#include <string.h>

enum {
    HEADER = 12,
    CLASS_IN = 1,
    FLAG_RESPONSE = 0x8000,
    FLAG_TRUNCATED = 0x0200,
    MASK_RCODE = 0x000f,
    MASK_POINTER = 0xc0,
    MAX_POINTERS = 128, /* a name of 255 octets has at most 127 labels; more jumps are an attack */
};

/* A bounded reader; a read past the end fails it for good and gives zero. */
struct reader {
    struct slice packet;
    size_t at;
    bool failed;
};

static uint32_t get(struct reader *r, size_t octets)
{
    uint32_t v = 0;

    if (r->failed || r->at > r->packet.n || r->packet.n - r->at < octets) {
        r->failed = true;
        return 0;
    }
    for (size_t i = 0; i < octets; i++)
        v = v << 8 | (uint8_t)r->packet.p[r->at++];
    return v;
}

bool wire_name_of(const char *text, struct wire_name *out)
{
    uint8_t wire[256];
    size_t n;

    if (!dns_name_to_wire(text, wire, &n))
        return false;
    out->n = n;
    for (size_t i = 0; i < n; i++)
        out->octets[i] = (uint8_t)ascii_lower((char)wire[i]);
    return true;
}

bool wire_name_eq(const struct wire_name *a, const struct wire_name *b)
{
    return a->n == b->n && memcmp(a->octets, b->octets, a->n) == 0;
}

bool wire_name_text(const struct wire_name *name, char out[DNS_NAME_MAX])
{
    char text[DNS_NAME_MAX];
    size_t n = 0;

    if (name->n == 1) {
        out[0] = '\0';
        return true;
    }
    for (size_t at = 0; name->octets[at]; at += 1u + name->octets[at]) {
        /* A dot inside a label would shift the label borders. */
        if (memchr(name->octets + at + 1, '.', name->octets[at]))
            return false;
        memcpy(text + n, name->octets + at + 1, name->octets[at]);
        n += name->octets[at];
        text[n++] = '.';
    }
    return dns_name_normalise(slice_make(text, n), out);
}

/* Appends the label at p, lowered; the length octet stays as it is, being below 'A'. */
static bool append_label(struct wire_name *name, const char *p, size_t n)
{
    if (name->n + 1 + n > sizeof(name->octets))
        return false;
    name->octets[name->n++] = (uint8_t)n;
    for (size_t i = 0; i < n; i++)
        name->octets[name->n++] = (uint8_t)ascii_lower(p[i]);
    return true;
}

bool wire_name_read(struct slice packet, size_t *at, struct wire_name *out)
{
    struct reader r = {packet, *at, false};
    struct wire_name name = {.n = 0};
    size_t end = 0, floor = *at; /* pointers must aim below floor */
    unsigned pointers = 0;

    for (;;) {
        uint32_t octet = get(&r, 1);
        if (r.failed)
            return false;
        if ((octet & MASK_POINTER) == MASK_POINTER) {
            size_t target = (octet & ~(uint32_t)MASK_POINTER) << 8 | get(&r, 1);
            if (r.failed || target >= floor || ++pointers > MAX_POINTERS)
                return false;
            end = end ? end : r.at;
            r.at = floor = target;
            continue;
        }
        if (octet > LIMIT_LABEL || packet.n - r.at < octet ||
            !append_label(&name, packet.p + r.at, octet))
            return false;
        r.at += octet;
        if (octet == 0)
            break;
    }
    *at = end ? end : r.at;
    *out = name;
    return true;
}

bool wire_open(struct slice packet, struct wire_message *out)
{
    struct reader r = {packet, 2, false};
    struct wire_message m = {.packet = packet};
    uint32_t flags = get(&r, 2), questions = get(&r, 2);

    m.answers = (uint16_t)get(&r, 2);
    m.authorities = (uint16_t)get(&r, 2);
    m.rcode = flags & MASK_RCODE;
    r.at = HEADER;
    if (r.failed || !(flags & FLAG_RESPONSE) || (flags & FLAG_TRUNCATED) || questions != 1 ||
        !wire_name_read(packet, &r.at, &m.qname))
        return false;
    m.qtype = (uint16_t)get(&r, 2);
    if (get(&r, 2) != CLASS_IN || r.failed)
        return false;
    m.records_at = r.at;
    *out = m;
    return true;
}

struct wire_cursor wire_records(const struct wire_message *m)
{
    return (struct wire_cursor){.m = m, .at = m->records_at};
}

static bool read_record(struct wire_cursor *c, struct wire_record *out, uint32_t *out_class)
{
    struct slice packet = c->m->packet;
    struct reader r = {packet, c->at, false};

    if (!wire_name_read(packet, &r.at, &out->owner))
        return false;
    out->type = (uint16_t)get(&r, 2);
    *out_class = get(&r, 2);
    out->ttl = get(&r, 4);
    size_t n = get(&r, 2);
    if (r.failed || packet.n - r.at < n)
        return false;
    if (out->ttl > INT32_MAX)
        out->ttl = 0;
    out->authority = c->read >= c->m->answers;
    out->rdata_at = r.at;
    out->rdata = slice_make(packet.p + r.at, n);
    c->at = r.at + n;
    c->read++;
    return true;
}

bool wire_next(struct wire_cursor *c, struct wire_record *out)
{
    unsigned all = (unsigned)c->m->answers + c->m->authorities;
    uint32_t class;

    while (!c->broken && c->read < all) {
        c->broken = !read_record(c, out, &class);
        if (!c->broken && class == CLASS_IN)
            return true;
    }
    return false;
}

/* The name at an offset of the RDATA; *out_end is the offset behind it. */
static bool name_in(const struct wire_message *m, const struct wire_record *r, size_t offset,
                    struct wire_name *out, size_t *out_end)
{
    size_t at = r->rdata_at + offset;

    if (r->rdata.n <= offset || !wire_name_read(m->packet, &at, out))
        return false;
    *out_end = at - r->rdata_at;
    return *out_end <= r->rdata.n;
}

bool wire_mx(const struct wire_message *m, const struct wire_record *r, uint16_t *out_preference,
             struct wire_name *out_exchange)
{
    struct reader preference = {r->rdata, 0, false};
    size_t end;

    *out_preference = (uint16_t)get(&preference, 2);
    return !preference.failed && name_in(m, r, 2, out_exchange, &end) && end == r->rdata.n;
}

bool wire_target(const struct wire_message *m, const struct wire_record *r,
                 struct wire_name *out_target)
{
    size_t end;
    return name_in(m, r, 0, out_target, &end) && end == r->rdata.n;
}

bool wire_address(const struct wire_record *r, struct ip *out_ip)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct ip_port address;
    bool v6 = r->type == DNS_AAAA;

    if (r->rdata.n != (v6 ? sizeof(in6.sin6_addr) : sizeof(in.sin_addr)))
        return false;
    memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, r->rdata.p, r->rdata.n);
    /* By way of ip.h, which knows that an IPv4-mapped address is an IPv4 address. */
    if (!ip_from_sockaddr(v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, &address))
        return false;
    *out_ip = address.ip;
    return true;
}

static bool has_whole_strings(struct slice rdata)
{
    if (rdata.n == 0)
        return false;
    while (rdata.n) {
        size_t whole = 1 + (size_t)(uint8_t)rdata.p[0];
        if (rdata.n < whole)
            return false;
        rdata = slice_skip(rdata, whole);
    }
    return true;
}

bool wire_txt(const struct wire_record *r, char *out, size_t size)
{
    struct slice left = r->rdata;
    size_t n = 0;

    if (!has_whole_strings(left))
        return false;
    while (left.n) {
        struct slice s = slice_make(left.p + 1, (uint8_t)left.p[0]);
        for (size_t i = 0; i < s.n && n + 1 < size; i++)
            out[n++] = s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?';
        left = slice_skip(left, 1 + s.n);
    }
    out[n] = '\0';
    return true;
}

struct tlsa_record wire_tlsa(const struct wire_record *r)
{
    const uint8_t *p = (const uint8_t *)r->rdata.p;

    if (r->rdata.n < 3)
        return (struct tlsa_record){.usage = 255, .selector = 255, .mtype = 255};
    return (struct tlsa_record){p[0], p[1], p[2], (uint16_t)(r->rdata.n - 3),
                                r->rdata.n > 3 ? p + 3 : NULL};
}

bool wire_soa_negative_ttl(const struct wire_message *m, const struct wire_record *r,
                           uint32_t *out_ttl)
{
    struct wire_name name;
    size_t mname_n, rname_n;
    enum { FIXED = 20, MINIMUM_AT = 16 };

    if (!name_in(m, r, 0, &name, &mname_n) || !name_in(m, r, mname_n, &name, &rname_n) ||
        r->rdata.n != rname_n + FIXED)
        return false;
    struct reader minimum = {r->rdata, rname_n + MINIMUM_AT, false};
    uint32_t ttl = get(&minimum, 4);
    *out_ttl = ttl < r->ttl ? ttl : r->ttl;
    return true;
}
