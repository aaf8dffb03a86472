/* Replies, RFC 5321 §4.2: ours from a status, a next hop's as hostile input. Pure, any thread. */
#include "mta/smtp/reply.h"

#include "config/base/limits.h"

bool reply_write(struct buf *out, const struct status *s, bool enhanced)
{
    char text[STATUS_TEXT_MAX], esc[16];
    size_t n = 0;

    /* textstring of §4.2 is ASCII; without SMTPUTF8 a reply must not be anything else. */
    for (; s->text[n]; n++)
        text[n] = s->text[n] < ' ' || s->text[n] > '~' ? '?' : s->text[n];
    text[n] = '\0';
    /* RFC 2034 §4: no enhanced code in 3yz replies, there is no class 3. */
    if (!enhanced || s->code / 100 == 3)
        return buf_printf(out, "%03u %s\r\n", s->code, text);
    return buf_printf(out, "%03u %s %s\r\n", s->code, esc_text(s->esc, esc), text);
}

void reply_reader_init(struct reply_reader *r)
{
    *r = (struct reply_reader){0};
    buf_init(&r->text, LIMIT_REPLY);
}

void reply_reader_free(struct reply_reader *r)
{
    buf_free(&r->text);
}

static void begin_reply(struct reply_reader *r)
{
    buf_clear(&r->text);
    r->code = 0;
    r->lines = r->octets = 0;
    r->complete = false;
}

/* Reply-code = %x32-35 %x30-35 %x30-39; 0 if it is none. */
static uint16_t parse_code(struct slice line)
{
    if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || line.p[1] < '0' || line.p[1] > '5' ||
        !ascii_is_digit(line.p[2]))
        return 0;
    return (uint16_t)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0'));
}

/* One line without its CRLF. False: malformed. */
static bool take_line(struct reply_reader *r, struct slice line)
{
    uint16_t code = parse_code(line);
    char mark = line.n > 3 ? line.p[3] : ' ';

    if (code == 0 || (r->lines && code != r->code) || (mark != ' ' && mark != '-'))
        return false;
    if (slice_find(line, '\0') < line.n)
        return false;
    if (r->lines && !buf_append_byte(&r->text, '\n'))
        return false;
    r->code = code;
    r->lines++;
    r->complete = mark == ' ';
    return buf_append(&r->text, slice_skip(line, 4));
}

/* The first line of in with its CRLF; n is 0 if there is no whole one yet. False: malformed. */
static bool next_line(struct slice in, struct slice *out_line)
{
    size_t lf = slice_find(in, '\n');

    *out_line = slice_make(in.p, 0);
    if (lf == in.n)
        return in.n < LIMIT_REPLY_LINE;
    *out_line = slice_head(in, lf + 1);
    return lf < LIMIT_REPLY_LINE && lf > 0 && in.p[lf - 1] == '\r';
}

enum reply_result reply_reader_feed(struct reply_reader *r, struct buf *in, struct reply *out)
{
    struct slice line;

    if (r->complete)
        begin_reply(r);
    while (!r->malformed && !r->complete) {
        if (!next_line(buf_slice(in), &line)) {
            r->malformed = true;
            break;
        }
        if (line.n == 0)
            return REPLY_MORE;
        r->octets += line.n;
        r->malformed = r->octets > LIMIT_REPLY || !take_line(r, slice_head(line, line.n - 2));
        buf_consume(in, line.n);
    }
    if (r->malformed)
        return REPLY_MALFORMED;
    *out = (struct reply){r->code, buf_slice(&r->text), r->lines};
    return REPLY_OK;
}
