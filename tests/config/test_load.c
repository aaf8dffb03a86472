/* What a right configuration becomes: defaults, every option, includes, lifetime. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/schema.h"
#include "tests/config/scratch.h"

#define LEAST "hostname: Relay.Example.ORG.\nlisteners:\n  lan:\n    bind: \"0.0.0.0:25\"\n"

TestSuite(load, .init = scratch_enter, .fini = scratch_leave);

static bool has_net(const struct delivery_config *d, const char *address)
{
    struct ip ip;
    cr_assert(ip_parse(slice_of(address), &ip), "%s", address);
    return ip_nets_have(d->refuse_networks, d->n_refuse_networks, &ip);
}

Test(load, defaults)
{
    struct config *c = scratch_config(LEAST);
    const struct listener_config *l = &c->listeners[0];
    char text[300], port[IP_TEXT_MAX];

    cr_expect_str_eq(c->file, "danelaw.yaml");
    cr_expect_str_eq(c->hostname, "relay.example.org");
    cr_expect_str_eq(c->state_directory, "/var/lib/danelaw");
    cr_expect_str_eq(c->runtime_directory, "/run/danelaw");
    cr_expect_str_eq(c->user, "danelaw");
    cr_assert_eq(c->n_listeners, 1);
    cr_expect_str_eq(l->name, "lan");
    cr_assert_eq(l->n_bind, 1);
    cr_expect_str_eq(ip_port_text(&l->bind[0], port), "0.0.0.0:25");
    cr_expect_str_eq(config_where_text(&l->where, text), "danelaw.yaml:3:3");
    cr_expect_eq(l->n_clients, 0);
    cr_expect_not(l->open_relay);
    cr_expect_eq(l->n_identities, 0);
    cr_expect_eq(l->n_client_keys + l->n_proxies + l->n_xclients, 0);
    cr_expect_eq(l->tls, LISTENER_TLS_MAY);
    cr_expect_eq(l->bare_newline, BARE_NEWLINE_REJECT);
    cr_expect_eq(l->max_message_size, 50u << 20);
    cr_expect_eq(l->max_connections, 1000);
    cr_expect_eq(l->max_connections_per_client, 50);
    cr_expect_eq(l->timeout_command_ms, 300000);
    cr_expect_eq(l->timeout_data_ms, 300000);
    cr_expect_eq(l->timeout_tls_ms, 30000);
    cr_expect_eq(c->n_identities + c->n_next_hops + c->n_domains + c->n_routes + c->n_policies, 0);
    cr_expect_eq(c->n_status_bind, 0);
    cr_expect_eq(c->workers, (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    cr_expect_eq(c->log_format, LOG_TEXT);
    cr_expect_eq(c->log_level, LOG_INFO);
    config_unref(&c);
    cr_expect_null(c);
    scratch_check_leaks();
}

Test(load, milters)
{
    struct config *c = scratch_config(
        LEAST "    milters: [opendkim, rspamd]\n"
              "milters:\n"
              "  rspamd: {socket: \"inet:127.0.0.1:11332\", on_error: accept, timeouts: {content: 1m}}\n"
              "  opendkim: {socket: \"unix:/run/opendkim.sock\"}\n");
    const struct listener_config *l = &c->listeners[0];
    const struct milter_config *m = c->milters;
    char text[IP_TEXT_MAX];

    cr_assert_eq(l->n_milters, 2);
    cr_expect_eq(l->milters[0], &m[1]);
    cr_expect_eq(l->milters[1], &m[0]);
    cr_expect_null(m[0].socket.path);
    cr_expect_str_eq(ip_port_text(&m[0].socket.addr, text), "127.0.0.1:11332");
    cr_expect_eq(m[0].on_error, MILTER_IS_PASSED);
    cr_expect_eq(m[0].timeout_content_ms, 60000);
    cr_expect_str_eq(m[1].socket.path, "/run/opendkim.sock");
    cr_expect_eq(m[1].on_error, MILTER_FAILS_MAIL);
    cr_expect_eq(m[1].timeout_connect_ms, 10000);
    cr_expect_eq(m[1].timeout_command_ms, 30000);
    cr_expect_eq(m[1].timeout_content_ms, 300000);
    config_unref(&c);
    scratch_check_leaks();
}

Test(load, defaults_of_delivery_and_resolver)
{
    struct config *c = scratch_config(LEAST);
    const struct delivery_config *d = &c->delivery;
    const struct resolver_config *r = &c->resolver;
    char text[300];

    cr_expect_eq(d->tls, TLS_LEVEL_DANE);
    cr_expect_str_eq(config_where_text(&d->tls_where, text), "default");
    cr_expect_eq(d->retry_min_ms, 300000);
    cr_expect_eq(d->retry_max_ms, 4 * 3600000);
    cr_expect_eq(d->expire_ms, 5 * 86400000);
    cr_expect_eq(d->delay_warning_ms, 4 * 3600000);
    cr_expect_eq(d->destination_concurrency, 20);
    cr_expect_eq(d->connection_idle_ms, 5000);
    cr_expect_eq(d->timeouts.dns_ms, 30000);
    cr_expect_eq(d->timeouts.connect_ms, 30000);
    cr_expect_eq(d->timeouts.greeting_ms, 300000);
    cr_expect_eq(d->timeouts.command_ms, 300000);
    cr_expect_eq(d->timeouts.tls_ms, 60000);
    cr_expect_eq(d->timeouts.data_start_ms, 120000);
    cr_expect_eq(d->timeouts.data_block_ms, 180000);
    cr_expect_eq(d->timeouts.final_dot_ms, 600000);
    cr_expect_str_eq(r->trust_anchor_file, "/usr/share/dns/root.key");
    cr_expect_eq(r->trust_anchor_where.line, 0);
    cr_expect_eq(r->n_forward + r->n_stubs, 0);
    cr_expect_str_eq(r->self_test_secure, ".");
    cr_expect_str_eq(r->self_test_bogus, "");
    config_unref(&c);
}

Test(load, default_refuse_networks)
{
    static const char *const refused[] = {
        "0.0.0.0",         "10.1.2.3",     "100.64.0.1",  "127.0.0.1",        "169.254.169.254",
        "172.31.9.9",      "192.0.0.8",    "192.168.0.1", "198.19.255.255",   "224.0.0.1",
        "255.255.255.255", "::",           "::1",         "::ffff:127.0.0.1", "::10.0.0.1",
        "64:ff9b::a00:1",  "64:ff9b:1::1", "100::1",      "fd00::1",          "fe80::1",
        "fec0::1",         "ff02::1"};
    static const char *const allowed[] = {"9.9.9.9",    "100.128.0.1", "172.32.0.1", "193.0.0.1",
                                          "198.20.0.1", "2001:7fb::1", "2a00::1"};
    struct config *c = scratch_config(LEAST);

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        cr_expect(has_net(&c->delivery, refused[i]), "%s is let through", refused[i]);
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        cr_expect_not(has_net(&c->delivery, allowed[i]), "%s is refused", allowed[i]);
    config_unref(&c);
    c = scratch_config(LEAST "delivery: {refuse_networks: []}\n");
    cr_expect_eq(c->delivery.n_refuse_networks, 0, "a lab switches the list off");
    config_unref(&c);
}

static const char everything[] =
    "hostname: relay.example.org\n"
    "include: none.d/*.yaml\n"
    "state_directory: /s\n"
    "runtime_directory: /r\n"
    "user: root\n"
    "listeners:\n"
    "  lan:\n"
    "    bind: [\"0.0.0.0:25\", \"[::]:25\"]\n"
    "    clients: [10.0.0.0/8, \"fd00::/8\", 0.0.0.0/0]\n"
    "    open_relay: yes\n"
    "    identity: [relay, other]\n"
    "    client_certificates: 00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100\n"
    "    proxy: [192.0.2.8, \"2001:db8::/64\"]\n"
    "    xclient: 192.0.2.9\n"
    "    tls: require\n"
    "    bare_newline: convert\n"
    "    max_message_size: 2g\n"
    "    auth: require\n"
    "    users_file: /users\n"
    "    max_connections: 7\n"
    "    max_connections_per_client: 3\n"
    "    timeouts: {command: 1m, data: 2m, tls: 3}\n"
    "    limits: {connections_per_minute: 1, messages_per_minute: 2, recipients_per_minute: 3,\n"
    "      network_connections_per_minute: 4, network_messages_per_minute: 5,\n"
    "      network_recipients_per_minute: 6, exempt_clients: no, errors: 7, junk_commands: 8,\n"
    "      error_delay: 9, data_rate: 10, overload_at: 11}\n"
    "    checks: {dnsbl: [Zen.example, \"l.example=127.0.0.2-11\"], client_name: require, helo: log}\n"
    "identities:\n"
    "  relay: {certificate_file: [/c.pem, /rsa.pem], key_file: [/k.pem, /rsa.key]}\n"
    "  other: {certificate_file: /o.pem, key_file: /o.key}\n"
    "domains:\n"
    "  Example.org: {to: exchange, recipients_file: /r.txt, recipient_delimiter: +-, "
    "verify_recipients: yes}\n"
    "next_hops:\n"
    "  exchange: {hosts: [\"10.1.1.10:26\", \"[m.Example]\", b.example], tls: may}\n"
    "  tls: {hosts: [\"[a.example]:2465\", \"[::1]:465\"], implicit_tls: yes}\n"
    "  store: {hosts: \"unix:/run/lmtp\", protocol: lmtp, username: u, password_file: /p, "
    "chunking: yes}\n"
    "routes:\n"
    "  \"*\": {to: tls}\n"
    "policies:\n"
    "  partner.example: {tls: dane-only, note: \"contract 2026-11\", audit: yes}\n"
    "  .broken.example: {tls: encrypt, until: 2026-12-01}\n"
    "delivery:\n"
    "  tls: secure\n"
    "  retry_min: 1s\n"
    "  retry_max: 2m\n"
    "  expire: 1w\n"
    "  delay_warning: 0\n"
    "  destination_concurrency: 5\n"
    "  connection_idle: 0\n"
    "  timeouts: {dns: 1, connect: 2, greeting: 3, command: 4, tls: 5, data_start: 6, data_block: "
    "7,\n"
    "    final_dot: 8}\n"
    "  refuse_networks: 127.0.0.0/8\n"
    "resolver:\n"
    "  trust_anchor_file: /a.key\n"
    "  forward: [\"127.0.0.1@5300\", \"::1\"]\n"
    "  stubs: {example.org: [\"127.0.0.1@53\"], .: \"::1@54\"}\n"
    "  self_test: {secure: Good.example., bogus: bad.example}\n"
    "status: {bind: \"127.0.0.1:8025\"}\n"
    "workers: 3\n"
    "log: {format: json, level: warning}\n"
    "milters: {m: {socket: \"unix:/m\", on_error: accept, timeouts: {connect: 1, content: 2}}}\n";

/* So that a new row without a test is noticed. */
Test(load, everything_names_every_option)
{
    size_t n;
    const struct option *o = schema_options(&n);

    for (size_t i = 0; i < n; i++) {
        char word[100];
        (void)snprintf(word, sizeof(word), "%s:", o[i].name);
        cr_expect_not_null(strstr(everything, word), "%s is not tested", o[i].name);
        cr_expect_neq(o[i].help[0], '\0', "%s has no help", o[i].name);
    }
}

