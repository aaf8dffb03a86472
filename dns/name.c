#include "dns/name.h"

#include <stdio.h>
#include <string.h>

#include "config/base/hostname.h"

enum { WIRE_MAX = 255 }; /* octets of a name with its root label, RFC 1035 §2.3.4 */

_Static_assert((int)DNS_NAME_MAX == (int)HOSTNAME_MAX, "one size of name everywhere");

bool dns_name_normalise(struct slice s, char out[DNS_NAME_MAX])
{
    return hostname_normalise(s, out);
}

bool dns_name_eq(const char *a, const char *b)
{
    return slice_caseeq(slice_of(a), slice_of(b));
}

bool dns_name_tlsa(const char *base, uint16_t port, char out[DNS_NAME_MAX])
{
    char text[2 * DNS_NAME_MAX];
    int n = snprintf(text, sizeof(text), "_%u._tcp.%s", port, base);

    return n > 0 && (size_t)n < sizeof(text) && hostname_normalise(slice_of(text), out);
}

bool dns_name_to_wire(const char *name, uint8_t out[256], size_t *out_len)
{
    struct slice left = slice_of(name);
    uint8_t wire[256];
    size_t n = 0;

    if (slice_eq(left, SLICE(".")))
        left = SLICE("");
    while (left.n) {
        size_t label = slice_find(left, '.');
        if (label == 0 || label > LIMIT_LABEL || n + 1 + label + 1 > WIRE_MAX)
            return false;
        wire[n++] = (uint8_t)label;
        memcpy(wire + n, left.p, label);
        n += label;
        left = slice_skip(left, label + 1);
    }
    wire[n++] = 0;
    memcpy(out, wire, n);
    *out_len = n;
    return true;
}
