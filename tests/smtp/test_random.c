/* Random command sequences against a model of a dozen lines, and the invariant that matters most:
 * DATA is accepted only after an accepted MAIL and an accepted RCPT since the last reset. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/smtp/talk.h"

enum { STEPS = 100000 };

/* What a line does to the model. */
enum effect { NOTHING, UNKNOWN, HELLO, MAIL, RCPT, DATA, BDAT, LAST, RSET, QUIT };

static char big[1002]; /* over the limit; made of 'x' */

// clang-format off
static const struct line {
    const char *text;
    enum effect effect;
    unsigned good; /* code in sequence; 0: always 503 or 500 by the model below */
    const char *octets; /* that follow the line, whatever its answer */
} lines[] = {
    {"EHLO c.example", HELLO, 250},
    {"HELO c.example", HELLO, 250},
    {"EHLO", NOTHING, 501},
    {"MAIL FROM:<a@b.example>", MAIL, 250},
    {"MAIL FROM:<a@b.example>", MAIL, 250},
    {"MAIL FROM:<>", MAIL, 250},
    {"MAIL FROM:<refuse@b.example>", MAIL, 554},
    {"MAIL FROM:<a@b.example> SIZE=1001", MAIL, 552},
    {"MAIL FROM:<a@b.example> FOO=1", MAIL, 555},
    {"MAIL FROM:a@b.example", MAIL, 501},
    {"RCPT TO:<c@d.example>", RCPT, 250},
    {"RCPT TO:<c@d.example>", RCPT, 250},
    {"RCPT TO:<postmaster>", RCPT, 250},
    {"RCPT TO:<bad@d.example>", RCPT, 554},
    {"RCPT TO:<later@d.example>", RCPT, 452},
    {"RCPT TO:<c@d.example.>", RCPT, 501},
    {"DATA", DATA, 354},
    {"DATA", DATA, 354},
    {"BDAT 6", BDAT, 250, "QUIT\r\n"},
    {"BDAT 7", BDAT, 250, "a\r\n.\r\nb"},
    {"BDAT 2 LAST", LAST, 250, "\r\n"},
    {"BDAT 1001 LAST", LAST, 552, big},
    {"RSET", RSET, 250},
    {"NOOP", NOTHING, 250},
    {"VRFY a", NOTHING, 252},
    {"EXPN a", NOTHING, 502},
    {"HELP", NOTHING, 214},
    {"AUTH LOGIN", NOTHING, 502},
    {"FOO", UNKNOWN, 500},
    {"QUIT", QUIT, 221},
};
// clang-format on

struct model {
    bool hello, mail, chunks, data_refused;
    unsigned rcpts, errors, noise;
};

static bool is_chunk(const struct line *l)
{
    return l->effect == BDAT || l->effect == LAST;
}

static unsigned in_sequence(const struct model *m, const struct line *l)
{
    bool content = l->effect == DATA || is_chunk(l);

    if (l->effect == MAIL && (!m->hello || m->mail))
        return 503;
    if ((l->effect == RCPT || content) && !m->mail)
        return 503;
    if ((l->effect == RCPT || l->effect == DATA) && m->chunks)
        return 503;
    /* Right behind a refused DATA what is no command is taken for its message: reply and close. */
    if (l->effect == UNKNOWN && m->data_refused)
        return 554;
    return content && m->rcpts == 0 ? 554 : l->good;
}

static void end_transaction(struct model *m)
{
    m->mail = m->chunks = false;
    m->rcpts = 0;
}

static void apply(struct model *m, const struct line *l, unsigned code)
{
    bool done = code / 100 == 2 || code == 354;

    m->errors += code / 100 == 5;
    m->data_refused = l->effect == DATA && code != 354;
    if (l->effect == HELLO && done)
        m->hello = true;
    if ((l->effect == HELLO || l->effect == RSET) && done)
        end_transaction(m);
    if (!done && (is_chunk(l) || (l->effect == DATA && m->chunks)))
        end_transaction(m);
    if (l->effect == MAIL && done)
        m->mail = true;
    if (l->effect == RCPT && done)
        m->rcpts++;
    if (l->effect == BDAT && done)
        m->chunks = true;
    if (l->effect == LAST && done)
        *m = (struct model){.hello = true};
}

