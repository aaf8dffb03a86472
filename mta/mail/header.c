/* Header scan: one small machine over the octets of the header section, resumable at any split.
 * RFC 5322 §2.2 (fields and folding), §4.5 (obsolete space before the colon), RFC 5321 §6.3 (loop
 * detection by counting Received). Pure. */
#include "mta/mail/header.h"

#include <string.h>

enum scan_state {
    SCAN_LINE_START,
    SCAN_NAME,       /* in a field's name */
    SCAN_NAME_SPACE, /* white space between the name and its colon */
    SCAN_REST,       /* in a field's body, up to the line end */
    SCAN_EMPTY_CR,   /* a CR at the start of a line: the empty line, if LF follows */
    SCAN_VALUE,      /* in the body of a TLS-Required field */
};

/* requiretls-field = "TLS-Required:" [FWS] "No" CRLF. The field ends where the next line is no
 * continuation, so "No" is only believed then. */
enum value_state { VALUE_NONE, VALUE_SPACE, VALUE_N, VALUE_NO, VALUE_NO_CR, VALUE_OTHER };

void header_scan_init(struct header_scan *h)
{
    *h = (struct header_scan){.state = SCAN_LINE_START};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 5322 §3.6.8: printable US-ASCII without the colon. */
static bool is_name_octet(char c)
{
    return c > ' ' && c < 0x7f && c != ':';
}

/* A line that is no field belongs to the body, so that its octets do not count as header. */
static void end_at_foreign_line(struct header_scan *h)
{
    h->length -= h->line;
    h->ended = true;
}

static void add_name_octet(struct header_scan *h, char c)
{
    /* A name too long for the array is none of those looked for; its length still tells. */
    if (h->name_len < sizeof(h->name))
        h->name[h->name_len] = c;
    h->name_len++;
    h->state = SCAN_NAME;
}

/* White space before the colon is none of this field's: an obsolete form that RFC 8689 has not. */
static void begin_tls_required(struct header_scan *h, bool spaced)
{
    h->tls_required++;
    h->value = spaced ? VALUE_OTHER : VALUE_SPACE;
    h->state = SCAN_VALUE;
}

static void end_name(struct header_scan *h)
{
    struct slice name = {h->name, h->name_len};
    bool spaced = h->state == SCAN_NAME_SPACE;

    h->state = SCAN_REST;
    if (name.n > sizeof(h->name))
        return;
    if (slice_caseeq(name, SLICE("TLS-Required")))
        begin_tls_required(h, spaced);
    if (slice_caseeq(name, SLICE("Received")))
        h->hops++;
    else if (slice_caseeq(name, SLICE("Date")))
        h->has_date = true;
    else if (slice_caseeq(name, SLICE("Message-ID")))
        h->has_message_id = true;
}

/* A TLS-Required field goes on, or is complete. */
static void end_value(struct header_scan *h, bool folded)
{
    if (folded && h->value == VALUE_SPACE) {
        h->state = SCAN_VALUE;
        return;
    }
    h->says_no |= !folded && h->value == VALUE_NO_CR;
    h->value = VALUE_NONE;
}

static void at_value(struct header_scan *h, char c)
{
    if (h->value == VALUE_SPACE && is_space(c))
        return;
    if (h->value == VALUE_SPACE && (c == '\r' || c == '\n'))
        ; /* folded in front of its value */
    else if (h->value == VALUE_SPACE && ascii_lower(c) == 'n')
        h->value = VALUE_N;
    else if (h->value == VALUE_N && ascii_lower(c) == 'o')
        h->value = VALUE_NO;
    else if (h->value == VALUE_NO && c == '\r')
        h->value = VALUE_NO_CR;
    else if (h->value != VALUE_NO_CR || c != '\n')
        h->value = VALUE_OTHER;
    if (c == '\n') {
        h->state = SCAN_LINE_START;
        h->line = 0;
    }
}

static void at_line_start(struct header_scan *h, char c)
{
    bool first_line = h->length == h->line;

    if (h->value != VALUE_NONE)
        end_value(h, is_space(c));
    if (h->state == SCAN_VALUE)
        return;
    h->name_len = 0;
    if (c == '\n')
        h->ended = true;
    else if (c == '\r')
        h->state = SCAN_EMPTY_CR;
    else if (is_space(c) && !first_line)
        h->state = SCAN_REST; /* folded: the field goes on */
    else if (is_name_octet(c))
        add_name_octet(h, c);
    else
        end_at_foreign_line(h);
}

static void at_name(struct header_scan *h, char c)
{
    if (c == ':')
        end_name(h);
    else if (is_space(c))
        h->state = SCAN_NAME_SPACE;
    else if (h->state == SCAN_NAME && is_name_octet(c))
        add_name_octet(h, c);
    else
        end_at_foreign_line(h);
}

static void at_empty_cr(struct header_scan *h, char c)
{
    if (c == '\n')
        h->ended = true;
    else
        end_at_foreign_line(h);
}

static void feed_octet(struct header_scan *h, char c)
{
    h->length++;
    h->line++;
    switch ((enum scan_state)h->state) {
    case SCAN_LINE_START:
        at_line_start(h, c);
        break;
    case SCAN_NAME:
    case SCAN_NAME_SPACE:
        at_name(h, c);
        break;
    case SCAN_EMPTY_CR:
        at_empty_cr(h, c);
        break;
    case SCAN_VALUE:
        at_value(h, c);
        break;
    case SCAN_REST:
        break;
    }
}

bool header_scan_tls_optional(const struct header_scan *h)
{
    return h->tls_required == 1 && (h->says_no || h->value == VALUE_NO_CR);
}

/* Field bodies are most of a header and say nothing: skipped by line. Returns octets taken. */
static size_t skip_rest(struct header_scan *h, struct slice s)
{
    size_t at = slice_find(s, '\n');
    size_t n = at < s.n ? at + 1 : s.n;

    h->length += n;
    h->line += n;
    if (at < s.n) {
        h->state = SCAN_LINE_START;
        h->line = 0;
    }
    return n;
}

void header_scan_feed(struct header_scan *h, struct slice s)
{
    while (s.n && !h->ended) {
        size_t n = 1;

        if (h->state == SCAN_REST)
            n = skip_rest(h, s);
        else
            feed_octet(h, s.p[0]);
        s = slice_skip(s, n);
        if (h->length >= LIMIT_HEADER_SCAN)
            h->ended = true;
    }
}
