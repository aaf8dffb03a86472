#include "config/schema.h"

static const char *const tls_levels[] = {
    [TLS_LEVEL_NONE] = "none",           [TLS_LEVEL_MAY] = "may",
    [TLS_LEVEL_ENCRYPT] = "encrypt",     [TLS_LEVEL_DANE] = "dane",
    [TLS_LEVEL_DANE_ONLY] = "dane-only", [TLS_LEVEL_VERIFY] = "verify",
    [TLS_LEVEL_SECURE] = "secure",       NULL};

static const char *const listener_tls[] = {[LISTENER_TLS_NONE] = "none",
                                           [LISTENER_TLS_MAY] = "may",
                                           [LISTENER_TLS_REQUIRE] = "require",
                                           [LISTENER_TLS_IMPLICIT] = "implicit",
                                           NULL};

static const char *const protocols[] = {[HOP_SMTP] = "smtp", [HOP_LMTP] = "lmtp", NULL};

static const char *const listener_auth[] = {[LISTENER_AUTH_NONE] = "none",
                                            [LISTENER_AUTH_OFFER] = "offer",
                                            [LISTENER_AUTH_REQUIRE] = "require",
                                            NULL};

static const char *const newlines[] = {
    [BARE_NEWLINE_REJECT] = "reject", [BARE_NEWLINE_CONVERT] = "convert", NULL};

static const char *const milter_on_error[] = {
    [MILTER_FAILS_MAIL] = "tempfail", [MILTER_IS_PASSED] = "accept", NULL};

static const char *const check_modes[] = {
    [CHECK_OFF] = "off", [CHECK_LOG] = "log", [CHECK_REQUIRE] = "require", NULL};

static const char *const log_formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", NULL};

static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info",         [LOG_WARNING] = "warning",
    [LOG_ERROR] = "error", [LOG_CRITICAL] = "critical", NULL};

/* No host that the Internet's MX records may name has such an address (the registries of RFC 6890):
 * this host, private, shared (RFC 6598), loopback, link-local (with clouds' metadata servers),
 * protocol assignments, benchmarks, multicast, reserved and broadcast; in IPv6 unspecified,
 * loopback and IPv4-compatible, NAT64 (RFC 6052 §3.1: an IPv4 address in disguise would pass this
 * very list), local NAT64 (RFC 8215), discard, unique-local, link-local, site-local, multicast.
 * IPv4-mapped addresses are IPv4 here. */
#define NOT_PUBLIC                                                                                 \
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "    \
    "192.168.0.0/16 198.18.0.0/15 224.0.0.0/4 240.0.0.0/4 ::/96 64:ff9b::/96 64:ff9b:1::/48 "      \
    "100::/64 fc00::/7 fe80::/10 fec0::/10 ff00::/8"

#define TOP(field)      offsetof(struct config, field)
#define IDENTITY(field) offsetof(struct identity_config, field)
#define HOP(field)      offsetof(struct next_hop_config, field)
#define MILTER(field)   offsetof(struct milter_config, field)
#define LISTENER(field) offsetof(struct listener_config, field)
#define DOMAIN(field)   offsetof(struct domain_config, field)
#define ROUTE(field)    offsetof(struct route_config, field)
#define POLICY(field)   offsetof(struct policy_config, field)
#define DELIVERY(field) offsetof(struct delivery_config, field)
#define RESOLVER(field) offsetof(struct resolver_config, field)
#define STUB(field)     offsetof(struct resolver_stub, field)

