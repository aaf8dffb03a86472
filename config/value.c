#include "config/value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *value_bool(struct slice s, bool *out_value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"yes",   true },
        {"no",    false},
        {"true",  true },
        {"on",    true },
        {"false", false},
        {"off",   false}
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_caseeq(s, slice_of(words[i].word))) {
            *out_value = words[i].value;
            return NULL;
        }
    }
    return "yes or no";
}

struct unit {
    char letter;
    uint64_t factor;
};

/* Digits with at most one unit's letter behind them. */
static bool parse_with_unit(struct slice s, const struct unit *units, size_t n, uint64_t bare,
                            uint64_t *out_value)
{
    uint64_t number, factor = bare;

    for (size_t i = 0; s.n && i < n; i++) {
        if (s.p[s.n - 1] == units[i].letter) {
            factor = units[i].factor;
            s.n--;
            break;
        }
    }
    return slice_to_u64(s, INT64_MAX, &number) &&
           !__builtin_mul_overflow(number, factor, &number) && number <= INT64_MAX &&
           (*out_value = number, true);
}

const char *value_size(struct slice s, uint64_t *out_octets)
{
    static const struct unit units[] = {
        {'k', 1u << 10},
        {'m', 1u << 20},
        {'g', 1u << 30},
        {'K', 1u << 10},
        {'M', 1u << 20},
        {'G', 1u << 30}
    };

    if (parse_with_unit(s, units, ARRAY_LEN(units), 1, out_octets))
        return NULL;
    return "a size such as 50m (k, m, g)";
}

const char *value_duration(struct slice s, int64_t *out_ms)
{
    static const struct unit units[] = {
        {'s', 1000     },
        {'m', 60000    },
        {'h', 3600000  },
        {'d', 86400000 },
        {'w', 604800000}
    };
    uint64_t ms;

    if (!parse_with_unit(s, units, ARRAY_LEN(units), 1000, &ms))
        return "a time such as 30s or 5m (s, m, h, d, w)";
    *out_ms = (int64_t)ms;
    return NULL;
}

const char *value_integer(struct slice s, uint64_t *out_value)
{
    return slice_to_u64(s, INT64_MAX, out_value) ? NULL : "a whole number";
}

/* YYYY-MM-DD and nothing else. */
static bool parse_day(struct slice s, struct tm *tm)
{
    uint64_t year, month, day;

    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
        !slice_to_u64(slice_make(s.p, 4), 9999, &year) ||
        !slice_to_u64(slice_make(s.p + 5, 2), 12, &month) ||
        !slice_to_u64(slice_make(s.p + 8, 2), 31, &day) || year < 1970)
        return false;
    *tm = (struct tm){.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    return true;
}

const char *value_date(struct slice s, int64_t *out_ms)
{
    struct tm tm, same;

    if (!parse_day(s, &tm))
        return "a date such as 2026-12-01";
    same = tm;
    time_t start = timegm(&same); /* turns 31 February into a day in March */
    if (same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday)
        return "a date of the calendar";
    *out_ms = ((int64_t)start + 86400) * 1000 - 1;
    return NULL;
}

/* No top level domain is a number (RFC 3696 §2): such a name is an address with a slip in it. */
static bool ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    return strspn(last, "0123456789") == strlen(last);
}

const char *value_host(struct slice s, char out[HOSTNAME_MAX])
{
    char name[HOSTNAME_MAX];

    if (!hostname_from_person(s, name) || ends_in_number(name))
        return "a host name";
    memcpy(out, name, sizeof(name));
    return NULL;
}

const char *value_endpoint(struct slice s, struct ip_port *out_addr)
{
    struct ip_port addr;
    struct ip ip;

    if (ip_parse_port(s, &addr) && addr.port) {
        *out_addr = addr;
        return NULL;
    }
    if (ip_parse(s, &ip))
        return ip.v6 ? "an address with its port, as in \"[::1]:25\""
                     : "an address with its port, as in \"127.0.0.1:25\"";
    return "ADDRESS:PORT, as in \"0.0.0.0:25\" or \"[::]:25\"";
}

