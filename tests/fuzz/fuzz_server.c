/* A whole inbound dialogue: the first octet says how long the segments are and whether it is inside TLS, every
 * event is answered OK. Content only ever comes with a sender and a recipient. */
#include <stdlib.h>

#include "mta/smtp/server.h"
#include "tests/fuzz/bytes.h"

enum { STEPS = 64, INSIDE_TLS = 64 }; /* of the first octet */

/* A password is asked for once more before it is taken. */
static bool challenge(struct smtp_server *s, const struct smtp_server_event *ev)
{
    bool more = ev->kind == SERVER_AUTH || (ev->kind == SERVER_AUTH_LINE && ev->content.n % 2);
    return more && smtp_server_auth_challenge(s, slice_head(ev->content, SMTP_SERVER_CHALLENGE));
}

static void answer(struct smtp_server *s, const struct smtp_server_event *ev)
{
    struct status ok = status_make(CAUSE_OK, "Ok: queued as FUZZ000000");

    if (ev->kind == SERVER_STARTTLS)
        smtp_server_tls_done(s);
    else if (challenge(s, ev))
        return;
    else if (s->awaiting)
        smtp_server_answer(s, &ok);
}

static bool drive(struct smtp_server *s, struct buf *in, struct buf *out)
{
    struct smtp_server_event ev;

    while (smtp_server_next(s, in, &ev)) {
        if (ev.kind == SERVER_CLOSE)
            return false;
        REQUIRE(ev.kind != SERVER_DATA || s->rcpts > 0);
        REQUIRE(ev.kind != SERVER_CONTENT || s->rcpts > 0);
        answer(s, &ev);
        buf_clear(out);
    }
    buf_clear(out);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_server_config cfg = {.hostname = "relay.example.org",
                                     .max_message_size = 100000,
                                     .offer_starttls = true,
                                     .offer_chunking = true,
                                     .offer_requiretls = true,
                                     .auth = "PLAIN LOGIN",
                                     .allow_xclient = true};
    struct smtp_server s;
    struct buf in, out;

    if (size < 1)
        return 0;
    size_t step = (size_t)data[0] % STEPS + 1;
    buf_init(&in, LIMIT_SESSION_IN);
    buf_init(&out, LIMIT_SESSION_OUT);
    smtp_server_init(&s, &cfg, &out);
    if (data[0] & INSIDE_TLS)
        smtp_server_tls_done(&s);
    smtp_server_greet(&s, false);
    bool open = true;
    for (size_t at = 1; at < size && open; at += step) {
        size_t n = size - at < step ? size - at : step;
        if (!buf_append(&in, slice_make((const char *)data + at, n)))
            break;
        open = drive(&s, &in, &out);
    }
    smtp_server_free(&s);
    buf_free(&in);
    buf_free(&out);
    return 0;
}