Test(load, every_option_of_the_way_in)
{
    struct config *c = scratch_config(everything);
    const struct listener_config *l = &c->listeners[0];
    char text[IP_TEXT_MAX];

    cr_expect_str_eq(c->state_directory, "/s");
    cr_expect_str_eq(c->runtime_directory, "/r");
    cr_expect_str_eq(c->user, "root");
    cr_expect_eq(l->auth, LISTENER_AUTH_REQUIRE);
    cr_expect_str_eq(l->users_file, "/users");
    cr_assert_eq(l->n_bind, 2);
    cr_expect_str_eq(ip_port_text(&l->bind[1], text), "[::]:25");
    cr_assert_eq(l->n_clients, 3);
    cr_expect_eq(l->clients[0].bits, 8);
    cr_expect_eq(l->clients[1].ip.v6, 1);
    cr_expect(l->open_relay);
    cr_expect_eq(l->tls, LISTENER_TLS_REQUIRE);
    cr_expect_eq(l->bare_newline, BARE_NEWLINE_CONVERT);
    cr_expect_eq(l->max_message_size, (uint64_t)2 << 30);
    cr_expect_eq(l->max_connections, 7);
    cr_expect_eq(l->max_connections_per_client, 3);
    cr_expect_eq(l->timeout_command_ms, 60000);
    cr_expect_eq(l->timeout_data_ms, 120000);
    cr_expect_eq(l->timeout_tls_ms, 3000);
    cr_assert_eq(l->checks.n_dnsbl, 2);
    cr_expect_str_eq(l->checks.dnsbl[0].zone, "zen.example");
    cr_expect_not(l->checks.dnsbl[0].filtered);
    cr_expect_str_eq(l->checks.dnsbl[1].zone, "l.example");
    cr_expect(l->checks.dnsbl[1].filtered);
    cr_expect_eq(l->checks.dnsbl[1].first, UINT32_C(0x7f000002));
    cr_expect_eq(l->checks.dnsbl[1].last, UINT32_C(0x7f00000b));
    cr_expect_eq(l->checks.client_name, CHECK_REQUIRE);
    cr_expect_eq(l->checks.helo, CHECK_LOG);
    cr_expect_str_eq(c->identities[0].name, "relay");
    cr_assert_eq(c->n_status_bind, 1);
    cr_expect_eq(c->status_bind[0].port, 8025);
    cr_expect_eq(c->workers, 3);
    cr_expect_eq(c->log_format, LOG_JSON);
    cr_expect_eq(c->log_level, LOG_WARNING);
    config_unref(&c);
    scratch_check_leaks();
}

