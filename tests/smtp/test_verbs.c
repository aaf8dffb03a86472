/* Every verb in every phase against a matrix that is written out, not computed. */
#include <criterion/criterion.h>

#include "tests/smtp/talk.h"

// clang-format off
static const struct cell_row {
    const char *line;
    unsigned code[PHASE_COUNT]; /* GREET, READY, MAIL, RCPT, CHUNKS */
    enum phase after[PHASE_COUNT];
    bool closes;
} matrix[] = {
#define G PHASE_GREET
#define R PHASE_READY
#define M PHASE_MAIL
#define C PHASE_RCPT
#define B PHASE_CHUNKS
    {"EHLO c.example", {250, 250, 250, 250, 250}, {R, R, R, R, R}, false},
    {"HELO c.example", {250, 250, 250, 250, 250}, {R, R, R, R, R}, false},
    {"MAIL FROM:<a@b.example>", {503, 250, 503, 503, 503}, {G, M, M, C, B}, false},
    {"RCPT TO:<c@d.example>", {503, 503, 250, 250, 503}, {G, R, C, C, B}, false},
    {"DATA", {503, 503, 554, 354, 503}, {G, R, M, C, R}, false},
    {"RSET", {250, 250, 250, 250, 250}, {G, R, R, R, R}, false},
    {"NOOP", {250, 250, 250, 250, 250}, {G, R, M, C, B}, false},
    {"NOOP some words", {250, 250, 250, 250, 250}, {G, R, M, C, B}, false},
    {"VRFY a", {252, 252, 252, 252, 252}, {G, R, M, C, B}, false},
    {"VRFY", {501, 501, 501, 501, 501}, {G, R, M, C, B}, false},
    {"HELP", {214, 214, 214, 214, 214}, {G, R, M, C, B}, false},
    {"HELP DATA", {214, 214, 214, 214, 214}, {G, R, M, C, B}, false},
    {"QUIT", {221, 221, 221, 221, 221}, {G, R, M, C, B}, true},
    {"STARTTLS", {503, 220, 503, 503, 503}, {G, G, M, C, B}, false},
    {"BDAT 2", {503, 503, 554, 250, 250}, {G, R, R, B, B}, false},
    {"BDAT 2 LAST", {503, 503, 554, 250, 250}, {G, R, R, R, R}, false},
    {"BDAT", {501, 501, 501, 501, 501}, {G, R, M, C, B}, true},
    {"EXPN a", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"AUTH PLAIN AGEAYg==", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"ETRN x'y", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"TURN", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"ATRN", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"SEND FROM:<a@b>", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"SOML FROM:<a@b>", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"SAML FROM:<a@b>", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"XCLIENT ADDR=127.0.0.1", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"XFORWARD ADDR=127.0.0.1", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"XEXPS GSSAPI", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"BURL imap://x LAST", {502, 502, 502, 502, 502}, {G, R, M, C, B}, false},
    {"GET / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"POST / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"CONNECT a:25 HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"PUT / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"HEAD / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"OPTIONS * HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"DELETE / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"TRACE / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"PATCH / HTTP/1.1", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"PRI * HTTP/2.0", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"DESCRIBE rtsp://x RTSP/1.0", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"INVITE sip:x SIP/2.0", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"REGISTER sip:x SIP/2.0", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"SSH-2.0-OpenSSH_9.2", {554, 554, 554, 554, 554}, {G, R, M, C, B}, true},
    {"FOO", {500, 500, 500, 500, 500}, {G, R, M, C, B}, false},
    {"", {500, 500, 500, 500, 500}, {G, R, M, C, B}, false},
    {"EHLO", {501, 501, 501, 501, 501}, {G, R, M, C, B}, false},
    {"HELO a b", {501, 501, 501, 501, 501}, {G, R, M, C, B}, false},
    {"MAIL FROM: <a@b.example>", {503, 501, 503, 503, 503}, {G, R, M, C, B}, false},
    {"RCPT TO: <c@d.example>", {503, 503, 501, 501, 503}, {G, R, M, C, B}, false},
    {"RCPT  TO:<c@d.example>", {503, 503, 501, 501, 503}, {G, R, M, C, B}, false},
    {"RCPT TO:<c@d.example>x", {503, 503, 501, 501, 503}, {G, R, M, C, B}, false},
    {"RCPT TO:<bad@d.example>", {503, 503, 554, 554, 503}, {G, R, M, C, B}, false},
    {"RCPT TO:<later@d.example>", {503, 503, 452, 452, 503}, {G, R, M, C, B}, false},
    {"MAIL FROM:<refuse@b.example>", {503, 554, 503, 503, 503}, {G, R, M, C, B}, false},
    {"DATA x", {503, 503, 501, 501, 503}, {G, R, M, C, R}, false},
    {"RSET x", {501, 501, 501, 501, 501}, {G, R, M, C, B}, false},
    {"QUIT x", {501, 501, 501, 501, 501}, {G, R, M, C, B}, false},
    {"STARTTLS x", {503, 501, 503, 503, 503}, {G, R, M, C, B}, false},
#undef G
#undef R
#undef M
#undef C
#undef B
};
// clang-format on

