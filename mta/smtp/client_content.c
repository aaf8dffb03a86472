/* The message of a transaction: after 354 to DATA, dot-stuffed, or in chunks (RFC 3030), then
 * its reply; by LMTP one for each recipient (RFC 2033 §4.2). RFC 5321 §4.1.1.4. Pure, any thread.
 */
#include "mta/smtp/client_internal.h"

bool client_send_data(struct smtp_client *c, struct buf *out)
{
    return buf_append(out, SLICE("DATA\r\n"));
}

bool client_send_dot(struct smtp_client *c, struct buf *out)
{
    return dot_writer_end(&c->dot, out);
}

/* 354 with nobody left: the server is owed a dot, and whatever it says then counts for nobody
 * (RFC 2920 §3.1). By LMTP it would say nothing at all. */
static void on_go_ahead(struct smtp_client *c, const struct reply *r)
{
    bool nobody = c->accepted == 0;

    if (nobody && c->cfg.lmtp) {
        client_fail_reply(c, r);
        return;
    }
    dot_writer_init(&c->dot);
    c->state = nobody ? CLIENT_ST_DOT : CLIENT_ST_BODY;
    c->unsent = nobody;
    c->event = nobody ? CLIENT_WAIT : CLIENT_BODY;
}

void client_on_data(struct smtp_client *c, const struct reply *r)
{
    struct status st = client_status(r);

    c->rset_due = true;
    if (r->code == 354) {
        on_go_ahead(c, r);
    } else if (client_is_negative(r)) {
        client_settle_rest(c, &st);
        client_finish(c);
    } else {
        client_fail_reply(c, r);
    }
}

/* ---- chunks ---- */

bool client_uses_chunks(const struct smtp_client *c)
{
    return c->cfg.chunking && !c->cfg.lmtp && (c->caps.mask & CAP_CHUNKING);
}

/* Chunks follow the answers to the recipients, so that no content goes out for nobody. */
void client_begin_chunks(struct smtp_client *c)
{
    c->chunks = (struct chunks){.used = true, .left = c->t->size};
    c->rset_due = true;
    c->state = CLIENT_ST_BODY;
    c->unsent = false;
    c->event = CLIENT_BODY;
}

static void leave_body(struct smtp_client *c)
{
    c->chunks.ended = true;
    c->state = CLIENT_ST_DOT;
}

enum { CHUNK_COMMAND = 64 }; /* octets of "BDAT", the length and LAST */

static size_t put_chunk(struct smtp_client *c, struct slice content, struct buf *out)
{
    size_t room = buf_room(out);
    struct slice chunk = slice_head(content, room > CHUNK_COMMAND ? room - CHUNK_COMMAND : 0);

    if (!chunk.n || c->chunks.last)
        return 0;
    c->chunks.last = chunk.n == c->chunks.left;
    c->chunks.left = chunk.n < c->chunks.left ? c->chunks.left - chunk.n : 0;
    if (!buf_printf(out, "BDAT %zu%s\r\n", chunk.n, c->chunks.last ? " LAST" : "") ||
        !buf_append(out, chunk))
        return 0;
    c->chunks.sent++;
    if (c->chunks.last)
        leave_body(c);
    return chunk.n;
}

/* Where the size was not known before, an empty chunk is the last. */
static bool end_chunks(struct smtp_client *c, struct buf *out)
{
    if (!buf_append(out, SLICE("BDAT 0 LAST\r\n")))
        return false;
    c->chunks.last = true;
    c->chunks.sent++;
    return true;
}

/* All that was sent is answered, and nothing more will be. */
static bool chunks_are_over(const struct smtp_client *c)
{
    return c->chunks.ended && c->chunks.answered == c->chunks.sent;
}

/* A chunk but the last. Once one is refused nothing more of the content goes out, and the answers
 * to those on their way count for nobody. */
void client_on_chunk(struct smtp_client *c, const struct reply *r)
{
    struct status st = client_status(r);

    if (!client_is_negative(r) && r->code / 100 != 2) {
        client_fail_reply(c, r);
        return;
    }
    c->chunks.answered++;
    if (client_is_negative(r)) {
        client_settle_rest(c, &st);
        leave_body(c);
    }
    if (chunks_are_over(c))
        client_finish(c);
}

/* ---- the end ---- */

bool client_content_owes(const struct smtp_client *c)
{
    if (c->state == CLIENT_ST_BODY)
        return c->chunks.used && c->chunks.sent > c->chunks.answered;
    return !c->unsent;
}

/* The replies come in the order of the recipients that were accepted. */
static void settle_next(struct smtp_client *c, const struct status *st)
{
    for (size_t i = 0; i < c->t->n_rcpts; i++) {
        if (c->t->results[i].cause != CAUSE_OK)
            continue;
        c->t->results[i] = *st;
        c->accepted--;
        return;
    }
}

static bool is_before_the_last(const struct smtp_client *c)
{
    size_t without_last = c->chunks.sent - c->chunks.last;

    return c->chunks.used && (c->chunks.answered < without_last || c->accepted == 0);
}

void client_on_dot(struct smtp_client *c, const struct reply *r)
{
    struct status st = client_status(r);

    if (!client_is_negative(r) && r->code / 100 != 2) {
        client_fail_reply(c, r);
    } else if (is_before_the_last(c)) {
        client_on_chunk(c, r);
    } else if (c->cfg.lmtp) {
        settle_next(c, &st);
        if (c->accepted == 0)
            client_finish(c);
    } else {
        client_settle_rest(c, &st);
        c->rset_due = false;
        client_finish(c);
    }
}

/* ---- the session's side ---- */

size_t smtp_client_body(struct smtp_client *c, struct slice content, struct buf *out)
{
    if (c->state != CLIENT_ST_BODY)
        return 0;
    return c->chunks.used ? put_chunk(c, content, out) : dot_writer_feed(&c->dot, content, out);
}

bool smtp_client_body_end(struct smtp_client *c, struct buf *out)
{
    if (c->state != CLIENT_ST_BODY)
        return c->state == CLIENT_ST_DOT && c->chunks.last;
    if (c->chunks.used ? !end_chunks(c, out) : !dot_writer_end(&c->dot, out))
        return false;
    leave_body(c);
    return true;
}
