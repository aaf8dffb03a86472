#include "config/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/base/utf8.h"

static const struct cause_info causes[CAUSE_COUNT] = {
#define CAUSE(name, code, c, s, d, disp, fault, tlsrpt, words, remedy)                             \
    [CAUSE_##name] = {#name, code, {c, s, d}, DISP_##disp, FAULT_##fault, tlsrpt, words, remedy},
#include "config/base/causes.def"
#undef CAUSE
};

const struct cause_info *cause_info(enum cause cause)
{
    REQUIRE((unsigned)cause < CAUSE_COUNT);
    return &causes[cause];
}

const char *fault_words(enum fault fault)
{
    static const char *const words[] = {
        [FAULT_NONE] = "nobody",
        [FAULT_SENDER] = "the sender",
        [FAULT_LOCAL] = "this relay",
        [FAULT_NETWORK] = "the network or the receiving server",
        [FAULT_RECEIVER] = "the receiving server",
        [FAULT_RECEIVER_DNS] = "the receiving domain's DNS",
    };
    return words[fault];
}

bool cause_from_name(struct slice name, enum cause *out_cause)
{
    for (int i = 0; i < CAUSE_COUNT; i++) {
        if (slice_eq(name, slice_of(causes[i].name))) {
            *out_cause = (enum cause)i;
            return true;
        }
    }
    return false;
}

struct status status_of(enum cause cause)
{
    const struct cause_info *info = cause_info(cause);
    struct status s = {.cause = cause, .code = info->code, .esc = info->esc};
    (void)slice_copy(slice_of(info->words), s.text, sizeof(s.text));
    return s;
}

/* One line of printable ASCII or valid UTF-8 without C1 controls: what every log, DSN and JSON document
 * may carry. */
static void scrub(char *text)
{
    struct slice left = slice_of(text);

    for (char *p = text; left.n;) {
        uint32_t point = 0;
        size_t n = utf8_decode(left, &point);
        bool keep = point < 0x80 ? n == 1 && point >= ' ' && point != 0x7f : point >= 0xa0;

        if (!keep)
            *p = '?';
        p += keep ? n : 1;
        left = slice_skip(left, keep ? n : 1);
    }
}

struct status status_make(enum cause cause, const char *fmt, ...)
{
    struct status s = status_of(cause);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s.text, sizeof(s.text), fmt, args);
    va_end(args);
    scrub(s.text);
    return s;
}

/* RFC 3463 §2: class "." subject "." detail, one to three digits each. Returns what follows. */
static bool parse_esc(struct slice text, struct esc *out_esc, struct slice *out_rest)
{
    uint64_t part[3];

    for (int i = 0; i < 3; i++) {
        size_t n = 0;
        while (n < text.n && n < 3 && ascii_is_digit(text.p[n]))
            n++;
        if (!slice_to_u64(slice_head(text, n), 999, &part[i]))
            return false;
        text = slice_skip(text, n);
        if (i < 2) {
            if (text.n == 0 || text.p[0] != '.')
                return false;
            text = slice_skip(text, 1);
        }
    }
    if ((text.n && text.p[0] != ' ') || part[0] > 5)
        return false;
    *out_esc = (struct esc){(uint8_t)part[0], (uint16_t)part[1], (uint16_t)part[2]};
    *out_rest = slice_trim(text);
    return true;
}

static enum cause cause_of_code(uint16_t code)
{
    if (code == 421)
        return CAUSE_REMOTE_CLOSING;
    if (code / 100 == 2)
        return CAUSE_REMOTE_OK;
    return code / 100 == 5 ? CAUSE_REMOTE_PERMFAIL : CAUSE_REMOTE_TEMPFAIL;
}

struct status status_from_reply(uint16_t code, struct slice text)
{
    struct status s = {.cause = cause_of_code(code), .code = code, .from_peer = true};
    struct esc esc;
    struct slice rest;

    s.esc = (struct esc){(uint8_t)(code / 100), 0, 0};
    if (parse_esc(text, &esc, &rest) && esc.cls == code / 100)
        s.esc = esc;
    for (size_t i = 0; i < text.n && i < sizeof(s.text) - 1; i++)
        s.text[i] = text.p[i] ? text.p[i] : '?';
    scrub(s.text);
    return s;
}

enum disposition status_disposition(const struct status *s)
{
    return cause_info(s->cause)->disposition;
}

bool status_ok(const struct status *s)
{
    return status_disposition(s) == DISP_DONE;
}

const char *esc_text(struct esc esc, char text[16])
{
    (void)snprintf(text, 16, "%u.%u.%u", esc.cls, (unsigned)esc.subject % 1000,
                   (unsigned)esc.detail % 1000);
    return text;
}
