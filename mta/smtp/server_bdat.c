/* BDAT, RFC 3030 §2. Its octets follow the command at once, whatever the reply will be, so the first law
 * is to stay in step: as long as their number is known they are consumed, taken or not, and only then
 * the reply is written. If it is not known nothing can be read any more (CVE-2017-16943, -16944).
 *
 * A chunk that fails ends the transaction. Those pipelined behind it are out of sequence then, each
 * consumed, each with its 503, until the next MAIL. Pure. */
#include <stdlib.h>

#include "mta/smtp/server_internal.h"

/* --- The end of a chunk --- */

static void stop_reading(struct smtp_server *s)
{
    s->in_data = s->in_chunk = false;
}

/* The octets of a refused chunk are gone: now the reply, and the end of the transaction if there was
 * one. More than LIMIT_REFUSED_CONTENT in a row is nothing but load. */
static void finish_refused(struct smtp_server *s)
{
    struct status st = *s->chunk.refused;

    free(s->chunk.refused);
    s->chunk.refused = NULL;
    stop_reading(s);
    smtp_server_write_refusal(s, &st);
    if (s->closing)
        return;
    if (s->chunk.skipped > LIMIT_REFUSED_CONTENT)
        smtp_server_close(s);
    else
        smtp_server_reset(s);
}

static void finish_taken(struct smtp_server *s)
{
    struct chunk_reader *lines = &s->reader.lines;

    stop_reading(s);
    s->chunk.taken += s->chunk.size;
    if (!s->chunk.last) {
        smtp_server_raise(s, SERVER_CHUNK);
        return;
    }
    chunk_reader_end(lines, &s->content);
    s->has_content = s->content.n > 0;
    s->bad = lines->bare || lines->nul;
    smtp_server_raise(s, SERVER_END);
}

static void finish_if_complete(struct smtp_server *s)
{
    bool enough = s->chunk.skipped > LIMIT_REFUSED_CONTENT;

    if (s->chunk.refused && (enough || s->chunk.left == 0))
        finish_refused(s);
    else if (s->chunk.left == 0)
        finish_taken(s);
}

/* --- Its octets --- */

static size_t take_octets(struct smtp_server *s, struct slice in)
{
    if (!s->chunk.refused)
        return chunk_reader_feed(&s->reader.lines, in, &s->content);
    s->chunk.skipped += in.n;
    return in.n;
}

bool smtp_server_step_chunk(struct smtp_server *s, struct buf *in)
{
    size_t left = s->chunk.left < SIZE_MAX ? (size_t)s->chunk.left : SIZE_MAX;

    buf_clear(&s->content);
    size_t n = take_octets(s, slice_head(buf_slice(in), left));
    buf_consume(in, n);
    s->chunk.left -= n;
    s->has_content = s->content.n > 0;
    finish_if_complete(s);
    return s->has_content || s->has_pending || !s->in_chunk;
}

/* --- Its beginning --- */

static void begin(struct smtp_server *s)
{
    s->in_data = s->in_chunk = true;
    buf_clear(&s->content);
    finish_if_complete(s);
}

void smtp_server_chunk_accepted(struct smtp_server *s)
{
    chunk_reader_init(&s->reader.lines, s->cfg.convert_newlines);
    s->phase = PHASE_CHUNKS;
    begin(s);
}

void smtp_server_chunk_refused(struct smtp_server *s, const struct status *st)
{
    s->chunk.refused = base_alloc(sizeof(*s->chunk.refused));
    *s->chunk.refused = *st;
    begin(s);
}

/* A refusal of the machine's own is told to the session with the event that comes next. */
static void refuse(struct smtp_server *s, const struct status *st)
{
    smtp_server_note_refusal(s, st);
    smtp_server_chunk_refused(s, st);
}

/* An empty chunk does nothing for anybody, so a flood of them is noise. */
static bool is_noise(struct smtp_server *s)
{
    return s->chunk.size == 0 && !s->chunk.last && smtp_server_too_noisy(s);
}

static void act(struct smtp_server *s)
{
    struct status too_many = status_of(CAUSE_TOO_MANY_ERRORS);

    if (is_noise(s))
        smtp_server_refuse_and_close(s, &too_many);
    else if (s->phase == PHASE_CHUNKS)
        begin(s);
    else
        smtp_server_raise(s, SERVER_DATA);
}

bool smtp_server_read_bdat(struct smtp_server *s)
{
    struct status st = status_of(CAUSE_NOT_OFFERED);

    if (s->cfg.offer_chunking) {
        if (chunk_parse(s->cmd->argument, &s->chunk.size, &s->chunk.last))
            return true;
        st = status_make(CAUSE_BAD_ARGUMENT, "Error: syntax: BDAT SIZE [LAST]");
    }
    smtp_server_refuse_and_close(s, &st);
    return false;
}

void smtp_server_take_bdat(struct smtp_server *s, const struct status *judged)
{
    s->chunk.left = s->chunk.size;
    if (judged->cause == CAUSE_OK)
        act(s);
    else
        refuse(s, judged);
}
