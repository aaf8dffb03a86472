/* Whether there is a trust anchor at all. Without one libunbound would call everything insecure and
 * report no error, so this is settled before it is asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns/process.h"

enum {
    MAX_LINE = 4096, /* octets; a DNSKEY record of 4096 bits is under 800 */
    MAX_LINES = 10000,
};

static struct slice next_word(struct slice *left)
{
    size_t n = 0;

    *left = slice_trim(*left);
    while (n < left->n && left->p[n] != ' ' && left->p[n] != '\t')
        n++;
    struct slice word = slice_head(*left, n);
    *left = slice_skip(*left, n);
    return word;
}

/* A DS or DNSKEY record in the form of zone files: after owner, TTL and class, all of which may be
 * left out, the type, then at least four fields, three of them numbers (RFC 4034 §2.2, §5.3). */
static bool is_anchor(struct slice line)
{
    struct slice left = slice_trim(slice_head(line, slice_find(line, ';')));
    uint64_t number;

    for (int i = 0; i < 4 && left.n; i++) {
        struct slice word = next_word(&left);
        if (!slice_caseeq(word, SLICE("DS")) && !slice_caseeq(word, SLICE("DNSKEY")))
            continue;
        for (int field = 0; field < 3; field++)
            if (!slice_to_u64(next_word(&left), UINT16_MAX, &number))
                return false;
        return next_word(&left).n > 0;
    }
    return false;
}

static bool has_anchor(FILE *file)
{
    char text[MAX_LINE];

    for (int i = 0; i < MAX_LINES && fgets(text, sizeof(text), file); i++) {
        struct slice line = slice_of(text);
        while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
            line.n--;
        if (is_anchor(line))
            return true;
    }
    return false;
}

bool dns_trust_anchor_check(const struct config *c, struct buf *errors)
{
    const char *path = c->resolver.trust_anchor_file;
    char where[300];
    FILE *file = fopen(path, "re");
    const char *trouble = file ? NULL : strerror(errno);

    if (file) {
        if (!has_anchor(file))
            trouble = ferror(file) ? strerror(errno) : "no DS or DNSKEY record in it";
        (void)fclose(file);
    }
    if (!trouble)
        return true;
    (void)!buf_printf(errors, "%s: trust anchor file \"%s\": %s\n",
                      config_where_text(&c->resolver.trust_anchor_where, where), path, trouble);
    return false;
}
