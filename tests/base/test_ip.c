/* Addresses, networks, endpoints; host names. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "config/base/hostname.h"
#include "config/base/ip.h"

/* NULL: refused. */
static const struct {
    const char *text, *back;
} addresses[] = {
    {"192.0.2.1",         "192.0.2.1"  },
    {"0.0.0.0",           "0.0.0.0"    },
    {"2001:DB8:0:0::1",   "2001:db8::1"},
    {"::",                "::"         },
    {"::ffff:192.0.2.1",  "192.0.2.1"  },
    {"::FFFF:c000:0201",  "192.0.2.1"  },
    {"::192.0.2.1",       "::192.0.2.1"},
    {"",                  NULL         },
    {"192.0.2",           NULL         },
    {"192.0.2.256",       NULL         },
    {"192.0.2.01",        NULL         },
    {"0x7f.1",            NULL         },
    {"127.1",             NULL         },
    {"[::1]",             NULL         },
    {"::1%lo",            NULL         },
    {" ::1",              NULL         },
    {"::1 ",              NULL         },
    {"1:2:3:4:5:6:7:8:9", NULL         },
    {"localhost",         NULL         },
};

Test(ip, addresses)
{
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip;
        bool ok = ip_parse(slice_of(addresses[i].text), &ip);
        cr_expect_eq(ok, addresses[i].back != NULL, "%s", addresses[i].text);
        if (ok && addresses[i].back)
            cr_expect_str_eq(ip_text(&ip, text), addresses[i].back);
    }
    struct ip ip;
    cr_expect_not(ip_parse(slice_make("127.0.0.1\0x", 11), &ip), "an inner NUL ends nothing");
}

static const struct {
    const char *text, *back;
} endpoints[] = {
    {"192.0.2.1:25",         "192.0.2.1:25"       },
    {"[2001:db8::1]:65535",  "[2001:db8::1]:65535"},
    {"[192.0.2.1]:1",        "192.0.2.1:1"        },
    {"[::ffff:192.0.2.1]:1", "192.0.2.1:1"        },
    {"192.0.2.1",            NULL                 },
    {"192.0.2.1:",           NULL                 },
    {"192.0.2.1:65536",      NULL                 },
    {"192.0.2.1:-1",         NULL                 },
    {"2001:db8::1:25",       NULL                 },
    {"[2001:db8::1]",        NULL                 },
    {"[2001:db8::1]25",      NULL                 },
    {"[2001:db8::1",         NULL                 },
    {"[]:25",                NULL                 },
    {"]:25",                 NULL                 },
    {"[",                    NULL                 },
    {":25",                  NULL                 },
    {"",                     NULL                 },
};

Test(ip, endpoints)
{
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        char text[IP_TEXT_MAX];
        struct ip_port addr;
        bool ok = ip_parse_port(slice_of(endpoints[i].text), &addr);
        cr_expect_eq(ok, endpoints[i].back != NULL, "%s", endpoints[i].text);
        if (ok && endpoints[i].back)
            cr_expect_str_eq(ip_port_text(&addr, text), endpoints[i].back);
    }
}

static const struct {
    const char *net, *in, *out; /* net refused: both NULL */
} nets[] = {
    {"10.0.0.0/8",    "10.255.255.255",  "11.0.0.0"       },
    {"172.16.0.0/12", "172.31.255.255",  "172.32.0.0"     },
    {"192.0.2.1",     "192.0.2.1",       "192.0.2.0"      },
    {"192.0.2.1/32",  "192.0.2.1",       "192.0.2.3"      },
    {"0.0.0.0/0",     "255.255.255.255", "::1"            },
    {"0.0.0.0/1",     "127.255.255.255", "128.0.0.0"      },
    {"::/0",          "ffff::",          "10.0.0.1"       },
    {"fd00::/8",      "fdff::1",         "fe00::"         },
    {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
    {"::1",           "::1",             "::2"            },
    {"10.0.0.0/8",    "::ffff:10.1.1.1", "::10.1.1.1"     },
    {"10.0.0.1/8",    NULL,              NULL             },
    {"10.0.0.0/33",   NULL,              NULL             },
    {"fd00::/129",    NULL,              NULL             },
    {"fd00::1/127",   NULL,              NULL             },
    {"10.0.0.0/",     NULL,              NULL             },
    {"10.0.0.0/8/8",  NULL,              NULL             },
    {"10.0.0.0/-1",   NULL,              NULL             },
    {"/8",            NULL,              NULL             },
};

static bool has(const struct ip_net *net, const char *address)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(address), &ip));
    cr_expect_eq(ip_nets_have(net, 1, &ip), ip_net_has(net, &ip));
    cr_expect_not(ip_nets_have(net, 0, &ip));
    return ip_net_has(net, &ip);
}

Test(ip, networks)
{
    for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
        struct ip_net net;
        bool ok = ip_parse_net(slice_of(nets[i].net), &net);
        cr_expect_eq(ok, nets[i].in != NULL, "%s", nets[i].net);
        if (!ok || !nets[i].in)
            continue;
        cr_expect(has(&net, nets[i].in), "%s in %s", nets[i].in, nets[i].net);
        cr_expect_not(has(&net, nets[i].out), "%s in %s", nets[i].out, nets[i].net);
    }
}