static const struct smtp_server_config config = {"relay.example", 1000, true, .offer_chunking = true};

static void reach(struct talk *t, enum phase phase)
{
    static const char *const lines[] = {"EHLO c.example\r\n", "MAIL FROM:<a@b.example>\r\n",
                                        "RCPT TO:<c@d.example>\r\n", "BDAT 2\r\n\r\n"};
    talk_init(t, &config);
    smtp_server_greet(&t->server, false);
    for (int i = 0; i < (int)phase; i++)
        talk_feed(t, slice_of(lines[i]));
    cr_assert_eq(t->server.phase, phase);
    buf_clear(&t->out);
}

static void check_cell(const struct cell_row *row, enum phase phase)
{
    struct talk t;

    reach(&t, phase);
    talk_feed(&t, slice_of(row->line));
    talk_feed(&t, slice_starts(slice_of(row->line), SLICE("BDAT 2")) ? SLICE("\r\n\r\n") : SLICE("\r\n"));
    cr_expect_eq(talk_code(&t), row->code[phase], "%s in %s: %s", row->line, phase_name(phase),
                 buf_cstr(&t.out));
    cr_expect_eq(t.server.phase, row->after[phase], "%s in %s: then %s", row->line,
                 phase_name(phase), phase_name(t.server.phase));
    cr_expect_eq(t.closed, row->closes, "%s in %s: closed", row->line, phase_name(phase));
    talk_free(&t);
}

Test(verbs, every_cell)
{
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++)
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            check_cell(&matrix[i], (enum phase)phase);
    CHECK_LEAKS();
}

/* Case does not matter, and no row is forgotten: every verb of the table begins a line of the
 * matrix. */
static bool is_covered(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        struct slice line = slice_of(matrix[i].line);
        if (slice_eq(slice_head(line, slice_find(line, ' ')), name))
            return true;
    }
    return false;
}

Test(verbs, matrix_is_complete)
{
    size_t n;
    const struct verb *table = verb_table(&n);

    for (size_t i = 0; i < n; i++)
        cr_expect(is_covered(table[i].name), "%s", table[i].name.p);
    cr_expect_eq(verb_find(SLICE("mAiL")), verb_find(SLICE("MAIL")));
    cr_expect_null(verb_find(SLICE("MAILX")));
    cr_expect_null(verb_find(SLICE("")));
}

/* With require_tls, in clear, all but a few verbs get 530 (RFC 3207 §4). */
Test(verbs, before_required_tls)
{
    // clang-format off
    static const struct {
        const char *line;
        unsigned code;
    } rows[] = {
        {"MAIL FROM:<a@b.example>", 530},
        {"RCPT TO:<c@d.example>", 530},
        {"DATA", 530},
        {"RSET", 530},
        {"VRFY a", 530},
        {"HELP", 530},
        {"EXPN a", 530},
        {"AUTH PLAIN", 530},
        {"XCLIENT ADDR=192.0.2.1", 502},
        {"EHLO a", 250},
        {"HELO a", 250},
        {"NOOP", 250},
        {"QUIT", 221},
        {"STARTTLS", 220},
        {"BDAT 0", 530},
        {"GET /", 554},
        {"FOO", 500},
    };
    // clang-format on
    struct smtp_server_config cfg = config;
    cfg.require_tls = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct talk t;
        talk_init(&t, &cfg);
        smtp_server_greet(&t.server, false);
        talk_feed(&t, SLICE("EHLO c.example\r\n"));
        talk_feed(&t, slice_of(rows[i].line));
        talk_feed(&t, SLICE("\r\n"));
        cr_expect_eq(talk_code(&t), rows[i].code, "%s: %s", rows[i].line, buf_cstr(&t.out));
        talk_free(&t);
    }
    CHECK_LEAKS();
}
