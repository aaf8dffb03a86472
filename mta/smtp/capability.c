/* EHLO keywords to capabilities. Pure, any thread. */
#include "mta/smtp/capability.h"

#include "config/base/limits.h"

static struct slice cut(struct slice *rest, char at)
{
    size_t n = slice_find(*rest, at);
    struct slice head = slice_head(*rest, n);
    *rest = slice_skip(*rest, n + 1);
    return head;
}

/* A figure that is none, or too long to be one, is no limit: the server will say. */
static void take_size(struct capabilities *caps, struct slice value)
{
    if (!slice_to_u64(value, UINT64_MAX, &caps->max_size))
        caps->max_size = 0;
}

static const struct {
    struct slice name;
    enum client_mechanism bit;
} mechanisms[] = {
    {{"SCRAM-SHA-256", 13}, MECHANISM_SCRAM_SHA_256}, /* RFC 7677 */
    {{"PLAIN", 5},          MECHANISM_PLAIN        }, /* RFC 4616 */
    {{"LOGIN", 5},          MECHANISM_LOGIN        },
};

static void take_mechanisms(struct capabilities *caps, struct slice value)
{
    while (value.n) {
        struct slice word = cut(&value, ' ');
        for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
            if (slice_caseeq(word, mechanisms[i].name))
                caps->mechanisms |= mechanisms[i].bit;
    }
}

static const struct {
    struct slice name;
    size_t at;
} limits[] = {
    {{"MAILMAX", 7},        offsetof(struct capabilities, mail_max)       },
    {{"RCPTMAX", 7},        offsetof(struct capabilities, rcpt_max)       },
    {{"RCPTDOMAINMAX", 13}, offsetof(struct capabilities, rcpt_domain_max)},
};

/* RFC 9422: one to six digits, the first not zero. A limit that would let nothing through is none. */
static bool is_limit(struct slice value)
{
    return value.n >= 1 && value.n <= 6 && value.p[0] != '0';
}

static void take_limits(struct capabilities *caps, struct slice value)
{
    while (value.n) {
        struct slice figure = cut(&value, ' '), name = cut(&figure, '=');
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
            uint64_t *limit = (uint64_t *)(void *)((char *)caps + limits[i].at);
            if (slice_caseeq(name, limits[i].name) && is_limit(figure))
                (void)!slice_to_u64(figure, UINT64_MAX, limit);
        }
    }
}

static const struct keyword {
    struct slice name;
    enum client_capability bit;
    void (*take)(struct capabilities *caps, struct slice value); /* NULL: the word is all */
} keywords[] = {
    {{"STARTTLS", 8},             CAP_STARTTLS,   NULL           }, /* RFC 3207 */
    {{"PIPELINING", 10},          CAP_PIPELINING, NULL           }, /* RFC 2920 */
    {{"SIZE", 4},                 CAP_SIZE,       take_size      }, /* RFC 1870 */
    {{"8BITMIME", 8},             CAP_8BITMIME,   NULL           }, /* RFC 6152 */
    {{"SMTPUTF8", 8},             CAP_SMTPUTF8,   NULL           }, /* RFC 6531 */
    {{"ENHANCEDSTATUSCODES", 19}, CAP_ENHANCED,   NULL           }, /* RFC 2034 */
    {{"DSN", 3},                  CAP_DSN,        NULL           }, /* RFC 3461 */
    {{"CHUNKING", 8},             CAP_CHUNKING,   NULL           }, /* RFC 3030 */
    {{"REQUIRETLS", 10},          CAP_REQUIRETLS, NULL           }, /* RFC 8689 */
    {{"LIMITS", 6},               CAP_LIMITS,     take_limits    }, /* RFC 9422 */
    {{"AUTH", 4},                 CAP_AUTH,       take_mechanisms}, /* RFC 4954 */
};

static void take_line(struct capabilities *caps, struct slice line)
{
    struct slice word = cut(&line, ' ');

    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (!slice_caseeq(keywords[i].name, word))
            continue;
        caps->mask |= keywords[i].bit;
        if (keywords[i].take)
            keywords[i].take(caps, line);
    }
}

struct capabilities capabilities_parse(struct slice text)
{
    struct capabilities caps = {0};

    (void)cut(&text, '\n');
    for (size_t i = 0; i < LIMIT_EHLO_KEYWORDS && text.n; i++)
        take_line(&caps, slice_trim(cut(&text, '\n')));
    return caps;
}

const char *mechanism_name(enum client_mechanism m)
{
    for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
        if (mechanisms[i].bit == m)
            return mechanisms[i].name.p;
    return "";
}
