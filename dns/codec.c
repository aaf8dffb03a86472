/* The form of facts on the link between dns and mta. The decoder believes nothing: a compromised
 * dns process can lie about DNS, but it cannot make mta hold a name, an enum or a size that the
 * rest of the code was promised never to see. One form per value, so decode and encode are inverse.
 */
#include <string.h>

#include "config/base/arena.h"
#include "config/base/frame.h"
#include "dns/codec_priv.h"
#include "dns/facts_priv.h"

/* ---- encoding */

static bool put_text(struct buf *b, const char *s)
{
    return frame_put_str(b, slice_of(s));
}

bool codec_put_ip(struct buf *b, const struct ip *ip)
{
    return frame_put_u8(b, ip->v6) &&
           buf_append(b, slice_make((const char *)ip->a, ip->v6 ? 16 : 4));
}

static bool put_tlsa(struct buf *b, const struct tlsa_record *t)
{
    return frame_put_u8(b, t->usage) && frame_put_u8(b, t->selector) && frame_put_u8(b, t->mtype) &&
           frame_put_str(b, slice_make((const char *)t->data, t->len));
}

static bool put_candidate(struct buf *b, const struct tlsa_candidate *c)
{
    return put_text(b, c->base) && frame_put_u8(b, (uint8_t)c->security) &&
           frame_put_u8(b, (uint8_t)c->lookup) && frame_put_u8(b, c->chosen);
}

static bool put_step(struct buf *b, const struct dns_step *s)
{
    return put_text(b, s->name) && frame_put_u16(b, s->type) &&
           frame_put_u8(b, (uint8_t)s->security) && frame_put_u8(b, (uint8_t)s->lookup) &&
           frame_put_u32(b, s->ttl) && put_text(b, s->alias) && put_text(b, s->why) &&
           frame_put_u16(b, s->records);
}

static bool put_host(struct buf *b, const struct host_facts *h)
{
    bool ok = put_text(b, h->name) && put_text(b, h->expanded) && frame_put_u16(b, h->preference) &&
              frame_put_u8(b, (uint8_t)h->addresses_lookup) &&
              frame_put_u8(b, (uint8_t)h->addresses_security) &&
              frame_put_u8(b, (uint8_t)h->alias_security) &&
              frame_put_u8(b, (uint8_t)h->tlsa_lookup) && put_text(b, h->tlsa_base) &&
              put_text(b, h->why);

    ok = ok && frame_put_u32(b, (uint32_t)h->n_addresses);
    for (size_t i = 0; ok && i < h->n_addresses; i++)
        ok = codec_put_ip(b, &h->addresses[i]);
    ok = ok && frame_put_u32(b, (uint32_t)h->n_candidates);
    for (size_t i = 0; ok && i < h->n_candidates; i++)
        ok = put_candidate(b, &h->candidates[i]);
    ok = ok && frame_put_u32(b, (uint32_t)h->n_tlsa);
    for (size_t i = 0; ok && i < h->n_tlsa; i++)
        ok = put_tlsa(b, &h->tlsa[i]);
    return ok;
}

bool dest_facts_encode(const struct dest_facts *f, struct buf *out)
{
    bool ok = put_text(out, f->name) && put_text(out, f->expanded) && frame_put_u16(out, f->port) &&
              frame_put_u8(out, (uint8_t)f->kind) && frame_put_u8(out, (uint8_t)f->security) &&
              put_text(out, f->why) && frame_put_u32(out, f->ttl) &&
              frame_put_u64(out, (uint64_t)f->made_ms);

    ok = ok && frame_put_u32(out, (uint32_t)f->n_hosts);
    for (size_t i = 0; ok && i < f->n_hosts; i++)
        ok = put_host(out, &f->hosts[i]);
    ok = ok && frame_put_u32(out, (uint32_t)f->n_steps);
    for (size_t i = 0; ok && i < f->n_steps; i++)
        ok = put_step(out, &f->steps[i]);
    return ok;
}

/* ---- decoding */

struct decoder {
    struct frame_reader r;
    struct arena *arena;
};

static void refuse_unless(struct decoder *d, bool good)
{
    d->r.failed |= !good;
}

unsigned codec_get_below(struct frame_reader *r, unsigned end)
{
    unsigned v = frame_get_u8(r);
    r->failed |= v >= end;
    return r->failed ? 0 : v;
}

static unsigned get_below(struct decoder *d, unsigned end)
{
    return codec_get_below(&d->r, end);
}

static enum dns_security get_security(struct decoder *d)
{
    return (enum dns_security)get_below(d, DNS_FAILED + 1);
}

static enum dns_lookup get_lookup(struct decoder *d)
{
    return (enum dns_lookup)get_below(d, DNS_ERROR + 1);
}

