/* TLSA records on their way into OpenSSL: any record set of a host, judged by the verdict, becomes a
 * client. SSL_dane_tlsa_add is wrapped by the linker, so that what OpenSSL is given is seen here. */
#include <openssl/err.h>
#include <string.h>

#include "tests/fuzz/bytes.h"
#include "tls/dane.h"

int __real_SSL_dane_tlsa_add(SSL *s, uint8_t usage, uint8_t selector, uint8_t mtype,
                             const unsigned char *data, size_t len);
int __wrap_SSL_dane_tlsa_add(SSL *s, uint8_t usage, uint8_t selector, uint8_t mtype,
                             const unsigned char *data, size_t len);

static size_t given; /* records that OpenSSL took */

/* RFC 7672 §3.1.3: usages 0 and 1 are not for SMTP; the others stand in RFC 6698 §7.2–§7.4. */
int __wrap_SSL_dane_tlsa_add(SSL *s, uint8_t usage, uint8_t selector, uint8_t mtype,
                             const unsigned char *data, size_t len)
{
    REQUIRE((usage == 2 || usage == 3) && selector <= 1 && mtype <= 2 && data && len > 0);
    int result = __real_SSL_dane_tlsa_add(s, usage, selector, mtype, data, len);
    given += result > 0;
    return result;
}

struct scene {
    struct tlsa_record records[LIMIT_TLSA_RECORDS], reversed[LIMIT_TLSA_RECORDS];
    struct host_facts host;
    struct dest_facts dest;
    struct verdict_input in;
    char base[DNS_NAME_MAX];
};

/* Small values as they are, so that many records are near to a usable one; the others are kept too. */
static uint8_t field(struct slice *in, unsigned usual)
{
    uint8_t v = take_u8(in);
    return (uint8_t)(v < 128 ? v % usual : v);
}

static void read_records(struct slice *in, struct scene *s)
{
    size_t n = take_below(in, LIMIT_TLSA_RECORDS + 1);

    for (size_t i = 0; i < n; i++) {
        struct tlsa_record *r = &s->records[i];
        r->usage = field(in, 4);
        r->selector = field(in, 2);
        r->mtype = field(in, 3);
        struct slice data = take(in, take_u16(in));
        r->len = (uint16_t)data.n;
        r->data = data.n ? (const uint8_t *)data.p : NULL;
        s->reversed[n - 1 - i] = *r;
    }
    s->host.tlsa = s->records;
    s->host.n_tlsa = n;
}

static const char *read_name(struct slice *in, char out[DNS_NAME_MAX])
{
    if (!dns_name_normalise(take(in, take_below(in, 64)), out))
        memcpy(out, "mx.d.example", sizeof("mx.d.example"));
    return out;
}

static void read_scene(struct slice *in, struct scene *s)
{
    uint8_t flags = take_u8(in);

    *s = (struct scene){.base = ""};
    s->in = (struct verdict_input){.level = (enum tls_level)take_below(in, TLS_LEVEL_SECURE + 1),
                                   .resolver_validates = !(flags & 1),
                                   .audit = flags & 2,
                                   .dest = &s->dest};
    s->dest = (struct dest_facts){.name = "d.example", .expanded = "e.example", .port = 25, .why = "",
                                  .kind = flags & 4 ? DEST_MX : DEST_HOST, .hosts = &s->host,
                                  .security = flags & 8 ? DNS_INSECURE : DNS_SECURE, .n_hosts = 1};
    read_name(in, s->base);
    s->host = (struct host_facts){
        .name = flags & 16 ? s->base : "mx.d.example", .expanded = s->base, .why = "",
        .addresses_lookup = DNS_DATA, .addresses_security = DNS_SECURE,
        .alias_security = DNS_SECURE, .n_candidates = 1, .tlsa_base = ""};
    read_records(in, s);
    s->host.tlsa_lookup = s->host.n_tlsa ? DNS_DATA : DNS_NODATA;
    if (s->host.n_tlsa)
        s->host.tlsa_base = s->base;
    if (flags & 32) {
        s->host.tlsa_lookup = DNS_ERROR;
        s->host.n_tlsa = 0;
    }
}

/* What secure records demand, RFC 7672 §2.2: TLS at least, unless the host is not used at all. Only
 * audit-only mode may have less, for a host that would not be used. */
static void check_demand(const struct scene *s, const struct verdict *v)
{
    bool is_dane = s->in.level == TLS_LEVEL_DANE || s->in.level == TLS_LEVEL_DANE_ONLY;
    bool is_let_pass = v->audit && v->skip.cause != CAUSE_OK;

    if (is_dane && s->host.n_tlsa && !is_let_pass)
        REQUIRE(v->mode == VERDICT_DANE || v->mode == VERDICT_ENCRYPT || v->mode == VERDICT_SKIP);
    if (is_dane && s->host.tlsa_lookup == DNS_ERROR && !is_let_pass)
        REQUIRE(v->mode == VERDICT_SKIP);
    if (v->mode == VERDICT_DANE)
        REQUIRE(is_dane && s->in.resolver_validates && v->n_names > 0 && v->usable);
}

static void check_client(const struct scene *s, const struct verdict *before, const struct verdict *v,
                         const SSL *ssl)
{
    REQUIRE((ssl == NULL) == (v->mode == VERDICT_SKIP || v->mode == VERDICT_CLEAR));
    REQUIRE((v->usable & ~before->usable) == 0);
    REQUIRE(v->mode == before->mode || v->mode == VERDICT_SKIP ||
            (before->mode == VERDICT_DANE && v->mode == VERDICT_ENCRYPT));
    REQUIRE(v->mode != VERDICT_SKIP || v->skip.cause != CAUSE_OK);
    if (v->mode == VERDICT_DANE)
        REQUIRE(given == (size_t)__builtin_popcountll(v->usable) && given > 0);
    if (ssl)
        REQUIRE(SSL_get_verify_mode(ssl) ==
                (v->mode == VERDICT_DANE || v->mode == VERDICT_PKIX ? SSL_VERIFY_PEER : SSL_VERIFY_NONE));
    REQUIRE(ERR_peek_error() == 0);
}

/* The order of the RRset does not matter: connections are shared between equal keys. */
static void check_key(struct scene *s, const struct verdict *v)
{
    uint8_t key[VERDICT_KEY], other[VERDICT_KEY];

    verdict_key(v, key);
    s->host.tlsa = s->reversed;
    struct verdict reversed = verdict_decide(&s->in);
    verdict_key(&reversed, other);
    REQUIRE(reversed.mode == v->mode && memcmp(key, other, sizeof(key)) == 0);
    s->host.tlsa = s->records;
}

static const struct tls_clients *clients(void)
{
    static struct tls_clients c;
    struct buf errors;

    if (!c.authenticated) {
        buf_init(&errors, 4096);
        REQUIRE(tls_clients_init(&c, &errors));
        buf_free(&errors);
    }
    return &c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene s;
    struct slice in = slice_make((const char *)data, size);

    read_scene(&in, &s);
    struct verdict before = verdict_decide(&s.in), v = before;
    check_demand(&s, &v);
    check_key(&s, &v);
    given = 0;
    SSL *ssl = tls_dane_client(clients(), &v, s.in.level, s.host.name);
    check_demand(&s, &v);
    check_client(&s, &before, &v, ssl);
    SSL_free(ssl);
    return 0;
}
