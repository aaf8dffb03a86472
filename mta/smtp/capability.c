/* EHLO keywords to capabilities. Pure, any thread. */
#include "mta/smtp/capability.h"

#include "config/base/limits.h"

static const struct keyword {
    struct slice name;
    enum client_capability bit;
} keywords[] = {
    {{"STARTTLS", 8},             CAP_STARTTLS  }, /* RFC 3207 */
    {{"PIPELINING", 10},          CAP_PIPELINING}, /* RFC 2920 */
    {{"SIZE", 4},                 CAP_SIZE      }, /* RFC 1870 */
    {{"8BITMIME", 8},             CAP_8BITMIME  }, /* RFC 6152 */
    {{"SMTPUTF8", 8},             CAP_SMTPUTF8  }, /* RFC 6531 */
    {{"ENHANCEDSTATUSCODES", 19}, CAP_ENHANCED  }, /* RFC 2034 */
    {{"DSN", 3},                  CAP_DSN       }, /* RFC 3461 */
    {{"CHUNKING", 8},             CAP_CHUNKING  }, /* RFC 3030 */
    {{"REQUIRETLS", 10},          CAP_REQUIRETLS}, /* RFC 8689 */
};

static struct slice cut(struct slice *rest, char at)
{
    size_t n = slice_find(*rest, at);
    struct slice head = slice_head(*rest, n);
    *rest = slice_skip(*rest, n + 1);
    return head;
}

static void take_keyword(struct capabilities *caps, struct slice line)
{
    struct slice word = cut(&line, ' ');

    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (slice_caseeq(keywords[i].name, word))
            caps->mask |= keywords[i].bit;
    /* A figure that is none, or too long to be one, is no limit: the server will say. */
    if (slice_caseeq(word, SLICE("SIZE")) && !slice_to_u64(line, UINT64_MAX, &caps->max_size))
        caps->max_size = 0;
}

struct capabilities capabilities_parse(struct slice text)
{
    struct capabilities caps = {0};

    (void)cut(&text, '\n');
    for (size_t i = 0; i < LIMIT_EHLO_KEYWORDS && text.n; i++)
        take_keyword(&caps, slice_trim(cut(&text, '\n')));
    return caps;
}
