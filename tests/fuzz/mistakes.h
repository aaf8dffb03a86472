/* How a file's mistakes are told: FILE:LINE:COLUMN: words, one line each. */
#ifndef DANELAW_FUZZ_MISTAKES_H
#define DANELAW_FUZZ_MISTAKES_H

#include "config/base/limits.h"
#include "tests/fuzz/bytes.h"

/* Digits and a colon at the front, cut off. */
static inline uint64_t take_number(struct slice *s)
{
    uint64_t n = 0;
    size_t colon = slice_find(*s, ':');

    REQUIRE(colon < s->n && slice_to_u64(slice_head(*s, colon), INT32_MAX, &n) && n > 0);
    *s = slice_skip(*s, colon + 1);
    return n;
}

static inline void check_mistake(struct slice line, const char *file, size_t most_line)
{
    REQUIRE(!has_control(line) && slice_starts(line, slice_of(file)));
    line = slice_skip(line, slice_of(file).n);
    if (slice_starts(line, SLICE(": "))) { /* how many were left out */
        REQUIRE(slice_caseends(line, SLICE("more mistakes")));
        return;
    }
    REQUIRE(slice_starts(line, SLICE(":")));
    line = slice_skip(line, 1);
    REQUIRE(take_number(&line) <= most_line);
    (void)take_number(&line);
    REQUIRE(line.n > 1 && line.p[0] == ' ');
}

/* At least one, and no more than are told in one run. */
static inline void check_mistakes(struct slice said, const char *file, size_t most_line)
{
    size_t n = 0;

    for (; said.n; n++) {
        struct slice line = slice_head(said, slice_find(said, '\n'));
        REQUIRE(line.n < said.n);
        check_mistake(line, file, most_line);
        said = slice_skip(said, line.n + 1);
    }
    REQUIRE(n > 0 && n <= LIMIT_CONFIG_ERRORS + 1);
}

#endif
