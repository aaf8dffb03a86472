/* A notification of texts that others chose, read again by a reader of its own: lines end in CRLF and
 * fit (RFC 5322 §2.1.1), there are three parts and each is what it is labelled, and no text began a
 * field, a group of fields or a part.
 *
 *   octet: bits 0–1 kind, 2 the whole message comes back, 3 utf8, 4 smtputf8, 5 tls_optional
 *   octet: recipients 1 to 3; then texts: an octet of length, the octets; what is left is the message */
#include <stdlib.h>
#include <string.h>

#include "mta/mail/dsn.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 1 << 20, RCPTS = 3, TEXTS = 4 + 4 * RCPTS, LINE_MAX_OCTETS = 998 };

struct input {
    char *texts[TEXTS];
    unsigned n_texts;
    struct dsn_rcpt rcpts[RCPTS];
    struct dsn d;
};

/* ---- from octets to a notification ---- */

/* A string: no NUL. */
static const char *take_text(struct input *i, struct slice *in)
{
    struct slice s = take(in, take_u8(in));

    REQUIRE(i->n_texts < TEXTS);
    return i->texts[i->n_texts++] = slice_dup(slice_head(s, slice_find(s, '\0')));
}

static const char *take_optional(struct input *i, struct slice *in)
{
    const char *text = take_text(i, in);
    return *text ? text : NULL;
}

static void take_rcpt(struct input *i, struct slice *in, struct dsn_rcpt *r)
{
    unsigned how = take_u8(in);
    const char *words;

    r->address = take_text(i, in);
    r->orcpt = take_optional(i, in);
    r->remote = take_text(i, in);
    words = take_text(i, in);
    r->status = how & 1 ? status_make(CAUSE_EXPIRED, "%s", words)
                        : status_from_reply(how & 2 ? 550 : 450, slice_of(words));
    r->because = (enum cause)((how >> 3) % CAUSE_COUNT);
    r->delivered = how & 4;
}

static void take_input(struct slice in, struct input *i)
{
    unsigned how = take_u8(&in);
    size_t n = take_below(&in, RCPTS) + 1;

    *i = (struct input){.d = {.kind = (enum dsn_kind)(how % 4 % 3),
                              .hostname = "relay.example",
                              .id = "4dK2fQ7xPz1R",
                              .dsn_id = "5eL3gR8yQa2S",
                              .arrival_ms = 1795578699000,
                              .now_ms = 1795578999000,
                              .expires_ms = 1796010699000,
                              .rcpts = i->rcpts,
                              .n_rcpts = n,
                              .utf8 = how & (8 | 16),
                              .smtputf8 = how & 16,
                              .tls_optional = how & 32}};
    i->d.sender = take_text(i, &in);
    i->d.envid = take_optional(i, &in);
    i->d.left_out = how & 64 ? "it is too large" : NULL;
    for (size_t k = 0; k < n; k++)
        take_rcpt(i, &in, &i->rcpts[k]);
    i->d.original_headers = in;
    if ((how & 4) && dsn_may_return(in))
        i->d.original = in;
}

/* ---- the reader ---- */

static struct slice next_line(struct slice *s)
{
    size_t end = slice_find(*s, '\n');

    REQUIRE(end < s->n && end > 0);
    struct slice line = slice_head(*s, end - 1);
    *s = slice_skip(*s, end + 1);
    return line;
}

struct field {
    struct slice name, value; /* unfolded only in the reader's mind: the first line */
};

/* The fields up to an empty line or the end; returns how many. */
static size_t read_fields(struct slice *s, struct field *out, size_t most)
{
    size_t n = 0;

    while (s->n) {
        struct slice line = next_line(s);
        if (line.n == 0)
            break;
        if (line.p[0] == ' ' || line.p[0] == '\t') {
            REQUIRE(n > 0);
            continue;
        }
        size_t colon = slice_find(line, ':');
        REQUIRE(colon > 0 && colon < line.n && n < most);
        out[n++] = (struct field){slice_head(line, colon), slice_skip(line, colon + 1)};
    }
    return n;
}

static size_t count(const struct field *f, size_t n, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += slice_caseeq(f[i].name, slice_of(name));
    return found;
}

/* Each at most once (those marked '!' once), and no others. */
static void check_names(const struct field *f, size_t n, const char *const *names, size_t n_names)
{
    size_t known = 0;

    for (size_t i = 0; i < n_names; i++) {
        bool must = names[i][0] == '!';
        size_t k = count(f, n, names[i] + must);
        REQUIRE(k <= 1 && (k || !must));
        known += k;
    }
    REQUIRE(known == n);
}

static struct slice value_of(const struct field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_caseeq(f[i].name, slice_of(name)))
            return slice_trim(f[i].value);
    return SLICE("");
}

static bool has_eight_bit(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] >= 0x80)
            return true;
    return false;
}

/* ---- what must be so ---- */

static void check_lines(struct slice s)
{
    REQUIRE(s.n >= 2 && has_strict_lines(s) && s.p[s.n - 1] == '\n');
    while (s.n) {
        struct slice line = next_line(&s);
        REQUIRE(line.n <= LINE_MAX_OCTETS);
        for (size_t i = 0; i < line.n; i++)
            REQUIRE(line.p[i] == '\t' || ((uint8_t)line.p[i] >= ' ' && line.p[i] != 0x7f));
    }
}

