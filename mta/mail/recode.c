#include "mta/mail/recode.h"

#include "config/base/base64.h"

enum { LINE_MAX_QP = 75 }; /* octets before the '=' of a soft line break, RFC 2045 §6.7 (5) */

void recode_init(struct recode *r, const struct survey *s)
{
    *r = (struct recode){.forms = s->forms, .n_forms = s->n_forms};
    mime_walk_init(&r->walk);
}

static enum survey_form form_of(const struct recode *r, size_t index)
{
    return index < r->n_forms ? (enum survey_form)r->forms[index] : FORM_AS_IS;
}

/* Room was checked by the caller. */
static void put(struct buf *out, struct slice s)
{
    REQUIRE(buf_append(out, s));
}

static void put_crlf(struct buf *out)
{
    put(out, SLICE("\r\n"));
}

static void put_line(struct buf *out, const struct mime_piece *p)
{
    put(out, p->text);
    if (p->last && !p->ended)
        put_crlf(out);
}

/* ---- quoted-printable ---- */

/* A token of one octet or three. A line never begins with '-': it could be taken for a delimiter
 * that the content had only in the middle of a line. */
static void put_token(struct recode *r, char c, bool encode, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    unsigned octet = (unsigned char)c;
    size_t n;

    if (r->column + (encode ? 3 : 1) > LINE_MAX_QP) {
        put(out, SLICE("=\r\n"));
        r->column = 0;
    }
    encode = encode || (c == '-' && r->column == 0);
    n = encode ? 3 : 1;
    if (encode)
        put(out, slice_make((char[]){'=', hex[octet >> 4], hex[octet & 15]}, 3));
    else
        put(out, slice_make(&c, 1));
    r->column += n;
}

static void put_blank(struct recode *r, bool encode, struct buf *out)
{
    if (r->blank)
        put_token(r, r->blank, encode, out);
    r->blank = 0;
}

static void quote_octet(struct recode *r, char c, struct buf *out)
{
    put_blank(r, false, out);
    if (c == ' ' || c == '\t')
        r->blank = c;
    else
        put_token(r, c, c < '!' || c > '~' || c == '=', out);
}

static void quote(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    for (size_t i = 0; i < p->text.n; i++)
        quote_octet(r, p->text.p[i], out);
    if (!p->last)
        return;
    put_blank(r, true, out);
    if (!p->ended)
        put_crlf(out);
    r->column = 0;
}

/* ---- base64 ---- */

static void put_group(struct recode *r, struct buf *out)
{
    if (r->n_group == 0)
        return;
    REQUIRE(base64_encode(slice_make(r->group, r->n_group), out));
    put_crlf(out);
    r->n_group = 0;
}

static void group_octets(struct recode *r, struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        r->group[r->n_group++] = s.p[i];
        if (r->n_group == sizeof(r->group))
            put_group(r, out);
    }
}

static void group_line_end(struct recode *r, struct buf *out)
{
    if (r->crlf)
        group_octets(r, SLICE("\r\n"), out);
    r->crlf = false;
}

static void group_line(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    group_line_end(r, out);
    group_octets(r, p->text, out);
    r->crlf = p->last && !p->ended;
}

/* ---- header sections ---- */

static void put_label(struct recode *r, struct buf *out)
{
    static const struct slice labels[] = {
        [FORM_LABEL] = {"7bit",             4 },
        [FORM_QUOTED] = {"quoted-printable", 16},
        [FORM_BASE64] = {"base64",           6 }
    };

    put(out, SLICE("Content-Transfer-Encoding: "));
    put(out, labels[form_of(r, r->walk.entity.index)]);
    put_crlf(out);
    r->labelled = true;
}

/* The label takes the place of the old one. */
static void header_line(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    bool begins = p->first && (p->text.n == 0 || (p->text.p[0] != ' ' && p->text.p[0] != '\t'));

    if (begins)
        r->dropping =
            r->walk.field == MIME_FIELD_ENCODING && form_of(r, r->walk.entity.index) != FORM_AS_IS;
    if (!r->dropping)
        put_line(out, p);
    else if (begins)
        put_label(r, out);
}

/* A message without MIME gets as much of it as an encoding needs; what its octets mean nobody has
 * said (RFC 1428). */
static void blank_line(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    const struct mime_entity *e = &r->walk.entity;

    if (form_of(r, e->index) != FORM_AS_IS) {
        if (e->is_message && !e->has_version)
            put(out, SLICE("MIME-Version: 1.0\r\n"));
        if (e->is_message && !e->has_version && !e->has_type)
            put(out, SLICE("Content-Type: text/plain; charset=unknown-8bit\r\n"));
        if (!r->labelled)
            put_label(r, out);
    }
    put_line(out, p);
}

/* ---- lines ---- */

static void body_line(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    enum survey_form form = form_of(r, r->walk.entity.index);

    if (form == FORM_QUOTED)
        quote(r, p, out);
    else if (form == FORM_BASE64)
        group_line(r, p, out);
    else
        put_line(out, p);
}

/* The line end before a delimiter is the delimiter's (RFC 2046 §5.1.1), and that of base64's last
 * line serves for it. */
static void end_part(struct recode *r, struct buf *out)
{
    put_group(r, out);
    r->crlf = r->labelled = r->dropping = false;
    r->column = 0;
}

static void at_piece(struct recode *r, const struct mime_piece *p, struct buf *out)
{
    size_t before = r->walk.entity.index;
    enum mime_line line = mime_walk_line(&r->walk, p);

    if (line == MIME_DELIMITER)
        end_part(r, out);
    else if (r->walk.entity.index != before)
        r->labelled = r->dropping = false;
    switch (line) {
    case MIME_HEADER:
        header_line(r, p, out);
        break;
    case MIME_BLANK:
        blank_line(r, p, out);
        break;
    case MIME_BODY:
        body_line(r, p, out);
        break;
    case MIME_OUTSIDE:
    case MIME_DELIMITER:
        put_line(out, p);
        break;
    }
}

size_t recode_feed(struct recode *r, struct slice content, struct buf *out)
{
    struct slice rest = content;
    struct mime_piece p;

    while (buf_room(out) >= RECODE_ROOM && mime_next_piece(&r->lines, &rest, &p))
        at_piece(r, &p, out);
    return content.n - rest.n;
}

bool recode_end(struct recode *r, struct buf *out)
{
    struct mime_piece p;

    if (buf_room(out) < RECODE_ROOM)
        return false;
    if (mime_last_piece(&r->lines, &p))
        at_piece(r, &p, out);
    group_line_end(r, out);
    put_group(r, out);
    return true;
}
