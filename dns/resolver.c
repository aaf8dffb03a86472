#include "dns/resolver.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unbound-event.h>
#include <unbound.h>

#include "config/base/arena.h"
#include "config/base/log.h"
#include "config/base/loop.h"

enum {
    CLASS_IN = 1,
    PORTS = 2048, /* sockets for questions: dead servers must not use them up for all others */
    TCP = 32,
    OTHER_FILES = 96, /* the link, the log, the loop, room to spare */
    SEC_BOGUS = 1,
    SEC_SECURE = 2,
};

struct resolver {
    struct ub_ctx *ctx;
    FILE *words;           /* libunbound's own log */
    struct lookup *asking; /* its callback has not run while ub_resolve_event is at work */
    bool stopping;
};

/* What differs from the defaults of libunbound 1.17. harden-dnssec-stripped, val-permissive-mode:
 * no, serve-expired: no and their like are the defaults, and stay. */
static const struct {
    const char *option, *value;
} options[] = {
  /* Room for LIMIT_DNS_IN_FLIGHT plans and twice LIMIT_LOOKUPS_IN_FLIGHT questions. */
    {"num-queries-per-thread:", "5120"},
    {"outgoing-num-tcp:",       "32"  },
 /* One megabyte each by default: a few thousand names would thrash it. */
    {"msg-cache-size:",         "16m" },
    {"rrset-cache-size:",       "32m" },
    {"key-cache-size:",         "4m"  },
 /* A dead server is given up in seconds instead of a minute, and found alive again soon. */
    {"infra-cache-max-rtt:",    "3000"},
    {"infra-keep-probing:",     "yes" },
    {"infra-host-ttl:",         "120" },
    {"outbound-msg-retry:",     "2"   },
 /* A mended zone is seen within a minute. */
    {"val-bogus-ttl:",          "60"  },
    {"trust-anchor-signaling:", "no"  },
};

/* Zones that libunbound answers by itself (RFC 6761, RFC 8375), unless we are sent to servers of
 * theirs on purpose. */
static const char *const local_zones[] = {"test.", "invalid.", "home.arpa."};

struct setup {
    struct resolver *r;
    const struct resolver_config *c;
    enum resolver_mode mode;
    struct buf *errors;
};

static bool complain(struct setup *s, int error, const char *what, const char *value)
{
    if (error)
        (void)!buf_printf(s->errors, "resolver: %s \"%s\": %s\n", what, value, ub_strerror(error));
    return error == 0;
}

static bool set(struct setup *s, const char *option, const char *value)
{
    return complain(s, ub_ctx_set_option(s->r->ctx, option, value), option, value);
}

static bool is_loopback(const char *server)
{
    struct slice s = slice_of(server);
    struct ip ip;

    if (!ip_parse(slice_head(s, slice_find(s, '@')), &ip))
        return false;
    static const uint8_t one[16] = {[15] = 1};
    return ip.v6 ? memcmp(ip.a, one, sizeof(one)) == 0 : ip.a[0] == 127;
}

static bool any_loopback(const struct resolver_config *c)
{
    for (size_t i = 0; i < c->n_forward; i++)
        if (is_loopback(c->forward[i]))
            return true;
    for (size_t i = 0; i < c->n_stubs; i++)
        for (size_t k = 0; k < c->stubs[i].n_servers; k++)
            if (is_loopback(c->stubs[i].servers[k]))
                return true;
    return false;
}

/* Whether questions about a local zone may be meant for a configured server: the stub is above the
 * zone, or in it. */
static bool is_served(const struct resolver_config *c, struct slice zone)
{
    if (c->n_forward)
        return true;
    for (size_t i = 0; i < c->n_stubs; i++) {
        struct slice stub = slice_of(c->stubs[i].zone);
        size_t above = stub.n - zone.n - 1;
        if (slice_eq(stub, SLICE(".")) || slice_caseeq(stub, zone) ||
            (stub.n > zone.n && slice_caseends(stub, zone) && stub.p[above] == '.'))
            return true;
    }
    return false;
}

/* Whether somebody we are sent to may know the names of private addresses: libunbound knows only that
 * they have none (RFC 6303). */
static bool may_have_reverse_zones(const struct resolver_config *c)
{
    for (size_t i = 0; i < c->n_stubs; i++) {
        struct slice stub = slice_of(c->stubs[i].zone);
        if (slice_eq(stub, SLICE(".")) || slice_caseends(stub, SLICE("arpa.")))
            return true;
    }
    return c->n_forward != 0;
}

/* As many sockets as the system lets us have; says so in outgoing-range. */
static bool set_ports(struct setup *s)
{
    struct rlimit limit;
    rlim_t want = PORTS + TCP + OTHER_FILES;
    char text[24];

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < want) {
        limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < want)
        want = limit.rlim_cur;
    unsigned ports = want > 2 * (TCP + OTHER_FILES) ? (unsigned)want - TCP - OTHER_FILES : 16;
    (void)snprintf(text, sizeof(text), "%u", ports);
    return set(s, "outgoing-range:", text);
}