/* A count that at least min_octets each must back, so that a short frame cannot claim much memory.
 */
static size_t get_count(struct decoder *d, size_t max, size_t min_octets)
{
    size_t n = frame_get_u32(&d->r);
    refuse_unless(d, n <= max && n * min_octets <= d->r.left.n);
    return d->r.failed ? 0 : n;
}

bool codec_get_name(struct frame_reader *r, char out[DNS_NAME_MAX])
{
    struct slice s = frame_get_str(r, DNS_NAME_MAX - 1);
    bool good = !r->failed && dns_name_normalise(s, out) && slice_eq(s, slice_of(out));

    r->failed |= !good;
    if (!good)
        out[0] = '\0';
    return good;
}

static const char *get_name(struct decoder *d, bool may_be_empty)
{
    struct frame_reader ahead = d->r;
    char name[DNS_NAME_MAX];

    if (may_be_empty && frame_get_u32(&ahead) == 0 && !ahead.failed) {
        d->r = ahead;
        return "";
    }
    return codec_get_name(&d->r, name) ? arena_strdup(d->arena, slice_of(name)) : "";
}

struct slice codec_get_words(struct frame_reader *r, size_t max)
{
    struct slice s = frame_get_str(r, max);

    for (size_t i = 0; i < s.n; i++)
        r->failed |= s.p[i] < ' ' || s.p[i] >= 0x7f;
    return r->failed ? SLICE("") : s;
}

static const char *get_why(struct decoder *d)
{
    return arena_strdup(d->arena, codec_get_words(&d->r, FACTS_WHY_MAX));
}

static struct slice get_octets(struct frame_reader *r, size_t n)
{
    r->failed |= r->left.n < n;
    if (r->failed)
        return SLICE("");
    struct slice s = slice_head(r->left, n);
    r->left = slice_skip(r->left, n);
    return s;
}

struct ip codec_get_ip(struct frame_reader *r)
{
    struct ip ip = {.v6 = (uint8_t)codec_get_below(r, 2)};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct slice s = get_octets(r, ip.v6 ? 16 : 4);

    if (s.n)
        memcpy(ip.a, s.p, s.n);
    r->failed |= ip.v6 && memcmp(ip.a, mapped, sizeof(mapped)) == 0;
    return ip;
}

static struct tlsa_record get_tlsa(struct decoder *d)
{
    struct tlsa_record t = {.usage = frame_get_u8(&d->r)};

    t.selector = frame_get_u8(&d->r);
    t.mtype = frame_get_u8(&d->r);
    struct slice data = frame_get_str(&d->r, LIMIT_TLSA_DATA);
    t.len = (uint16_t)data.n;
    if (data.n)
        t.data = (const uint8_t *)arena_strdup(d->arena, data);
    return t;
}

static struct tlsa_candidate get_candidate(struct decoder *d)
{
    struct tlsa_candidate c = {.base = get_name(d, false)};

    c.security = get_security(d);
    c.lookup = get_lookup(d);
    c.chosen = get_below(d, 2);
    return c;
}

static struct dns_step get_step(struct decoder *d)
{
    struct dns_step s = {.name = get_name(d, false)};

    s.type = frame_get_u16(&d->r);
    s.security = get_security(d);
    s.lookup = get_lookup(d);
    s.ttl = frame_get_u32(&d->r);
    s.alias = get_name(d, true);
    s.why = get_why(d);
    s.records = frame_get_u16(&d->r);
    return s;
}

static bool in_error(enum dns_security s)
{
    return s == DNS_BOGUS || s == DNS_FAILED;
}

/* Security and lookup tell of errors together or not at all. */
static bool agree(enum dns_security s, enum dns_lookup l)
{
    return in_error(s) == (l == DNS_ERROR);
}

/* RFC 7672 §2.2.2, §2.2.3: where TLSA records are looked for. The base domain becomes a reference
 * identifier, so no other name may come this far. */
static bool may_be_base(const struct host_facts *h, const char *base)
{
    bool is_name = strcmp(base, h->name) == 0;

    if (h->addresses_lookup != DNS_DATA)
        return false;
    if (h->addresses_security == DNS_SECURE)
        return is_name || strcmp(base, h->expanded) == 0;
    return is_name && h->alias_security == DNS_SECURE;
}

/* An error at a candidate is the end of the host, whatever the other one has (§2.1.2). */
static bool candidate_is_sound(const struct host_facts *h, const struct tlsa_candidate *c)
{
    return agree(c->security, c->lookup) && may_be_base(h, c->base) &&
           (c->lookup != DNS_ERROR || h->tlsa_lookup == DNS_ERROR);
}

