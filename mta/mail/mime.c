/* The walk over a message's lines.
 *
 *   state    a line that is          leads to
 *   HEADER   a field, its folding    HEADER
 *            empty                   BODY, OUTSIDE (multipart) or HEADER (message/rfc822)
 *            neither                 the same, and the entity is unclear: the body begins
 * unannounced BODY     anything                BODY OUTSIDE  anything                OUTSIDE each
 * "--boundary" of a level HEADER of its next part; what is deeper is over
 *            "--boundary--"          OUTSIDE of what the level is in
 *
 * Boundaries count at every level, outermost first, as the outer part is over whatever the inner
 * one thinks. Two that could be taken for each other are not walked into. Pure, any thread. */
#include "mta/mail/mime.h"

#include <string.h>

enum { IN_HEADER, IN_BODY, IN_OUTSIDE };

/* ---- pieces ---- */

static void begin_piece(struct mime_lines *l)
{
    if (!l->given)
        return;
    l->given = false;
    l->n = l->cr;
    l->cr = false;
    l->held[0] = '\r'; /* counts only if it was held back */
}

static struct mime_piece hand_out(struct mime_lines *l, size_t n, bool last)
{
    struct mime_piece p = {
        {l->held, n},
        !l->inside, last, false
    };

    l->given = true;
    l->inside = !last;
    return p;
}

bool mime_next_piece(struct mime_lines *l, struct slice *in, struct mime_piece *out)
{
    begin_piece(l);
    while (in->n) {
        char c = in->p[0];
        *in = slice_skip(*in, 1);
        l->held[l->n++] = c;
        if (c == '\n' && l->n >= 2 && l->held[l->n - 2] == '\r') {
            *out = hand_out(l, l->n - 2, true);
            return true;
        }
        if (l->n == sizeof(l->held)) {
            l->cr = c == '\r';
            *out = hand_out(l, l->n - l->cr, false);
            return true;
        }
    }
    return false;
}

bool mime_last_piece(struct mime_lines *l, struct mime_piece *out)
{
    begin_piece(l);
    if (l->n == 0 && !l->inside)
        return false;
    *out = hand_out(l, l->n, true);
    out->ended = true;
    return true;
}

/* ---- entities ---- */

static void begin_entity(struct mime_walk *w, bool is_message, bool is_signed)
{
    size_t index = w->began ? w->entity.index + 1 : 0;

    w->began = true;
    w->entity = (struct mime_entity){
        .index = index, .is_message = is_message, .is_signed = is_signed, .is_text = true};
    w->state = IN_HEADER;
    w->field = MIME_FIELD_OTHER;
    w->n = 0;
    w->too_long = false;
    w->type[0] = '\0';
}

void mime_walk_init(struct mime_walk *w)
{
    memset(w, 0, sizeof(*w));
    begin_entity(w, true, false);
}

/* ---- fields ---- */

static const struct {
    struct slice name;
    enum mime_field field;
} fields[] = {
    {{"Content-Type", 12},              MIME_FIELD_TYPE     },
    {{"Content-Transfer-Encoding", 25}, MIME_FIELD_ENCODING },
    {{"MIME-Version", 12},              MIME_FIELD_VERSION  },
 /* RFC 6376 §3.5, RFC 8617: signatures over the body as it is encoded. */
    {{"DKIM-Signature", 14},            MIME_FIELD_SIGNATURE},
    {{"ARC-Message-Signature", 21},     MIME_FIELD_SIGNATURE},
    {{"ARC-Seal", 8},                   MIME_FIELD_SIGNATURE},
    {{"DomainKey-Signature", 19},       MIME_FIELD_SIGNATURE},
};

static enum mime_field field_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (slice_caseeq(name, fields[i].name))
            return fields[i].field;
    return MIME_FIELD_OTHER;
}

static bool matters(enum mime_field field)
{
    return field == MIME_FIELD_TYPE || field == MIME_FIELD_ENCODING;
}