static bool set_options(struct setup *s)
{
    char text[64];
    bool ok = set_ports(s);

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        ok = set(s, options[i].option, options[i].value) && ok;
    ok = set(s, "unblock-lan-zones:", may_have_reverse_zones(s->c) ? "yes" : "no") && ok;
    ok = set(s, "do-not-query-localhost:", any_loopback(s->c) ? "no" : "yes") && ok;
    for (size_t i = 0; i < ARRAY_LEN(local_zones); i++) {
        if (!is_served(s->c, slice_of(local_zones[i])))
            continue;
        (void)snprintf(text, sizeof(text), "%s transparent", local_zones[i]);
        ok = set(s, "local-zone:", text) && ok;
    }
    return ok;
}

static bool set_servers(struct setup *s)
{
    const struct resolver_config *c = s->c;
    struct ub_ctx *ctx = s->r->ctx;
    bool ok = true;

    if (s->mode == RESOLVER_TRUST_ANCHOR)
        ok = complain(s, ub_ctx_add_ta_file(ctx, c->trust_anchor_file), "trust_anchor_file",
                      c->trust_anchor_file);
    for (size_t i = 0; i < c->n_forward; i++)
        ok = complain(s, ub_ctx_set_fwd(ctx, c->forward[i]), "forward", c->forward[i]) && ok;
    for (size_t i = 0; i < c->n_stubs; i++)
        for (size_t k = 0; k < c->stubs[i].n_servers; k++)
            ok = complain(s, ub_ctx_set_stub(ctx, c->stubs[i].zone, c->stubs[i].servers[k], 0),
                          "stub server", c->stubs[i].servers[k]) &&
                 ok;
    return ok;
}

/* libunbound prints its complaints to a FILE; each line becomes an event. */
static ssize_t log_words(void *cookie, const char *p, size_t n)
{
    struct slice s = slice_make(p, n);

    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    if (s.n)
        LOG(DNS_RESOLVER, NULL, F_SLICE("libunbound", s));
    return (ssize_t)n;
}

static void capture_words(struct resolver *r)
{
    r->words = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_words});
    REQUIRE(r->words);
    (void)setvbuf(r->words, NULL, _IOLBF, 1024);
    (void)ub_ctx_debugout(r->ctx, r->words);
}

struct resolver *resolver_new(struct loop *loop, const struct resolver_config *c,
                              enum resolver_mode mode, struct buf *errors)
{
    struct resolver *r = base_alloc(sizeof(*r));
    struct setup s = {r, c, mode, errors};

    r->ctx = ub_ctx_create_event(loop_base(loop));
    REQUIRE(r->ctx);
    capture_words(r);
    if (set_options(&s) && set_servers(&s))
        return r;
    resolver_free(&r);
    return NULL;
}

void resolver_free(struct resolver **rp)
{
    struct resolver *r = *rp;
    if (!r)
        return;
    r->stopping = true; /* ub_ctx_delete calls back for all that is open */
    (void)ub_ctx_debugout(r->ctx, NULL);
    ub_ctx_delete(r->ctx);
    (void)fclose(r->words);
    free(r);
    *rp = NULL;
}

static void tell(struct lookup *l, int rcode, struct slice packet, int security, const char *why)
{
    struct arena *arena = arena_new();
    struct dns_answer answer = dns_answer_parse(arena, l->name, l->type, rcode, packet,
                                                security == SEC_SECURE, security == SEC_BOGUS, why);
    LOG(DNS_LOOKUP, NULL, F_STR("name", l->name), F_STR("type", dns_type_name(l->type)),
        F_STR("answer", dns_lookup_name(answer.lookup)),
        F_STR("security", dns_security_name(answer.security)), F_STR("why", answer.why));
    l->done(l, &answer);
    arena_free(&arena);
}

static void on_answer(void *arg, int rcode, void *packet, int packet_n, int security, char *why,
                      int was_ratelimited)
{
    struct lookup *l = arg;
    struct resolver *r = l->resolver;
    bool readable = rcode == 0 && packet && packet_n > 0;

    if (r->stopping)
        return;
    if (r->asking == l)
        r->asking = NULL;
    tell(l, rcode, readable ? slice_make(packet, (size_t)packet_n) : SLICE(""), security, why);
}

void resolver_ask(struct resolver *r, struct lookup *l, const char *name, uint16_t type)
{
    struct lookup *outer = r->asking;
    int ticket = 0; /* not l->ticket: l may be gone when libunbound writes it */

    l->resolver = r;
    l->type = type;
    (void)slice_copy(slice_of(name), l->name, sizeof(l->name));
    r->asking = l;
    int error = ub_resolve_event(r->ctx, l->name, type, CLASS_IN, l, on_answer, &ticket);
    bool open = r->asking == l;
    r->asking = outer;
    if (!open)
        return;
    l->ticket = ticket;
    if (error) {
        struct arena *arena = arena_new();
        struct dns_answer answer = dns_answer_failed(arena, l->name, ub_strerror(error));
        l->done(l, &answer);
        arena_free(&arena);
    }
}

void resolver_cancel(struct lookup *l)
{
    (void)ub_cancel(l->resolver->ctx, l->ticket);
}
