/* Lists of addresses in the DNS: the question, and which answers are a listing (RFC 5782). */
#include <criterion/criterion.h>
#include <string.h>

#include "config/value.h"
#include "mta/in/dnsbl.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(text), &ip), "%s", text);
    return ip;
}

static const struct {
    const char *ip, *zone, *name; /* NULL: too long */
} questions[] = {
    {"192.0.2.99", "list.example", "99.2.0.192.list.example"},
    {"127.0.0.2", "list.example", "2.0.0.127.list.example"},
    /* RFC 5782 §2.4 has this one. */
    {"2001:db8:1:2:3:4:567:89ab", "ugly.example.com",
     "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ugly.example.com"},
    {"::ffff:192.0.2.1", "list.example", "1.2.0.192.list.example"},
    {"192.0.2.1", "in-addr.arpa", "1.2.0.192.in-addr.arpa"},
    {"::1", "ip6.arpa", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"},
};

Test(dnsbl, questions)
{
    char name[DNS_NAME_MAX], zone[DNS_NAME_MAX];

    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        struct ip ip = ip_of(questions[i].ip);
        cr_assert(dnsbl_name(&ip, questions[i].zone, name), "%s", questions[i].ip);
        cr_expect_str_eq(name, questions[i].name, "%s", name);
    }
    memset(zone, 'x', sizeof(zone));
    for (size_t i = 50; i < sizeof(zone); i += 50)
        zone[i] = '.';
    zone[253] = '\0';
    struct ip ip = ip_of("::1");
    cr_expect(!dnsbl_name(&ip, zone, name), "too long");
    cr_expect_str_eq(dnsbl_reverse_zone(&ip), "ip6.arpa");
    ip = ip_of("192.0.2.1");
    cr_expect_str_eq(dnsbl_reverse_zone(&ip), "in-addr.arpa");
}

static const struct {
    const char *list, *answers;
    bool listed;
} verdicts[] = {
    {"l.example",               "127.0.0.2",               true },
    {"l.example",               "127.1.2.3",               true },
    {"l.example",               "192.0.2.1",               false},
    {"l.example",               "10.0.0.2",                false},
    {"l.example",               "126.255.255.255",         false},
    {"l.example",               "128.0.0.2",               false},
    {"l.example",               "192.0.2.1 127.0.0.2",     true },
    {"l.example",               "127.0.0.1",               false},
    {"l.example",               "127.255.255.254",         false},
    {"l.example",               "127.255.255.254 127.0.0.4", true},
    {"l.example",               "::1",                     false},
    {"l.example",               "7f00:2::",                false},
    {"l.example",               "",                        false},
    {"l.example=127.0.0.2",     "127.0.0.2",               true },
    {"l.example=127.0.0.2",     "127.0.0.3",               false},
    {"l.example=127.0.0.2",     "127.0.0.3 127.0.0.2",     true },
    {"l.example=127.0.0.2-11",  "127.0.0.1",               false},
    {"l.example=127.0.0.2-11",  "127.0.0.2",               true },
    {"l.example=127.0.0.2-11",  "127.0.0.11",              true },
    {"l.example=127.0.0.2-11",  "127.0.0.12",              false},
    {"l.example=127.0.0.2-11",  "127.0.1.5",               false},
    {"l.example=127.0.0.1",     "127.0.0.1",               true },
};

static struct dns_records answers(const char *text)
{
    struct dns_records r = {.lookup = DNS_NXDOMAIN};

    for (struct slice left = slice_of(text); left.n;) {
        size_t end = slice_find(left, ' ');
        cr_assert(ip_parse(slice_head(left, end), &r.addresses[r.n_addresses++]));
        left = slice_skip(left, end + 1);
        r.lookup = DNS_DATA;
    }
    return r;
}

static struct dnsbl_config list_of(const char *text)
{
    static char zone[HOSTNAME_MAX];
    struct dnsbl_config list;

    cr_assert_null(value_dnsbl(slice_of(text), &list, zone), "%s", text);
    cr_expect_str_eq(zone, "l.example");
    list.zone = zone;
    return list;
}

Test(dnsbl, verdicts)
{
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        struct dnsbl_config list = list_of(verdicts[i].list);
        struct dns_records r = answers(verdicts[i].answers);
        cr_expect_eq(dnsbl_is_listed(&list, &r), verdicts[i].listed, "%s: %s", verdicts[i].list,
                     verdicts[i].answers);
    }
}

/* A list that cannot be asked refuses nobody, whatever else is in the records. */
Test(dnsbl, errors)
{
    struct dnsbl_config list = list_of("l.example");
    struct dns_records r = answers("127.0.0.2");

    for (int l = DNS_NODATA; l <= DNS_ERROR; l++) {
        r.lookup = (enum dns_lookup)l;
        cr_expect(!dnsbl_is_listed(&list, &r));
    }
}

Test(dnsbl, options)
{
    static const char *const wrong[] = {"",
                                        "=127.0.0.2",
                                        "l.example=",
                                        "l.example=128.0.0.2",
                                        "l.example=127.0.0.2-1",
                                        "l.example=127.0.0.2-256",
                                        "l.example=127.0.0.2-",
                                        "l.example=127.0.0",
                                        "l.example=::1",
                                        "l.example 127.0.0.2",
                                        "l..example",
                                        "192.0.2.1"};
    char zone[HOSTNAME_MAX];
    struct dnsbl_config list;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        cr_expect_not_null(value_dnsbl(slice_of(wrong[i]), &list, zone), "%s", wrong[i]);
}