static void add_text(struct mime_walk *w, struct slice s)
{
    if (!matters(w->field))
        return;
    if (s.n > sizeof(w->text) - w->n) {
        w->too_long = true;
        return;
    }
    memcpy(w->text + w->n, s.p, s.n);
    w->n += s.n;
}

static enum mime_encoding encoding_of(struct slice value)
{
    static const struct {
        const char *word;
        enum mime_encoding encoding;
    } words[] = {
        {"7bit",   MIME_7BIT  },
        {"8bit",   MIME_8BIT  },
        {"binary", MIME_BINARY}
    };
    char word[40];

    for (size_t i = 0; mime_token_parse(value, word, sizeof(word)) && i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].encoding;
    return MIME_ENCODED;
}

/* The field before is complete. */
static void end_field(struct mime_walk *w)
{
    struct slice value = slice_make(w->text, w->n);
    struct mime_entity *e = &w->entity;

    e->unclear |= w->too_long;
    if (w->field == MIME_FIELD_TYPE) {
        e->unclear |= e->has_type || !slice_copy(value, w->type, sizeof(w->type)) ||
                      slice_find(value, '\0') < value.n;
        e->has_type = true;
    } else if (w->field == MIME_FIELD_ENCODING) {
        e->unclear |= e->has_encoding;
        e->encoding = encoding_of(value);
        e->has_encoding = true;
    }
    e->has_version |= w->field == MIME_FIELD_VERSION;
    e->is_signed |= w->field == MIME_FIELD_SIGNATURE;
    w->field = MIME_FIELD_OTHER;
    w->n = 0;
    w->too_long = false;
}

/* ---- the end of a header section ---- */

/* "b" and "b--" may each stand for the other's delimiter. */
static bool is_confusable(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), n = na < nb ? na : nb;

    if (memcmp(a, b, n) != 0)
        return false;
    return na == nb || (na + 2 == nb && strcmp(b + n, "--") == 0) ||
           (nb + 2 == na && strcmp(a + n, "--") == 0);
}

static bool may_enter(const struct mime_walk *w, const char *boundary)
{
    if (!boundary[0] || w->depth == LIMIT_MIME_DEPTH)
        return false;
    for (size_t i = 0; i < w->depth; i++)
        if (is_confusable(w->levels[i].boundary, boundary))
            return false;
    return true;
}

static enum mime_kind enter_multipart(struct mime_walk *w, const struct mime_type *t)
{
    struct mime_level *level = &w->levels[w->depth];

    w->entity.is_text = false;
    if (w->entity.encoding == MIME_ENCODED || !may_enter(w, t->boundary))
        return MIME_OPAQUE;
    memcpy(level->boundary, t->boundary, sizeof(level->boundary));
    /* RFC 1847 §2.1: the first part is signed in the form in which it is sent. */
    level->is_signed = w->entity.is_signed || strcmp(t->subtype, "signed") == 0;
    level->digest = strcmp(t->subtype, "digest") == 0;
    w->depth++;
    return MIME_CONTAINER;
}

/* RFC 6532 §3.5 lifts the ban on encoding for types that say so: message/global (§3.7), and those of
 * RFC 6533 for its parts in a report. */
static bool is_global(const char *subtype)
{
    static const char *const names[] = {"global", "global-headers", "global-delivery-status",
                                        "global-disposition-notification"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(subtype, names[i]) == 0)
            return true;
    return false;
}

static enum mime_kind message_kind(struct mime_walk *w, const struct mime_type *t)
{
    w->entity.is_text = false;
    if (strcmp(t->subtype, "rfc822") == 0)
        return w->entity.encoding == MIME_ENCODED ? MIME_OPAQUE : MIME_CONTAINER;
    return is_global(t->subtype) ? MIME_LEAF : MIME_OPAQUE;
}

static enum mime_kind kind_of(struct mime_walk *w)
{
    struct mime_type t = {.type = "text", .subtype = "plain"};
    struct mime_entity *e = &w->entity;
    enum mime_kind kind = MIME_LEAF;

