/* SMTP smuggling: every string of 1 to 6 of CR, LF, dot, NUL and x before a second dialogue, in DATA
 * and in BDAT. What is accepted is what a reference says that reads the whole input at once, and what
 * leaves has its line ends in CRLF and one end of data (RFC 5321 §2.3.8, §4.5.2; CVE-2023-51764). */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/smtp/talk.h"

#define OPENING  "EHLO c\r\nMAIL FROM:<s@a.example>\r\nRCPT TO:<v@b.example>\r\n"
#define TEXT     "x: y\r\n\r\ntext"
#define DIALOGUE "MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@b.example>\r\nDATA\r\nsmuggled\r\n.\r\n"

enum { INPUT_MAX = 400 };

struct accepted {
    size_t messages;
    char content[2 * INPUT_MAX];
    size_t n;
};

/* --- The reference --- */

/* CR and LF only as CRLF, no NUL. */
static bool is_sound(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool after_cr = i > 0 && s.p[i - 1] == '\r', before_lf = i + 1 < s.n && s.p[i + 1] == '\n';
        if (s.p[i] == '\0' || (s.p[i] == '\r' && !before_lf) || (s.p[i] == '\n' && !after_cr))
            return false;
    }
    return true;
}

/* The data from *in on, which begins behind a CRLF; moves behind its end. False: it has none. */
static bool reference_data(struct slice *in, struct accepted *a)
{
    struct slice from = slice_make(in->p - 2, in->n + 2);
    const char *end = memmem(from.p, from.n, "\r\n.\r\n", 5);

    if (!end)
        return false;
    struct slice data = slice_make(in->p, (size_t)(end + 2 - in->p));
    bool sound = is_sound(data);
    for (size_t i = 0; i < data.n && sound; i++)
        if (data.p[i] != '.' || memcmp(data.p + i - 2, "\r\n", 2) != 0)
            a->content[a->n++] = data.p[i];
    a->messages += sound;
    *in = slice_skip(*in, (size_t)(end + 5 - in->p));
    return true;
}

/* Commands as the dialogue has them. True: DATA was accepted and the data begins at *in. */
static bool reference_commands(struct slice *in)
{
    static const struct slice wanted[] = {
        {"MAIL FROM:<evil@x.example>\r\n", 28}, {"RCPT TO:<v@b.example>\r\n", 23}, {"DATA\r\n", 6}};
    size_t at = 0;

    while (in->n) {
        struct slice line = slice_head(*in, slice_find(*in, '\n') + 1);
        *in = slice_skip(*in, line.n);
        if (slice_eq(line, wanted[at]) && ++at == ARRAY_LEN(wanted))
            return true;
        if (at < 2 && slice_eq(line, wanted[2]))
            return false; /* a refused DATA with octets behind it: the session closes */
    }
    return false;
}

static struct accepted reference(struct slice in)
{
    struct accepted a = {0};

    while (reference_data(&in, &a) && reference_commands(&in))
        ;
    return a;
}

/* --- What the machine makes of it --- */

/* A session that says yes to everything but content that is not sound. */
struct listener {
    struct smtp_server server;
    struct buf in, out, pending;
    struct accepted got;
    bool closed;
};

static void keep(struct listener *l)
{
    cr_assert_leq(l->got.n + l->pending.n, sizeof(l->got.content));
    memcpy(l->got.content + l->got.n, buf_slice(&l->pending).p, l->pending.n);
    l->got.n += l->pending.n;
    l->got.messages++;
}

static void handle(struct listener *l, const struct smtp_server_event *ev)
{
    struct status st = status_of(ev->bad ? CAUSE_BAD_CONTENT : CAUSE_OK);

    if (ev->kind == SERVER_CONTENT)
        cr_assert(buf_append(&l->pending, ev->content));
    if (ev->kind == SERVER_END && !ev->bad)
        keep(l);
    if (ev->kind == SERVER_END || ev->kind == SERVER_RESET)
        buf_clear(&l->pending);
    l->closed |= ev->kind == SERVER_CLOSE;
    if (l->server.awaiting)
        smtp_server_answer(&l->server, &st);
}

static void hear(struct listener *l, struct slice s)
{
    struct smtp_server_event ev;

    cr_assert(buf_append(&l->in, s));
    while (smtp_server_next(&l->server, &l->in, &ev))
        handle(l, &ev);
    buf_clear(&l->out);
}

static struct accepted converse(const char *opening, struct slice input, size_t way)
{
    struct smtp_server_config cfg = {.hostname = "relay.example", .offer_chunking = true};
    struct listener l = {0};