Test(ip, socket_addresses_there_and_back)
{
    static const char *const texts[] = {"192.0.2.1:25", "[2001:db8::1]:465"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sockaddr_storage sa;
        struct ip_port addr, back;
        char text[IP_TEXT_MAX];
        cr_assert(ip_parse_port(slice_of(texts[i]), &addr));
        cr_expect_eq(ip_to_sockaddr(&addr, &sa),
                     i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        cr_assert(ip_from_sockaddr((const struct sockaddr *)&sa, &back));
        cr_expect_str_eq(ip_port_text(&back, text), texts[i]);
        cr_expect(ip_eq(&addr.ip, &back.ip));
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct ip_port addr;
    cr_expect_not(ip_from_sockaddr(&local, &addr));
}

/* A dual-stack socket shows IPv4 clients as mapped addresses: rules for IPv4 must still apply. */
Test(ip, mapped_socket_addresses_are_ipv4)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    struct ip_port addr;
    char text[IP_TEXT_MAX];

    cr_assert_eq(inet_pton(AF_INET6, "::ffff:10.0.0.1", &sa.sin6_addr), 1);
    cr_assert(ip_from_sockaddr((const struct sockaddr *)&sa, &addr));
    cr_expect_str_eq(ip_port_text(&addr, text), "10.0.0.1:25");
}

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text, *name;
} hostnames[] = {
    {"Mail.Example.ORG",              "mail.example.org"         },
    {"mail.example.org.",             "mail.example.org"         },
    {"localhost",                     "localhost"                },
    {"_25._tcp.mx.example",           "_25._tcp.mx.example"      },
    {"-a-.b",                         "-a-.b"                    },
    {"xn--bcher-kva.example",         "xn--bcher-kva.example"    },
    {A63 ".a",                        A63 ".a"                   },
    {A63 "a.a",                       NULL                       },
    {A63 "." A63 "." A63 "." A61,     A63 "." A63 "." A63 "." A61},
    {A63 "." A63 "." A63 "." A61 ".", A63 "." A63 "." A63 "." A61},
    {A63 "." A63 "." A63 "." A61 "a", NULL                       },
    {"",                              NULL                       },
    {".",                             NULL                       },
    {"a..",                           NULL                       },
    {".a",                            NULL                       },
    {"a..b",                          NULL                       },
    {"*.a",                           NULL                       },
    {"a b",                           NULL                       },
    {"a/b",                           NULL                       },
    {"b\xc3\xbc"
     "cher.example",             NULL                       },
    {"a\\032b",                       NULL                       },
};

Test(hostname, normalise)
{
    for (size_t i = 0; i < ARRAY_LEN(hostnames); i++) {
        char out[HOSTNAME_MAX] = "untouched";
        bool ok = hostname_normalise(slice_of(hostnames[i].text), out);
        cr_expect_eq(ok, hostnames[i].name != NULL, "%s", hostnames[i].text);
        cr_expect_str_eq(out, hostnames[i].name ? hostnames[i].name : "untouched");
    }
    char out[HOSTNAME_MAX];
    cr_expect_not(hostname_normalise(slice_make("a\0b", 3), out));
}

/* U-labels, as the IDNA 2008 tables and UTS #46 have them. */
static const struct {
    const char *text, *want;
} written[] = {
    {"Mx.Example.", "mx.example"},
    {"b\xc3\xbc" "cher.example", "xn--bcher-kva.example"},
    {"B\xc3\x9c" "CHER.EXAMPLE", "xn--bcher-kva.example"},
    {"bu\xcc\x88" "cher.example", "xn--bcher-kva.example"}, /* not composed */
    {"fa\xc3\x9f.example", "xn--fa-hia.example"},          /* not "fass" */
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"\xe4\xbe\x8b\xe3\x81\x88.example", "xn--r8jz45g.example"},
    {"\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82" "example", "xn--r8jz45g.example"}, /* ideographic full stop */
    {"\xc3.example", NULL},             /* broken UTF-8 */
    {"\xe2\x98\x83 .example", NULL},    /* a blank */
    {"\xe2\x80\x8e" "a.example", NULL}, /* a mark that changes direction */
    {"\xc3\xbc..example", NULL},
    {"", NULL},
};

Test(ip, names_that_people_write)
{
    for (size_t i = 0; i < ARRAY_LEN(written); i++) {
        char out[HOSTNAME_MAX] = "";
        bool ok = hostname_from_person(slice_of(written[i].text), out);
        cr_expect_eq(ok, written[i].want != NULL, "\"%s\" gave \"%s\"", written[i].text, out);
        cr_expect_str_eq(out, written[i].want ? written[i].want : "", "\"%s\"", written[i].text);
    }
    char out[HOSTNAME_MAX];
    cr_expect_not(hostname_from_person(slice_make("\xc3\xbc\0b", 4), out));
}
