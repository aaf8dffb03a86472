#include "mta/out/session_body.h"

#include <stdlib.h>

void body_source_end(struct body_source *b)
{
    body_unref(&b->body);
    free(b->chunk);
    if (b->recode)
        buf_free(&b->recoded);
    free(b->recode);
    *b = (struct body_source){.body = NULL};
}

void body_source_begin(struct body_source *b, struct body *body, const struct survey *conversion)
{
    body_source_end(b);
    b->body = body ? body_ref(body) : NULL;
    if (!conversion)
        return;
    b->recode = base_alloc(sizeof(*b->recode));
    recode_init(b->recode, conversion);
    buf_init(&b->recoded, LIMIT_BODY_CHUNK);
}

/* What follows in a body file; read again only when all that was read is taken. */
static bool next_of_file(struct body_source *b, struct slice *out_content)
{
    if (b->offset < b->chunk_at || b->offset >= b->chunk_at + b->chunk_n) {
        long n;
        if (!b->chunk)
            b->chunk = base_alloc(LIMIT_BODY_CHUNK);
        n = body_read(b->body, b->offset, b->chunk, LIMIT_BODY_CHUNK);
        if (n <= 0)
            return false;
        b->chunk_at = b->offset;
        b->chunk_n = (size_t)n;
    }
    *out_content = slice_skip(slice_make(b->chunk, b->chunk_n), b->offset - b->chunk_at);
    return true;
}

static bool next_content(struct body_source *b, struct slice *out_content)
{
    if (body_is_file(b->body))
        return next_of_file(b, out_content);
    *out_content = slice_head(slice_skip(body_memory(b->body), b->offset), LIMIT_BODY_CHUNK);
    return true;
}

/* Gives the machine what is to be given, *out_full if it did not take all. False: it cannot be
 * read. */
static bool pump_as_it_is(struct body_source *b, struct smtp_client *c, struct buf *out,
                          bool *out_full)
{
    while (b->offset < body_size(b->body) && !*out_full) {
        struct slice content;
        size_t n;
        if (!next_content(b, &content))
            return false;
        n = smtp_client_body(c, content, out);
        b->offset += n;
        *out_full = n < content.n;
    }
    return true;
}

static bool recode_some(struct body_source *b)
{
    struct slice content;

    if (b->offset == body_size(b->body)) {
        b->recode_ended = recode_end(b->recode, &b->recoded);
        return true;
    }
    if (!next_content(b, &content))
        return false;
    b->offset += recode_feed(b->recode, content, &b->recoded);
    return true;
}

static bool pump_recoded(struct body_source *b, struct smtp_client *c, struct buf *out,
                         bool *out_full)
{
    while (!b->recode_ended || b->recoded.n) {
        size_t had = b->recoded.n, n = smtp_client_body(c, buf_slice(&b->recoded), out);
        buf_consume(&b->recoded, n);
        *out_full = n < had;
        if (*out_full)
            return true;
        if (!b->recode_ended && !recode_some(b))
            return false;
    }
    return true;
}

bool body_source_pump(struct body_source *b, struct smtp_client *c, struct buf *out,
                      struct status *out_why)
{
    bool full = false;

    if (!(b->recode ? pump_recoded : pump_as_it_is)(b, c, out, &full)) {
        *out_why = status_of(CAUSE_BODY_LOST);
        return false;
    }
    if (!full)
        (void)!smtp_client_body_end(c, out); /* no room: at the next drain */
    return true;
}