static void check_header(struct slice *s, const struct dsn *d, struct slice *out_boundary)
{
    static const char *const names[] = {
        "!Date", "!From", "!To", "!Subject", "!Message-ID", "!Auto-Submitted", "TLS-Required",
        "!MIME-Version", "!Content-Type", "Content-Transfer-Encoding"};
    struct slice all = *s;
    struct field f[16];
    size_t n = read_fields(s, f, ARRAY_LEN(f));

    check_names(f, n, names, ARRAY_LEN(names));
    REQUIRE(count(f, n, "TLS-Required") == d->tls_optional);
    REQUIRE(d->smtputf8 || !has_eight_bit(slice_head(all, all.n - s->n)));
    const char *at = memmem(all.p, all.n - s->n, "\r\n\tboundary=\"", 13);
    REQUIRE(at);
    struct slice rest = slice_skip(all, (size_t)(at - all.p) + 13);
    *out_boundary = slice_head(rest, slice_find(rest, '"'));
    REQUIRE(out_boundary->n > 0 && out_boundary->n <= 70);
}

/* "--BOUNDARY" at the front of a line; *out_last: "--BOUNDARY--". */
static bool is_delimiter(struct slice line, struct slice boundary, bool *out_last)
{
    if (!slice_starts(line, SLICE("--")) || !slice_starts(slice_skip(line, 2), boundary))
        return false;
    line = slice_trim(slice_skip(line, 2 + boundary.n));
    *out_last = slice_starts(line, SLICE("--"));
    return true;
}

enum { PARTS = 3 };

static void cut_parts(struct slice s, struct slice boundary, struct slice parts[PARTS])
{
    const char *begin = NULL;
    bool last = false;
    size_t n = 0;

    while (s.n) {
        const char *line_begin = s.p;
        REQUIRE(!last);
        if (!is_delimiter(next_line(&s), boundary, &last))
            continue;
        if (begin) {
            REQUIRE(n < PARTS && line_begin - begin >= 2);
            parts[n++] = slice_make(begin, (size_t)(line_begin - begin) - 2);
        }
        begin = s.p;
    }
    REQUIRE(last && n == PARTS);
}

/* Its header, cut off; the type. */
static struct slice check_part(struct slice *part)
{
    static const char *const names[] = {"!Content-Description", "!Content-Type",
                                        "Content-Transfer-Encoding"};
    struct field f[4];
    size_t n = read_fields(part, f, ARRAY_LEN(f));

    check_names(f, n, names, ARRAY_LEN(names));
    REQUIRE(has_eight_bit(*part) == (count(f, n, "Content-Transfer-Encoding") == 1));
    return value_of(f, n, "Content-Type");
}

static void check_action(const struct dsn *d, const struct dsn_rcpt *r, const struct field *f, size_t n)
{
    static const char *const actions[] = {
        [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_SUCCESS] = "relayed"};
    static const char classes[] = {[DSN_FAILED] = '5', [DSN_DELAYED] = '4', [DSN_SUCCESS] = '2'};
    const char *action = d->kind == DSN_SUCCESS && r->delivered ? "delivered" : actions[d->kind];

    REQUIRE(slice_eq(value_of(f, n, "Action"), slice_of(action)));
    REQUIRE(value_of(f, n, "Status").p[0] == classes[d->kind]);
    REQUIRE(count(f, n, "Original-Recipient") == (r->orcpt != NULL));
    REQUIRE(count(f, n, "Will-Retry-Until") == (d->kind == DSN_DELAYED));
}

static void check_status(const struct dsn *d, struct slice s)
{
    static const char *const of_message[] = {
        "Original-Envelope-Id", "!Reporting-MTA", "!X-Danelaw-Queue-ID", "!Arrival-Date"};
    static const char *const of_rcpt[] = {
        "Original-Recipient", "!Final-Recipient", "!Action", "!Status", "Remote-MTA",
        "!Diagnostic-Code", "!Last-Attempt-Date", "Will-Retry-Until"};
    struct field f[16];
    size_t n = read_fields(&s, f, ARRAY_LEN(f));

    check_names(f, n, of_message, ARRAY_LEN(of_message));
    REQUIRE(count(f, n, "Original-Envelope-Id") == (d->envid != NULL));
    for (size_t i = 0; i < d->n_rcpts; i++) {
        n = read_fields(&s, f, ARRAY_LEN(f));
        check_names(f, n, of_rcpt, ARRAY_LEN(of_rcpt));
        check_action(d, &d->rcpts[i], f, n);
    }
    REQUIRE(s.n == 0);
}

static void check_notification(const struct dsn *d, struct slice s)
{
    struct slice boundary, parts[PARTS], type;

    if (!d->original.n)
        check_lines(s);
    check_header(&s, d, &boundary);
    cut_parts(s, boundary, parts);
    REQUIRE(slice_starts(check_part(&parts[0]), SLICE("text/plain")));
    type = check_part(&parts[1]);
    REQUIRE(slice_eq(type, has_eight_bit(parts[1]) ? SLICE("message/global-delivery-status")
                                                   : SLICE("message/delivery-status")));
    REQUIRE(d->smtputf8 || !has_eight_bit(parts[1]));
    check_status(d, parts[1]);
    (void)check_part(&parts[2]);
    REQUIRE(!d->original.n || slice_eq(parts[2], d->original));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool eight_bit;
    struct input i;
    struct buf out;

    take_input(slice_make((const char *)data, size), &i);
    buf_init(&out, ROOM);
    REQUIRE(dsn_write(&i.d, &out, &eight_bit));
    REQUIRE(eight_bit == has_eight_bit(buf_slice(&out)));
    check_notification(&i.d, buf_slice(&out));
    buf_free(&out);
    for (unsigned k = 0; k < i.n_texts; k++)
        free(i.texts[k]);
    return 0;
}
