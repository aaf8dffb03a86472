#include "mta/milter/field.h"

enum { NAME_MAX_OCTETS = 200 }; /* with its value's first words it fits a line of 998 (RFC 5322 §2.1.1) */

bool milter_field_value(struct slice after_colon, bool leading_space, struct buf *out)
{
    struct slice v = after_colon;

    if (v.n >= 2 && v.p[v.n - 1] == '\n')
        v.n -= v.p[v.n - 2] == '\r' ? 2 : 1;
    if (!leading_space && v.n && v.p[0] == ' ')
        v = slice_skip(v, 1);
    while (v.n) {
        size_t cr = slice_find(v, '\r');
        if (!buf_append(out, slice_head(v, cr)))
            return false;
        v = slice_skip(v, cr + 1);
    }
    return true;
}

/* RFC 5322 §3.6.8: printable US-ASCII without the colon. */
bool milter_field_name_ok(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
            return false;
    return name.n > 0 && name.n <= NAME_MAX_OCTETS;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes CRLF or LF at the start of v if a folded line follows. */
static bool take_fold(struct slice *v)
{
    *v = slice_skip(*v, v->p[0] == '\r' ? 1 : 0);
    if (v->n < 2 || v->p[0] != '\n' || !is_blank(v->p[1]))
        return false;
    *v = slice_skip(*v, 1);
    return true;
}

static bool put_lines(struct slice v, struct buf *out)
{
    while (v.n) {
        size_t end = 0;
        while (end < v.n && v.p[end] != '\r' && v.p[end] != '\n' && v.p[end] != '\0')
            end++;
        if (!buf_append(out, slice_head(v, end)))
            return false;
        v = slice_skip(v, end);
        if (v.n && (!take_fold(&v) || !buf_append(out, SLICE("\r\n"))))
            return false;
    }
    return true;
}

bool milter_field_make(struct slice name, struct slice value, bool leading_space, struct buf *out)
{
    return milter_field_name_ok(name) && buf_append(out, name) && buf_append_byte(out, ':') &&
           (leading_space || buf_append_byte(out, ' ')) && put_lines(value, out) &&
           buf_append(out, SLICE("\r\n"));
}
