/* Wrong configurations and exactly what is said about them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "tests/config/scratch.h"

/* Two lines that are right; what a row adds begins in line 3. */
#define RIGHT "hostname: a.example\nlisteners: {l: {bind: \"127.0.0.1:2525\"}}\n"
#define AT    "danelaw.yaml:"

TestSuite(mistakes, .init = scratch_enter, .fini = scratch_leave);

/* Laid out by hand. */
/* clang-format off */
static const struct row {
    const char *name, *text, *said;
} rows[] = {
    {"nothing at all", "",
     AT "1:1: \"hostname\" is required\n" AT "1:1: at least one listener is required\n"},
    {"only a comment", "# later\n",
     AT "1:1: \"hostname\" is required\n" AT "1:1: at least one listener is required\n"},
    {"no hostname", "listeners: {l: {bind: \"127.0.0.1:25\"}}\n",
     AT "1:1: \"hostname\" is required\n"},
    {"no listener", "hostname: a.example\nlisteners: {}\n",
     AT "1:1: at least one listener is required\n"},
    {"listeners of nothing", "hostname: a.example\nlisteners:\n",
     AT "1:1: at least one listener is required\n"},

    {"unknown, near", RIGHT "deliveri: {}\n",
     AT "3:1: unknown option \"deliveri\" (did you mean \"delivery\"?)\n"},
    {"unknown, far", RIGHT "zebra: 1\n", AT "3:1: unknown option \"zebra\"\n"},
    {"unknown in a listener", "hostname: a.example\nlisteners:\n  lan:\n    bnid: \"[::1]:25\"\n",
     AT "3:3: \"bind\" in listener \"lan\" is required\n" AT
        "4:5: unknown option \"bnid\" in listener \"lan\" (did you mean \"bind\"?)\n"},
    {"unknown in nested timeouts", RIGHT "delivery:\n  timeouts:\n    tsl: 3s\n",
     AT "5:5: unknown option \"tsl\" in timeouts of delivery (did you mean \"tls\"?)\n"},

    {"duplicate", RIGHT "hostname: b.example\n",
     AT "3:1: duplicate key \"hostname\" (first at danelaw.yaml:1:1)\n"},
    {"duplicate, nested", RIGHT "log: {level: info,\n level: debug}\n",
     AT "4:2: duplicate key \"level\" (first at danelaw.yaml:3:7)\n"},
    {"three of a kind", RIGHT "user: a\nuser: b\nuser: c\n",
     AT "4:1: duplicate key \"user\" (first at danelaw.yaml:3:1)\n" AT
        "5:1: duplicate key \"user\" (first at danelaw.yaml:3:1)\n"},
    {"a section twice", RIGHT "log: {level: info}\nlog: {format: json}\n",
     AT "4:1: duplicate key \"log\" (first at danelaw.yaml:3:1)\n"},
    {"one domain in two spellings",
     RIGHT "routes:\n  A.example: {to: mx}\n  a.EXAMPLE.: {to: mx}\n",
     AT "5:3: duplicate key \"a.EXAMPLE.\" (first at danelaw.yaml:4:3)\n"},

    {"a list for a word", RIGHT "user: [a]\n",
     AT "3:7: \"user\" must be a single value, not a list\n"},
    {"a mapping for a word", RIGHT "user: {a: b}\n",
     AT "3:7: \"user\" must be a single value, not a mapping\n"},
    {"a milter that is not there", "hostname: a.example\nmilters: {rspamd: {socket: \"unix:/x\"}}\n"
     "listeners: {l: {bind: \"[::1]:25\", milters: [rspamd, rspam]}}\n",
     AT "3:53: \"milters\" in listener \"l\" must be the name of a milter, not \"rspam\" "
        "(did you mean \"rspamd\"?)\n"},
    {"a milter twice", "hostname: a.example\nmilters: {m: {socket: \"unix:/x\"}}\n"
     "listeners: {l: {bind: \"[::1]:25\", milters: [m, m]}}\n",
     AT "3:44: \"milters\" in listener \"l\" names \"m\" twice\n"},
    {"a milter's socket", RIGHT "milters: {m: {socket: \"localhost:1\", on_error: reject}}\n",
     AT "3:23: \"socket\" in milter \"m\" must be inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or "
        "unix:/PATH, not \"localhost:1\"\n" AT "3:48: \"on_error\" in milter \"m\" must be "
        "tempfail or accept, not \"reject\"\n"},
    {"nothing for a word", RIGHT "user:\n",
     AT "3:6: \"user\" must be a single value, not nothing\n"},
    {"a word for a mapping", RIGHT "log: json\n",
     AT "3:6: log must be a mapping (name: value), not \"json\"\n"},
    {"a word for a table", RIGHT "domains: example.org\n",
     AT "3:10: \"domains\" must be a mapping of names, not \"example.org\"\n"},
    {"a word for a record", RIGHT "next_hops: {x: \"[10.0.0.1]\"}\n",
     AT "3:16: next hop \"x\" must be a mapping (name: value), not \"[10.0.0.1]\"\n"},
    {"a mapping for a list", RIGHT "status: {bind: {a: b}}\n",
     AT "3:16: \"bind\" in status must be a list, not a mapping\n"},
    {"a list in a list", RIGHT "status: {bind: [[a]]}\n",
     AT "3:17: \"bind\" in status must be a list of single values, not a list\n"},
    {"a word for a file", "just words\n",
     AT "1:1: a configuration is a mapping (name: value), not \"just words\"\n"},

    {"bool", "hostname: a.example\nlisteners: {l: {bind: \"127.0.0.1:25\", open_relay: maybe}}\n",
     AT "2:51: \"open_relay\" in listener \"l\" must be yes or no, not \"maybe\"\n"},
    {"a list's answers", "hostname: a.example\nlisteners: {l: {bind: \"127.0.0.1:25\", checks: {dnsbl: "
                         "[\"l.example=10.0.0.2\"]}}}\n",
     AT "2:56: \"dnsbl\" in checks of listener \"l\" must be a list's zone, with answers such as "
        "=127.0.0.2 or =127.0.0.2-11 behind it or none, not \"l.example=10.0.0.2\"\n"},
    {"delimiters", RIGHT "domains: {a.example: {to: mx, recipient_delimiter: x+}}\n",
     AT "3:52: \"recipient_delimiter\" in domain \"a.example\" must be characters such as + or -, not "
        "\"x+\"\n"},
    {"enum, near", RIGHT "delivery: {tls: dane_only}\n",
     AT "3:17: \"tls\" in delivery must be none, may, encrypt, dane, dane-only, verify or secure, "
        "not \"dane_only\" (did you mean \"dane-only\"?)\n"},
    {"duration", RIGHT "delivery: {retry_min: 5 minutes}\n",
     AT "3:23: \"retry_min\" in delivery must be a time such as 30s or 5m (s, m, h, d, w), not "
        "\"5 minutes\"\n"},
    {"duration, range", RIGHT "delivery: {timeouts: {dns: 0s}}\n",
     AT "3:28: \"dns\" in timeouts of delivery must be from 1s to 1d, not \"0s\"\n"},
    {"duration, overflow", RIGHT "delivery: {expire: 99999999999999999w}\n",
     AT "3:20: \"expire\" in delivery must be a time such as 30s or 5m (s, m, h, d, w), not "
        "\"99999999999999999w\"\n"},
    {"size", "hostname: a.example\nlisteners:\n  l: {bind: \"[::1]:25\", max_message_size: 50mb}\n",
     AT "3:43: \"max_message_size\" in listener \"l\" must be a size such as 50m (k, m, g), not "
        "\"50mb\"\n"},
    {"size, range",
     "hostname: a.example\nlisteners:\n  l: {bind: \"[::1]:25\", max_message_size: 1}\n",
     AT "3:43: \"max_message_size\" in listener \"l\" must be from 1k to 16g, not \"1\"\n"},
    {"integer, negative", RIGHT "delivery: {destination_concurrency: -1}\n",
     AT "3:37: \"destination_concurrency\" in delivery must be a whole number, not \"-1\"\n"},
    {"workers", RIGHT "workers: many\n",
     AT "3:10: \"workers\" must be auto or a number from 1 to 256, not \"many\"\n"},
    {"no such day", RIGHT "policies: {a.example: {tls: may, until: 2026-02-29}}\n",
     AT "3:41: \"until\" in policy \"a.example\" must be a date of the calendar, not "
        "\"2026-02-29\"\n"},
    {"half a day", RIGHT "policies: {a.example: {tls: may, until: 2026-2-9}}\n",
     AT "3:41: \"until\" in policy \"a.example\" must be a date such as 2026-12-01, not "
        "\"2026-2-9\"\n"},
    {"server", RIGHT "resolver: {forward: [\"127.0.0.1:53\"]}\n",
     AT "3:22: \"forward\" in resolver must be ADDRESS@PORT, as in \"127.0.0.1@53\", not "
        "\"127.0.0.1:53\"\n"},
    {"stub without servers", RIGHT "resolver: {stubs: {example.org: []}}\n",
     AT "3:33: stub \"example.org\" must not be empty\n"},
    {"stub with a bad name", RIGHT "resolver: {stubs: {\"a b\": \"::1@53\"}}\n",
     AT "3:20: \"a b\" in stubs must be a host name\n"},
    {"path", RIGHT "state_directory: \"\"\n",
     AT "3:18: \"state_directory\" must be a path, not \"\"\n"},
    {"a directory too deep for its socket",
     RIGHT "runtime_directory: /0123456789012345678901234567890123456789012345678901234567890123456"
           "789012345678901234567890123456789\n",
     AT "3:20: \"runtime_directory\" must be at most 90 octets long: a socket's path is short\n"},

    {"hostname, star", "hostname: \"*.example\"\nlisteners: {l: {bind: \"[::1]:25\"}}\n",
     AT "1:11: \"hostname\" must be a host name, not \"*.example\"\n"},
    {"hostname, address", "hostname: 192.0.2.1\nlisteners: {l: {bind: \"[::1]:25\"}}\n",
     AT "1:11: \"hostname\" must be a host name, not \"192.0.2.1\"\n"},
    {"a U-label that is none (a left-to-right mark)",
     RIGHT "domains: {b\xe2\x80\x8e"
           "cher.example: {to: mx}}\n",
     AT "3:11: \"b\xe2\x80\x8e"
        "cher.example\" in domains must be a domain, or \".domain\" for its subdomains\n"},
    {"audit of something else than DANE",
     RIGHT "policies: {a.example: {tls: encrypt, audit: yes}}\n",
     AT "3:45: \"audit\" in policy \"a.example\" needs tls: dane or dane-only\n"},
    {"star in domains", RIGHT "domains: {\"*\": {to: mx}}\n",
     AT "3:11: \"*\" in domains would take mail for every domain and make an open relay\n"},
    {"star inside a pattern", RIGHT "routes: {\"*.example\": {to: mx}}\n",
     AT "3:10: \"*.example\" in routes must be a domain, \".domain\" for its subdomains, or "
        "\"*\"\n"},
    {"star without quotes", RIGHT "routes:\n  *: {to: mx}\n",
     AT "4:4: YAML: while scanning an alias, did not find expected alphabetic or numeric character "
        "(a pattern needs quotes: \"*\")\n"},
    {"a listener's name", "hostname: a.example\nlisteners: {\"a b\": {bind: \"[::1]:25\"}}\n",
     AT "2:13: \"a b\" in listeners must be a name of letters, digits, '-', '_' and '.'\n"},

    {"bind without port", "hostname: a.example\nlisteners: {l: {bind: [127.0.0.1]}}\n",
     AT "2:24: \"bind\" in listener \"l\" must be an address with its port, as in "
        "\"127.0.0.1:25\", not \"127.0.0.1\"\n"},
    {"bind without port, IPv6", "hostname: a.example\nlisteners: {l: {bind: \"::\"}}\n",
     AT "2:23: \"bind\" in listener \"l\" must be an address with its port, as in \"[::1]:25\", "
        "not \"::\"\n"},
    {"bind to port 0", "hostname: a.example\nlisteners: {l: {bind: \"127.0.0.1:0\"}}\n",
     AT "2:23: \"bind\" in listener \"l\" must be ADDRESS:PORT, as in \"0.0.0.0:25\" or "
        "\"[::]:25\", not \"127.0.0.1:0\"\n"},
    {"bind to a name", "hostname: a.example\nlisteners: {l: {bind: \"localhost:25\"}}\n",
     AT "2:23: \"bind\" in listener \"l\" must be ADDRESS:PORT, as in \"0.0.0.0:25\" or "
        "\"[::]:25\", not \"localhost:25\"\n"},
    {"bind to nothing", "hostname: a.example\nlisteners: {l: {bind: []}}\n",
     AT "2:23: \"bind\" in listener \"l\" must not be empty\n"},
    {"bound twice",
     "hostname: a.example\nlisteners:\n  a: {bind: [\"[::1]:25\", \"[::1]:26\"]}\n"
     "  b: {bind: [\"[::1]:27\", \"[::1]:26\"]}\n",
     AT "4:26: \"[::1]:26\" in listener \"b\" is already bound by listener \"a\"\n"},
    {"host bits",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", clients: 10.0.0.1/8}}\n",
     AT "2:44: \"clients\" in listener \"l\" must be a network whose host bits are zero, such as "
        "10.0.0.0/8, not \"10.0.0.1/8\"\n"},

    {"prefix too long",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", clients: 10.0.0.0/33}}\n",
     AT "2:44: \"clients\" in listener \"l\" must be a network such as 10.0.0.0/8 or fd00::/8, not "
        "\"10.0.0.0/33\"\n"},

    {"open relay, IPv4",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", clients: [10.0.0.0/8, "
     "0.0.0.0/0]}}\n",
     AT "2:57: \"0.0.0.0/0\" in clients of listener \"l\" makes an open relay, on which everybody "
        "may send anywhere; if that is meant, say open_relay: yes\n"},
    {"open relay, IPv6",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", clients: \"::/0\"}}\n",
     AT "2:44: \"::/0\" in clients of listener \"l\" makes an open relay, on which everybody "
        "may send anywhere; if that is meant, say open_relay: yes\n"},
    {"open relay, said no",
     "hostname: a.example\n"
     "listeners: {l: {bind: \"[::1]:25\", open_relay: no, clients: \"::/0\"}}\n",
     AT "2:60: \"::/0\" in clients of listener \"l\" makes an open relay, on which everybody "
        "may send anywhere; if that is meant, say open_relay: yes\n"},

    {"require without identity",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", tls: require}}\n",
     AT "2:40: \"tls\" in listener \"l\" is require, which needs an identity\n"},
    {"implicit without identity",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:465\", tls: implicit}}\n",
     AT "2:41: \"tls\" in listener \"l\" is implicit, which needs an identity\n"},
    {"dangling identity",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", identity: rely, tls: require}}\n"
     "identities: {relay: {certificate_file: c, key_file: k}}\n",
     AT "2:45: \"identity\" in listener \"l\" must be the name of an identity, not \"rely\" (did "
        "you mean \"relay\"?)\n"},
    {"a second identity that dangles",
     "hostname: a.example\n"
     "listeners: {l: {bind: \"[::1]:25\", identity: [relay, spare]}}\n"
     "identities: {relay: {certificate_file: c, key_file: k}}\n",
     AT "2:53: \"identity\" in listener \"l\" must be the name of an identity, not \"spare\"\n"},
    {"one key for two certificates", RIGHT "identities: {r: {certificate_file: [c, d], key_file: k}}\n",
     AT "3:54: \"key_file\" in identity \"r\" lists 1 files and certificate_file 2: each "
        "certificate needs its key, in the same order\n"},
    {"a digest that is too short",
     "hostname: a.example\n"
     "identities: {r: {certificate_file: c, key_file: k}}\n"
     "listeners: {l: {bind: \"[::1]:25\", identity: r, client_certificates: [\"00\"]}}\n",
     AT "3:70: \"client_certificates\" in listener \"l\" must be 64 hexadecimal digits, not "
        "\"00\"\n"},
    {"client certificates without TLS",
     "hostname: a.example\n"
     "listeners:\n  l:\n    bind: \"[::1]:25\"\n    client_certificates:\n"
     "      - 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
     AT "6:7: \"client_certificates\" in listener \"l\" needs TLS: an identity, and tls other than "
        "none\n"},
    {"everybody is a proxy",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", proxy: [0.0.0.0/0]}}\n",
     AT "2:43: \"0.0.0.0/0\" in proxy of listener \"l\" lets everybody say any address and so may "
        "make an open relay; if that is meant, say open_relay: yes\n"},
    {"everybody says XCLIENT",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:25\", xclient: \"::/0\"}}\n",
     AT "2:44: \"::/0\" in xclient of listener \"l\" lets everybody say any address and so may "
        "make an open relay; if that is meant, say open_relay: yes\n"},
    {"half an identity", RIGHT "identities: {r: {key_file: k}}\n",
     AT "3:14: \"certificate_file\" in identity \"r\" is required\n"},
    {"dangling next hop, domains",
     RIGHT "domains: {a.example: {to: exchnge}}\n"
           "next_hops: {exchange: {hosts: \"[x.example]\"}}\n",
     AT "3:27: \"to\" in domain \"a.example\" must be mx or the name of a next hop, not "
        "\"exchnge\" (did you mean \"exchange\"?)\n"},
    {"dangling next hop, routes", RIGHT "routes: {\"*\": {to: smart}}\n",
     AT "3:20: \"to\" in route \"*\" must be mx or the name of a next hop, not \"smart\"\n"},
    {"a domain to nowhere", RIGHT "domains: {a.example: {}}\n",
     AT "3:11: \"to\" in domain \"a.example\" is required\n"},
    {"a policy that says nothing", RIGHT "policies:\n  a.example:\n",
     AT "4:3: \"tls\" in policy \"a.example\" is required\n"},
    {"a hop without hosts", RIGHT "next_hops: {x: {hosts: []}}\n",
     AT "3:24: \"hosts\" in next hop \"x\" must not be empty\n"},
    {"LMTP by MX", RIGHT "next_hops: {x: {hosts: a.example, protocol: lmtp}}\n",
     AT "3:24: \"a.example\" in hosts of next hop \"x\" must be [NAME]:PORT, an address or "
        "unix:/PATH: LMTP does not follow MX records\n"},
    {"LMTP on port 25", RIGHT "next_hops: {x: {hosts: \"[a.example]\", protocol: lmtp}}\n",
     AT "3:24: \"a.example\" in hosts of next hop \"x\" needs a port other than 25: LMTP is not "
        "spoken there\n"},
    {"SMTP by a local socket", RIGHT "next_hops: {x: {hosts: \"unix:/run/x\"}}\n",
     AT "3:24: a local socket in hosts of next hop \"x\" needs protocol: lmtp\n"},
    {"a relative socket", RIGHT "next_hops: {x: {hosts: \"unix:x\", protocol: lmtp}}\n", AT "3:24: \"hosts\" in next hop \"x\" must be NAME, [NAME] or an address, with :PORT if it "
        "is not 25, not \"unix:x\"\n"},
    {"half a login", RIGHT "next_hops: {x: {hosts: a.example, username: u}}\n",
     AT "3:45: username and password_file of next hop \"x\" go together\n"},
    {"a login in clear",
     RIGHT "next_hops: {x: {hosts: a.example, username: u, password_file: p, tls: may}}\n",
     AT "3:71: \"tls\" in next hop \"x\" must be encrypt or more for a login\n"},
    {"a hop called mx", RIGHT "next_hops: {mx: {hosts: a.example}}\n",
     AT "3:13: a next hop cannot be called \"mx\"\n"},
    {"a bare IPv6 host", RIGHT "next_hops: {x: {hosts: [\"2001:db8::1\"]}}\n",
     AT "3:25: \"hosts\" in next hop \"x\" must be in brackets if it is an IPv6 address: "
        "\"[2001:db8::1]:25\", not \"2001:db8::1\"\n"},
    {"a host with a bad port", RIGHT "next_hops: {x: {hosts: [\"a.example:99999\"]}}\n",
     AT "3:25: \"hosts\" in next hop \"x\" must be NAME, [NAME] or an address, with :PORT if it "
        "is not 25, not \"a.example:99999\"\n"},
    {"a host that is nearly an address", RIGHT "next_hops: {x: {hosts: 192.0.2.300}}\n",
     AT "3:24: \"hosts\" in next hop \"x\" must be NAME, [NAME] or an address, with :PORT if it "
        "is not 25, not \"192.0.2.300\"\n"},
    {"auth without users and TLS",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:587\", auth: offer}}\n",
     AT "2:42: \"auth\" in listener \"l\" is offer, which needs TLS: an identity, and tls other than none\n" AT
        "2:42: \"auth\" in listener \"l\" is offer, which needs a users_file\n"},
    {"auth where TLS is never",
     "hostname: a.example\nidentities: {i: {certificate_file: /c, key_file: /k}}\nlisteners: {l: {bind: "
     "\"[::1]:587\", identity: i, tls: none, users_file: /u, auth: require}}\n",
     AT "3:82: \"auth\" in listener \"l\" is require, which needs TLS: an identity, and tls other than none\n"},
    {"auth of another kind",
     "hostname: a.example\nlisteners: {l: {bind: \"[::1]:587\", auth: yes}}\n",
     AT "2:42: \"auth\" in listener \"l\" must be none, offer or require, not \"yes\"\n"},
    {"implicit but none",
     RIGHT "next_hops: {x: {hosts: a.example, tls: none, implicit_tls: yes}}\n",
     AT "3:60: \"implicit_tls\" in next hop \"x\" contradicts tls: none\n"},
    {"retries backwards", RIGHT "delivery: {retry_min: 5h}\n",
     AT "3:23: \"retry_min\" in delivery is more than retry_max\n"},

    {"anchor", RIGHT "user: &me bob\n",
     AT "3:7: anchor \"&me\": anchors and aliases are not supported\n"},
    {"alias", RIGHT "user: &me bob\nlog: *me\n",
     AT "3:7: anchor \"&me\": anchors and aliases are not supported\n" AT
        "4:6: alias \"*me\": anchors and aliases are not supported (a pattern needs quotes: "
        "\"*\")\n"},
    {"tag", RIGHT "user: !!str bob\n",
     AT "3:7: tag \"tag:yaml.org,2002:str\": tags are not supported, options have types\n"},
    {"two documents", RIGHT "---\nuser: bob\n",
     AT "3:1: a second document: a configuration file holds one\n"},
    {"a key that is a list", RIGHT "? [a, b]\n: c\n",
     AT "3:3: a key must be a name, not a list or a mapping\n"},
    {"too deep", RIGHT "user: [[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]\n",
     AT "3:22: lists and mappings are nested too deep\n"},
    {"syntax", RIGHT "log: {level: info\nuser: bob\n",
     AT "4:5: YAML: while parsing a flow mapping, did not find expected ',' or '}'\n"},
    {"IPv6 without quotes", RIGHT "status: {bind: [::]:25}\n",
     AT
     "3:17: YAML: while parsing a flow node, did not find expected node content (an IPv6 address "
     "needs quotes: \"[::]:25\", \"::/0\")\n"},
    {"tab", RIGHT "log:\n\tlevel: info\n",
     AT "4:1: YAML: while scanning for the next token, found character that cannot start any "
        "token\n"},
    {"not UTF-8", RIGHT "user: \xff\n", AT "3:7: not UTF-8 text: invalid leading UTF-8 octet\n"},
    {"NUL", RIGHT "user: \"a\\0b\"\n", AT "3:7: a text with a NUL octet in it\n"},
    {"escapes cannot reach the terminal", RIGHT "user: \"a\\e[31m\"\n",
     AT "3:7: \"user\" must be a name, not \"a?[31m\"\n"},
};

