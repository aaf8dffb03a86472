/* What a handshake costs the client in CPU, in full and resumed, in memory: whether TLS sessions
 * would be worth keeping. Only the client's calls are measured, from making its SSL object to
 * freeing it. Not a test. bench_tls [rounds] */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/tls/certs.h"
#include "tls/dane.h"

enum { MOST_ROUNDS = 5000 };

/* The ways to shake hands; in turn, so that what disturbs the machine disturbs all alike. */
enum way { UNVERIFIED, FULL, RESUMED, N_WAYS };

struct scene {
    const char *name;
    enum cert_key key;
    uint8_t usage; /* 3: a certificate of its own; 2: with an issuer, which is the trust anchor */
    int version;
};

static const struct scene scenes[] = {
    {"RSA-2048, usage 3", CERT_RSA_2048, 3, TLS1_3_VERSION},
    {"RSA-2048, usage 2", CERT_RSA_2048, 2, TLS1_3_VERSION},
    {"P-256,    usage 3", CERT_P256,     3, TLS1_3_VERSION},
    {"P-256,    usage 2", CERT_P256,     2, TLS1_3_VERSION},
    {"RSA-2048, usage 3", CERT_RSA_2048, 3, TLS1_2_VERSION},
    {"RSA-2048, usage 2", CERT_RSA_2048, 2, TLS1_2_VERSION},
    {"P-256,    usage 3", CERT_P256,     3, TLS1_2_VERSION},
    {"P-256,    usage 2", CERT_P256,     2, TLS1_2_VERSION},
};

struct bench {
    struct tls_clients clients;
    struct cert issuer, leaf;
    SSL_CTX *server;
    uint8_t data[RECORD_MAX];
    struct tlsa_record record;
    SSL_SESSION *session;
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- one scene */

static void prepare(struct bench *b, const struct scene *s)
{
    b->issuer = cert_make(&(struct cert_wish){.cn = "issuer", .ca = true, .key = s->key});
    b->leaf = cert_make(&(struct cert_wish){.cn = "mx.d.example",
                                            .san = "DNS:mx.d.example",
                                            .issuer = s->usage == 2 ? &b->issuer : NULL,
                                            .key = s->key});
    b->server = cert_server(&b->leaf, s->usage == 2 ? &b->issuer : NULL);
    REQUIRE(SSL_CTX_set_max_proto_version(b->server, s->version) == 1);
    (void)SSL_CTX_set_num_tickets(b->server, 1);
    b->record = cert_record(s->usage == 2 ? &b->issuer : &b->leaf, s->usage, s->usage == 3, 1,
                            false, b->data);
}

static void clean_up(struct bench *b)
{
    SSL_SESSION_free(b->session);
    b->session = NULL;
    SSL_CTX_free(b->server);
    cert_free(&b->leaf);
    cert_free(&b->issuer);
}

/* ---- one handshake */

static SSL *client_of(const struct bench *b, struct verdict *v, enum way way)
{
    *v = (struct verdict){
        .mode = way == UNVERIFIED ? VERDICT_ENCRYPT : VERDICT_DANE,
        .base = "mx.d.example",
        .names = {"mx.d.example", "d.example"},
        .n_names = 2,
        .records = &b->record,
        .n_records = 1,
        .usable = 1
    };
    SSL *ssl = tls_dane_client(&b->clients, v, TLS_LEVEL_DANE, "mx.d.example");
    REQUIRE(ssl);
    SSL_clear_options(ssl, SSL_OP_NO_TICKET); /* so that TLS 1.2 gets one too */
    if (way == RESUMED)
        REQUIRE(SSL_set_session(ssl, b->session) == 1);
    SSL_set_connect_state(ssl);
    return ssl;
}

/* Both ends in turn; then what the server sends behind the handshake, which comes with its first
 * reply. Returns the nanoseconds of the client's calls. */
static int64_t shake(SSL *client, SSL *server)
{
    int64_t spent = 0, from;
    int c = 0, s = 0;
    char octet;

    while (c != 1 || s != 1) {
        from = cpu_ns();
        c = SSL_do_handshake(client);
        spent += cpu_ns() - from;
        REQUIRE(c == 1 || SSL_get_error(client, c) == SSL_ERROR_WANT_READ);
        s = SSL_do_handshake(server);
        REQUIRE(s == 1 || SSL_get_error(server, s) == SSL_ERROR_WANT_READ);
    }
    REQUIRE(SSL_write(server, "2", 1) == 1);
    from = cpu_ns();
    REQUIRE(SSL_read(client, &octet, 1) == 1);
    return spent + cpu_ns() - from;
}

static void keep_session(struct bench *b, SSL *client)
{
    SSL_SESSION_free(b->session);
    b->session = SSL_get1_session(client);
}

static int64_t run(struct bench *b, enum way way)
{
    SSL *server = SSL_new(b->server);
    BIO *near, *far;
    struct verdict v;

    REQUIRE(server && BIO_new_bio_pair(&near, 0, &far, 0) == 1);
    SSL_set_accept_state(server);
    SSL_set_bio(server, far, far);
    int64_t from = cpu_ns();
    SSL *client = client_of(b, &v, way);
    SSL_set_bio(client, near, near);
    int64_t spent = cpu_ns() - from;
    spent += shake(client, server);
    REQUIRE(SSL_session_reused(client) == (way == RESUMED));
    from = cpu_ns();
    struct tls_outcome o = tls_dane_outcome(client, &v, true, NULL);
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    spent += cpu_ns() - from;
    REQUIRE(way != FULL || o.mode == VERDICT_DANE);
    if (way == FULL)
        keep_session(b, client);
    from = cpu_ns();
    SSL_free(client);
    spent += cpu_ns() - from;
    SSL_free(server);
    return spent;
}

/* ---- the figures */

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double median_us(int64_t *v, size_t n)
{
    qsort(v, n, sizeof(*v), compare);
    return (double)v[n / 2] / 1000;
}

static void measure(struct bench *b, const struct scene *s, size_t rounds)
{
    static int64_t spent[N_WAYS][MOST_ROUNDS];
    double us[N_WAYS];

    prepare(b, s);
    for (size_t i = 0; i < rounds; i++)
        for (enum way way = 0; way < N_WAYS; way++)
            spent[way][i] = run(b, way);
    for (enum way way = 0; way < N_WAYS; way++)
        us[way] = median_us(spent[way], rounds);
    printf("%-18s TLS 1.%d  %9.0f  %9.0f  %9.0f  %12.2f  %9.0f\n", s->name,
           s->version == TLS1_3_VERSION ? 3 : 2, us[UNVERIFIED], us[FULL], us[RESUMED],
           us[FULL] / us[RESUMED], us[FULL] - us[RESUMED]);
    clean_up(b);
}

int main(int argc, char **argv)
{
    static struct bench b;
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 500;
    struct buf errors;

    buf_init(&errors, 1000);
    if (rounds < 1 || rounds > MOST_ROUNDS || !tls_clients_init(&b.clients, &errors)) {
        fprintf(stderr, "bench_tls [1 to %d]\n%s", MOST_ROUNDS, buf_cstr(&errors));
        return 1;
    }
    printf("microseconds of the client's CPU, median of %zu\n", rounds);
    printf("%-18s %-7s  %9s  %9s  %9s  %12s  %9s\n", "certificate", "", "unverified", "DANE",
           "resumed", "DANE/resumed", "saved");
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
        measure(&b, &scenes[i], rounds);
    tls_clients_free(&b.clients);
    buf_free(&errors);
    return 0;
}
