#include "mta/in/dnsbl.h"

#include <stdio.h>

enum { REVERSED_MAX = 64 + 1 }; /* octets: 32 nibbles with their dots */

static void reverse(const struct ip *ip, char out[REVERSED_MAX])
{
    int n = 0;

    for (int i = ip->v6 ? 15 : 3; i >= 0; i--)
        n += ip->v6 ? snprintf(out + n, (size_t)(REVERSED_MAX - n), "%x.%x.", ip->a[i] & 15u, ip->a[i] >> 4)
                    : snprintf(out + n, (size_t)(REVERSED_MAX - n), "%u.", ip->a[i]);
}

bool dnsbl_name(const struct ip *ip, const char *zone, char out[DNS_NAME_MAX])
{
    char text[REVERSED_MAX + DNS_NAME_MAX], reversed[REVERSED_MAX];

    reverse(ip, reversed);
    int n = snprintf(text, sizeof(text), "%s%s", reversed, zone);
    return n > 0 && (size_t)n < sizeof(text) && dns_name_normalise(slice_of(text), out);
}

const char *dnsbl_reverse_zone(const struct ip *ip)
{
    return ip->v6 ? "ip6.arpa" : "in-addr.arpa";
}

static uint32_t as_number(const struct ip *ip)
{
    return (uint32_t)ip->a[0] << 24 | (uint32_t)ip->a[1] << 16 | (uint32_t)ip->a[2] << 8 | ip->a[3];
}

static bool is_about_the_question(uint32_t answer)
{
    return answer == 0x7f000001 || answer >> 8 == 0x7fffff;
}

static bool is_listing(const struct dnsbl_config *list, const struct ip *ip)
{
    uint32_t answer = as_number(ip);

    if (ip->v6 || ip->a[0] != 127)
        return false;
    if (list->filtered)
        return answer >= list->first && answer <= list->last;
    return !is_about_the_question(answer);
}

bool dnsbl_is_listed(const struct dnsbl_config *list, const struct dns_records *r)
{
    for (size_t i = 0; r->lookup == DNS_DATA && i < r->n_addresses; i++)
        if (is_listing(list, &r->addresses[i]))
            return true;
    return false;
}
