/* Brings the message on standard input into 7-bit form, fed in pieces of the length given, for
 * check_recode.py.
 *
 *   recode_file LENGTH     exit 0: converted, on standard output; 3: it cannot be, and why; 4: no
 * need */
#include <stdio.h>
#include <stdlib.h>

#include "mta/mail/recode.h"

static void read_all(struct buf *content)
{
    char chunk[65536];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
        REQUIRE(buf_append(content, slice_make(chunk, n)));
}

static struct survey *survey(struct slice content, size_t length)
{
    struct survey *s = survey_new();

    for (; content.n; content = slice_skip(content, length))
        survey_feed(s, slice_head(content, length));
    survey_end(s);
    return s;
}

static void recode(const struct survey *s, struct slice content, size_t length)
{
    struct recode r;
    struct buf out;

    recode_init(&r, s);
    buf_init(&out, 2 * RECODE_ROOM);
    while (content.n) {
        content = slice_skip(content, recode_feed(&r, slice_head(content, length), &out));
        (void)fwrite(buf_slice(&out).p, 1, out.n, stdout);
        buf_clear(&out);
    }
    REQUIRE(recode_end(&r, &out));
    (void)fwrite(buf_slice(&out).p, 1, out.n, stdout);
    buf_free(&out);
}

int main(int argc, char **argv)
{
    size_t length = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
    struct survey *s;
    struct buf content;
    int status = 0;

    REQUIRE(length > 0);
    buf_init(&content, 256 << 20);
    read_all(&content);
    s = survey(buf_slice(&content), length);
    if (!s->eight_bit)
        status = 4;
    else if (s->why)
        status = 3;
    if (status == 3)
        (void)puts(s->why);
    if (status == 0)
        recode(s, buf_slice(&content), length);
    survey_free(&s);
    buf_free(&content);
    return status;
}
