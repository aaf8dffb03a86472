/* A message's content on its way to filters, field by field and in chunks of the body; and the changed
 * message. The content is read from the finished body in steps, whatever its size. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "mta/in/milter_private.h"
#include "mta/milter/field.h"

/* ---- opening */

static bool read_all(struct body *b, char *dst, size_t n)
{
    for (size_t at = 0; at < n;) {
        long got = body_read(b, at, dst + at, n - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static struct status split(struct milter_content *c, const struct transaction *tx, size_t n)
{
    size_t end;

    if (milter_head_split(&c->head, slice_make(c->text, n), tx->own, &end) != MILTER_SPLIT_OK)
        return status_make(CAUSE_MESSAGE_TOO_BIG, "Error: too many header fields");
    bool empty_line = slice_starts(slice_skip(slice_make(c->text, n), end), SLICE("\r\n"));
    c->separator = empty_line ? SLICE("\r\n") : SLICE("");
    c->body_at = end + c->separator.n;
    return status_of(CAUSE_OK);
}

struct status content_open(struct milters *m)
{
    const struct transaction *tx = m->session->tx;
    uint64_t whole = body_size(tx->message->body), head = tx->own + tx->headers.length;
    size_t n = (size_t)(head < whole ? head : whole);

    content_free(m);
    m->content = base_alloc(sizeof(*m->content));
    m->content->text = base_alloc(n + 1);
    struct status st = read_all(tx->message->body, m->content->text, n)
                           ? split(m->content, tx, n)
                           : status_of(CAUSE_QUEUE_ERROR);
    if (!status_ok(&st))
        content_free(m);
    return st;
}

void content_free(struct milters *m)
{
    struct milter_content *c = m->content;

    if (!c)
        return;
    changes_drop(m);
    milter_head_free(&c->head);
    body_unref(&c->new_body);
    free(c->text);
    free(c);
    m->content = NULL;
}

void content_rewind(struct milters *m)
{
    struct milter_content *c = m->content;

    changes_drop(m);
    c->field = 0;
    c->at = 0;
    c->eoh_said = c->end_said = c->skip_fields = c->skip_body = false;
}

void content_skip(struct milters *m, enum milter_command command)
{
    if (command == MILTER_HEADER)
        m->content->skip_fields = true;
    else
        m->content->skip_body = true;
}

/* ---- saying */

/* A packet cannot hold more, and cutting it would let a client hide text from the filter. */
static void refuse_field(struct milters *m, const struct milter_field *f)
{
    m->refusal = status_make(CAUSE_MESSAGE_TOO_BIG, "Error: header field %.*s is too long",
                             (int)(f->name_len < 100 ? f->name_len : 100), f->p);
}

static enum content_due say_field(struct milter_link *l, const struct milter_field *f)
{
    bool space = (l->options.steps & MILTER_LEADING_SPACE) != 0;
    struct buf value;

    if (f->n > LIMIT_MILTER_CHUNK - 2) {
        refuse_field(l->all, f);
        return CONTENT_OVER;
    }
    buf_init(&value, LIMIT_MILTER_CHUNK);
    REQUIRE(milter_field_value(milter_field_rest(f), space, &value));
    REQUIRE(milter_put_header(conn_out(l->conn), milter_field_name(f), buf_slice(&value)));
    buf_free(&value);
    return CONTENT_SAID;
}

/* The next field that is shown, or NULL. */
static const struct milter_field *next_field(struct milter_content *c)
{
    while (c->field < c->head.n && c->head.fields[c->field].ours)
        c->field++;
    return c->field < c->head.n ? &c->head.fields[c->field++] : NULL;
}

static enum content_due say_chunk(struct milter_link *l)
{
    struct milter_content *c = l->all->content;
    struct body *original = l->all->session->tx->message->body;
    char *chunk = base_alloc(LIMIT_MILTER_CHUNK);

    long n = c->new_body ? body_read(c->new_body, c->at, chunk, LIMIT_MILTER_CHUNK)
                         : body_read(original, c->body_at + c->at, chunk, LIMIT_MILTER_CHUNK);
    if (n > 0) {
        REQUIRE(milter_put_data(conn_out(l->conn), MILTER_BODY, slice_make(chunk, (size_t)n)));
        c->at += (size_t)n;
    }
    if (n < 0)
        l->all->refusal = status_of(CAUSE_QUEUE_ERROR);
    free(chunk);
    return n > 0 ? CONTENT_SAID : CONTENT_OVER;
}

/* With its macros, if any; true if there is something to say. */
static enum content_due say_mark(struct milter_link *l, enum milter_command mark, bool *said)
{
    *said = true;
    REQUIRE(say_macros(l, mark));
    if (say_wanted(l, mark))
        REQUIRE(milter_put_data(conn_out(l->conn), mark, SLICE("")));
    return CONTENT_SAID;
}

enum { SAY_ROOM = LIMIT_MILTER_CHUNK + 8 * 1024 }; /* octets: the largest packet, and macros */

enum content_due content_say(struct milter_link *l, enum milter_command *out_command)
{
    struct milter_content *c = l->all->content;
    const struct milter_field *f = NULL;

    if (buf_room(conn_out(l->conn)) < SAY_ROOM)
        return CONTENT_FULL;
    if (!c->skip_fields && say_wanted(l, MILTER_HEADER) && (f = next_field(c))) {
        *out_command = MILTER_HEADER;
        return say_field(l, f);
    }
    if (!c->eoh_said) {
        *out_command = MILTER_EOH;
        return say_mark(l, MILTER_EOH, &c->eoh_said);
    }
    *out_command = MILTER_BODY;
    if (!c->skip_body && say_wanted(l, MILTER_BODY) && say_chunk(l) == CONTENT_SAID)
        return CONTENT_SAID;
    if (c->end_said || !status_ok(&l->all->refusal))
        return CONTENT_OVER;
    *out_command = MILTER_END;
    return say_mark(l, MILTER_END, &c->end_said);
}

/* ---- the changed message */

static void write_head(struct body_writer *w, const struct milter_content *c)
{
    for (size_t i = 0; i < c->head.n; i++)
        body_writer_append(w, slice_make(c->head.fields[i].p, c->head.fields[i].n));
    /* A new body's first line must not become part of a header that had no end. */
    body_writer_append(w, c->new_body ? SLICE("\r\n") : c->separator);
}

static bool write_body(struct body_writer *w, struct body *from, uint64_t at)
{
    char *chunk = base_alloc(LIMIT_BODY_CHUNK);
    long n;

    while ((n = body_read(from, at, chunk, LIMIT_BODY_CHUNK)) > 0) {
        body_writer_append(w, slice_make(chunk, (size_t)n));
        at += (size_t)n;
    }
    free(chunk);
    return n == 0;
}

/* Under a name of its own, while the old one still has the message's. */
static struct body *compose(struct milters *m, const char *spool)
{
    const struct milter_content *c = m->content;
    const struct transaction *tx = m->session->tx;
    char id[QUEUE_ID_MAX];

    message_make_id(id);
    struct body_writer *w = body_writer_new(spool, id, UINT64_MAX);
    write_head(w, c);
    if (c->new_body ? write_body(w, c->new_body, 0) : write_body(w, tx->message->body, c->body_at))
        return body_writer_finish(&w);
    body_writer_abort(&w);
    return NULL;
}

struct status content_settle(struct milters *m)
{
    struct message *message = m->session->tx->message;
    char spool[PATH_MAX];

    if (m->content->eight_bit)
        message->flags |= MESSAGE_8BIT;
    if (!m->content->changed)
        return status_of(CAUSE_OK);
    if (!session_spool(m->session, spool, sizeof(spool)))
        return status_of(CAUSE_LOCAL_ERROR);
    struct body *changed = compose(m, spool);
    if (!changed)
        return status_of(CAUSE_QUEUE_ERROR);
    body_unref(&message->body); /* its file goes, and the name is free */
    message->body = changed;
    message->size = body_size(changed);
    return status_of(body_rename(changed, spool, message->id) ? CAUSE_OK : CAUSE_QUEUE_ERROR);
}
