/* A message's content brought into 7-bit form: what the survey allows comes out without an octet above
 * 127, needs nothing more, and is the same however the content is cut. */
#include <stdlib.h>

#include "mta/mail/recode.h"
#include "tests/fuzz/bytes.h"

enum { CUTS = 3 };

static struct survey *survey_cut(struct slice content, size_t length)
{
    struct survey *s = survey_new();

    for (; content.n; content = slice_skip(content, length))
        survey_feed(s, slice_head(content, length));
    survey_end(s);
    return s;
}

static void recode_cut(const struct survey *s, struct slice content, size_t length, struct buf *out)
{
    struct recode *r = base_alloc(sizeof(*r));

    recode_init(r, s);
    while (content.n) {
        size_t n = recode_feed(r, slice_head(content, length), out);
        REQUIRE(n > 0);
        content = slice_skip(content, n);
    }
    REQUIRE(recode_end(r, out));
    free(r);
}

static void check(struct slice converted)
{
    struct survey *s = survey_cut(converted, converted.n + 1);

    REQUIRE(!s->eight_bit);
    survey_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t lengths[CUTS] = {1, 13, 1 << 20};
    struct slice content = {(const char *)data, size};
    struct buf out[CUTS];

    for (size_t i = 0; i < CUTS; i++) {
        struct survey *s = survey_cut(content, lengths[i]);
        buf_init(&out[i], 64 << 20);
        if (s->eight_bit && !s->why) {
            recode_cut(s, content, lengths[i], &out[i]);
            check(buf_slice(&out[i]));
        }
        survey_free(&s);
    }
    for (size_t i = 1; i < CUTS; i++)
        REQUIRE(slice_eq(buf_slice(&out[0]), buf_slice(&out[i])));
    for (size_t i = 0; i < CUTS; i++)
        buf_free(&out[i]);
    return 0;
}
