/* The rule for answers, and the alias chain. libunbound hands a cached SERVFAIL over with a clean
 * callback code and the RCODE only inside the packet, and bogus data as data: so the order of the
 * tests in dns_answer_parse is what keeps an attack from looking like "no TLSA". */
#include "dns/answer.h"

#include <string.h>

#include "dns/wire.h"

enum {
    MAX_LINKS = 16, /* aliases of one chain; libunbound gives up after 11. RFC 7672 §2.1.3 */
    MAX_WHY = 360,  /* octets of a reason that are kept; one may name two questions */
    RCODE_NOERROR = 0,
    RCODE_NXDOMAIN = 3,
};

/* Why a packet is not taken; NULL: it is. */
typedef const char *problem;

static const char *rcode_name(unsigned rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};
    return rcode < ARRAY_LEN(names) ? names[rcode] : "error";
}

/* The resolver quotes names out of packets: one line, printable, cut. */
static const char *clean(struct arena *arena, const char *why)
{
    char *copy = arena_strdup(arena, slice_head(slice_of(why), MAX_WHY));
    for (char *c = copy; *c; c++)
        if (*c < ' ' || *c >= 0x7f)
            *c = '?';
    return copy;
}

static struct dns_answer in_error(struct arena *arena, const char *qname,
                                  enum dns_security security, const char *why)
{
    return (struct dns_answer){
        .lookup = DNS_ERROR,
        .security = security,
        .expanded = arena_strdup(arena, slice_of(qname)),
        .why = clean(arena, why),
    };
}

struct dns_answer dns_answer_failed(struct arena *arena, const char *qname, const char *why)
{
    return in_error(arena, qname, DNS_FAILED, why);
}

struct reading {
    struct arena *arena;
    struct wire_message m;
    struct wire_name at; /* where the chain has led */
    struct dns_answer *a;
};

static void note_ttl(struct dns_answer *a, uint32_t ttl)
{
    a->ttl = ttl < a->ttl ? ttl : a->ttl;
}

/* Looks for an alias at rd->at. *out_found stays false if there is none. */
static problem next_link(struct reading *rd, struct wire_name *out_target, bool *out_found)
{
    struct wire_cursor c = wire_records(&rd->m);
    struct wire_name target;

    for (struct wire_record r; wire_next(&c, &r);) {
        if (r.authority || r.type != DNS_CNAME || !wire_name_eq(&r.owner, &rd->at))
            continue;
        if (!wire_target(&rd->m, &r, &target))
            return "malformed CNAME record";
        if (*out_found && !wire_name_eq(&target, out_target))
            return "two different aliases at one name";
        *out_target = target;
        *out_found = true;
        note_ttl(rd->a, r.ttl);
    }
    return c.broken ? "malformed packet" : NULL;
}

/* DNAME needs nothing here: the resolver sends the CNAME that follows from it, RFC 7672 §2.1.3. */
static problem follow_chain(struct reading *rd)
{
    for (int links = 0; links <= MAX_LINKS; links++) {
        struct wire_name target;
        bool found = false;
        problem why = next_link(rd, &target, &found);
        if (why || !found)
            return why;
        rd->at = target;
        rd->a->aliased = true;
    }
    return "alias loop or too many aliases";
}

static problem add_mx(struct reading *rd, const struct wire_record *r)
{
    struct mx_record mx = {.exchange = NULL};
    struct wire_name exchange;
    char text[DNS_NAME_MAX];

    if (!wire_mx(&rd->m, r, &mx.preference, &exchange))
        return "malformed MX record";
    if (wire_name_text(&exchange, text))
        mx.exchange = arena_strdup(rd->arena, slice_of(text));
    rd->a->mx = arena_grow(rd->arena, rd->a->mx, rd->a->n, sizeof(mx));
    rd->a->mx[rd->a->n++] = mx;
    return NULL;
}

static problem add_address(struct reading *rd, const struct wire_record *r)
{
    struct ip ip;

    if (!wire_address(r, &ip))
        return "malformed address record";
    if (rd->a->n == LIMIT_HOST_ADDRESSES)
        return NULL; /* more than anybody will try */
    rd->a->addresses = arena_grow(rd->arena, rd->a->addresses, rd->a->n, sizeof(ip));
    rd->a->addresses[rd->a->n++] = ip;
    return NULL;
}

/* A set that is too large is refused whole: with part of it left out, only unusable records might
 * remain, and that would lower the demand on the server. */
static problem add_tlsa(struct reading *rd, const struct wire_record *r)
{
    struct tlsa_record tlsa = wire_tlsa(r);

    if (rd->a->n == LIMIT_TLSA_RECORDS || tlsa.len > LIMIT_TLSA_DATA)
        return "TLSA RRset beyond our limits";
    if (tlsa.len)
        tlsa.data =
            (const uint8_t *)arena_strdup(rd->arena, slice_make((const char *)tlsa.data, tlsa.len));
    rd->a->tlsa = arena_grow(rd->arena, rd->a->tlsa, rd->a->n, sizeof(tlsa));
    rd->a->tlsa[rd->a->n++] = tlsa;
    return NULL;
}

static problem add_cname(struct reading *rd, const struct wire_record *r)
{
    struct wire_name target;
    char text[DNS_NAME_MAX];

    if (!wire_target(&rd->m, r, &target))
        return "malformed CNAME record";
    if (!wire_name_text(&target, text))
        return "alias to what is not a host name";
    if (rd->a->cname && !dns_name_eq(rd->a->cname, text))
        return "two different aliases at one name";
    rd->a->cname = arena_strdup(rd->arena, slice_of(text));
    rd->a->n = 1;
    return NULL;
}

