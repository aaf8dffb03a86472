/* The configuration as an immutable, counted snapshot. Files are the only truth: nothing changes a
 * snapshot, reload makes another. All text and arrays live as long as the snapshot.
 *
 * Loading parses YAML (libyaml, exact line and column), types every scalar by the schema
 * (config/schema.c, one row per option), then cross-checks references. All mistakes of one run are
 * reported together, each as  FILE:LINE:COLUMN: text.
 *
 * Threads: a snapshot may be read by any thread; ref and unref are atomic. */
#ifndef DANELAW_CONFIG_H
#define DANELAW_CONFIG_H

#include <stdatomic.h>
#include <time.h>

#include "config/base/buf.h"
#include "config/base/ip.h"
#include "config/base/log.h"

struct config_where {
    const char *file;
    int line, column; /* from 1; 0: the default, nothing was written */
};

/* Security towards a destination, weakest first. */
enum tls_level {
    TLS_LEVEL_NONE,      /* never TLS */
    TLS_LEVEL_MAY,       /* TLS if offered, unauthenticated */
    TLS_LEVEL_ENCRYPT,   /* TLS or nothing, unauthenticated */
    TLS_LEVEL_DANE,      /* RFC 7672 opportunistic DANE */
    TLS_LEVEL_DANE_ONLY, /* RFC 7672 §6 mandatory DANE */
    TLS_LEVEL_VERIFY,    /* PKIX, name of the MX host */
    TLS_LEVEL_SECURE,    /* PKIX, name of the next hop */
};
const char *tls_level_name(enum tls_level level); /* "dane-only" */

enum listener_tls { LISTENER_TLS_NONE, LISTENER_TLS_MAY, LISTENER_TLS_REQUIRE, LISTENER_TLS_IMPLICIT };
enum listener_auth { LISTENER_AUTH_NONE, LISTENER_AUTH_OFFER, LISTENER_AUTH_REQUIRE };
enum bare_newline { BARE_NEWLINE_REJECT, BARE_NEWLINE_CONVERT };

/* What a check at the door does with a client that fails it. */
enum check_mode { CHECK_OFF, CHECK_LOG, CHECK_REQUIRE };

struct dnsbl_config { /* a list of addresses in the DNS, RFC 5782 */
    const char *zone;
    bool filtered;        /* answers were written: only those from first to last are a listing */
    uint32_t first, last; /* IPv4 addresses in 127.0.0.0/8 as numbers */
};

struct checks_config {
    struct dnsbl_config *dnsbl;
    size_t n_dnsbl;
    enum check_mode client_name, helo;
};

struct config_path {
    const char *path;
    struct config_where where;
};

/* A mail filter that speaks the milter protocol. */
struct milter_socket {
    const char *path; /* of a local socket; NULL: addr */
    struct ip_port addr;
};

enum milter_on_error { MILTER_FAILS_MAIL, MILTER_IS_PASSED }; /* the client is told to come back, or mail
                                                            goes on without this filter */

struct milter_config {
    const char *name;
    struct milter_socket socket;
    enum milter_on_error on_error;
    int64_t timeout_connect_ms, timeout_command_ms, timeout_content_ms;
    struct config_where where;
};

/* What a client's address and its network (IPv4: /24, IPv6: the /48 around a /64) may ask for within
 * a minute. */
enum rate_kind { RATE_CONNECTIONS, RATE_MESSAGES, RATE_RECIPIENTS, RATE_KINDS };

struct listener_limits {
    uint64_t per_client[RATE_KINDS], per_network[RATE_KINDS]; /* per minute; 0: none */
    bool exempt_clients;            /* the listener's clients have no rates */
    uint64_t errors, junk_commands; /* since the last message, before 421 */
    int64_t error_delay_ms;         /* added to each reply once half the errors are used up */
    uint64_t data_rate;             /* octets per second of content at least; 0: any at all */
    uint64_t overload_at;           /* percent of connections or descriptors */
};

/* Pairs by position, one for each kind of key. */
struct identity_config {
    const char *name;
    struct config_path *certificate_files, *key_files;
    size_t n_certificate_files, n_key_files; /* equal */
    struct config_where where;
};

/* SHA-256 of a DER SubjectPublicKeyInfo: the data of a TLSA record 3 1 1. */
struct key_digest {
    uint8_t sha256[32];
};

struct listener_config {
    const char *name;
    struct ip_port *bind;
    size_t n_bind;
    struct ip_net *clients; /* may relay anywhere */
    size_t n_clients;
    bool open_relay;
    const struct identity_config **identities; /* none: STARTTLS is not offered; the first is the
                                                  default, the others are chosen by SNI */
    size_t n_identities;
    struct key_digest *client_keys; /* whose owners may relay anywhere */
    size_t n_client_keys;
    struct ip_net *proxies; /* say the PROXY header first; nobody else may */
    size_t n_proxies;
    struct ip_net *xclients; /* may say XCLIENT */
    size_t n_xclients;
    enum listener_tls tls;
    enum bare_newline bare_newline;
    enum listener_auth auth;
    const char *users_file; /* who may authenticate (mta/auth/users.h); NULL: none */
    const struct milter_config **milters; /* in the order in which they see the mail */
    size_t n_milters;
    uint64_t max_message_size; /* octets */
    uint64_t max_connections, max_connections_per_client;
    int64_t timeout_command_ms, timeout_data_ms, timeout_tls_ms;
    struct listener_limits limits;
    struct checks_config checks; /* of clients that may not relay */
    struct config_where where;
};