/* One row per option, laid out by hand. */
/* clang-format off */
static const struct option options[] = {
    {IN_TOP, "include", OPT_INCLUDE, .help = "more files, by name or pattern"},
    {IN_TOP, "hostname", OPT_HOSTNAME, TOP(hostname), .required = true,
     .help = "name in EHLO, greeting, Received and Message-ID"},
    {IN_TOP, "state_directory", OPT_PATH, TOP(state_directory), .fallback = "/var/lib/danelaw",
     .help = "queue.db and what else must last"},
    {IN_TOP, "runtime_directory", OPT_PATH, TOP(runtime_directory), .fallback = "/run/danelaw",
     .help = "control.sock"},
    {IN_TOP, "user", OPT_WORD, TOP(user), .fallback = "danelaw",
     .help = "account to become once the sockets are bound, when started as root"},
    {IN_TOP, "identities", OPT_TABLE, TOP(identities), TOP(n_identities), .inside = IN_IDENTITY,
     .help = "certificates with their keys"},
    {IN_TOP, "next_hops", OPT_TABLE, TOP(next_hops), TOP(n_next_hops), .inside = IN_NEXT_HOP,
     .help = "servers that mail is sent to by name"},
    {IN_TOP, "milters", OPT_TABLE, TOP(milters), TOP(n_milters), .inside = IN_MILTER,
     .help = "mail filters, by name"},
    {IN_TOP, "listeners", OPT_TABLE, TOP(listeners), TOP(n_listeners), .inside = IN_LISTENER,
     .help = "where mail comes in"},
    {IN_TOP, "domains", OPT_TABLE, TOP(domains), TOP(n_domains), .inside = IN_DOMAIN,
     .help = "recipient domains accepted from anyone"},
    {IN_TOP, "routes", OPT_TABLE, TOP(routes), TOP(n_routes), .inside = IN_ROUTE,
     .help = "where mail for other domains goes; the longest match wins"},
    {IN_TOP, "policies", OPT_TABLE, TOP(policies), TOP(n_policies), .inside = IN_POLICY,
     .help = "outbound security by recipient domain; the longest match wins"},
    {IN_TOP, "delivery", OPT_SECTION, TOP(delivery), .inside = IN_DELIVERY,
     .help = "how mail goes out"},
    {IN_TOP, "resolver", OPT_SECTION, TOP(resolver), .inside = IN_RESOLVER,
     .help = "DNS and its validation"},
    {IN_TOP, "status", OPT_SECTION, 0, .inside = IN_STATUS, .help = "the HTTP status process"},
    {IN_TOP, "workers", OPT_WORKERS, TOP(workers), .least = "1", .most = "256", .fallback = "auto",
     .help = "threads for SMTP sessions; auto: one per core"},
    {IN_TOP, "log", OPT_SECTION, 0, .inside = IN_LOG, .help = "events on standard error"},

    {IN_IDENTITY, "certificate_file", OPT_PATHS, IDENTITY(certificate_files),
     IDENTITY(n_certificate_files), .required = true,
     .help = "PEM, the server's certificate first, then its chain; several: one per kind of key"},
    {IN_IDENTITY, "key_file", OPT_PATHS, IDENTITY(key_files), IDENTITY(n_key_files),
     .required = true, .help = "PEM, in the order of certificate_file"},

    {IN_NEXT_HOP, "hosts", OPT_HOSTS, HOP(hosts), HOP(n_hosts), .required = true,
     .help = "in order of preference: NAME is looked up by MX, [NAME] or an address is not"},
    {IN_NEXT_HOP, "tls", OPT_ENUM, HOP(tls), .written_at = HOP(has_tls), .choices = tls_levels,
     .help = "security towards this hop; unsaid: delivery.tls"},
    {IN_NEXT_HOP, "implicit_tls", OPT_BOOL, HOP(implicit_tls),
     .written_at = HOP(has_implicit_tls), .help = "TLS at once; unsaid: on port 465"},
    {IN_NEXT_HOP, "protocol", OPT_ENUM, HOP(protocol), .choices = protocols, .fallback = "smtp",
     .help = "lmtp: a mail store, by [NAME]:PORT, an address with its port or unix:/PATH"},
    {IN_NEXT_HOP, "username", OPT_WORD, HOP(username),
     .help = "log in by SCRAM-SHA-256, PLAIN or LOGIN; needs password_file and authenticated TLS"},
    {IN_NEXT_HOP, "password_file", OPT_PATH, HOP(password_file), .help = "its first line"},
    {IN_NEXT_HOP, "chunking", OPT_BOOL, HOP(chunking), .fallback = "no",
     .help = "BDAT instead of DATA where it is offered"},

    {IN_MILTER, "socket", OPT_MILTER_SOCKET, MILTER(socket), .required = true,
     .help = "inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or unix:PATH"},
    {IN_MILTER, "on_error", OPT_ENUM, MILTER(on_error), .choices = milter_on_error,
     .fallback = "tempfail", .help = "what happens to mail that the filter could not judge"},
    {IN_MILTER, "timeouts", OPT_SECTION, 0, .inside = IN_MILTER_TIMEOUTS,
     .help = "patience with the filter"},

    {IN_MILTER_TIMEOUTS, "connect", OPT_DURATION, MILTER(timeout_connect_ms), .least = "1s",
     .most = "1h", .fallback = "10s", .help = "until it has taken the connection"},
    {IN_MILTER_TIMEOUTS, "command", OPT_DURATION, MILTER(timeout_command_ms), .least = "1s",
     .most = "1h", .fallback = "30s", .help = "for its answer to one command"},
    {IN_MILTER_TIMEOUTS, "content", OPT_DURATION, MILTER(timeout_content_ms), .least = "1s",
     .most = "1h", .fallback = "5m", .help = "for its answer to each part of the content"},

    {IN_LISTENER, "bind", OPT_ENDPOINTS, LISTENER(bind), LISTENER(n_bind), .required = true,
     .help = "addresses with their ports"},
    {IN_LISTENER, "clients", OPT_NETWORKS, LISTENER(clients), LISTENER(n_clients),
     .help = "networks that may relay anywhere; empty: nobody, only our domains"},
    {IN_LISTENER, "open_relay", OPT_BOOL, LISTENER(open_relay), .fallback = "no",
     .help = "clients may hold everybody"},
    {IN_LISTENER, "identity", OPT_IDENTITIES, LISTENER(identities), LISTENER(n_identities),
     .help = "certificates for TLS; none: STARTTLS is not offered; several: the first is the "
             "default, others are chosen by SNI"},
    {IN_LISTENER, "client_certificates", OPT_DIGESTS, LISTENER(client_keys),
     LISTENER(n_client_keys),
     .help = "SHA-256 of public keys, as in TLSA 3 1 1, whose owners may relay anywhere"},
    {IN_LISTENER, "proxy", OPT_NETWORKS, LISTENER(proxies), LISTENER(n_proxies),
     .help = "networks of proxies, which must send the PROXY header (version 1 or 2) first"},
    {IN_LISTENER, "xclient", OPT_NETWORKS, LISTENER(xclients), LISTENER(n_xclients),
     .help = "networks that may say by XCLIENT for whom they speak"},
    {IN_LISTENER, "tls", OPT_ENUM, LISTENER(tls), .choices = listener_tls, .fallback = "may",
     .help = "whether clients use TLS"},
    {IN_LISTENER, "auth", OPT_ENUM, LISTENER(auth), .choices = listener_auth, .fallback = "none",
     .help = "whether clients authenticate, inside TLS; who has may relay anywhere"},
    {IN_LISTENER, "users_file", OPT_PATH, LISTENER(users_file),
     .help = "who may authenticate, as `danelaw passwd` writes it"},
    {IN_LISTENER, "bare_newline", OPT_ENUM, LISTENER(bare_newline), .choices = newlines,
     .fallback = "reject", .help = "what happens to a bare LF in content; convert: old devices"},
    {IN_LISTENER, "milters", OPT_MILTERS, LISTENER(milters), LISTENER(n_milters),
     .help = "filters in the order in which they see the mail"},
    {IN_LISTENER, "max_message_size", OPT_SIZE, LISTENER(max_message_size), .least = "1k",
     .most = "16g", .fallback = "50m", .help = "octets of one message"},
    {IN_LISTENER, "max_connections", OPT_INTEGER, LISTENER(max_connections), .least = "1",
     .most = "1000000", .fallback = "1000", .help = "open at once, all clients"},
    {IN_LISTENER, "max_connections_per_client", OPT_INTEGER, LISTENER(max_connections_per_client),
     .least = "1", .most = "1000000", .fallback = "50", .help = "open at once, one client"},
    {IN_LISTENER, "timeouts", OPT_SECTION, 0, .inside = IN_LISTENER_TIMEOUTS,
     .help = "patience with clients"},
    {IN_LISTENER, "limits", OPT_SECTION, 0, .inside = IN_LISTENER_LIMITS,
     .help = "what one client may ask for"},
    {IN_LISTENER, "checks", OPT_SECTION, 0, .inside = IN_LISTENER_CHECKS,
     .help = "what DNS says of clients that may not relay; asked at RCPT"},

    {IN_LISTENER_TIMEOUTS, "command", OPT_DURATION, LISTENER(timeout_command_ms), .least = "1s",
     .most = "1d", .fallback = "5m", .help = "for the next command"},
    {IN_LISTENER_TIMEOUTS, "data", OPT_DURATION, LISTENER(timeout_data_ms), .least = "1s",
     .most = "1d", .fallback = "5m", .help = "for the next octets of content"},
    {IN_LISTENER_TIMEOUTS, "tls", OPT_DURATION, LISTENER(timeout_tls_ms), .least = "1s",
     .most = "1d", .fallback = "30s", .help = "for the handshake"},

    {IN_LISTENER_LIMITS, "connections_per_minute", OPT_INTEGER,
     LISTENER(limits.per_client[RATE_CONNECTIONS]), .least = "0", .most = "1000000", .fallback = "600",
     .help = "accepted from one address (IPv6: /64); 0: any number"},
    {IN_LISTENER_LIMITS, "messages_per_minute", OPT_INTEGER,
     LISTENER(limits.per_client[RATE_MESSAGES]), .least = "0", .most = "1000000", .fallback = "1200",
     .help = "begun by one address (IPv6: /64); 0: any number"},
    {IN_LISTENER_LIMITS, "recipients_per_minute", OPT_INTEGER,
     LISTENER(limits.per_client[RATE_RECIPIENTS]), .least = "0", .most = "1000000", .fallback = "12000",
     .help = "accepted from one address (IPv6: /64); 0: any number"},
    {IN_LISTENER_LIMITS, "network_connections_per_minute", OPT_INTEGER,
     LISTENER(limits.per_network[RATE_CONNECTIONS]), .least = "0", .most = "1000000", .fallback = "2400",
     .help = "accepted from one /24 (IPv6: /48); 0: any number"},
    {IN_LISTENER_LIMITS, "network_messages_per_minute", OPT_INTEGER,
     LISTENER(limits.per_network[RATE_MESSAGES]), .least = "0", .most = "1000000", .fallback = "4800",
     .help = "begun by one /24 (IPv6: /48); 0: any number"},
    {IN_LISTENER_LIMITS, "network_recipients_per_minute", OPT_INTEGER,
     LISTENER(limits.per_network[RATE_RECIPIENTS]), .least = "0", .most = "1000000", .fallback = "48000",
     .help = "accepted from one /24 (IPv6: /48); 0: any number"},
    {IN_LISTENER_LIMITS, "exempt_clients", OPT_BOOL, LISTENER(limits.exempt_clients),
     .fallback = "yes", .help = "the listener's clients have no rates"},
    {IN_LISTENER_LIMITS, "errors", OPT_INTEGER, LISTENER(limits.errors), .least = "1",
     .most = "1000", .fallback = "20", .help = "since the last message; then 421"},
    {IN_LISTENER_LIMITS, "junk_commands", OPT_INTEGER, LISTENER(limits.junk_commands),
     .least = "1", .most = "100000", .fallback = "100",
     .help = "commands without use since the last message; then 421"},
    {IN_LISTENER_LIMITS, "error_delay", OPT_DURATION, LISTENER(limits.error_delay_ms),
     .least = "0s", .most = "1m", .fallback = "1s",
     .help = "for the reply to each error past half of them, growing by as much; 0: none"},
    {IN_LISTENER_LIMITS, "data_rate", OPT_INTEGER, LISTENER(limits.data_rate), .least = "0",
     .most = "1000000", .fallback = "500", .help = "octets per second of content at least"},
    {IN_LISTENER_LIMITS, "overload_at", OPT_INTEGER, LISTENER(limits.overload_at), .least = "1",
     .most = "100", .fallback = "90",
     .help = "percent of max_connections or of descriptors in use from which patience is short"},

    {IN_LISTENER_CHECKS, "dnsbl", OPT_DNSBL, LISTENER(checks.dnsbl), LISTENER(checks.n_dnsbl),
     .help = "lists of addresses that are refused: ZONE, or ZONE=127.0.0.2-11 for these answers only"},
    {IN_LISTENER_CHECKS, "client_name", OPT_ENUM, LISTENER(checks.client_name),
     .choices = check_modes, .fallback = "off",
     .help = "whether the client's address has a name that leads back to it"},
    {IN_LISTENER_CHECKS, "helo", OPT_ENUM, LISTENER(checks.helo), .choices = check_modes,
     .fallback = "off", .help = "whether the name in HELO has an address"},

    {IN_DOMAIN, "to", OPT_ROUTE_TO, DOMAIN(to), .required = true,
     .help = "mx, or a next hop's name"},
    {IN_DOMAIN, "recipients_file", OPT_PATH, DOMAIN(recipients_file),
     .help = "the addresses there are, one a line; unsaid: all are taken"},
    {IN_DOMAIN, "recipient_delimiter", OPT_TEXT, DOMAIN(recipient_delimiter), .fallback = "",
     .help = "user+extension is in recipients_file as user; each of these characters may stand there"},
    {IN_DOMAIN, "verify_recipients", OPT_BOOL, DOMAIN(verify_recipients), .fallback = "no",
     .help = "an address is taken only if the next hop takes it"},
    {IN_ROUTE, "to", OPT_ROUTE_TO, ROUTE(to), .required = true, .help = "mx, or a next hop's name"},

    {IN_POLICY, "tls", OPT_ENUM, POLICY(tls), .choices = tls_levels, .required = true,
     .help = "security towards this domain"},
    {IN_POLICY, "audit", OPT_BOOL, POLICY(audit), .fallback = "no",
     .help = "what DANE refuses is only logged, and delivered with less (RFC 7672 section 9.1)"},
    {IN_POLICY, "until", OPT_DATE, POLICY(until_ms), .help = "last day, in UTC"},
    {IN_POLICY, "note", OPT_TEXT, POLICY(note), .fallback = "", .help = "why, for people"},

    {IN_DELIVERY, "tls", OPT_ENUM, DELIVERY(tls), .where_at = DELIVERY(tls_where),
     .choices = tls_levels, .fallback = "dane", .help = "security where nothing else is said"},
    {IN_DELIVERY, "retry_min", OPT_DURATION, DELIVERY(retry_min_ms), .least = "1s", .most = "1w",
     .fallback = "5m", .help = "until the first retry"},
    {IN_DELIVERY, "retry_max", OPT_DURATION, DELIVERY(retry_max_ms), .least = "1s", .most = "1w",
     .fallback = "4h", .help = "longest time between retries"},
    {IN_DELIVERY, "expire", OPT_DURATION, DELIVERY(expire_ms), .least = "1s", .most = "52w",
     .fallback = "5d", .help = "a message's lifetime"},
    {IN_DELIVERY, "delay_warning", OPT_DURATION, DELIVERY(delay_warning_ms), .least = "0s",
     .most = "52w", .fallback = "4h", .help = "when the sender is told of a delay; 0: never"},
    {IN_DELIVERY, "destination_concurrency", OPT_INTEGER, DELIVERY(destination_concurrency),
     .least = "1", .most = "10000", .fallback = "20", .help = "deliveries at once to one place"},
    {IN_DELIVERY, "connection_idle", OPT_DURATION, DELIVERY(connection_idle_ms), .least = "0s",
     .most = "1h", .fallback = "5s", .help = "how long a connection waits for the next message"},
    {IN_DELIVERY, "timeouts", OPT_SECTION, 0, .inside = IN_DELIVERY_TIMEOUTS,
     .help = "patience with servers"},
    {IN_DELIVERY, "refuse_networks", OPT_NETWORKS, DELIVERY(refuse_networks),
     DELIVERY(n_refuse_networks), .fallback = NOT_PUBLIC, .help = "never connect there by MX"},

    {IN_DELIVERY_TIMEOUTS, "dns", OPT_DURATION, DELIVERY(timeouts.dns_ms), .least = "1s",
     .most = "1d", .fallback = "30s", .help = "for all lookups of a destination"},
    {IN_DELIVERY_TIMEOUTS, "connect", OPT_DURATION, DELIVERY(timeouts.connect_ms), .least = "1s",
     .most = "1d", .fallback = "30s", .help = "for one address"},
    {IN_DELIVERY_TIMEOUTS, "greeting", OPT_DURATION, DELIVERY(timeouts.greeting_ms), .least = "1s",
     .most = "1d", .fallback = "5m", .help = "RFC 5321 section 4.5.3.2.1"},
    {IN_DELIVERY_TIMEOUTS, "command", OPT_DURATION, DELIVERY(timeouts.command_ms), .least = "1s",
     .most = "1d", .fallback = "5m", .help = "for the reply to MAIL, RCPT and the like"},
    {IN_DELIVERY_TIMEOUTS, "tls", OPT_DURATION, DELIVERY(timeouts.tls_ms), .least = "1s",
     .most = "1d", .fallback = "60s", .help = "for the handshake"},
    {IN_DELIVERY_TIMEOUTS, "data_start", OPT_DURATION, DELIVERY(timeouts.data_start_ms),
     .least = "1s", .most = "1d", .fallback = "2m", .help = "for the reply to DATA"},
    {IN_DELIVERY_TIMEOUTS, "data_block", OPT_DURATION, DELIVERY(timeouts.data_block_ms),
     .least = "1s", .most = "1d", .fallback = "3m", .help = "for the server to take more content"},
    {IN_DELIVERY_TIMEOUTS, "final_dot", OPT_DURATION, DELIVERY(timeouts.final_dot_ms),
     .least = "1s", .most = "1d", .fallback = "10m", .help = "for the reply to the whole message"},

    {IN_RESOLVER, "trust_anchor_file", OPT_PATH, RESOLVER(trust_anchor_file),
     .where_at = RESOLVER(trust_anchor_where), .fallback = "/usr/share/dns/root.key",
     .help = "the root's keys; missing or empty: no start"},
    {IN_RESOLVER, "forward", OPT_SERVERS, RESOLVER(forward), RESOLVER(n_forward),
     .help = "ADDRESS@PORT to ask; empty: full recursion. Answers are validated here either way"},
    {IN_RESOLVER, "stubs", OPT_TABLE, RESOLVER(stubs), RESOLVER(n_stubs), .inside = IN_STUB,
     .help = "zones with their own servers"},
    {IN_RESOLVER, "self_test", OPT_SECTION, 0, .inside = IN_SELF_TEST,
     .help = "shows that validation works"},

    {IN_STUB, "", OPT_SERVERS, STUB(servers), STUB(n_servers), .required = true,
     .help = "ADDRESS@PORT of the zone's servers"},

    {IN_SELF_TEST, "secure", OPT_ZONE, RESOLVER(self_test_secure), .fallback = ".",
     .help = "name that must come back secure; empty: not asked"},
    {IN_SELF_TEST, "bogus", OPT_ZONE, RESOLVER(self_test_bogus), .fallback = "",
     .help = "name that must come back bogus; empty: not asked"},

    {IN_STATUS, "bind", OPT_ENDPOINTS, TOP(status_bind), TOP(n_status_bind),
     .help = "addresses with their ports; none: the process is not started"},

    {IN_LOG, "format", OPT_ENUM, TOP(log_format), .choices = log_formats, .fallback = "text",
     .help = "text, or JSON Lines"},
    {IN_LOG, "level", OPT_ENUM, TOP(log_level), .choices = log_levels, .fallback = "info",
     .help = "the least that is told"},
};
/* clang-format on */

