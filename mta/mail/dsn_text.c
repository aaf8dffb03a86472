/* Foreign text in a notification. A remote server chose the words of its reply, and a sender those
 * of the header: nothing of them may begin a line, a field or a body part of ours. Pure. */
#include "mta/mail/dsn_text.h"

#include <stdarg.h>

#include "config/base/utf8.h"
#include "mta/smtp/xtext.h"

enum {
    FOLD_COLUMN = 76,
    WORD_MAX = 400, /* octets without a place to fold; longer ones are broken */
    HEADER_LINE_MAX = 990,
};

void dsn_line(struct dsn_out *o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    o->ok = o->ok && buf_vprintf(o->out, fmt, args);
    va_end(args);
    o->ok = o->ok && buf_append(o->out, SLICE("\r\n"));
}

/* Appends one character made harmless; returns octets of s taken. */
static size_t put_character(struct dsn_out *o, struct slice s)
{
    uint32_t point = 0;
    size_t n = utf8_decode(s, &point);
    bool ascii = point < 0x80 && (point == '\t' || (point >= ' ' && point != 0x7f));
    bool harmless = n > 0 && (ascii || (o->utf8 && utf8_is_text(point)));

    o->ok = o->ok && buf_append(o->out, harmless ? slice_head(s, n) : SLICE("?"));
    return n ? n : 1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word of *text, moved behind it; empty at the end. */
static struct slice next_word(struct slice *text)
{
    size_t n = 0;
    struct slice word;

    while (text->n && is_space(text->p[0]))
        *text = slice_skip(*text, 1);
    while (n < text->n && n < WORD_MAX && !is_space(text->p[n]))
        n++;
    word = slice_head(*text, n);
    *text = slice_skip(*text, n);
    return word;
}

static void put_word(struct dsn_out *o, struct slice word)
{
    while (word.n)
        word = slice_skip(word, put_character(o, word));
}

void dsn_folded(struct dsn_out *o, const char *first, const char *next, struct slice text)
{
    size_t column = slice_of(first).n;
    bool fresh = true; /* nothing but the lead is on this line */

    o->ok = o->ok && buf_append(o->out, slice_of(first));
    for (struct slice w = next_word(&text); w.n; w = next_word(&text)) {
        if (!fresh && column + 1 + w.n > FOLD_COLUMN) {
            o->ok =
                o->ok && buf_append(o->out, SLICE("\r\n")) && buf_append(o->out, slice_of(next));
            column = slice_of(next).n;
        } else if (!fresh) {
            o->ok = o->ok && buf_append_byte(o->out, ' ');
            column++;
        }
        put_word(o, w);
        column += w.n;
        fresh = false;
    }
    o->ok = o->ok && buf_append(o->out, SLICE("\r\n"));
}

void dsn_address(struct dsn_out *o, const char *lead, const char *address, const char *tail)
{
    o->ok = o->ok && buf_append(o->out, slice_of(lead));
    put_word(o, slice_head(slice_of(address), WORD_MAX));
    o->ok = o->ok && buf_append(o->out, slice_of(tail)) && buf_append(o->out, SLICE("\r\n"));
}

/* The address in the form that its type and the notification allow; what has none, as it is. */
static struct slice encode_address(const struct dsn_out *o, struct slice type, struct slice address,
                                   struct buf *room)
{
    if (slice_caseeq(type, SLICE("utf-8")) && xtext_encode_utf8(address, o->utf8, room))
        return buf_slice(room);
    return address;
}

void dsn_typed_address(struct dsn_out *o, const char *lead, struct slice type, struct slice address)
{
    struct buf room;

    buf_init(&room, HEADER_LINE_MAX);
    o->ok = o->ok && buf_append(o->out, slice_of(lead)) && buf_append(o->out, type) &&
            buf_append(o->out, SLICE("; "));
    put_word(o, slice_head(encode_address(o, type, address, &room), HEADER_LINE_MAX - 80));
    o->ok = o->ok && buf_append(o->out, SLICE("\r\n"));
    buf_free(&room);
}

void dsn_headers(struct dsn_out *o, struct slice headers)
{
    while (headers.n) {
        size_t end = slice_find(headers, '\n');
        struct slice line = slice_head(headers, end);

        if (end == headers.n)
            return;
        headers = slice_skip(headers, end + 1);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0)
            return;
        put_word(o, slice_head(line, HEADER_LINE_MAX));
        o->ok = o->ok && buf_append(o->out, SLICE("\r\n"));
    }
}
