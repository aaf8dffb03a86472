#include "mta/milter/head.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"

/* ---- splitting */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Octets of the name at the start of a line, 0 if the line is no field. RFC 5322 §3.6.8, with the
 * blank before the colon that §4.5 tells readers to bear. *out_colon: where the colon is. */
static size_t name_length(struct slice line, size_t *out_colon)
{
    size_t n = 0, colon;

    while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
        n++;
    for (colon = n; colon < line.n && is_blank(line.p[colon]); colon++)
        ;
    *out_colon = colon;
    return colon < line.n && line.p[colon] == ':' ? n : 0;
}

static size_t line_length(struct slice text)
{
    size_t lf = slice_find(text, '\n');
    return lf < text.n ? lf + 1 : text.n;
}

/* With the folded lines that belong to it. */
static size_t field_length(struct slice text)
{
    size_t n = line_length(text);

    while (n < text.n && is_blank(text.p[n]))
        n += line_length(slice_skip(text, n));
    return n;
}

static void make_room(struct milter_head *h)
{
    if (h->n < h->cap)
        return;
    h->cap = h->cap ? 2 * h->cap : 32;
    h->fields = base_realloc(h->fields, h->cap * sizeof(*h->fields));
}

enum milter_split milter_head_split(struct milter_head *h, struct slice text, size_t own_octets,
                                    size_t *out_end)
{
    struct slice left = text;
    size_t name_len, colon;

    *h = (struct milter_head){0};
    while ((name_len = name_length(left, &colon)) > 0) {
        if (h->n == LIMIT_MILTER_FIELDS)
            return MILTER_SPLIT_FIELDS;
        make_room(h);
        size_t n = field_length(left);
        bool ours = text.n - left.n < own_octets;
        h->fields[h->n++] = (struct milter_field){left.p, n, name_len, NULL, ours};
        left = slice_skip(left, n);
    }
    *out_end = text.n - left.n;
    return MILTER_SPLIT_OK;
}

void milter_head_free(struct milter_head *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->fields[i].owned);
    free(h->fields);
    *h = (struct milter_head){0};
}

struct slice milter_field_name(const struct milter_field *f)
{
    return slice_make(f->p, f->name_len);
}

struct slice milter_field_rest(const struct milter_field *f)
{
    struct slice whole = {f->p, f->n};
    return slice_skip(whole, slice_find(whole, ':') + 1);
}

/* ---- changes */

static struct milter_field own_field(struct slice text, size_t name_len)
{
    char *copy = slice_dup(text);
    return (struct milter_field){copy, text.n, name_len, copy, false};
}

void milter_head_insert(struct milter_head *h, size_t at, struct slice text, size_t name_len)
{
    at = at < h->n ? at : h->n;
    make_room(h);
    memmove(h->fields + at + 1, h->fields + at, (h->n - at) * sizeof(*h->fields));
    h->fields[at] = own_field(text, name_len);
    h->n++;
}

void milter_head_append(struct milter_head *h, struct slice text, size_t name_len)
{
    milter_head_insert(h, h->n, text, name_len);
}

static size_t find_nth(const struct milter_head *h, struct slice name, size_t nth)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct milter_field *f = &h->fields[i];
        if (!f->ours && slice_caseeq(milter_field_name(f), name) && --nth == 0)
            return i;
    }
    return h->n;
}

static void remove_at(struct milter_head *h, size_t i)
{
    free(h->fields[i].owned);
    h->n--;
    memmove(h->fields + i, h->fields + i + 1, (h->n - i) * sizeof(*h->fields));
}

void milter_head_change(struct milter_head *h, struct slice name, size_t nth, struct slice text)
{
    size_t i = find_nth(h, name, nth ? nth : 1);

    if (i < h->n && text.n == 0) {
        remove_at(h, i);
    } else if (i < h->n) {
        free(h->fields[i].owned);
        h->fields[i] = own_field(text, name.n);
    } else if (text.n) {
        milter_head_append(h, text, name.n);
    }
}