Test(load, every_option_of_identities_and_trust)
{
    struct config *c = scratch_config(everything);
    const struct listener_config *l = &c->listeners[0];
    const struct identity_config *id = &c->identities[0];
    char place[300];

    cr_assert_eq(l->n_identities, 2);
    cr_expect_eq(l->identities[0], id);
    cr_expect_eq(l->identities[1], &c->identities[1]);
    cr_assert_eq(l->n_client_keys, 1);
    cr_expect_eq(l->client_keys[0].sha256[1], 0x11);
    cr_expect_eq(l->client_keys[0].sha256[30], 0x11);
    cr_assert_eq(l->n_proxies, 2);
    cr_expect_eq(l->proxies[1].bits, 64);
    cr_assert_eq(l->n_xclients, 1);
    cr_expect_eq(l->xclients[0].bits, 32);
    cr_expect_str_eq(id->name, "relay");
    cr_assert_eq(id->n_certificate_files, 2);
    cr_assert_eq(id->n_key_files, 2);
    cr_expect_str_eq(id->certificate_files[0].path, "/c.pem");
    cr_expect_str_eq(id->key_files[1].path, "/rsa.key");
    cr_expect_str_eq(config_where_text(&id->where, place), "danelaw.yaml:29:3");
    cr_expect_str_eq(config_where_text(&id->key_files[1].where, place), "danelaw.yaml:29:68");
    config_unref(&c);
    scratch_check_leaks();
}