/* clang-format on */

Test(mistakes, are_told_exactly)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config *c;
        char *said = scratch_load(rows[i].text, &c);
        cr_expect_str_eq(said, rows[i].said, "%s:\n%s   wanted:\n%s", rows[i].name, said,
                         rows[i].said);
        free(said);
        config_unref(&c);
    }
    scratch_check_leaks();
}

/* Ten mistakes of ten kinds, one run. */
Test(mistakes, ten_at_once)
{
    static const char text[] = "hostname: relay..example\n"
                               "listeners:\n"
                               "  lan:\n"
                               "    bind: [0.0.0.0]\n"
                               "    bnid: \"0.0.0.0:25\"\n"
                               "    clients: [0.0.0.0/0]\n"
                               "    identity: relay\n"
                               "    max_connections: lots\n"
                               "domains:\n"
                               "  example.org: {to: exchange}\n"
                               "  example.org: {to: mx}\n"
                               "delivery:\n"
                               "  tls: dain\n"
                               "  retry_min: 5x\n"
                               "  timeouts: 30s\n";
    static const char *const starts[] = {AT "1:11: \"hostname\"",
                                         AT "4:12: \"bind\"",
                                         AT "5:5: unknown option \"bnid\"",
                                         AT "6:15: \"0.0.0.0/0\"",
                                         AT "7:15: \"identity\"",
                                         AT "8:22: \"max_connections\"",
                                         AT "10:21: \"to\"",
                                         AT "11:3: duplicate key",
                                         AT "13:8: \"tls\"",
                                         AT "14:14: \"retry_min\"",
                                         AT "15:13: timeouts of delivery must be a mapping"};
    struct config *c;
    char *said = scratch_load(text, &c);
    const char *line = said;

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        cr_assert_eq(strncmp(line, starts[i], strlen(starts[i])), 0, "line %zu: %s", i, line);
        line = strchr(line, '\n') + 1;
    }
    cr_expect_str_empty(line, "more than was wanted: %s", line);
    free(said);
    scratch_check_leaks();
}