    buf_init(&l.in, LIMIT_SESSION_IN);
    buf_init(&l.out, LIMIT_SESSION_OUT);
    buf_init(&l.pending, 2 * INPUT_MAX);
    smtp_server_init(&l.server, &cfg, &l.out);
    smtp_server_greet(&l.server, false);
    hear(&l, slice_of(opening));
    for (size_t done = 0; done < input.n && !l.closed;) {
        struct slice piece = talk_piece(input, way, done);
        hear(&l, piece);
        done += piece.n;
    }
    smtp_server_free(&l.server);
    buf_free(&l.in);
    buf_free(&l.out);
    buf_free(&l.pending);
    return l.got;
}

static bool same(const struct accepted *want, const struct accepted *got)
{
    return want->messages == got->messages && want->n == got->n &&
           memcmp(want->content, got->content, got->n) == 0;
}

static void expect_clean_exit(struct slice content)
{
    struct dot_writer w;
    struct buf out;

    buf_init(&out, 3 * INPUT_MAX);
    dot_writer_init(&w);
    cr_assert_eq(dot_writer_feed(&w, content, &out), content.n);
    cr_assert(dot_writer_end(&w, &out));
    struct slice sent = buf_slice(&out);
    cr_assert(is_sound(sent));
    const char *end = memmem(sent.p, sent.n, "\r\n.\r\n", 5);
    cr_assert(content.n == 0 || end == sent.p + sent.n - 5, "the data ends once, at its end");
    buf_free(&out);
}

/* --- Every string --- */

static size_t make_string(size_t number, size_t n, char *out)
{
    static const char alphabet[] = {'\r', '\n', '.', '\0', 'x'};

    for (size_t i = 0; i < n; i++, number /= ARRAY_LEN(alphabet))
        out[i] = alphabet[number % ARRAY_LEN(alphabet)];
    return n;
}

/* Whole, by octet, and one cut that wanders over the string. */
static size_t way_of(size_t k, size_t number)
{
    return k < 2 ? k : 2 + sizeof(TEXT) - 1 + number % 7;
}

static void check_data(const char *s, size_t n, size_t number)
{
    char input[2 + INPUT_MAX] = "\r\n";
    struct buf b;

    buf_init(&b, INPUT_MAX);
    cr_assert(buf_append(&b, SLICE(TEXT)) && buf_append(&b, slice_make(s, n)) &&
              buf_append(&b, SLICE(DIALOGUE)));
    memcpy(input + 2, buf_slice(&b).p, b.n);
    struct slice in = slice_make(input + 2, b.n);
    struct accepted want = reference(in);
    for (size_t k = 0; k < 3; k++) {
        struct accepted got = converse(OPENING "DATA\r\n", in, way_of(k, number));
        cr_assert(same(&want, &got), "string %zu of %zu, way %zu: %zu messages, not %zu", number, n, k,
                  got.messages, want.messages);
    }
    if (want.messages == 1 && want.n)
        expect_clean_exit(slice_make(want.content, want.n));
    buf_free(&b);
}

static void check_chunk(const char *s, size_t n, size_t number)
{
    struct slice head = SLICE("BDAT ");
    struct buf content, b;

    buf_init(&content, INPUT_MAX);
    buf_init(&b, INPUT_MAX);
    cr_assert(buf_append(&content, SLICE(TEXT)) && buf_append(&content, slice_make(s, n)) &&
              buf_append(&content, SLICE(DIALOGUE)));
    cr_assert(buf_append(&b, head) && buf_printf(&b, "%zu LAST\r\n", content.n) &&
              buf_append(&b, buf_slice(&content)) && buf_append(&b, SLICE("NOOP\r\n")));
    bool sound = is_sound(buf_slice(&content));
    for (size_t k = 0; k < 3; k++) {
        struct accepted got = converse(OPENING, buf_slice(&b), way_of(k, number));
        cr_assert_eq(got.messages, sound, "string %zu of %zu, way %zu", number, n, k);
        if (sound)
            cr_assert(slice_eq(slice_make(got.content, got.n), buf_slice(&content)));
    }
    if (sound)
        expect_clean_exit(buf_slice(&content));
    buf_free(&content);
    buf_free(&b);
}

static void each(void (*check)(const char *s, size_t n, size_t number), size_t *out_count)
{
    size_t total = 5;
    char s[6];

    *out_count = 0;
    for (size_t n = 1; n <= sizeof(s); n++, total *= 5)
        for (size_t number = 0; number < total; number++, ++*out_count)
            check(s, make_string(number, n, s), number);
}

Test(smuggling, data, .timeout = 120)
{
    size_t count;
    each(check_data, &count);
    cr_assert_eq(count, 19530);
}

Test(smuggling, chunks, .timeout = 120)
{
    size_t count;
    each(check_chunk, &count);
    cr_assert_eq(count, 19530);
}