static void expect_host(const struct hop_host *h, const char *name, bool mx, int port, bool tls)
{
    cr_expect_str_eq(h->name, name);
    cr_expect_eq(h->mx_lookup, mx, "%s", name);
    cr_expect_eq(h->port, port, "%s", name);
    cr_expect_eq(h->implicit_tls, tls, "%s", name);
}

Test(load, every_option_of_where_mail_goes)
{
    struct config *c = scratch_config(everything);
    const struct next_hop_config *hop = c->next_hops;
    char place[300];

    cr_assert_eq(c->n_next_hops, 3);
    cr_assert_eq(hop[0].n_hosts, 3);
    expect_host(&hop[0].hosts[0], "10.1.1.10", false, 26, false);
    cr_expect(hop[0].hosts[0].is_address);
    expect_host(&hop[0].hosts[1], "m.example", false, 25, false);
    expect_host(&hop[0].hosts[2], "b.example", true, 25, false);
    cr_expect_str_eq(config_where_text(&hop[0].hosts[1].where, place), "danelaw.yaml:34:38");
    cr_expect(hop[0].has_tls);
    cr_expect_eq(hop[0].tls, TLS_LEVEL_MAY);
    expect_host(&hop[1].hosts[0], "a.example", false, 2465, true);
    expect_host(&hop[1].hosts[1], "::1", false, 465, true);
    cr_expect_eq(hop[1].protocol, HOP_SMTP);
    cr_expect_eq(hop[2].protocol, HOP_LMTP);
    cr_expect(hop[2].hosts[0].is_local && hop[2].chunking);
    cr_expect_str_eq(hop[2].hosts[0].name, "/run/lmtp");
    cr_expect_str_eq(hop[2].username, "u");
    cr_expect_str_eq(hop[2].password_file, "/p");
    cr_expect_not(hop[1].has_tls);
    cr_assert_eq(c->n_domains, 1);
    cr_expect_str_eq(c->domains[0].pattern, "example.org");
    cr_expect_eq(c->domains[0].to, &hop[0]);
    cr_expect_str_eq(c->domains[0].recipients_file, "/r.txt");
    cr_expect_str_eq(c->domains[0].recipient_delimiter, "+-");
    cr_expect(c->domains[0].verify_recipients);
    cr_expect_str_eq(c->routes[0].pattern, "*");
    cr_expect_eq(c->routes[0].to, &hop[1]);
    cr_assert_eq(c->n_policies, 2);
    cr_expect_eq(c->policies[0].tls, TLS_LEVEL_DANE_ONLY);
    cr_expect_eq(c->policies[0].until_ms, 0);
    cr_expect_str_eq(c->policies[0].note, "contract 2026-11");
    cr_expect(c->policies[0].audit && !c->policies[1].audit);
    cr_expect_str_eq(c->policies[1].pattern, ".broken.example");
    cr_expect_eq(c->policies[1].until_ms, INT64_C(1796169599999), "2026-12-01T23:59:59.999Z");
    cr_expect_str_eq(c->policies[1].note, "");
    config_unref(&c);
}

