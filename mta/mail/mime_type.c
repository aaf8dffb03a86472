/* Values of Content-Type and Content-Transfer-Encoding (RFC 2045 §5.1, §6.1). Unfolded by the
 * caller. Pure, any thread. */
#include "mta/mail/mime.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* A comment with its inner ones; returns its length, 0 if it does not end. */
static size_t comment_length(struct slice s)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '(')
            depth++;
        else if (s.p[i] == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Without white space and comments in front; an endless comment stays. */
static struct slice skip_blank(struct slice s)
{
    for (;;) {
        size_t n = s.n && s.p[0] == '(' ? comment_length(s) : s.n && is_space(s.p[0]);
        if (!n)
            return s;
        s = slice_skip(s, n);
    }
}

static bool is_token_octet(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* Moves *s behind a token, which goes to out in lower case; false if there is none or no room. */
static bool take_token(struct slice *s, char *out, size_t size)
{
    size_t n = 0;

    while (n < s->n && is_token_octet(s->p[n]))
        n++;
    if (n == 0 || n >= size)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = ascii_lower(s->p[i]);
    out[n] = '\0';
    *s = slice_skip(*s, n);
    return true;
}

static bool take_octet(struct slice *s, char c)
{
    *s = skip_blank(*s);
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = skip_blank(slice_skip(*s, 1));
    return true;
}

/* Octets beyond the room are counted, not kept; returns how many there were, SIZE_MAX if the string
 * does not end. */
static size_t take_quoted(struct slice *s, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 1; i < s->n; i++) {
        char c = s->p[i];
        if (c == '"') {
            out[n < size ? n : size - 1] = '\0';
            *s = slice_skip(*s, i + 1);
            return n;
        }
        if (c == '\\' && ++i < s->n)
            c = s->p[i];
        if (n < size)
            out[n] = c;
        n++;
    }
    return SIZE_MAX;
}

/* A value as it is written, its case kept. */
static size_t take_value(struct slice *s, char *out, size_t size)
{
    size_t n = 0;

    if (s->n && s->p[0] == '"')
        return take_quoted(s, out, size);
    while (n < s->n && is_token_octet(s->p[n]))
        n++;
    if (!slice_copy(slice_head(*s, n), out, size) && n < size)
        return SIZE_MAX;
    *s = slice_skip(*s, n);
    return n ? n : SIZE_MAX;
}

/* bchars of RFC 2046 §5.1.1, which does not end in white space. */
static bool is_boundary(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (!ascii_is_alnum(text[i]) && !strchr("'()+_,-./:=? ", text[i]))
            return false;
    return n && text[n - 1] != ' ';
}

/* ";" name "=" value. A boundary that is given twice, or in pieces, is unclear. */
static bool take_parameter(struct slice *s, struct mime_type *out)
{
    char name[80], value[MIME_BOUNDARY + 2];
    size_t n;

    if (!take_token(s, name, sizeof(name)) || !take_octet(s, '='))
        return false;
    n = take_value(s, value, sizeof(value));
    if (n == SIZE_MAX)
        return false;
    if (strncmp(name, "boundary", 8) != 0)
        return true;
    if (name[8] || out->boundary[0] || n > MIME_BOUNDARY || !is_boundary(value))
        return false;
    memcpy(out->boundary, value, n + 1);
    return true;
}

bool mime_type_parse(struct slice value, struct mime_type *out)
{
    *out = (struct mime_type){.boundary = ""};
    value = skip_blank(value);
    if (!take_token(&value, out->type, sizeof(out->type)) || !take_octet(&value, '/') ||
        !take_token(&value, out->subtype, sizeof(out->subtype)))
        return false;
    while (take_octet(&value, ';')) {
        if (value.n == 0) /* "text/plain;", which is often seen */
            return true;
        if (!take_parameter(&value, out))
            return false;
    }
    return skip_blank(value).n == 0;
}

bool mime_token_parse(struct slice value, char *out, size_t size)
{
    value = skip_blank(value);
    return take_token(&value, out, size) && skip_blank(value).n == 0;
}