/* A name that is no host name is of no use to anybody, and none the less an answer. */
static problem add_ptr(struct reading *rd, const struct wire_record *r)
{
    struct wire_name target;
    char text[DNS_NAME_MAX];

    if (!wire_target(&rd->m, r, &target))
        return "malformed PTR record";
    if (!wire_name_text(&target, text) || !text[0] || rd->a->n == LIMIT_PTR_NAMES)
        return NULL;
    rd->a->names = arena_grow(rd->arena, rd->a->names, rd->a->n, sizeof(*rd->a->names));
    rd->a->names[rd->a->n++] = arena_strdup(rd->arena, slice_of(text));
    return NULL;
}

static problem add_txt(struct reading *rd, const struct wire_record *r)
{
    char text[LIMIT_TXT + 1];

    if (!wire_txt(r, text, sizeof(text)))
        return "malformed TXT record";
    if (rd->a->n == 0)
        rd->a->text = arena_strdup(rd->arena, slice_of(text));
    rd->a->n++;
    return NULL;
}

static problem add_other(struct reading *rd, const struct wire_record *r)
{
    rd->a->n++;
    return NULL;
}

static const struct collector {
    uint16_t type;
    problem (*add)(struct reading *, const struct wire_record *);
} collectors[] = {
    {DNS_MX,    add_mx     },
    {DNS_A,     add_address},
    {DNS_AAAA,  add_address},
    {DNS_TLSA,  add_tlsa   },
    {DNS_CNAME, add_cname  },
    {DNS_PTR,   add_ptr    },
    {DNS_TXT,   add_txt    },
    {0,         add_other  }, /* ends the table: counted only */
};

static problem collect(struct reading *rd)
{
    const struct collector *collector = collectors;
    struct wire_cursor c = wire_records(&rd->m);

    while (collector->type && collector->type != rd->m.qtype)
        collector++;
    for (struct wire_record r; wire_next(&c, &r);) {
        if (r.authority || r.type != rd->m.qtype || !wire_name_eq(&r.owner, &rd->at))
            continue;
        problem why = collector->add(rd, &r);
        if (why)
            return why;
        note_ttl(rd->a, r.ttl);
    }
    return c.broken ? "malformed packet" : NULL;
}

/* RFC 2308 §5: a denial without an SOA is not to be kept at all. */
static problem note_negative_ttl(struct reading *rd)
{
    struct wire_cursor c = wire_records(&rd->m);
    uint32_t ttl = 0;

    for (struct wire_record r; wire_next(&c, &r);)
        if (r.authority && r.type == DNS_SOA && !wire_soa_negative_ttl(&rd->m, &r, &ttl))
            return "malformed SOA record";
    note_ttl(rd->a, ttl);
    return c.broken ? "malformed packet" : NULL;
}

/* The TLSA base domain and what is logged come from this name, so for hosts and mail domains it has
 * to be expressible. Where a TLSA RRset is aliased to does not matter (RFC 7672 §2.2.3), and reverse
 * zones smaller than an octet are aliased to names with a slash (RFC 2317). */
static bool may_end_anywhere(uint16_t qtype)
{
    return qtype == DNS_TLSA || qtype == DNS_PTR || qtype == DNS_TXT;
}

static problem name_the_end(struct reading *rd)
{
    char text[DNS_NAME_MAX];

    if (!rd->a->aliased)
        return NULL;
    if (wire_name_text(&rd->at, text) && text[0])
        rd->a->expanded = arena_strdup(rd->arena, slice_of(text));
    else if (!may_end_anywhere(rd->m.qtype))
        return "alias to what is not a host name";
    return NULL;
}

static problem read_records(struct reading *rd)
{
    problem why = rd->m.qtype == DNS_CNAME ? NULL : follow_chain(rd);

    why = why ? why : name_the_end(rd);
    why = why ? why : collect(rd);
    if (why)
        return why;
    if (rd->a->n) {
        rd->a->lookup = DNS_DATA;
        return rd->m.rcode == RCODE_NXDOMAIN ? "NXDOMAIN with records" : NULL;
    }
    rd->a->lookup = rd->m.rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
    return note_negative_ttl(rd);
}

static problem read_packet(struct reading *rd, uint16_t qtype, struct slice packet)
{
    if (!wire_open(packet, &rd->m))
        return "malformed packet";
    if (rd->m.rcode != RCODE_NOERROR && rd->m.rcode != RCODE_NXDOMAIN)
        return rcode_name(rd->m.rcode);
    if (rd->m.qtype != qtype || !wire_name_eq(&rd->m.qname, &rd->at))
        return "answer to another question";
    return read_records(rd);
}

struct dns_answer dns_answer_parse(struct arena *arena, const char *qname, uint16_t qtype,
                                   int rcode, struct slice packet, bool secure, bool bogus,
                                   const char *why)
{
    struct dns_answer a = {
        .security = secure ? DNS_SECURE : DNS_INSECURE,
        .expanded = arena_strdup(arena, slice_of(qname)),
        .ttl = INT32_MAX,
        .why = "",
    };
    struct reading rd = {.arena = arena, .a = &a};
    bool has_why = why && *why;

    if (bogus)
        return in_error(arena, qname, DNS_BOGUS, has_why ? why : "validation failed");
    if (rcode != RCODE_NOERROR)
        return in_error(arena, qname, DNS_FAILED,
                        arena_printf(arena, "%s%s%s", rcode_name((unsigned)rcode),
                                     has_why ? ": " : "", has_why ? why : ""));
    if (!wire_name_of(qname, &rd.at))
        return in_error(arena, qname, DNS_FAILED, "not a domain name");
    problem bad = read_packet(&rd, qtype, packet);
    return bad ? in_error(arena, qname, DNS_FAILED, bad) : a;
}
