#include "mta/mail/survey.h"

#include <stdlib.h>
#include <string.h>

struct survey *survey_new(void)
{
    struct survey *s = base_alloc(sizeof(*s));

    mime_walk_init(&s->walk);
    return s;
}

void survey_free(struct survey **s)
{
    if (*s)
        free((*s)->forms);
    free(*s);
    *s = NULL;
}

static void refuse(struct survey *s, const char *why)
{
    if (!s->why)
        s->why = why;
}

/* The forms of all entities up to that one; false: they are too many. */
static bool has_form(struct survey *s, size_t index)
{
    size_t n = s->n_forms ? s->n_forms : 16;

    if (index >= LIMIT_MIME_ENTITIES) {
        refuse(s, "it has too many parts");
        return false;
    }
    if (index < s->n_forms)
        return true;
    while (n <= index)
        n *= 2;
    s->forms = base_realloc(s->forms, n);
    memset(s->forms + s->n_forms, FORM_AS_IS, n - s->n_forms);
    s->n_forms = n;
    return true;
}

/* Each octet that is encoded takes three in quoted-printable, each three take four in base64. A few
 * words stay readable in any case. What is no text has no lines. */
static enum survey_form leaf_form(const struct survey *s)
{
    bool readable = s->high + s->other <= s->octets / 6 + 16;

    return s->walk.entity.is_text && readable ? FORM_QUOTED : FORM_BASE64;
}

static void end_leaf(struct survey *s)
{
    const struct mime_entity *e = &s->walk.entity;

    if (s->high && e->is_signed)
        refuse(s, "it is signed in its 8-bit form");
    else if (s->high && e->kind != MIME_LEAF)
        refuse(s, "a part that may not be encoded has 8-bit octets");
    else if (s->high && has_form(s, e->index))
        s->forms[e->index] = (uint8_t)leaf_form(s);
    s->octets = s->high = s->other = 0;
}

/* A signed container keeps its label: 7-bit content may be called 8bit, a broken signature is
 * broken. */
static void at_blank(struct survey *s)
{
    const struct mime_entity *e = &s->walk.entity;
    bool label = e->encoding == MIME_8BIT || e->encoding == MIME_BINARY;

    if (e->kind == MIME_CONTAINER && label && !e->is_signed && has_form(s, e->index))
        s->forms[e->index] = FORM_LABEL;
}

static size_t count_high(struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += (unsigned char)text.p[i] >> 7;
    return n;
}

static size_t count_other(struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '=' || ((unsigned char)text.p[i] < ' ' && text.p[i] != '\t');
    return n;
}

static void count_body(struct survey *s, struct slice text, size_t high)
{
    s->octets += text.n;
    s->high += high;
    s->other += count_other(text);
}

static void at_piece(struct survey *s, const struct mime_piece *p)
{
    size_t before = s->walk.entity.index, high = count_high(p->text);
    struct mime_walk *w = &s->walk;
    struct mime_entity was = w->entity;
    enum mime_line line = mime_walk_line(w, p);

    if (w->entity.index != before || line == MIME_DELIMITER || line == MIME_OUTSIDE) {
        struct mime_entity now = w->entity;
        w->entity = was; /* the leaf that ended */
        end_leaf(s);
        w->entity = now;
    }
    if (line == MIME_BODY)
        count_body(s, p->text, high);
    else if (high && line != MIME_HEADER)
        refuse(s, "there are 8-bit octets between its parts");
    if (line == MIME_BLANK)
        at_blank(s);
    s->eight_bit |= high > 0;
    s->header_eight_bit |= high && line == MIME_HEADER;
}

void survey_feed(struct survey *s, struct slice content)
{
    struct mime_piece p;

    while (mime_next_piece(&s->lines, &content, &p))
        at_piece(s, &p);
}

void survey_end(struct survey *s)
{
    struct mime_piece p;

    if (mime_last_piece(&s->lines, &p))
        at_piece(s, &p);
    end_leaf(s);
    if (s->header_eight_bit)
        refuse(s, "a header has 8-bit octets");
}
