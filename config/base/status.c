#include "config/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Octets of the UTF-8 sequence at p (RFC 3629 §4), 0 if there is no valid one. */
static size_t utf8_length(const unsigned char *p)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t n;
    } forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                 {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (p[0] < forms[i].first_min || p[0] > forms[i].first_max)
            continue;
        if (p[1] < forms[i].second_min || p[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].n; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].n;
    }
    return 0;
}

/* One line of printable ASCII or valid UTF-8 without C1 controls: what every log, DSN and JSON document
 * may carry. */
static void scrub(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p;) {
        size_t n = *p >= 0x80 ? utf8_length(p) : *p >= ' ' && *p != 0x7f;
        if (n == 0 || (p[0] == 0xc2 && p[1] < 0xa0))
            *p++ = '?';
        else
            p += n;
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