static const struct section sections[SECTION_COUNT] = {
    [IN_IDENTITY] = {"identity", KEY_LABEL,   sizeof(struct identity_config), IDENTITY(where)},
    [IN_NEXT_HOP] = {"next hop", KEY_LABEL,   sizeof(struct next_hop_config), HOP(where)     },
    [IN_MILTER] = {"milter",   KEY_LABEL,   sizeof(struct milter_config),   MILTER(where)  },
    [IN_LISTENER] = {"listener", KEY_LABEL,   sizeof(struct listener_config), LISTENER(where)},
    [IN_DOMAIN] = {"domain",   KEY_DOMAIN,  sizeof(struct domain_config),   DOMAIN(where)  },
    [IN_ROUTE] = {"route",    KEY_PATTERN, sizeof(struct route_config),    ROUTE(where)   },
    [IN_POLICY] = {"policy",   KEY_PATTERN, sizeof(struct policy_config),   POLICY(where)  },
    [IN_STUB] = {"stub",     KEY_ZONE,    sizeof(struct resolver_stub),   0              },
};

const struct option *schema_options(size_t *out_n)
{
    *out_n = ARRAY_LEN(options);
    return options;
}

const struct section *schema_section(enum section_id id)
{
    return &sections[id];
}

const char *tls_level_name(enum tls_level level)
{
    REQUIRE((unsigned)level < ARRAY_LEN(tls_levels) - 1);
    return tls_levels[level];
}
