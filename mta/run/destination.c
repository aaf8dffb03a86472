#include "mta/run/destination.h"

#include <stdio.h>
#include <string.h>

#include "config/base/hostname.h"
#include "config/base/ip.h"
#include "mta/smtp/address.h"

/* By the grammar that a recipient's literal has to pass. */
static bool parse_literal(const char *text, char out[DNS_NAME_MAX])
{
    char path[LIMIT_PATH + 1];
    struct address address;
    int n = snprintf(path, sizeof(path), "<x@%s>", text);
    struct slice in = slice_of(path);

    if (n < 0 || (size_t)n >= sizeof(path) ||
        address_parse_path(&in, ADDRESS_RECIPIENT, false, &address) != CAUSE_OK || in.n)
        return false;
    return address.kind == ADDRESS_LITERAL &&
           slice_copy(slice_of(address.domain), out, DNS_NAME_MAX);
}

/* An address without its brackets is meant as one all the same: no domain is a number. */
static bool parse_address(const char *text, char out[DNS_NAME_MAX])
{
    char literal[IP_TEXT_MAX + 8], ip_words[IP_TEXT_MAX];
    struct ip ip;

    if (!ip_parse(slice_of(text), &ip))
        return false;
    (void)snprintf(literal, sizeof(literal), ip.v6 ? "[IPv6:%s]" : "[%s]", ip_text(&ip, ip_words));
    return parse_literal(literal, out);
}

bool destination_parse(const char *text, char out[DNS_NAME_MAX])
{
    const char *at = strrchr(text, '@');
    const char *domain = at ? at + 1 : text;

    if (parse_address(domain, out))
        return true;
    return domain[0] == '[' ? parse_literal(domain, out)
                            : hostname_from_person(slice_of(domain), out);
}
