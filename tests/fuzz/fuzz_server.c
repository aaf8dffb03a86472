/* A whole inbound dialogue: the first octet seeds the segmentation, every event is answered OK. DATA is
 * only ever begun with a sender and a recipient. */
#include <stdlib.h>

#include "mta/smtp/server.h"
#include "tests/fuzz/bytes.h"

static void answer(struct smtp_server *s, enum smtp_server_event_kind kind)
{
    struct status ok = status_make(CAUSE_OK, "Ok: queued as FUZZ000000");

    if (kind == SERVER_STARTTLS)
        smtp_server_tls_done(s);
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
        answer(s, ev.kind);
        buf_clear(out);
    }
    buf_clear(out);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_server_config cfg = {"relay.example.org", 100000, true, false, false};
    struct smtp_server s;
    struct buf in, out;

    if (size < 1)
        return 0;
    size_t step = (size_t)data[0] % 64 + 1;
    buf_init(&in, LIMIT_SESSION_IN);
    buf_init(&out, LIMIT_SESSION_OUT);
    smtp_server_init(&s, &cfg, &out);
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
