/* A file of recipients: it is taken whole or refused whole, with the line and column of each mistake. Who
 * stands in it is found, in any case, also with an extension; who cannot be meant is not. The first
 * octet says whether there are extensions. */
#include <string.h>

#include "mta/in/recipients.h"
#include "tests/fuzz/mistakes.h"

enum { ERRORS_ROOM = 256 * 1024 };
static const char file[] = "recipients";

struct list {
    const struct recipients *r;
    const char *delimiters;
    bool stranger; /* a line may mean the stranger */
};

static const char stranger_local[] = "nobody.of.that.name", stranger_domain[] = "nowhere.invalid";

static bool parse(struct slice local, const char *between, struct slice domain, struct address *out)
{
    struct buf b;
    struct slice in;

    buf_init(&b, 4096);
    bool ok = buf_printf(&b, "<") && buf_append(&b, local) && buf_printf(&b, "%s@", between) &&
              buf_append(&b, domain) && buf_append_byte(&b, '>');
    in = buf_slice(&b);
    ok = ok && address_parse_path(&in, ADDRESS_RECIPIENT, true, out) == CAUSE_OK && in.n == 0 &&
         out->kind == ADDRESS_DOMAIN && out->text[0] != '"';
    buf_free(&b);
    return ok;
}

static void swap_case(struct slice s, char *out)
{
    for (size_t i = 0; i < s.n; i++)
        out[i] = ascii_is_alpha(s.p[i]) ? (char)(s.p[i] ^ 0x20) : s.p[i];
}

/* A line "local@domain" without blanks, quotes or comments. */
static void check_listed(const struct list *l, struct slice local, struct slice domain)
{
    char other[LIMIT_LOCAL_PART];
    struct address a;

    if (local.n > sizeof(other) || !parse(local, "", domain, &a))
        return;
    REQUIRE(recipients_have(l->r, &a, l->delimiters));
    swap_case(local, other);
    if (parse(slice_make(other, local.n), "", domain, &a))
        REQUIRE(recipients_have(l->r, &a, l->delimiters));
    if (l->delimiters && slice_find(local, '+') == local.n && parse(local, "+ext", domain, &a))
        REQUIRE(recipients_have(l->r, &a, l->delimiters));
}

static bool is_plain(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((uint8_t)line.p[i] <= ' ' || line.p[i] == '"' || line.p[i] == '#' || (uint8_t)line.p[i] >= 0x7f)
            return false;
    return line.n > 0;
}

static void check_line(struct list *l, struct slice line)
{
    size_t at = slice_find(line, '@');

    if (is_plain(line) && at > 0 && at < line.n)
        check_listed(l, slice_head(line, at), slice_skip(line, at + 1));
    l->stranger |= (line.n && !is_plain(line)) || slice_casestarts(line, SLICE("nobody")) ||
                   slice_casestarts(line, SLICE("@nowhere"));
}

static void check_list(struct slice text, const struct recipients *r, const char *delimiters)
{
    struct list l = {r, delimiters, false};
    size_t lines = 0;
    struct address stranger;

    for (; text.n; lines++) {
        struct slice line = slice_head(text, slice_find(text, '\n'));
        check_line(&l, line);
        text = slice_skip(text, line.n + 1);
    }
    REQUIRE(recipients_count(r) <= lines);
    REQUIRE(parse(slice_of(stranger_local), "", slice_of(stranger_domain), &stranger));
    REQUIRE(l.stranger || !recipients_have(r, &stranger, delimiters));
}

static size_t count_lines(struct slice text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    const char *delimiters = take_u8(&in) & 1 ? "+" : NULL;
    struct recipients *r = NULL;
    struct buf errors;

    buf_init(&errors, ERRORS_ROOM);
    bool ok = recipients_parse(in, file, &errors, &r);
    REQUIRE(ok == (r != NULL) && ok == (errors.n == 0));
    if (ok)
        check_list(in, r, delimiters);
    else
        check_mistakes(buf_slice(&errors), file, count_lines(in));
    recipients_unref(&r);
    buf_free(&errors);
    return 0;
}