Test(load, every_option_of_the_way_out)
{
    struct config *c = scratch_config(everything);
    const struct delivery_config *d = &c->delivery;
    const struct resolver_config *r = &c->resolver;
    char place[300];

    cr_expect_eq(d->tls, TLS_LEVEL_SECURE);
    cr_expect_str_eq(config_where_text(&d->tls_where, place), "danelaw.yaml:43:8");
    cr_expect_eq(d->retry_min_ms, 1000);
    cr_expect_eq(d->retry_max_ms, 120000);
    cr_expect_eq(d->expire_ms, 7 * 86400000);
    cr_expect_eq(d->delay_warning_ms, 0);
    cr_expect_eq(d->destination_concurrency, 5);
    cr_expect_eq(d->connection_idle_ms, 0);
    const int64_t got[] = {d->timeouts.dns_ms,        d->timeouts.connect_ms,
                           d->timeouts.greeting_ms,   d->timeouts.command_ms,
                           d->timeouts.tls_ms,        d->timeouts.data_start_ms,
                           d->timeouts.data_block_ms, d->timeouts.final_dot_ms};
    for (size_t i = 0; i < ARRAY_LEN(got); i++)
        cr_expect_eq(got[i], 1000 * (int64_t)(i + 1), "timeout %zu", i);
    cr_expect_eq(d->n_refuse_networks, 1);
    cr_expect_str_eq(r->trust_anchor_file, "/a.key");
    cr_expect_eq(r->trust_anchor_where.line, 54);
    cr_assert_eq(r->n_forward, 2);
    cr_expect_str_eq(r->forward[0], "127.0.0.1@5300");
    cr_expect_str_eq(r->forward[1], "::1@53");
    cr_assert_eq(r->n_stubs, 2);
    cr_expect_str_eq(r->stubs[0].zone, "example.org.");
    cr_expect_str_eq(r->stubs[0].servers[0], "127.0.0.1@53");
    cr_expect_str_eq(r->stubs[1].zone, ".");
    cr_expect_eq(r->stubs[1].n_servers, 1);
    cr_expect_str_eq(r->self_test_secure, "good.example");
    cr_expect_str_eq(r->self_test_bogus, "bad.example");
    config_unref(&c);
}

Test(load, port_465_is_tls_unless_said)
{
    struct config *c = scratch_config(LEAST "next_hops:\n  a: {hosts: \"a.example:465\"}\n"
                                            "  b: {hosts: \"a.example:465\", implicit_tls: no}\n");
    expect_host(&c->next_hops[0].hosts[0], "a.example", true, 465, true);
    expect_host(&c->next_hops[1].hosts[0], "a.example", true, 465, false);
    config_unref(&c);
}

static void *take_and_drop(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        struct config *mine = config_ref(arg);
        config_unref(&mine);
    }
    return NULL;
}

Test(load, references_are_counted)
{
    struct config *c = scratch_config(LEAST), *other = config_ref(c);
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_drop, c), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    config_unref(&c);
    cr_expect_str_eq(other->hostname, "relay.example.org");
    config_unref(&other);
    config_unref(&other);
    scratch_check_leaks();
}
