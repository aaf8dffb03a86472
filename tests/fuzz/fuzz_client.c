/* A whole outbound dialogue against a hostile server, up to three messages on a connection.
 *
 *   - a recipient is delivered only by a 2yz that came after the end of the message was sent;
 *     by LMTP there is one for each
 *   - what is said are whole command lines; a password only inside TLS
 *   - a dead session says nothing more, and every recipient ends with a result
 *
 *   octet: bits 0–1 TLS, 2 TLS from the start, 3 no size, 4 login, 5 chunking, 6 LMTP, 7 SMTPUTF8;
 *   then segments: an octet that says how long it is and is its first one (mod 40, plus 1) */
#include <string.h>

#include "config/base/limits.h"
#include "mta/smtp/client.h"
#include "tests/fuzz/bytes.h"

enum { RCPTS = 3, MESSAGES = 3, STEPS = 64 };

static const char secret[] = "c2VjcmV0"; /* the password, as it travels */
static const char content[] = "Subject: x\r\n\r\n.\r\nend\r\n";

struct run {
    struct smtp_client *client;
    struct smtp_client_config cfg;
    struct smtp_transaction t;
    struct status results[RCPTS];
    struct buf out;
    struct buf since;  /* what the server said after the message's end was out */
    bool ended, over, tls, running;
    unsigned messages;
    size_t body_at;    /* octets of content that were taken */
};

/* ---- what goes out ---- */

static bool holds_secret(struct slice s)
{
    return s.n && memmem(s.p, s.n, secret, sizeof(secret) - 1);
}

/* Commands: whole lines without control characters. */
static void check_commands(struct slice s)
{
    REQUIRE(s.n == 0 || (has_strict_lines(s) && s.p[s.n - 1] == '\n'));
    for (size_t i = 0; i < s.n; i++)
        REQUIRE((uint8_t)s.p[i] >= ' ' || s.p[i] == '\r' || s.p[i] == '\n');
}

static void check_out(struct run *r, bool is_content)
{
    struct slice s = buf_slice(&r->out);

    REQUIRE(r->tls || !holds_secret(s));
    if (!is_content)
        check_commands(s);
    buf_clear(&r->out);
}

/* ---- results ---- */

/* Last lines of replies of class 2 that the server began after the message's end. */
static size_t count_yes(struct slice s)
{
    size_t n = 0;

    while (s.n) {
        struct slice line = slice_head(s, slice_find(s, '\n'));
        n += line.n >= 3 && line.p[0] == '2' && (line.n == 3 || line.p[3] != '-');
        s = slice_skip(s, line.n + 1);
    }
    return n;
}

static void check_results(struct run *r)
{
    size_t delivered = 0, yes = count_yes(buf_slice(&r->since));

    for (size_t k = 0; k < RCPTS; k++) {
        REQUIRE(r->results[k].cause != CAUSE_OK); /* still open */
        delivered += status_ok(&r->results[k]);
    }
    REQUIRE(!delivered || r->ended);
    REQUIRE(delivered <= (r->cfg.lmtp ? yes : yes * RCPTS));
    r->running = false;
}

/* ---- what the session would do ---- */

static void start(struct run *r)
{
    r->ended = false;
    r->body_at = 0;
    buf_clear(&r->since);
    r->running = true;
    smtp_client_start(r->client, &r->t);
}

static void send_body(struct run *r)
{
    struct slice left = slice_skip(slice_of(content), r->body_at);

    while (left.n && smtp_client_state(r->client) == CLIENT_ST_BODY) {
        size_t n = smtp_client_body(r->client, slice_head(left, 9), &r->out);
        if (n == 0)
            break;
        r->body_at += n;
        left = slice_skip(left, n);
    }
    r->ended = smtp_client_body_end(r->client, &r->out);
}

static void log_in(struct run *r)
{
    bool complete = smtp_client_challenge(r->client).n % 2;

    REQUIRE(r->tls);
    smtp_client_login(r->client, slice_make(secret, sizeof(secret) - 1), complete);
}

static void ready(struct run *r)
{
    if (r->messages++ < MESSAGES)
        start(r);
    else
        smtp_client_quit(r->client);
}

