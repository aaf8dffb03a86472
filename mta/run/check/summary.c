/* Many destinations: a line for each, then how many there are of each kind. */
#include <stdio.h>

#include "mta/run/check/private.h"
#include "mta/run/check/text.h"
#include "mta/run/queue_text.h"

enum { DOMAIN_WIDTH_MAX = 40, KINDS_MAX = 64 };

/* "dane", "half-dane", … of what would be delivered, else the cause. */
static const char *kind_of(const json_t *d)
{
    const json_t *reason = json_object_get(d, "reason");
    return reason ? text(reason, "cause") : text(d, "tls");
}

static enum colour colour_of(const json_t *d)
{
    return equals(d, "outcome", "delivered") ? GOOD : BAD;
}

static int domain_width(json_t *const *documents, size_t n)
{
    size_t width = 6;

    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(text(documents[i], "domain"));
        width = length > width ? length : width;
    }
    return width < DOMAIN_WIDTH_MAX ? (int)width : DOMAIN_WIDTH_MAX;
}

static void print_line(const json_t *d, int width)
{
    const json_t *reason = json_object_get(d, "reason"), *ahead = json_object_get(d, "ahead");

    printf("%-*s %s%-9s%s %-22s ", width, text(d, "domain"), paint(colour_of(d)),
           text(d, "outcome"), paint(PLAIN), kind_of(d));
    if (ahead && strcmp(kind_of(d), kind_of(ahead)) != 0)
        printf("[%s: %s %s] ", text(ahead, "date"), text(ahead, "outcome"), kind_of(ahead));
    queue_text_safe(stdout, reason ? text(reason, "text") : text(d, "relay"));
    putchar('\n');
}

struct kind {
    const char *outcome, *name;
    size_t n;
};

static void count(struct kind *kinds, size_t *n_kinds, const json_t *d)
{
    size_t i = 0;

    while (i < *n_kinds &&
           (!equals(d, "outcome", kinds[i].outcome) || strcmp(kinds[i].name, kind_of(d)) != 0))
        i++;
    if (i == KINDS_MAX)
        return;
    if (i == *n_kinds)
        kinds[(*n_kinds)++] = (struct kind){text(d, "outcome"), kind_of(d), 0};
    kinds[i].n++;
}

static void print_totals(const struct kind *kinds, size_t n)
{
    static const char *const outcomes[] = {"delivered", "deferred", "bounced"};

    for (size_t o = 0; o < ARRAY_LEN(outcomes); o++)
        for (size_t i = 0; i < n; i++)
            if (strcmp(kinds[i].outcome, outcomes[o]) == 0)
                printf("%8zu  %-9s %s\n", kinds[i].n, kinds[i].outcome, kinds[i].name);
}

/* Of the documents, or of what lies ahead in each. */
static void sum_up(json_t *const *documents, size_t n, bool ahead)
{
    struct kind kinds[KINDS_MAX];
    size_t n_kinds = 0;

    for (size_t i = 0; i < n; i++)
        count(kinds, &n_kinds, ahead ? json_object_get(documents[i], "ahead") : documents[i]);
    print_totals(kinds, n_kinds);
}

void check_print_summary(json_t *const *documents, size_t n)
{
    const json_t *ahead = n ? json_object_get(documents[0], "ahead") : NULL;
    int width = domain_width(documents, n);

    printf("%-*s %-9s %-22s %s\n", width, "domain", "would be", "tls or cause", "relay or reason");
    for (size_t i = 0; i < n; i++)
        print_line(documents[i], width);
    printf("\n%8zu  checked\n", n);
    sum_up(documents, n, false);
    if (!ahead)
        return;
    printf("\n          on %s\n", text(ahead, "date"));
    sum_up(documents, n, true);
}