    if (w->digest && !e->has_type)
        t = (struct mime_type){.type = "message", .subtype = "rfc822"};
    if (e->unclear || (e->has_type && !mime_type_parse(slice_of(w->type), &t)))
        return MIME_OPAQUE;
    if (strcmp(t.type, "multipart") == 0)
        return enter_multipart(w, &t);
    if (strcmp(t.type, "message") == 0)
        kind = message_kind(w, &t);
    e->is_text = strcmp(t.type, "text") == 0;
    return kind == MIME_LEAF && e->encoding == MIME_ENCODED ? MIME_OPAQUE : kind;
}

/* A container's inside begins with its next line: of a multipart outside the parts, of a message
 * its header section, which is an entity of its own. */
static void end_header(struct mime_walk *w)
{
    size_t depth = w->depth;

    end_field(w);
    w->entity.kind = kind_of(w);
    if (w->entity.kind != MIME_CONTAINER)
        w->state = IN_BODY;
    else
        w->state = w->depth > depth ? IN_OUTSIDE : IN_HEADER;
}

/* ---- delimiters ---- */

/* The level that the line is a delimiter of, or the depth if of none; *out_close: it is its last.
 */
static size_t level_of(const struct mime_walk *w, const struct mime_piece *p, bool *out_close)
{
    struct slice line = p->text;

    while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    if (!p->first || !p->last || !slice_starts(line, SLICE("--")))
        return w->depth;
    line = slice_skip(line, 2);
    for (size_t i = 0; i < w->depth; i++) {
        struct slice boundary = slice_of(w->levels[i].boundary);
        struct slice rest = slice_skip(line, boundary.n);
        *out_close = rest.n > 0;
        if (slice_starts(line, boundary) && (rest.n == 0 || slice_eq(rest, SLICE("--"))))
            return i;
    }
    return w->depth;
}

static bool take_delimiter(struct mime_walk *w, const struct mime_piece *p)
{
    bool close = false;
    size_t level = level_of(w, p, &close);

    if (level == w->depth)
        return false;
    if (close) {
        w->depth = level;
        w->state = IN_OUTSIDE;
    } else {
        w->depth = level + 1;
        w->digest = w->levels[level].digest;
        begin_entity(w, false, w->levels[level].is_signed);
    }
    return true;
}

/* ---- lines ---- */

static bool is_folded(const struct mime_piece *p)
{
    return p->text.n && (p->text.p[0] == ' ' || p->text.p[0] == '\t');
}

/* RFC 5322 §2.2, with the space before the colon of §4.5. 0: no field. */
static size_t name_length(struct slice line)
{
    size_t n = 0, colon;

    while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
        n++;
    colon = n;
    while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
        colon++;
    return colon < line.n && line.p[colon] == ':' ? n : 0;
}

static enum mime_line begin_field(struct mime_walk *w, struct slice line)
{
    size_t n = name_length(line);

    end_field(w);
    if (n == 0) {
        w->entity.unclear = true;
        end_header(w);
        return MIME_BODY;
    }
    w->field = field_of(slice_head(line, n));
    add_text(w, slice_skip(line, slice_find(line, ':') + 1));
    return MIME_HEADER;
}

static enum mime_line header_line(struct mime_walk *w, const struct mime_piece *p)
{
    if (p->first && p->last && p->text.n == 0) {
        end_header(w);
        return MIME_BLANK;
    }
    if (p->first && !is_folded(p))
        return begin_field(w, p->text);
    add_text(w, p->text);
    return MIME_HEADER;
}

enum mime_line mime_walk_line(struct mime_walk *w, const struct mime_piece *p)
{
    /* The inside of a message begins with the line behind its container's header. */
    if (w->state == IN_HEADER && w->entity.kind == MIME_CONTAINER) {
        w->digest = false;
        begin_entity(w, true, w->entity.is_signed);
    }
    if (take_delimiter(w, p))
        return MIME_DELIMITER;
    if (w->state == IN_HEADER)
        return header_line(w, p);
    return w->state == IN_BODY ? MIME_BODY : MIME_OUTSIDE;
}