enum hop_protocol { HOP_SMTP, HOP_LMTP };

struct hop_host {
    const char *name;    /* A-label, lower case, no trailing dot; the address's text if is_address, the
                            socket's path if is_local */
    bool is_local;       /* unix:/PATH */
    bool is_address;
    struct ip ip;        /* if is_address */
    bool mx_lookup;      /* written without brackets and no address */
    uint16_t port;       /* 25 unless said */
    bool implicit_tls;   /* port 465 or implicit_tls: yes */
    struct config_where where;
};

struct next_hop_config {
    const char *name;
    struct hop_host *hosts; /* in order of preference */
    size_t n_hosts;
    bool has_tls;           /* tls was written */
    enum tls_level tls;
    bool has_implicit_tls;  /* implicit_tls was written; it is already in each host */
    bool implicit_tls;
    enum hop_protocol protocol;
    bool chunking;          /* BDAT where it is offered */
    const char *username, *password_file; /* NULL: no login */
    struct config_where where;
};

/* "example.org", ".example.org" (subdomains) or "*"; lower case A-labels. */
struct route_config {
    const char *pattern;
    const struct next_hop_config *to; /* NULL: mx */
    struct config_where where;
};

/* A recipient domain of ours. */
struct domain_config {
    const char *pattern; /* "example.org", ".example.org" */
    const struct next_hop_config *to; /* NULL: mx */
    struct config_where where;
    const char *recipients_file; /* NULL: every address is taken */
    const char *recipient_delimiter; /* any of these octets begins an extension; "": none does */
    bool verify_recipients;          /* the next hop is asked */
};

struct policy_config {
    const char *pattern;
    enum tls_level tls;
    int64_t until_ms;   /* wall clock, last millisecond of that UTC day; 0: no end */
    const char *note;   /* "" if none */
    bool audit;         /* audit only: what DANE refuses is logged and delivered (RFC 7672 §9.1) */
    struct config_where where;
};

struct delivery_config {
    enum tls_level tls;
    struct config_where tls_where;
    int64_t retry_min_ms, retry_max_ms, expire_ms, delay_warning_ms; /* delay_warning 0: none */
    uint64_t destination_concurrency;
    int64_t connection_idle_ms;
    struct {
        int64_t dns_ms, connect_ms, greeting_ms, command_ms, tls_ms, data_start_ms, data_block_ms,
            final_dot_ms;
    } timeouts;
    struct ip_net *refuse_networks;
    size_t n_refuse_networks;
};

struct resolver_stub {
    const char *zone; /* with trailing dot */
    const char **servers; /* "addr@port" */
    size_t n_servers;
};

struct resolver_config {
    const char *trust_anchor_file;
    struct config_where trust_anchor_where;
    const char **forward; /* "addr@port" */
    size_t n_forward;
    struct resolver_stub *stubs;
    size_t n_stubs;
    const char *self_test_secure; /* "" : not asked */
    const char *self_test_bogus;  /* "" : not asked */
};

struct config {
    _Atomic unsigned refs;
    struct arena *arena;
    const char *file;     /* as given to config_load */
    const char *hostname; /* lower case A-label */
    const char *state_directory, *runtime_directory, *user;
    struct listener_config *listeners;
    size_t n_listeners;
    struct identity_config *identities;
    size_t n_identities;
    struct milter_config *milters;
    size_t n_milters;
    struct next_hop_config *next_hops;
    size_t n_next_hops;
    struct domain_config *domains; /* accepted from anyone */
    size_t n_domains;
    struct route_config *routes;
    size_t n_routes;
    struct policy_config *policies;
    size_t n_policies;
    struct delivery_config delivery;
    struct resolver_config resolver;
    struct ip_port *status_bind; /* the HTTP status process; none: it is not started */
    size_t n_status_bind;
    unsigned workers; /* resolved: auto is one per core */
    enum log_format log_format;
    enum log_level log_level;
};

/* Reads and checks FILE with its includes. On success *out_config has one reference. On failure
 * false, and errors (append lines, each with its line end) says all that is wrong; *out_config is
 * untouched. Opens no socket and no file but the configuration. Any thread. */
MUST_USE bool config_load(const char *file, struct buf *errors, struct config **out_config);
struct config *config_ref(struct config *c);
void config_unref(struct config **c); /* NULLs the pointer; NULL is fine */

/* Writes "FILE:LINE:COLUMN" or "default". Returns text. */
const char *config_where_text(const struct config_where *w, char text[300]);

#endif
