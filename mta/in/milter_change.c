/* Changes that a filter asks for at the end of a message: checked as they come, made together once it
 * has said yes, forgotten if it says no or fails. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"
#include "mta/in/milter_private.h"
#include "mta/milter/field.h"

struct change {
    enum milter_answer kind;
    size_t index;
    char *name;              /* of a field; owned */
    size_t name_n;
    char *text;              /* a whole field, empty to delete it; a reason; owned */
    size_t n;
    struct address *address; /* owned */
    struct rcpt_params *params; /* owned; NULL: none */
};

struct changes {
    struct change list[LIMIT_MILTER_CHANGES];
    size_t n, octets;
    struct body_writer *body; /* the new one as it comes */
    struct milter_lines lines;
};

/* ---- memory */

static void change_free(struct change *c)
{
    free(c->name);
    free(c->text);
    free(c->address);
    free(c->params);
}

void changes_drop(struct milters *m)
{
    struct changes *c = m->content ? m->content->changes : NULL;

    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        change_free(&c->list[i]);
    body_writer_abort(&c->body);
    free(c);
    m->content->changes = NULL;
}

static struct changes *changes_of(struct milters *m)
{
    if (!m->content->changes)
        m->content->changes = base_alloc(sizeof(struct changes));
    return m->content->changes;
}

/* ---- taking */

static const char *take_field(struct milter_link *l, const struct milter_reply *r,
                              struct change *c)
{
    bool space = (l->options.steps & MILTER_LEADING_SPACE) != 0;
    bool deletes = r->kind == MILTER_CHANGE_HEADER && r->text.n == 0;
    struct buf field;

    if (!milter_field_name_ok(r->name))
        return "its header field has no proper name";
    c->index = r->index;
    c->name = slice_dup(r->name);
    c->name_n = r->name.n;
    if (deletes)
        return NULL;
    buf_init(&field, 2 * LIMIT_MILTER_PACKET);
    bool ok = milter_field_make(r->name, r->text, space, &field);
    c->text = slice_dup(buf_slice(&field));
    c->n = field.n;
    buf_free(&field);
    return ok ? NULL : "its header field would break the header";
}

/* Some filters leave out the brackets. */
static bool parse_path(struct slice text, enum address_use use, bool utf8, struct address *out)
{
    bool bare = text.n == 0 || text.p[0] != '<';
    struct buf path;

    buf_init(&path, LIMIT_PATH + 2);
    bool ok = buf_printf(&path, "%s%.*s%s", bare ? "<" : "", (int)text.n, text.p, bare ? ">" : "");
    struct slice in = buf_slice(&path);
    ok = ok && address_parse_path(&in, use, utf8, out) == CAUSE_OK && in.n == 0;
    buf_free(&path);
    return ok;
}

/* The parameters as they follow a path in a command. Those of a sender are only checked: what they ask
 * for was the client's to say. */
static bool parse_params(struct change *c, struct slice extra, bool utf8)
{
    struct mail_params ignored;
    struct status st = status_of(CAUSE_OK);
    struct buf rest;

    buf_init(&rest, LIMIT_COMMAND_LINE);
    bool ok = buf_append_byte(&rest, ' ') && buf_append(&rest, extra);
    if (ok && c->kind == MILTER_CHANGE_SENDER) {
        st = params_parse_mail(buf_slice(&rest), &ignored);
    } else if (ok) {
        c->params = base_alloc(sizeof(*c->params));
        st = params_parse_rcpt(buf_slice(&rest), utf8, c->params);
    }
    buf_free(&rest);
    return ok && status_ok(&st);
}

static const char *take_address(struct milter_link *l, const struct milter_reply *r,
                                struct change *c)
{
    const struct message *m = l->all->session->tx->message;
    enum address_use use = r->kind == MILTER_CHANGE_SENDER ? ADDRESS_SENDER : ADDRESS_RECIPIENT;
    bool utf8 = (m->flags & MESSAGE_SMTPUTF8) != 0;

    c->address = base_alloc(sizeof(*c->address));
    if (r->text.n > LIMIT_PATH || !parse_path(r->text, use, utf8, c->address))
        return "its address is none";
    if (r->extra.n && !parse_params(c, r->extra, utf8))
        return "the parameters of its address are wrong";
    return NULL;
}

static struct body_writer *open_body(struct milters *m)
{
    uint64_t max = m->session->listener->max_message_size;
    char spool[PATH_MAX], id[QUEUE_ID_MAX];

    if (!session_spool(m->session, spool, sizeof(spool)))
        return NULL;
    message_make_id(id);
    return body_writer_new(spool, id, max ? max + LIMIT_MILTER_GROWTH : UINT64_MAX);
}

