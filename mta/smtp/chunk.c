/* The content of BDAT, RFC 3030 §2. Pure, any thread. */
#include "mta/smtp/chunk.h"

#include "mta/smtp/dot.h"

/* The most that one octet can add: a held CR and a bare LF, both made CRLF. */
enum { STEP_ROOM = 4 };

void chunk_reader_init(struct chunk_reader *r, bool convert)
{
    *r = (struct chunk_reader){.convert = convert};
}

/* Room was checked by the caller. */
static void put(struct buf *out, struct slice s)
{
    REQUIRE(buf_append(out, s));
}

static void put_bare(struct chunk_reader *r, char c, struct buf *out)
{
    r->bare = r->bare || !r->convert;
    put(out, r->convert ? SLICE("\r\n") : slice_make(&c, 1));
}

static void step(struct chunk_reader *r, char c, struct buf *out)
{
    bool after_cr = r->cr;

    r->cr = c == '\r';
    if (after_cr && c == '\n') {
        put(out, SLICE("\r\n"));
        return;
    }
    if (after_cr)
        put_bare(r, '\r', out);
    if (c == '\n')
        put_bare(r, c, out);
    else if (c != '\r')
        put(out, slice_make(&c, 1));
    r->nul = r->nul || c == '\0';
}

/* The longest start of in that is content as it stands: lines with their CRLF, and the beginning of
 * one. */
static size_t verbatim_run(struct slice in)
{
    size_t run = 0, n;

    do {
        n = dot_plain_length(slice_skip(in, run));
        run += n;
        if (slice_starts(slice_skip(in, run), SLICE("\r\n"))) {
            n += 2;
            run += 2;
        }
    } while (n && run < in.n);
    return run;
}

size_t chunk_reader_feed(struct chunk_reader *r, struct slice in, struct buf *out)
{
    size_t used = 0;

    while (used < in.n && buf_room(out) >= STEP_ROOM) {
        struct slice left = slice_skip(in, used);
        size_t run = r->cr ? 0 : verbatim_run(slice_head(left, buf_room(out)));
        put(out, slice_head(left, run));
        used += run;
        if (run == 0) {
            step(r, left.p[0], out);
            used++;
        }
    }
    return used;
}

void chunk_reader_end(struct chunk_reader *r, struct buf *out)
{
    if (r->cr)
        put_bare(r, '\r', out);
    r->cr = false;
}

bool chunk_parse(struct slice argument, uint64_t *out_size, bool *out_last)
{
    size_t space = slice_find(argument, ' ');
    struct slice rest = slice_skip(argument, space);

    *out_last = slice_caseeq(rest, SLICE(" LAST"));
    return (rest.n == 0 || *out_last) &&
           slice_to_u64(slice_head(argument, space), UINT64_MAX, out_size);
}
