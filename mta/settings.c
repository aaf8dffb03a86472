/* The configuration and all that is made from it. Made on the thread that loads, then only read. */
#include "mta/settings.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"
#include "dns/process.h"
#include "mta/settings_passwords.h"
#include "mta/settings_users.h"

static bool is_wildcard(const struct ip *ip)
{
    static const uint8_t zero[sizeof(ip->a)];
    return memcmp(ip->a, zero, ip->v6 ? 16 : 4) == 0;
}

static void add_own(struct settings *s, const struct ip *ip)
{
    for (size_t i = 0; i < s->n_own_addresses; i++)
        if (ip_eq(&s->own_addresses[i], ip))
            return;
    s->own_addresses =
        base_realloc(s->own_addresses, (s->n_own_addresses + 1) * sizeof(*s->own_addresses));
    s->own_addresses[s->n_own_addresses++] = *ip;
}

/* A wildcard listener answers on every address of the machine. */
static bool add_interfaces(struct settings *s, struct buf *errors)
{
    struct ifaddrs *all;
    struct ip_port addr;

    if (getifaddrs(&all) != 0) {
        (void)!buf_printf(errors, "%s: the addresses of this machine cannot be read: %s\n",
                          s->config->file, strerrordesc_np(errno));
        return false;
    }
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (i->ifa_addr && ip_from_sockaddr(i->ifa_addr, &addr))
            add_own(s, &addr.ip);
    freeifaddrs(all);
    return true;
}

/* RFC 5321 §5.1: an MX list is cut where it names ourselves; these are the addresses that do. */
static bool make_own_addresses(struct settings *s, struct buf *errors)
{
    bool wildcard = false;

    for (size_t i = 0; i < s->config->n_listeners; i++) {
        const struct listener_config *l = &s->config->listeners[i];
        for (size_t j = 0; j < l->n_bind; j++) {
            wildcard |= is_wildcard(&l->bind[j].ip);
            if (!is_wildcard(&l->bind[j].ip))
                add_own(s, &l->bind[j].ip);
        }
    }
    return !wildcard || add_interfaces(s, errors);
}

static void log_warnings(struct buf *warnings)
{
    for (struct slice left = buf_slice(warnings); left.n;) {
        size_t end = slice_find(left, '\n');
        LOG(SMTPD_CERTIFICATE, NULL, F_SLICE("warning", slice_head(left, end)));
        left = slice_skip(left, end + 1);
    }
}

/* Goes on after a bad identity, so that one run tells of all. */
static bool make_identities(struct settings *s, struct buf *errors)
{
    struct buf warnings;
    bool ok = true;

    buf_init(&warnings, 64 * 1024);
    s->identities = base_alloc_array(s->config->n_identities + 1, sizeof(*s->identities));
    for (size_t i = 0; i < s->config->n_identities; i++) {
        s->identities[i] = tls_identity_new(&s->config->identities[i], errors, &warnings);
        ok &= s->identities[i] != NULL;
    }
    log_warnings(&warnings);
    buf_free(&warnings);
    return ok;
}

static struct tls_door make_door(const struct settings *s, const struct listener_config *l)
{
    struct tls_door door = {.n_identities = l->n_identities,
                            .asks_certificate = l->n_client_keys > 0};

    door.identities = base_alloc_array(l->n_identities + 1, sizeof(*door.identities));
    for (size_t i = 0; i < l->n_identities; i++)
        door.identities[i] = s->identities[l->identities[i] - s->config->identities];
    return door;
}

static void make_doors(struct settings *s)
{
    s->doors = base_alloc_array(s->config->n_listeners + 1, sizeof(*s->doors));
    for (size_t i = 0; i < s->config->n_listeners; i++)
        s->doors[i] = make_door(s, &s->config->listeners[i]);
}

static bool make(struct config *config, bool with_identities, struct buf *errors,
                 struct settings **out_settings)
{
    struct settings *s = base_alloc(sizeof(*s));

    s->refs = 1;
    s->config = config;
    bool ok = dns_trust_anchor_check(config, errors);
    if (with_identities) {
        ok &= make_identities(s, errors);
        ok &= settings_read_passwords(s, errors);
        make_doors(s);
        s->users = settings_users_new(config, errors, &ok);
    }
    ok &= make_own_addresses(s, errors);
    ok &= tls_clients_init(&s->tls, errors);
    if (ok)
        *out_settings = s;
    else
        settings_unref(&s);
    return ok;
}

bool settings_new(struct config *config, struct buf *errors, struct settings **out_settings)
{
    return make(config, true, errors, out_settings);
}

bool settings_new_outbound(struct config *config, struct buf *errors,
                           struct settings **out_settings)
{
    return make(config, false, errors, out_settings);
}

struct settings *settings_ref(struct settings *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void free_doors(struct settings *s)
{
    for (size_t i = 0; s->doors && i < s->config->n_listeners; i++)
        free(s->doors[i].identities);
    for (size_t i = 0; s->identities && i < s->config->n_identities; i++)
        tls_identity_free(&s->identities[i]);
    free(s->doors);
    free(s->identities);
}

void settings_unref(struct settings **sp)
{
    struct settings *s = *sp;

    *sp = NULL;
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_doors(s);
    settings_forget_passwords(s);
    settings_users_free(s->config, &s->users);
    tls_clients_free(&s->tls);
    free(s->own_addresses);
    config_unref(&s->config);
    free(s);
}