static const char *take_body(struct milters *m, struct slice part)
{
    struct changes *c = changes_of(m);
    struct buf lines;

    if (!c->body)
        c->body = open_body(m);
    if (!c->body)
        return "there is no place for its body";
    buf_init(&lines, LIMIT_BODY_CHUNK);
    while (part.n && !c->lines.bad) {
        part = slice_skip(part, milter_lines_feed(&c->lines, part, &lines));
        body_writer_append(c->body, buf_slice(&lines));
        buf_clear(&lines);
    }
    buf_free(&lines);
    if (c->lines.bad)
        return "its body has a bare CR or a NUL";
    return body_writer_cause(c->body) == CAUSE_OK ? NULL : "its body cannot be stored";
}

static const char *take_reason(const struct milter_reply *r, struct change *c)
{
    c->text = slice_dup(slice_head(r->text, STATUS_TEXT_MAX - 1));
    return NULL;
}

static bool is_field(enum milter_answer kind)
{
    return kind == MILTER_ADD_HEADER || kind == MILTER_INSERT_HEADER ||
           kind == MILTER_CHANGE_HEADER;
}

static const char *take(struct milter_link *l, const struct milter_reply *r, struct change *c)
{
    if (is_field(r->kind))
        return take_field(l, r, c);
    return r->kind == MILTER_QUARANTINE ? take_reason(r, c) : take_address(l, r, c);
}

const char *change_take(struct milter_link *l, const struct milter_reply *r)
{
    if (r->kind == MILTER_REPLACE_BODY)
        return take_body(l->all, r->text);
    struct changes *all = changes_of(l->all);
    all->octets += r->name.n + r->text.n + r->extra.n;
    if (all->n == LIMIT_MILTER_CHANGES || all->octets > LIMIT_MILTER_CHANGED)
        return "it changes too much";
    struct change *c = &all->list[all->n++];
    c->kind = r->kind;
    return take(l, r, c);
}

/* ---- making */

static void make_field(struct milter_content *content, const struct change *c)
{
    struct slice name = {c->name, c->name_n}, text = {c->text ? c->text : "", c->n};

    content->changed = true;
    if (c->kind == MILTER_CHANGE_HEADER)
        milter_head_change(&content->head, name, c->index, text);
    else if (c->kind == MILTER_INSERT_HEADER)
        milter_head_insert(&content->head, c->index, text, name.n);
    else
        milter_head_append(&content->head, text, name.n);
}

static void change_sender(struct transaction *tx, const struct change *c)
{
    free(tx->sender);
    free(tx->message->sender);
    tx->sender = base_strdup(c->address->text);
    tx->message->sender = base_strdup(c->address->text);
}

static void quarantine(struct in_session *s, const struct milter_link *l, const struct change *c)
{
    struct message *m = s->tx->message;
    struct status words = status_make(CAUSE_OK, "%s: %s", l->config->name, c->text);

    m->flags |= MESSAGE_HELD;
    free(m->held_for);
    m->held_for = base_strdup(words.text);
    LOG(SMTPD_QUARANTINE, s->tx->id, F_ADDR("from", s->tx->sender),
        F_STR("milter", l->config->name), F_STR("reason", c->text));
}

static void make(struct milter_link *l, const struct change *c)
{
    static const struct rcpt_params nothing_said;
    struct in_session *s = l->all->session;

    if (is_field(c->kind))
        make_field(l->all->content, c);
    else if (c->kind == MILTER_QUARANTINE)
        quarantine(s, l, c);
    else if (c->kind == MILTER_CHANGE_SENDER)
        change_sender(s->tx, c);
    else if (c->kind == MILTER_DELETE_RCPT)
        session_remove_recipient(s, c->address);
    else
        session_add_recipient(s, c->address, c->params ? c->params : &nothing_said);
}

/* Before anything is made, so that all of it is or nothing. */
static bool fits_envelope(const struct milter_link *l, const struct changes *c)
{
    size_t n = l->all->session->tx->message->n_rcpts;

    for (size_t i = 0; i < c->n; i++)
        n += c->list[i].kind == MILTER_ADD_RCPT || c->list[i].kind == MILTER_ADD_RCPT_WITH;
    return n <= LIMIT_RECIPIENTS;
}

/* NULL, or why the new body is none. */
static const char *make_body(struct milter_content *content, struct changes *c)
{
    body_writer_append(c->body, milter_lines_end(&c->lines));
    if (c->lines.bad)
        return "its body has a bare CR or a NUL";
    struct body *b = body_writer_finish(&c->body);
    if (!b)
        return "its body cannot be stored";
    body_unref(&content->new_body);
    content->new_body = b;
    content->changed = true;
    content->eight_bit |= c->lines.eight_bit;
    return NULL;
}

const char *changes_make(struct milter_link *l)
{
    struct changes *c = l->all->content->changes;
    const char *why = NULL;

    if (!c)
        return NULL;
    if (!fits_envelope(l, c))
        return "it adds too many recipients";
    if (c->body)
        why = make_body(l->all->content, c);
    for (size_t i = 0; !why && i < c->n; i++)
        make(l, &c->list[i]);
    if (!why)
        LOG(SMTPD_MILTER, l->all->session->tx->id, F_STR("milter", l->config->name),
            F_INT("changes", (int64_t)c->n));
    changes_drop(l->all);
    return why;
}
