#include "facts.h"

#include <criterion/criterion.h>
#include <string.h>

#include "config/base/arena.h"
#include "config/base/clock.h"

static void add_addresses(struct dest_facts *f, struct host_facts *h, const char *text)
{
    struct slice rest = slice_of(text);

    while (rest.n) {
        size_t end = slice_find(rest, ' ');
        h->addresses = arena_grow(f->arena, h->addresses, h->n_addresses, sizeof(*h->addresses));
        cr_assert(ip_parse(slice_head(rest, end), &h->addresses[h->n_addresses++]));
        rest = slice_skip(rest, end + 1);
    }
}

static void fill_host(struct dest_facts *f, struct host_facts *h, const struct host_row *row)
{
    bool error = strcmp(row->addresses, "error") == 0;

    *h = (struct host_facts){.name = arena_strdup(f->arena, slice_of(row->name)),
                             .preference = row->preference,
                             .addresses_security = error ? DNS_FAILED : DNS_SECURE,
                             .alias_security = error ? DNS_FAILED : DNS_SECURE,
                             .tlsa_lookup = DNS_NODATA,
                             .tlsa_base = "",
                             .why = error ? "SERVFAIL" : ""};
    h->expanded = h->name;
    if (!error)
        add_addresses(f, h, row->addresses);
    h->addresses_lookup = error ? DNS_ERROR : h->n_addresses ? DNS_DATA : DNS_NODATA;
}

struct dest_facts *facts_of(enum dest_kind kind, const char *name, const struct host_row *hosts)
{
    struct arena *arena = arena_new();
    struct dest_facts *f = arena_alloc(arena, sizeof(*f));

    f->refs = 1;
    f->arena = arena;
    f->name = f->expanded = arena_strdup(arena, slice_of(name));
    f->kind = kind;
    f->security = DNS_SECURE;
    f->why = "SERVFAIL";
    f->ttl = 300;
    f->made_ms = clock_wall_ms();
    f->n_steps = 1;
    f->steps = arena_alloc(arena, sizeof(*f->steps));
    f->steps[0] = (struct dns_step){.name = f->name, .type = DNS_MX, .alias = "", .why = ""};
    while (hosts && hosts[f->n_hosts].name)
        f->n_hosts++;
    f->hosts = arena_alloc(arena, (f->n_hosts + 1) * sizeof(*f->hosts));
    for (size_t i = 0; i < f->n_hosts; i++)
        fill_host(f, &f->hosts[i], &hosts[i]);
    return f;
}

void facts_add_tlsa(struct dest_facts *f, size_t host, struct tlsa_record record)
{
    struct host_facts *h = &f->hosts[host];
    uint8_t *data = arena_alloc(f->arena, record.len + 1u);

    memcpy(data, record.data, record.len);
    record.data = data;
    h->tlsa = arena_grow(f->arena, h->tlsa, h->n_tlsa, sizeof(*h->tlsa));
    h->tlsa[h->n_tlsa++] = record;
    h->tlsa_lookup = DNS_DATA;
    h->tlsa_base = h->name;
    h->candidates[0] = (struct tlsa_candidate){h->name, DNS_SECURE, DNS_DATA, true};
    h->n_candidates = 1;
}