static int hex_digit(char c)
{
    char low = ascii_lower(c);

    if (ascii_is_digit(c))
        return c - '0';
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

const char *value_digest(struct slice s, uint8_t out[32])
{
    uint8_t digest[32];

    if (s.n != 2 * sizeof(digest))
        return "64 hexadecimal digits";
    for (size_t i = 0; i < sizeof(digest); i++) {
        int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return "64 hexadecimal digits";
        digest[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, digest, sizeof(digest));
    return NULL;
}

const char *value_network(struct slice s, struct ip_net *out_net)
{
    size_t slash = slice_find(s, '/');
    uint64_t bits;
    struct ip ip;

    if (ip_parse_net(s, out_net))
        return NULL;
    if (ip_parse(slice_head(s, slash), &ip) &&
        slice_to_u64(slice_skip(s, slash + 1), ip.v6 ? 128 : 32, &bits))
        return "a network whose host bits are zero, such as 10.0.0.0/8";
    return "a network such as 10.0.0.0/8 or fd00::/8";
}

const char *value_server(struct slice s, char out[IP_TEXT_MAX + 8])
{
    size_t at = slice_find(s, '@');
    char text[IP_TEXT_MAX];
    uint64_t port = 53;
    struct ip ip;

    if (!ip_parse(slice_head(s, at), &ip) ||
        (at < s.n && (!slice_to_u64(slice_skip(s, at + 1), 65535, &port) || port == 0)))
        return "ADDRESS@PORT, as in \"127.0.0.1@53\"";
    (void)snprintf(out, IP_TEXT_MAX + 8, "%s@%u", ip_text(&ip, text), (unsigned)port);
    return NULL;
}

/* sun_path; no relative path: the processes of a daemon have another working directory. */
static bool socket_path(struct slice path, char out_path[VALUE_SOCKET_MAX])
{
    return path.n > 1 && path.p[0] == '/' && slice_copy(path, out_path, VALUE_SOCKET_MAX);
}

const char *value_milter_socket(struct slice s, struct milter_socket *out_socket,
                                char path[VALUE_SOCKET_MAX])
{
    static const char wanted[] = "inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or unix:/PATH";
    bool v6 = slice_starts(s, SLICE("inet6:"));
    struct slice rest = slice_skip(s, slice_find(s, ':') + 1);
    struct milter_socket socket = {0};

    *path = '\0';
    if (slice_starts(s, SLICE("unix:"))) {
        *out_socket = (struct milter_socket){0};
        return socket_path(rest, path) ? NULL : wanted;
    }
    if (!v6 && !slice_starts(s, SLICE("inet:")))
        return wanted;
    if (!ip_parse_port(rest, &socket.addr) || socket.addr.port == 0 || socket.addr.ip.v6 != v6)
        return wanted;
    *out_socket = socket;
    return NULL;
}

static const char hop_wanted[] = "NAME, [NAME] or an address, with :PORT if it is not 25";

/* "[host]:port", "host:port" to its parts; a missing port is 25. */
static const char *split_hop(struct slice s, bool *out_bracketed, struct slice *out_host,
                             uint16_t *out_port)
{
    bool bracketed = s.n && s.p[0] == '[';
    size_t end = bracketed ? slice_find(s, ']') : slice_find(s, ':');
    struct slice rest = slice_skip(s, bracketed ? end + 1 : end);
    uint64_t port = 25;

    if (bracketed && end == s.n)
        return hop_wanted;
    if (rest.n && (rest.p[0] != ':' || !slice_to_u64(slice_skip(rest, 1), 65535, &port) || !port))
        return slice_find(slice_skip(rest, 1), ':') < rest.n - 1 && !bracketed
                   ? "in brackets if it is an IPv6 address: \"[2001:db8::1]:25\""
                   : hop_wanted;
    *out_bracketed = bracketed;
    *out_host = bracketed ? slice_make(s.p + 1, end - 1) : slice_head(s, end);
    *out_port = (uint16_t)port;
    return NULL;
}

const char *value_hop_host(struct slice s, struct hop_host *out_host, char name[HOSTNAME_MAX])
{
    struct hop_host host = {0};
    struct slice text;
    char ip[IP_TEXT_MAX];
    bool bracketed;

    if (slice_starts(s, SLICE("unix:"))) {
        *out_host = (struct hop_host){.is_local = true};
        return socket_path(slice_skip(s, 5), name) ? NULL : hop_wanted;
    }
    const char *wanted = split_hop(s, &bracketed, &text, &host.port);
    if (wanted)
        return wanted;
    host.is_address = ip_parse(text, &host.ip);
    if (host.is_address) {
        (void)slice_copy(slice_of(ip_text(&host.ip, ip)), name, HOSTNAME_MAX);
    } else if (value_host(text, name)) {
        return hop_wanted;
    }
    host.mx_lookup = !bracketed && !host.is_address;
    host.implicit_tls = host.port == 465;
    *out_host = host;
    return NULL;
}

const char *value_pattern(struct slice s, bool star, char out[HOSTNAME_MAX + 1])
{
    size_t dot = s.n && s.p[0] == '.';
    char name[HOSTNAME_MAX];

    if (star && slice_eq(s, SLICE("*"))) {
        (void)slice_copy(s, out, HOSTNAME_MAX + 1);
        return NULL;
    }
    if (value_host(slice_skip(s, dot), name))
        return star ? "a domain, \".domain\" for its subdomains, or \"*\""
                    : "a domain, or \".domain\" for its subdomains";
    (void)snprintf(out, HOSTNAME_MAX + 1, "%s%s", dot ? "." : "", name);
    return NULL;
}

const char *value_label(struct slice s)
{
    bool ok = s.n > 0 && s.n <= 63 && ascii_is_alnum(s.p[0]);

    for (size_t i = 0; ok && i < s.n; i++)
        ok = ascii_is_alnum(s.p[i]) || s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '.';
    return ok ? NULL : "a name of letters, digits, '-', '_' and '.'";
}

static uint32_t as_number(const struct ip *ip)
{
    return (uint32_t)ip->a[0] << 24 | (uint32_t)ip->a[1] << 16 | (uint32_t)ip->a[2] << 8 | ip->a[3];
}

/* "127.0.0.2", "127.0.0.2-11": the range is of the last octet. */
static bool parse_listed(struct slice s, struct dnsbl_config *out)
{
    size_t dash = slice_find(s, '-');
    uint64_t last;
    struct ip ip;

    if (!ip_parse(slice_head(s, dash), &ip) || ip.v6 || ip.a[0] != 127)
        return false;
    out->filtered = true;
    out->first = out->last = as_number(&ip);
    if (dash == s.n)
        return true;
    if (!slice_to_u64(slice_skip(s, dash + 1), 255, &last) || last < ip.a[3])
        return false;
    out->last = (out->first & ~UINT32_C(255)) | (uint32_t)last;
    return true;
}

const char *value_dnsbl(struct slice s, struct dnsbl_config *out_list, char zone[HOSTNAME_MAX])
{
    size_t equals = slice_find(s, '=');
    struct dnsbl_config list = {.zone = NULL};

    if (value_host(slice_head(s, equals), zone) ||
        (equals < s.n && !parse_listed(slice_skip(s, equals + 1), &list)))
        return "a list's zone, with answers such as =127.0.0.2 or =127.0.0.2-11 behind it or none";
    *out_list = list;
    return NULL;
}