static void finished(struct run *r)
{
    REQUIRE(r->running);
    check_results(r);
}

static void over(struct run *r)
{
    if (r->running)
        check_results(r);
    r->over = true;
}

static void act(struct run *r, enum smtp_client_event ev)
{
    bool is_content = ev == CLIENT_BODY;

    switch (ev) {
    case CLIENT_WAIT:
        break;
    case CLIENT_STARTTLS:
        r->tls = true;
        smtp_client_tls_done(r->client);
        break;
    case CLIENT_AUTH:
        log_in(r);
        break;
    case CLIENT_READY:
        ready(r);
        break;
    case CLIENT_BODY:
        send_body(r);
        break;
    case CLIENT_FINISHED:
        finished(r);
        break;
    case CLIENT_FAILED:
    case CLIENT_QUIT_DONE:
        over(r);
        break;
    }
    check_out(r, is_content);
}

static void step(struct run *r, struct buf *in)
{
    for (int i = 0; i < STEPS && !r->over; i++) {
        enum smtp_client_event ev = smtp_client_step(r->client, in, &r->out);
        if (ev == CLIENT_STARTTLS)
            REQUIRE(in->n == 0);
        check_out(r, false);
        if (ev == CLIENT_WAIT)
            return;
        act(r, ev);
    }
}

/* Whatever the server still says. */
static void check_dead(struct run *r, struct buf *in)
{
    REQUIRE(smtp_client_state(r->client) == CLIENT_ST_DEAD);
    for (int i = 0; i < 3; i++) {
        (void)!buf_append(in, SLICE("250 2.0.0 Ok\r\n354 go\r\n"));
        (void)smtp_client_step(r->client, in, &r->out);
        smtp_client_login(r->client, slice_make(secret, sizeof(secret) - 1), true);
        REQUIRE(smtp_client_body(r->client, SLICE("x"), &r->out) == 0);
    }
    REQUIRE(r->out.n == 0 && !smtp_client_reusable(r->client));
}

static void talk(struct run *r, struct slice said)
{
    struct buf in;

    buf_init(&in, LIMIT_SESSION_IN);
    while (said.n && !r->over) {
        struct slice piece = take(&said, (uint8_t)said.p[0] % 40 + 1u);
        if (!buf_append(&in, piece))
            break;
        if (r->ended)
            REQUIRE(buf_append(&r->since, piece));
        step(r, &in);
    }
    struct status lost = status_of(CAUSE_CONNECTION_LOST);
    smtp_client_lost(r->client, &lost);
    if (r->running)
        check_results(r);
    check_dead(r, &in);
    buf_free(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct smtp_rcpt rcpts[RCPTS] = {
        {.address = "a@b.example", .notify = NOTIFY_SUCCESS | NOTIFY_DELAY, .orcpt = "rfc822;x+y@b"},
        {.address = "c@b.example", .notify = NOTIFY_NEVER},
        {.address = "d@b.example", .orcpt = "utf-8;\xc3\xbc@b"}};
    struct slice in = slice_make((const char *)data, size);
    unsigned how = take_u8(&in);
    struct run r = {.cfg = {.hostname = "relay.example.org",
                            .tls = (enum client_tls)(how % 4 % 3),
                            .tls_from_start = how & 4,
                            .login = how & 16,
                            .chunking = how & 32,
                            .lmtp = how & 64},
                    .tls = how & 4,
                    .t = {.sender = "s@example.org",
                          .size = how & 8 ? 0 : sizeof(content) - 1,
                          .eight_bit = how & 128,
                          .smtputf8 = how & 128,
                          .envid = "a b+c",
                          .ret = DSN_RET_HDRS,
                          .rcpts = rcpts,
                          .n_rcpts = RCPTS}};

    r.t.results = r.results;
    buf_init(&r.out, LIMIT_CLIENT_OUT);
    buf_init(&r.since, 1 << 20);
    r.client = smtp_client_new(&r.cfg);
    talk(&r, in);
    smtp_client_free(&r.client);
    buf_free(&r.out);
    buf_free(&r.since);
    return 0;
}