/* Budgets as configured; EHLO, NOOP and the like are noise until a message is accepted. */
static unsigned predict(struct model *m, const struct line *l)
{
    unsigned code = in_sequence(m, l);
    bool noise = l->effect == NOTHING || l->effect == HELLO || l->effect == RSET;

    if (code / 100 == 5 && m->errors == TALK_ERRORS)
        return 421;
    if (code / 100 == 2 && noise && m->noise++ == TALK_NOISE)
        return 421;
    apply(m, l, code);
    return code;
}

static void feed_in_pieces(struct talk *t, const char *text, uint64_t *seed)
{
    struct slice left = slice_of(text);

    while (left.n) {
        size_t n = 1 + talk_random(seed) % left.n;
        talk_feed(t, slice_head(left, n));
        left = slice_skip(left, n);
    }
}

static const struct smtp_server_config config = {
    .hostname = "relay.example",
    .max_message_size = 1000,
    .max_errors = TALK_ERRORS,
    .max_noise = TALK_NOISE,
    .offer_chunking = true};

static void start(struct talk *t, struct model *m)
{
    memset(big, 'x', sizeof(big) - 1);
    talk_init(t, &config);
    smtp_server_greet(&t->server, false);
    *m = (struct model){0};
}

Test(random, replies_as_the_model)
{
    uint64_t seed = 20261125;
    struct talk t;
    struct model m;

    start(&t, &m);
    for (int i = 0; i < STEPS; i++) {
        const struct line *l = &lines[talk_random(&seed) % ARRAY_LEN(lines)];
        unsigned want = predict(&m, l);
        buf_clear(&t.out);
        feed_in_pieces(&t, l->text, &seed);
        feed_in_pieces(&t, "\r\n", &seed);
        feed_in_pieces(&t, l->octets ? l->octets : "", &seed);
        cr_assert_eq(talk_code(&t), want, "step %d, %s: want %u, got %s", i, l->text, want,
                     buf_cstr(&t.out));
        if (want == 354) {
            cr_assert(m.mail && m.rcpts);
            buf_clear(&t.out);
            feed_in_pieces(&t, "MAIL FROM:<evil@x>\r\n.\r\n", &seed);
            cr_assert_eq(talk_code(&t), 250);
            m = (struct model){.hello = true};
        }
        if (t.closed) {
            cr_assert(want == 221 || want == 421 || l->effect == UNKNOWN);
            talk_free(&t);
            start(&t, &m);
        }
        buf_clear(&t.events);
        buf_clear(&t.content);
    }
    talk_free(&t);
    CHECK_LEAKS();
}

/* The same invariant from the events alone, with commands pipelined at random. */
static void check_events(const char *events)
{
    bool mail = false;
    unsigned rcpts = 0;

    for (const char *e = events; *e; e += strcspn(e, " ") + (e[strcspn(e, " ")] == ' ')) {
        bool reset = strncmp(e, "RESET", 5) == 0 || strncmp(e, "END", 3) == 0;
        if (strncmp(e, "MAIL:", 5) == 0)
            mail = strncmp(e, "MAIL:refuse", 11) != 0;
        if (strncmp(e, "RCPT:", 5) == 0)
            rcpts += strncmp(e, "RCPT:bad", 8) != 0 && strncmp(e, "RCPT:later", 10) != 0;
        cr_assert(strncmp(e, "RCPT:", 5) != 0 || mail, "%s", events);
        cr_assert(strncmp(e, "DATA", 4) != 0 || (mail && rcpts), "%s", events);
        mail = mail && !reset;
        rcpts = reset ? 0 : rcpts;
    }
}

Test(random, pipelined_sequences_keep_the_invariant)
{
    uint64_t seed = 42;

    for (int round = 0; round < STEPS / 40; round++) {
        struct talk t;
        struct model unused;
        start(&t, &unused);
        for (int i = 0; i < 40 && !t.closed; i++) {
            const struct line *l = &lines[talk_random(&seed) % ARRAY_LEN(lines)];
            cr_assert(
                buf_printf(&t.in, "%s\r\n%s", l->text,
                                 l->effect == DATA ? "x\r\n.\r\n" : l->octets ? l->octets : ""));
            if (talk_random(&seed) % 4 == 0)
                talk_pump(&t);
        }
        talk_pump(&t);
        check_events(buf_cstr(&t.events));
        talk_free(&t);
    }
    CHECK_LEAKS();
}
