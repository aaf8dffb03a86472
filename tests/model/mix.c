/* mix POOL: cases on stdin, results on stdout, a line each. */
#include "tests/model/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [DEST_MX] = "mx",           [DEST_IMPLICIT] = "implicit", [DEST_HOST] = "host",
    [DEST_NULL_MX] = "null-mx", [DEST_NXDOMAIN] = "nxdomain", [DEST_ERROR] = "error"};

struct mix {
    const json_t *test;
    struct tls_clients clients;
    struct mix_servers *servers;
    struct dest_facts *facts; /* NULL: an address literal */
    struct hop hop;
    enum tls_level level;
};

json_t *mix_bits(uint64_t bits)
{
    json_t *v = json_array();

    for (json_int_t i = 0; i < 64; i++)
        if (bits >> i & 1)
            json_array_append_new(v, json_integer(i));
    return v;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static enum tls_level level_of(const char *name)
{
    enum tls_level l = TLS_LEVEL_NONE;

    while (l < TLS_LEVEL_SECURE && strcmp(tls_level_name(l), name) != 0)
        l++;
    return l;
}

/* ---- result ---- */

static json_t *names_of(const struct verdict *v)
{
    json_t *names = json_array();

    for (size_t i = 0; i < v->n_names; i++)
        json_array_append_new(names, json_string(v->names[i]));
    return names;
}

static void tell_host(const struct host_facts *h, json_t *out)
{
    json_t *candidates = json_array();

    json_object_set_new(out, "name", json_string(h->name));
    json_object_set_new(out, "expanded", json_string(h->expanded));
    json_object_set_new(out, "preference", json_integer(h->preference));
    for (size_t i = 0; i < h->n_candidates; i++)
        json_array_append_new(candidates, json_string(h->candidates[i].base));
    json_object_set_new(out, "candidates", candidates);
}

static void tell_verdict(const struct verdict *v, json_t *out)
{
    bool skipped = v->mode == VERDICT_SKIP;

    json_object_set_new(out, "mode", json_string(verdict_mode_name(v->mode)));
    json_object_set_new(out, "skip", json_string(skipped ? cause_info(v->skip.cause)->name : ""));
    json_object_set_new(out, "base", json_string(v->base ? v->base : ""));
    json_object_set_new(out, "names", names_of(v));
    json_object_set_new(out, "usable", mix_bits(v->usable));
    json_object_set_new(out, "half_dane", json_boolean(v->half_dane));
}

static void tell_skipped(const struct verdict *v, json_t *out)
{
    bool bounce = status_disposition(&v->skip) == DISP_BOUNCE;

    json_object_set_new(out, "achieved", json_string(bounce ? "bounced" : "deferred"));
    json_object_set_new(out, "cause", json_string(cause_info(v->skip.cause)->name));
}

/* ---- one case ---- */

static json_t *server_of(const struct mix *m, const char *name)
{
    json_t *servers = json_object_get(m->test, "servers");
    json_t *server = json_object_get(servers, name);

    return server ? server : json_object_get(servers, "*");
}

static json_t *host_result(struct mix *m, size_t i)
{
    const struct host_facts *h = m->facts && i < m->facts->n_hosts ? &m->facts->hosts[i] : NULL;
    struct hop_input in = {.hop = &m->hop,
                           .facts = m->facts,
                           .level = m->level,
                           .resolver_validates = is_true(m->test, "validates")};
    struct verdict v = out_hops_verdict(&in, i);
    const char *name = h ? h->name : m->hop.name;
    struct mix_host host = {.clients = &m->clients,
                            .servers = m->servers,
                            .server = server_of(m, name),
                            .level = m->level,
                            .name = name,
                            .implicit_tls = m->hop.implicit_tls};
    json_t *out = json_object();

    if (h)
        tell_host(h, out);
    tell_verdict(&v, out);
    if (v.mode == VERDICT_SKIP)
        tell_skipped(&v, out);
    else
        mix_connect(&host, &v, out);
    return out;
}

static json_t *hosts_result(struct mix *m)
{
    size_t n = m->facts && m->facts->n_hosts ? m->facts->n_hosts : 1;
    json_t *hosts = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(hosts, host_result(m, i));
    return hosts;
}

static void read_case(struct mix *m, struct mix_asked *asked)
{
    const char *kind = text_of(m->test, "kind");

    m->level = level_of(text_of(m->test, "level"));
    m->hop = (struct hop){.kind = strcmp(kind, "mx") == 0     ? HOP_MX
                                  : strcmp(kind, "host") == 0 ? HOP_HOST
                                                              : HOP_ADDRESS,
                          .name = text_of(m->test, "name"),
                          .implicit_tls = is_true(m->test, "implicit_tls")};
    m->facts = m->hop.kind == HOP_ADDRESS ? NULL : mix_facts(m->test, asked);
}

static json_t *case_result(struct mix *m)
{
    struct mix_asked asked = {json_array(), json_array()};
    json_t *out = json_object();

    read_case(m, &asked);
    json_object_set_new(out, "asked", asked.all);
    json_object_set_new(out, "unscripted", asked.unscripted);
    json_object_set_new(out, "kind", json_string(m->facts ? kinds[m->facts->kind] : "literal"));
    if (m->facts) {
        json_object_set_new(out, "security", json_string(dns_security_name(m->facts->security)));
        json_object_set_new(out, "expanded", json_string(m->facts->expanded));
    }
    json_object_set_new(out, "hosts", hosts_result(m));
    dest_facts_unref(&m->facts);
    return out;
}

static void answer(struct mix *m, const char *line)
{
    json_error_t error;
    json_t *test = json_loads(line, 0, &error);

    if (!test) {
        fprintf(stderr, "mix: %s in %.200s\n", error.text, line);
        exit(2);
    }
    m->test = test;
    json_t *out = case_result(m);
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    (void)fflush(stdout);
    json_decref(out);
    json_decref(test);
}

static void answer_all(struct mix *m)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0)
        answer(m, line);
    free(line);
}

int main(int argc, char **argv)
{
    struct mix m = {0};
    struct buf errors;

    if (argc != 2) {
        fprintf(stderr, "usage: mix POOL < cases > results\n");
        return 2;
    }
    buf_init(&errors, 4096);
    if (!tls_clients_init(&m.clients, &errors)) {
        fprintf(stderr, "mix: %s\n", buf_cstr(&errors));
        return 2;
    }
    m.servers = mix_servers_load(argv[1]);
    answer_all(&m);
    mix_servers_free(&m.servers);
    tls_clients_free(&m.clients);
    buf_free(&errors);
    return 0;
}
