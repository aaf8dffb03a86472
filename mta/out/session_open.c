/* An outbound session's beginning, from what its verdict and its next hop ask for; and what it
 * tells of itself. */
#include "mta/out/session_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/base/counter.h"

enum client_tls out_session_client_tls(enum verdict_mode mode, bool implicit_tls)
{
    static const enum client_tls modes[] = {[VERDICT_SKIP] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_CLEAR] = CLIENT_TLS_NEVER,
                                            [VERDICT_OPPORTUNISTIC] = CLIENT_TLS_IF_OFFERED,
                                            [VERDICT_ENCRYPT] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_DANE] = CLIENT_TLS_REQUIRED,
                                            [VERDICT_PKIX] = CLIENT_TLS_REQUIRED};

    return implicit_tls ? CLIENT_TLS_NEVER : modes[mode];
}

static struct smtp_client *make_client(const struct out_session *s)
{
    const struct delivery_config *d = &s->settings->config->delivery;
    struct smtp_client_config cfg = {.hostname = s->settings->config->hostname,
                                     .tls =
                                         out_session_client_tls(s->verdict.mode, s->implicit_tls),
                                     .tls_from_start = s->implicit_tls,
                                     .lmtp = s->lmtp,
                                     .chunking = s->chunking,
                                     .login = s->login.username != NULL,
                                     .greeting_ms = d->timeouts.greeting_ms,
                                     .command_ms = d->timeouts.command_ms,
                                     .data_start_ms = d->timeouts.data_start_ms,
                                     .data_block_ms = d->timeouts.data_block_ms,
                                     .final_dot_ms = d->timeouts.final_dot_ms};

    return smtp_client_new(&cfg);
}

/* "mx.example[192.0.2.1]:25", of an address "[192.0.2.1]:25", of a local socket
 * "localhost[/run/lmtp]". A recipient's literal is the address in it, without brackets and tag,
 * also as what a certificate has to name. */
static void name_remote(struct out_session *s, const char *host, const char *path)
{
    char ip[IP_TEXT_MAX];
    struct ip address;

    if (path)
        host = "localhost";
    else if (host[0] == '[')
        host = ip_text(&s->to.ip, ip);
    (void)slice_copy(slice_of(host), s->host, sizeof(s->host));
    if (path)
        (void)snprintf(s->remote, sizeof(s->remote), "localhost[%s]", path);
    else
        (void)snprintf(s->remote, sizeof(s->remote), "%s[%s]:%u",
                       ip_parse(slice_of(s->host), &address) ? "" : s->host, ip_text(&s->to.ip, ip),
                       s->to.port);
}

static struct conn *connect_to(struct out_session *s, const char *path)
{
    if (path)
        return conn_connect_local(s->w->loop, path, LIMIT_REPLY, LIMIT_CLIENT_OUT,
                                  &out_session_calls, s);
    return conn_connect(s->w->loop, &s->to, LIMIT_REPLY, LIMIT_CLIENT_OUT, &out_session_calls, s);
}

static void take_hop(struct out_session *s, const struct hop *hop)
{
    s->implicit_tls = hop->implicit_tls;
    s->lmtp = hop->configured && hop->configured->protocol == HOP_LMTP;
    s->chunking = hop->configured && hop->configured->chunking;
}

struct out_session *out_session_open(struct worker_ctx *w, const struct out_session_start *start,
                                     const struct out_session_ops *ops, void *arg)
{
    struct out_session *s = base_alloc(sizeof(*s));

    REQUIRE(start->verdict.mode != VERDICT_SKIP);
    s->w = w;
    s->settings = settings_ref(w->settings);
    s->to = start->to;
    s->verdict = start->verdict;
    s->facts = start->facts ? dest_facts_ref(start->facts) : NULL;
    s->level = start->level;
    take_hop(s, start->hop);
    s->login = (struct out_login){.username = start->username, .password = start->password};
    s->probe = start->probe;
    s->ops = ops;
    s->arg = arg;
    name_remote(s, start->host, start->hop->path);
    s->client = make_client(s);
    s->conn = connect_to(s, start->hop->path);
    conn_deadline(s->conn, s->settings->config->delivery.timeouts.connect_ms);
    COUNT(smtp_connections);
    return s;
}

const struct tls_outcome *out_session_tls(const struct out_session *s)
{
    return s->has_outcome ? &s->outcome : NULL;
}

const char *out_session_remote(const struct out_session *s)
{
    return s->remote;
}

const struct verdict *out_session_verdict(const struct out_session *s)
{
    return &s->verdict;
}

struct smtp_client *out_session_client(struct out_session *s)
{
    return s->client;
}

SSL *out_session_ssl(struct out_session *s)
{
    return conn_ssl(s->conn);
}

bool out_session_dot_sent(const struct out_session *s)
{
    return s->dot_sent;
}

const struct ip_port *out_session_to(const struct out_session *s)
{
    return &s->to;
}

bool out_session_is_fresh(const struct out_session *s, int64_t wall_ms)
{
    return !s->facts || dest_facts_are_fresh(s->facts, wall_ms);
}
