#include "config/suggest.h"

#include <string.h>

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t suggest_distance(struct slice a, struct slice b)
{
    /* Row i % 3 holds the distances of a's first i octets to each beginning of b. */
    size_t row[3][WORD_MAX + 1];

    if (a.n > WORD_MAX || b.n > WORD_MAX)
        return WORD_MAX + 1;
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = a.p[i - 1] != b.p[j - 1];
            now[j] = least(before[j] + 1, now[j - 1] + 1, before[j - 1] + change);
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped && earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return row[a.n % 3][b.n];
}

struct suggestion suggest_for(struct slice word)
{
    return (struct suggestion){.word = word};
}

/* As many mistakes as a hurried writer makes: one in a short word, a third of a longer one. */
static size_t tolerance(size_t n)
{
    size_t third = n / 3;
    return third < 1 ? 1 : third > 4 ? 4 : third;
}

void suggest_consider(struct suggestion *s, const char *candidate)
{
    size_t distance = suggest_distance(s->word, slice_of(candidate));

    if (distance > tolerance(s->word.n) || (s->best && distance >= s->distance))
        return;
    s->best = candidate;
    s->distance = distance;
}

const char *suggest_text(const struct suggestion *s, struct arena *arena)
{
    return s->best ? arena_printf(arena, " (did you mean \"%.100s\"?)", s->best) : "";
}