Test(mistakes, are_bounded)
{
    struct buf text;
    struct config *c;
    size_t lines = 0;

    buf_init(&text, 1 << 20);
    cr_assert(buf_append(&text, SLICE(RIGHT)));
    for (int i = 0; i < 1000; i++)
        cr_assert(buf_printf(&text, "unknown_%d: x\n", i));
    char *said = scratch_load(buf_cstr(&text), &c);
    for (const char *p = said; (p = strchr(p, '\n')); p++)
        lines++;
    cr_expect_eq(lines, LIMIT_CONFIG_ERRORS + 1);
    cr_expect_not_null(strstr(said, "danelaw.yaml: and 900 more mistakes\n"));
    free(said);
    buf_free(&text);
}

Test(mistakes, small_error_buffer_is_no_trouble)
{
    struct buf errors;
    struct config *c = NULL;

    scratch_write("danelaw.yaml", "a: b\nc: d\n");
    buf_init(&errors, 50);
    cr_expect_not(config_load("danelaw.yaml", &errors, &c));
    cr_expect_null(c);
    cr_expect_leq(errors.n, 50);
    buf_free(&errors);
}

static void expect_load_error(const char *file, const char *wanted)
{
    struct buf errors;
    struct config *c = NULL;

    buf_init(&errors, 4096);
    cr_expect_not(config_load(file, &errors, &c));
    cr_expect_null(c);
    cr_expect_str_eq(buf_cstr(&errors), wanted);
    buf_free(&errors);
}

Test(mistakes, unreadable_files)
{
    struct buf text;

    expect_load_error("none.yaml", "none.yaml: cannot be read: No such file or directory\n");
    expect_load_error("/", "/: cannot be read: Is a directory\n");
    if (getuid() != 0) {
        scratch_write("secret.yaml", RIGHT);
        cr_assert_eq(chmod("secret.yaml", 0), 0);
        expect_load_error("secret.yaml", "secret.yaml: cannot be read: Permission denied\n");
    }
    buf_init(&text, LIMIT_CONFIG_FILE + 100);
    cr_assert(buf_append(&text, SLICE(RIGHT "# ")));
    while (text.n <= LIMIT_CONFIG_FILE)
        cr_assert(buf_append_byte(&text, 'x'));
    scratch_write("big.yaml", buf_cstr(&text));
    expect_load_error("big.yaml",
                      "big.yaml: cannot be read: it is too large for a configuration\n");
    buf_free(&text);
    scratch_check_leaks();
}
