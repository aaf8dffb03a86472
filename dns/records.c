#include "dns/records.h"

#include <string.h>

#include "dns/answer.h"
#include "dns/codec_priv.h"

bool dns_records_has_type(uint16_t type)
{
    return type == DNS_A || type == DNS_AAAA || type == DNS_PTR || type == DNS_TXT;
}

struct dns_records dns_records_failed(const char *why)
{
    struct dns_records r = {.lookup = DNS_ERROR};

    (void)slice_copy(slice_of(why), r.text, sizeof(r.text));
    return r;
}

static void take_addresses(struct dns_records *r, const struct dns_answer *a)
{
    for (size_t i = 0; a->addresses && i < a->n && i < LIMIT_LOOKUP_ADDRESSES; i++)
        r->addresses[r->n_addresses++] = a->addresses[i];
}

static void take_names(struct dns_records *r, const struct dns_answer *a)
{
    for (size_t i = 0; a->names && i < a->n && i < LIMIT_PTR_NAMES; i++)
        (void)slice_copy(slice_of(a->names[i]), r->names[r->n_names++], DNS_NAME_MAX);
}

struct dns_records dns_records_of(const struct dns_answer *a)
{
    struct dns_records r = {.lookup = a->lookup, .ttl = a->ttl};

    if (a->lookup == DNS_ERROR)
        return dns_records_failed(a->why);
    take_addresses(&r, a);
    take_names(&r, a);
    if (a->text)
        (void)slice_copy(slice_of(a->text), r.text, sizeof(r.text));
    return r;
}

/* ---- encoding: u8 lookup, u32 ttl, u8 addresses, u8 names, str text */

bool dns_records_encode(const struct dns_records *r, uint16_t type, struct buf *out)
{
    bool ok = frame_put_u8(out, (uint8_t)r->lookup) && frame_put_u32(out, r->ttl) &&
              frame_put_u8(out, (uint8_t)r->n_addresses);

    for (size_t i = 0; ok && i < r->n_addresses; i++)
        ok = codec_put_ip(out, &r->addresses[i]);
    ok = ok && frame_put_u8(out, (uint8_t)r->n_names);
    for (size_t i = 0; ok && i < r->n_names; i++)
        ok = frame_put_str(out, slice_of(r->names[i]));
    return ok && frame_put_str(out, slice_of(r->text));
}

/* ---- decoding */

/* Values are of the type that was asked, and there are some exactly where there is data; the words of an
 * error stand where a TXT record would. An empty TXT record is data without a visible value. */
static bool are_sound(const struct dns_records *r, uint16_t type)
{
    bool data = r->lookup == DNS_DATA, is_address = type == DNS_A || type == DNS_AAAA;

    for (size_t i = 0; i < r->n_addresses; i++)
        if (type == DNS_A && r->addresses[i].v6)
            return false;
    return (r->n_addresses != 0) == (data && is_address) &&
           (r->n_names != 0) == (data && type == DNS_PTR) &&
           (r->text[0] == '\0' || r->lookup == DNS_ERROR || (data && type == DNS_TXT)) &&
           (r->lookup != DNS_ERROR || r->ttl == 0);
}

bool dns_records_decode(struct slice body, uint16_t type, struct dns_records *out)
{
    struct frame_reader f = frame_reader_of(body);
    struct dns_records r = {.lookup = (enum dns_lookup)codec_get_below(&f, DNS_ERROR + 1)};

    r.ttl = frame_get_u32(&f);
    f.failed |= r.ttl > INT32_MAX;
    r.n_addresses = codec_get_below(&f, LIMIT_LOOKUP_ADDRESSES + 1);
    for (size_t i = 0; i < r.n_addresses; i++)
        r.addresses[i] = codec_get_ip(&f);
    r.n_names = codec_get_below(&f, LIMIT_PTR_NAMES + 1);
    for (size_t i = 0; i < r.n_names; i++)
        (void)codec_get_name(&f, r.names[i]);
    (void)slice_copy(codec_get_words(&f, LIMIT_TXT), r.text, sizeof(r.text));
    if (!frame_reader_done(&f) || !are_sound(&r, type))
        return false;
    *out = r;
    return true;
}