/* Records without a chosen, secure candidate would be obeyed without ever having been validated. */
static bool tlsa_is_sound(const struct host_facts *h)
{
    const struct tlsa_candidate *chosen = NULL;

    for (size_t i = 0; i < h->n_candidates; i++) {
        const struct tlsa_candidate *c = &h->candidates[i];
        if (!candidate_is_sound(h, c) || (c->chosen && chosen))
            return false;
        if (c->chosen)
            chosen = c;
    }
    if ((h->n_tlsa != 0) != (chosen != NULL) || (h->tlsa_lookup == DNS_DATA) != (chosen != NULL))
        return false;
    if (!chosen)
        return h->tlsa_base[0] == '\0';
    return chosen->security == DNS_SECURE && chosen->lookup == DNS_DATA &&
           strcmp(chosen->base, h->tlsa_base) == 0;
}

static bool host_is_sound(const struct host_facts *h)
{
    return (h->n_addresses != 0) == (h->addresses_lookup == DNS_DATA) &&
           agree(h->addresses_security, h->addresses_lookup) && tlsa_is_sound(h);
}

static struct host_facts get_host(struct decoder *d)
{
    struct host_facts h = {.name = get_name(d, false)};

    h.expanded = get_name(d, false);
    h.preference = frame_get_u16(&d->r);
    h.addresses_lookup = get_lookup(d);
    h.addresses_security = get_security(d);
    h.alias_security = get_security(d);
    h.tlsa_lookup = get_lookup(d);
    h.tlsa_base = get_name(d, true);
    h.why = get_why(d);
    h.n_addresses = get_count(d, LIMIT_HOST_ADDRESSES, 5);
    h.addresses = arena_alloc(d->arena, h.n_addresses * sizeof(struct ip));
    for (size_t i = 0; i < h.n_addresses; i++)
        h.addresses[i] = codec_get_ip(&d->r);
    h.n_candidates = get_count(d, ARRAY_LEN(h.candidates), 8);
    for (size_t i = 0; i < h.n_candidates; i++)
        h.candidates[i] = get_candidate(d);
    h.n_tlsa = get_count(d, LIMIT_TLSA_RECORDS, 7);
    h.tlsa = arena_alloc(d->arena, h.n_tlsa * sizeof(struct tlsa_record));
    for (size_t i = 0; i < h.n_tlsa; i++)
        h.tlsa[i] = get_tlsa(d);
    refuse_unless(d, d->r.failed || host_is_sound(&h));
    return h;
}

/* The end of the year 9999: sums with a TTL stay far from any overflow. */
static const int64_t last_ms = INT64_C(253402300799999);

static bool facts_are_sound(const struct dest_facts *f)
{
    static const struct {
        size_t least, most;
    } hosts[] = {
        [DEST_MX] = {0, LIMIT_MX_HOSTS},
          [DEST_IMPLICIT] = {1, 1             },
          [DEST_HOST] = {1, 1             },
        [DEST_NULL_MX] = {0, 0             },
          [DEST_NXDOMAIN] = {0, 0             },
          [DEST_ERROR] = {0, 0             },
    };
    return f->n_hosts >= hosts[f->kind].least && f->n_hosts <= hosts[f->kind].most &&
           f->ttl <= LIMIT_FACTS_TTL_S && f->made_ms >= 0 && f->made_ms <= last_ms &&
           in_error(f->security) == (f->kind == DEST_ERROR);
}

static void get_facts(struct decoder *d, struct dest_facts *f)
{
    f->name = get_name(d, false);
    f->expanded = get_name(d, false);
    f->port = frame_get_u16(&d->r);
    f->kind = (enum dest_kind)get_below(d, DEST_ERROR + 1);
    f->security = get_security(d);
    f->why = get_why(d);
    f->ttl = frame_get_u32(&d->r);
    f->made_ms = (int64_t)frame_get_u64(&d->r);
    f->n_hosts = get_count(d, LIMIT_MX_HOSTS, 30);
    f->hosts = arena_alloc(d->arena, f->n_hosts * sizeof(struct host_facts));
    for (size_t i = 0; i < f->n_hosts; i++)
        f->hosts[i] = get_host(d);
    f->n_steps = get_count(d, LIMIT_PLAN_QUERIES, 22);
    f->steps = arena_alloc(d->arena, f->n_steps * sizeof(struct dns_step));
    for (size_t i = 0; i < f->n_steps; i++)
        f->steps[i] = get_step(d);
}

bool dest_facts_decode(struct slice body, struct dest_facts **out_facts)
{
    struct dest_facts *f = facts_new("", 0);
    struct decoder d = {frame_reader_of(body), f->arena};

    get_facts(&d, f);
    if (!frame_reader_done(&d.r) || !facts_are_sound(f)) {
        dest_facts_unref(&f);
        return false;
    }
    *out_facts = f;
    return true;
}
