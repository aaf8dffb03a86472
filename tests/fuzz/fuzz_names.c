/* Names from people and from the network: what is accepted is a legal host name, stays itself when
 * read again, and has a TLSA owner name exactly if there is room for one. The first two octets are
 * a port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/hostname.h"
#include "dns/wire.h"
#include "tests/fuzz/bytes.h"

static const char UNTOUCHED[] = "untouched";

static bool is_legal_octet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* By the words of hostname.h, not by its code. */
static bool is_legal(const char *name)
{
    size_t label = 0, n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        if (name[i] != '.' && !is_legal_octet(name[i]))
            return false;
        if (name[i] == '.' && label == 0)
            return false;
        label = name[i] == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return n >= 1 && n <= 253 && label > 0;
}

/* RFC 6698 §3; 255 octets on the wire are 253 in text. */
static void check_tlsa_owner(const char *name, uint16_t port)
{
    char owner[DNS_NAME_MAX], prefix[16];
    int n = snprintf(prefix, sizeof(prefix), "_%u._tcp.", port);
    bool fits = (size_t)n + strlen(name) <= 253;

    REQUIRE(dns_name_tlsa(name, port, owner) == fits);
    if (fits)
        REQUIRE(is_legal(owner) && strncmp(owner, prefix, (size_t)n) == 0 &&
                strcmp(owner + n, name) == 0);
}

static void check_wire(const char *name)
{
    struct wire_name wire;
    char text[DNS_NAME_MAX];

    REQUIRE(wire_name_of(name, &wire) && wire.n == strlen(name) + 2);
    REQUIRE(wire_name_text(&wire, text) && strcmp(text, name) == 0);
}

static void check_accepted(const char *name, uint16_t port)
{
    char again[HOSTNAME_MAX];

    REQUIRE(is_legal(name));
    REQUIRE(hostname_normalise(slice_of(name), again) && strcmp(again, name) == 0);
    REQUIRE(hostname_from_person(slice_of(name), again) && strcmp(again, name) == 0);
    REQUIRE(dns_name_normalise(slice_of(name), again) && dns_name_eq(again, name));
    check_tlsa_owner(name, port);
    check_wire(name);
}

static void check_outcome(bool accepted, const char *out, uint16_t port)
{
    if (accepted)
        check_accepted(out, port);
    else
        REQUIRE(strcmp(out, UNTOUCHED) == 0);
}

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* Text that never went through normalise: no length is too much for the wire form. */
static void check_any_text(struct slice s)
{
    char *text = slice_dup(s);
    struct wire_name wire;
    uint8_t octets[256];
    size_t n;

    if (dns_name_to_wire(text, octets, &n))
        REQUIRE(n >= 1 && n <= 255 && octets[n - 1] == 0);
    (void)!wire_name_of(text, &wire);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    uint16_t port = take_u16(&in);
    char plain[HOSTNAME_MAX], person[HOSTNAME_MAX];

    memcpy(plain, UNTOUCHED, sizeof(UNTOUCHED));
    memcpy(person, UNTOUCHED, sizeof(UNTOUCHED));
    bool good = hostname_normalise(in, plain), good_person = hostname_from_person(in, person);
    check_outcome(good, plain, port);
    check_outcome(good_person, person, port);
    REQUIRE(!good || slice_caseeq(slice_of(plain), slice_head(in, strlen(plain))));
    REQUIRE(!is_ascii(in) || good == good_person);
    REQUIRE(!good || is_ascii(in));
    check_any_text(in);
    return 0;
}
