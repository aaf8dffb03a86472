#include "mta/out/session_body.h"

#include <stdlib.h>

void body_source_end(struct body_source *b)
{
    body_unref(&b->body);
    free(b->chunk);
    *b = (struct body_source){.body = NULL};
}

void body_source_begin(struct body_source *b, struct body *body)
{
    body_source_end(b);
    b->body = body_ref(body);
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

bool body_source_pump(struct body_source *b, struct smtp_client *c, struct buf *out,
                      struct status *out_why)
{
    while (b->offset < body_size(b->body)) {
        struct slice content;
        size_t n;
        if (!next_content(b, &content)) {
            *out_why = status_of(CAUSE_BODY_LOST);
            return false;
        }
        n = smtp_client_body(c, content, out);
        b->offset += n;
        if (n < content.n)
            return true; /* out is full */
    }
    (void)!smtp_client_body_end(c, out); /* no room: at the next drain */
    return true;
}
