/* The client machine talks to the server machine in memory: random messages, recipients, pipelining
 * and segmentation; what arrives is what was sent, octet for octet. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mta/smtp/client.h"
#include "tests/smtp/talk.h"

enum { ROUNDS = 300, MESSAGES = 4, MAX_CONTENT = 3000, MAX_RCPTS = 5 };

struct pair {
    uint64_t seed;
    struct talk server;
    struct smtp_client *client;
    struct buf in, out; /* the client's */
    bool pipelining;
    struct smtp_transaction t;
    struct status results[MAX_RCPTS];
    struct smtp_rcpt rcpts[MAX_RCPTS];
    struct buf body;
    size_t body_at, started, finished, delivered;
    bool quit;
};

static const struct smtp_server_config server_config = {"mx.example", 1 << 20, true, false, false};

/* Lines of dots, letters and eight-bit octets; every line ends in CRLF. */
static void make_body(struct pair *p)
{
    static const char octets[] = "....abc \xc3\xbc\t-";
    size_t n = talk_random(&p->seed) % MAX_CONTENT;

    buf_clear(&p->body);
    while (p->body.n < n) {
        size_t length = talk_random(&p->seed) % 80;
        for (size_t i = 0; i < length; i++)
            cr_assert(
                buf_append_byte(&p->body, octets[talk_random(&p->seed) % (sizeof(octets) - 1)]));
        cr_assert(buf_append(&p->body, SLICE("\r\n")));
    }
}

static void start_message(struct pair *p)
{
    static const char *const names[] = {"good@x", "\"q. @\"@x", "bad@x", "later@x"};
    size_t n = 1 + talk_random(&p->seed) % MAX_RCPTS;

    make_body(p);
    p->body_at = 0;
    for (size_t i = 0; i < n; i++)
        p->rcpts[i].address = names[talk_random(&p->seed) % ARRAY_LEN(names)];
    p->t =
        (struct smtp_transaction){.sender = talk_random(&p->seed) % 8 ? "s@a" : "refuse@a",
                                  .size = p->body.n,
                                  .eight_bit = true,
                                  .rcpts = p->rcpts,
                                  .n_rcpts = n,
                                  .results = p->results};
    p->started++;
    smtp_client_start(p->client, &p->t);
}

static enum cause expected_cause(const struct pair *p, size_t i)
{
    if (strcmp(p->t.sender, "refuse@a") == 0 || strcmp(p->rcpts[i].address, "bad@x") == 0)
        return CAUSE_REMOTE_PERMFAIL;
    return strcmp(p->rcpts[i].address, "later@x") == 0 ? CAUSE_REMOTE_TEMPFAIL : CAUSE_REMOTE_OK;
}

static void check_message(struct pair *p)
{
    bool delivered = false;

    for (size_t i = 0; i < p->t.n_rcpts; i++) {
        cr_assert_eq(p->results[i].cause, expected_cause(p, i), "%s: %s", p->rcpts[i].address,
                     p->results[i].text);
        delivered = delivered || p->results[i].cause == CAUSE_REMOTE_OK;
    }
    cr_assert_eq(p->server.content.n, delivered ? p->body.n : 0);
    if (delivered)
        cr_assert(slice_eq(buf_slice(&p->server.content), buf_slice(&p->body)), "octet for octet");
    p->delivered += delivered;
    cr_assert_eq(p->server.messages, p->delivered);
    buf_clear(&p->server.content);
    p->finished++;
}

static void send_body(struct pair *p)
{
    struct slice left = slice_skip(buf_slice(&p->body), p->body_at);

    if (smtp_client_state(p->client) != CLIENT_ST_BODY)
        return;
    p->body_at +=
        smtp_client_body(p->client, slice_head(left, 1 + talk_random(&p->seed) % 200), &p->out);
    if (p->body_at == p->body.n && smtp_client_state(p->client) == CLIENT_ST_BODY)
        (void)!smtp_client_body_end(p->client, &p->out);
}

static void step_client(struct pair *p)
{
    enum smtp_client_event ev;

    while ((ev = smtp_client_step(p->client, &p->in, &p->out)) != CLIENT_WAIT) {
        cr_assert_neq(ev, CLIENT_FAILED, "%s", smtp_client_failure(p->client)->text);
        if (ev == CLIENT_STARTTLS)
            smtp_client_tls_done(p->client);
        if (ev == CLIENT_READY && p->started < MESSAGES)
            start_message(p);
        else if (ev == CLIENT_READY)
            smtp_client_quit(p->client);
        if (ev == CLIENT_FINISHED)
            check_message(p);
        p->quit = p->quit || ev == CLIENT_QUIT_DONE;
    }
    send_body(p);
}

/* Moves some octets from one side to the other. */
static void carry(struct pair *p, struct buf *from, struct buf *to)
{
    size_t n = talk_random(&p->seed) % 3 ? from->n : talk_random(&p->seed) % (from->n + 1);

    if (n > buf_room(to))
        n = buf_room(to);
    cr_assert(buf_append(to, slice_head(buf_slice(from), n)));
    buf_consume(from, n);
}

/* Without PIPELINING: the server's word for it is spoilt on its way. */
static void spoil(struct pair *p)
{
    char *word = p->server.out.n ? memmem(p->server.out.p + p->server.out.head, p->server.out.n,
                                          "-PIPELINING", 11)
                                 : NULL;
    if (word && !p->pipelining)
        word[1] = 'X';
}

static void converse(uint64_t seed)
{
    struct smtp_client_config cfg = {.hostname = "relay.example",
                                     .tls = seed % 3 ? CLIENT_TLS_REQUIRED : CLIENT_TLS_NEVER};
    struct pair p = {.seed = seed * 0x9e3779b97f4a7c15u + 1, .pipelining = seed % 2};

    talk_init(&p.server, &server_config);
    p.client = smtp_client_new(&cfg);
    buf_init(&p.in, LIMIT_SESSION_IN);
    buf_init(&p.out, LIMIT_CLIENT_OUT);
    buf_init(&p.body, 2 * MAX_CONTENT);
    smtp_server_greet(&p.server.server, false);
    for (int i = 0; i < 100000 && !p.quit; i++) {
        spoil(&p);
        carry(&p, &p.server.out, &p.in);
        step_client(&p);
        carry(&p, &p.out, &p.server.in);
        talk_pump(&p.server);
    }
    cr_assert(p.quit && p.finished == MESSAGES && p.server.closed, "seed %u", (unsigned)seed);
    smtp_client_free(&p.client);
    buf_free(&p.in);
    buf_free(&p.out);
    buf_free(&p.body);
    talk_free(&p.server);
}

Test(pair, everything_arrives)
{
    for (uint64_t seed = 0; seed < ROUNDS; seed++)
        converse(seed);
    CHECK_LEAKS();
}
