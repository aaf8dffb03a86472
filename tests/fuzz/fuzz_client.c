/* A whole outbound dialogue against a hostile server: a recipient is only ever delivered after the
 * final dot was sent, and every recipient ends with a result. */
#include "config/base/limits.h"
#include "mta/smtp/client.h"
#include "tests/fuzz/bytes.h"

enum { RCPTS = 3 };

struct run {
    struct smtp_client *client;
    struct smtp_transaction t;
    struct status results[RCPTS];
    bool dot_sent, over;
};

static void step(struct run *r, struct buf *in, struct buf *out)
{
    for (int i = 0; i < 64 && !r->over; i++) {
        switch (smtp_client_step(r->client, in, out)) {
        case CLIENT_WAIT:
            return;
        case CLIENT_STARTTLS:
            smtp_client_tls_done(r->client);
            break;
        case CLIENT_AUTH:
            smtp_client_login(r->client, SLICE("eA=="), smtp_client_challenge(r->client).n % 2);
            break;
        case CLIENT_READY:
            smtp_client_start(r->client, &r->t);
            break;
        case CLIENT_BODY:
            (void)smtp_client_body(r->client, SLICE("Subject: x\r\n\r\n.\r\n"), out);
            r->dot_sent = smtp_client_body_end(r->client, out);
            break;
        case CLIENT_FINISHED:
            for (size_t k = 0; k < RCPTS; k++)
                REQUIRE(!status_ok(&r->results[k]) || r->dot_sent);
            r->over = true;
            break;
        case CLIENT_FAILED:
        case CLIENT_QUIT_DONE:
            r->over = true;
            break;
        }
        buf_clear(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct smtp_rcpt rcpts[RCPTS] = {
        {.address = "a@b.example"}, {.address = "c@b.example"}, {.address = "d@b.example"}};
    struct smtp_client_config cfg = {.hostname = "relay.example.org"};
    struct run r = {.t = {.sender = "s@example.org",
                          .size = 100,
                          .eight_bit = true,
                          .rcpts = rcpts,
                          .n_rcpts = RCPTS}};
    struct buf in, out;

    if (size < 1)
        return 0;
    cfg.tls = (enum client_tls)(data[0] % 3);
    cfg.lmtp = data[0] & 64;
    cfg.chunking = data[0] & 32;
    cfg.login = data[0] & 16;
    r.t.results = r.results;
    for (size_t k = 0; k < RCPTS; k++)
        r.results[k] = status_of(CAUSE_LOCAL_ERROR);
    buf_init(&in, LIMIT_SESSION_IN);
    buf_init(&out, LIMIT_CLIENT_OUT);
    r.client = smtp_client_new(&cfg);
    for (size_t at = 1, n; at < size && !r.over; at += n) {
        n = (size_t)data[at] % 40 + 1;
        n = n < size - at ? n : size - at;
        if (!buf_append(&in, slice_make((const char *)data + at, n)))
            break;
        step(&r, &in, &out);
    }
    struct status lost = status_of(CAUSE_CONNECTION_LOST);
    smtp_client_lost(r.client, &lost);
    smtp_client_free(&r.client);
    buf_free(&in);
    buf_free(&out);
    return 0;
}
