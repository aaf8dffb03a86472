/* The server machine: lines to commands by the verb table, data to content, answers to replies.
 * RFC 5321 §4, RFC 2920, RFC 3207, RFC 2034. Pure, any thread; one session owns it. BDAT is in
 * server_bdat.c, AUTH in server_auth.c, the answers are in server_answer.c. */
#include "mta/smtp/server.h"

#include <stdlib.h>
#include <string.h>

#include "mta/smtp/reply.h"
#include "mta/smtp/server_internal.h"

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *cfg, struct buf *out)
{
    *s = (struct smtp_server){.cfg = *cfg, .out = out, .helo = base_strdup("")};
    if (!s->cfg.max_rcpts)
        s->cfg.max_rcpts = LIMIT_RECIPIENTS;
    buf_init(&s->content, LIMIT_BODY_CHUNK);
}

/* What only the command needed that has been answered. */
static void forget_command(struct smtp_server *s)
{
    free(s->cmd);
    s->cmd = NULL;
    smtp_server_forget_secret(s);
}

void smtp_server_free(struct smtp_server *s)
{
    forget_command(s);
    free(s->chunk.refused);
    free(s->refused);
    free(s->helo);
    buf_free(&s->content);
}

/* --- Replies --- */

/* RFC 2034 §4 wants enhanced codes in everything but the greeting and what answers EHLO and HELO; a
 * client that does not know them reads them as words. */
void smtp_server_reply(struct smtp_server *s, const struct status *st)
{
    REQUIRE(reply_write(s->out, st, true));
}

void smtp_server_say(struct smtp_server *s, uint16_t code, struct esc esc, const char *words)
{
    struct status st = status_make(CAUSE_OK, "%s", words);
    st.code = code;
    st.esc = esc;
    smtp_server_reply(s, &st);
}

/* --- Events --- */

void smtp_server_raise(struct smtp_server *s, enum smtp_server_event_kind kind)
{
    s->pending = kind;
    s->has_pending = true;
}

void smtp_server_reset(struct smtp_server *s)
{
    bool open = s->phase > PHASE_READY;

    s->rcpts = 0;
    s->smtputf8 = false;
    s->chunk.taken = 0;
    if (!open)
        return;
    s->phase = PHASE_READY;
    smtp_server_raise(s, SERVER_RESET);
}

void smtp_server_close(struct smtp_server *s)
{
    s->closing = true;
    s->awaiting = s->in_data = s->in_chunk = s->in_auth = false;
    smtp_server_raise(s, SERVER_CLOSE);
}

bool smtp_server_has_more(const struct smtp_server *s)
{
    return s->in && s->in->n > 0;
}

/* Temporary refusals are no fault of the client's and cost it nothing. */
bool smtp_server_over_budget(struct smtp_server *s, const struct status *st)
{
    if (st->code / 100 == 5)
        s->errors++;
    return s->cfg.max_errors && s->errors > s->cfg.max_errors;
}

bool smtp_server_too_noisy(struct smtp_server *s)
{
    s->noise++;
    return s->cfg.max_noise && s->noise > s->cfg.max_noise;
}

/* One reply per command: the one that uses up the budget is 421. */
void smtp_server_write_refusal(struct smtp_server *s, const struct status *st)
{
    struct status too_many = status_of(CAUSE_TOO_MANY_ERRORS);
    const struct status *said = smtp_server_over_budget(s, st) ? &too_many : st;

    smtp_server_reply(s, said);
    if (said->code == 421)
        smtp_server_close(s);
}

void smtp_server_note_refusal(struct smtp_server *s, const struct status *st)
{
    if (!s->refused)
        s->refused = base_alloc(sizeof(*s->refused));
    *s->refused = *st;
    smtp_server_raise(s, SERVER_NONE);
}

void smtp_server_refuse(struct smtp_server *s, const struct status *st)
{
    smtp_server_note_refusal(s, st);
    smtp_server_write_refusal(s, st);
}

void smtp_server_refuse_and_close(struct smtp_server *s, const struct status *st)
{
    smtp_server_refuse(s, st);
    if (!s->closing)
        smtp_server_close(s);
}

static void refuse_cause(struct smtp_server *s, enum cause cause)
{
    struct status st = status_of(cause);
    smtp_server_refuse(s, &st);
}

static void refuse_cause_and_close(struct smtp_server *s, enum cause cause)
{
    struct status st = status_of(cause);
    smtp_server_refuse_and_close(s, &st);
}

/* --- Commands --- */

/* A DATA that was refused with octets right behind it: the client sent its message without waiting
 * for 354 (RFC 2920 §3.1 forbids that). Never read a message as commands. */
void smtp_server_after_refused_data(struct smtp_server *s)
{
    s->data_refused = true;
    if (!s->closing && smtp_server_has_more(s))
        smtp_server_close(s);
}

static bool is_data(const struct command *c)
{
    return slice_eq(c->verb->name, SLICE("DATA"));
}

/* Whether the command may run, from the table first: order matters, as RFC 3207 §4 wants 530 before
 * any other judgement. */
static struct status judge(const struct smtp_server *s, struct command *c)
{
    const struct verb *v = c->verb;

    if (v->flags & VERB_CLOSES)
        return v->check(s, c);
    if (s->cfg.require_tls && !s->tls && !(v->flags & VERB_BEFORE_TLS))
        return status_of(CAUSE_TLS_REQUIRED_HERE);
    if (!(v->phases & (1u << s->phase)))
        return status_of(CAUSE_BAD_SEQUENCE);
    return v->check(s, c);
}

/* RFC 3030 §2: DATA among chunks leaves a transaction that only RSET can mend; here it is over. */
static void after_refused_data(struct smtp_server *s)
{
    if (s->phase == PHASE_CHUNKS && !s->closing)
        smtp_server_reset(s);
    smtp_server_after_refused_data(s);
}

static void refuse_command(struct smtp_server *s, const struct status *st)
{
    if ((s->cmd->verb->flags & VERB_CLOSES) || st->cause == CAUSE_TALKS_EARLY)
        smtp_server_refuse_and_close(s, st);
    else
        smtp_server_refuse(s, st);
    if (is_data(s->cmd))
        after_refused_data(s);
}

/* Commands that lead nowhere are counted too; QUIT is always heard. */
static bool is_noise(struct smtp_server *s)
{
    if (s->cmd->verb->flags & VERB_USEFUL)
        return false;
    return smtp_server_too_noisy(s);
}

static void run_command(struct smtp_server *s)
{
    bool chunk = s->cmd->verb->flags & VERB_CHUNK;

    s->data_refused = false;
    if (chunk && !smtp_server_read_bdat(s))
        return;
    struct status st = judge(s, s->cmd);
    if (chunk)
        smtp_server_take_bdat(s, &st);
    else if (st.cause != CAUSE_OK)
        refuse_command(s, &st);
    else if (is_noise(s))
        refuse_cause_and_close(s, CAUSE_TOO_MANY_ERRORS);
    else
        s->cmd->verb->act(s, s->cmd);
}

/* §4.1.1: white space before the CRLF is tolerated, no other control character anywhere. */
static bool is_clean(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
            return false;
    return true;
}

static struct slice trim_end(struct slice line)
{
    while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    return line;
}

/* A line that is no command. Right after a refused DATA it is the message, sent anyway. */
static void refuse_line(struct smtp_server *s, enum cause cause)
{
    if (s->data_refused)
        refuse_cause_and_close(s, CAUSE_TALKS_EARLY);
    else
        refuse_cause(s, cause);
}

/* One line with its end, already consumed from in. */
static void take_line(struct smtp_server *s, struct slice line)
{
    if (line.n < 2 || line.p[line.n - 2] != '\r') {
        refuse_line(s, CAUSE_BAD_LINE);
        return;
    }
    line = trim_end(slice_head(line, line.n - 2));
    if (!is_clean(line)) {
        refuse_line(s, CAUSE_BAD_LINE);
        return;
    }
    struct slice word = slice_head(line, slice_find(line, ' '));
    const struct verb *verb = verb_find(word);
    if (!verb) {
        refuse_line(s, CAUSE_UNKNOWN_COMMAND);
        return;
    }
    s->cmd = base_alloc(sizeof(*s->cmd));
    s->cmd->verb = verb;
    s->cmd->argument = slice_skip(line, word.n + 1);
    run_command(s);
}

/* --- Input --- */

/* Greetings of other protocols that need not come as a line: TLS ClientHello (RFC 8446 §5.1), the
 * TPKT header of RDP, SSH (RFC 4253 §4.2). */
static bool is_foreign_greeting(struct slice in)
{
    static const struct slice openings[] = {
        {"\x16\x03", 2},
        {"\x03\x00", 2},
        {"SSH-",     4}
    };

    for (size_t i = 0; i < ARRAY_LEN(openings); i++)
        if (slice_starts(in, openings[i]))
            return true;
    return false;
}

static void refuse_long_line(struct smtp_server *s)
{
    s->discarding = false;
    if (s->in_auth)
        smtp_server_auth_failed(s, CAUSE_AUTH_LINE_TOO_LONG);
    else
        refuse_line(s, CAUSE_LINE_TOO_LONG);
}

static bool discard_more(struct smtp_server *s, struct buf *in)
{
    struct slice left = buf_slice(in);
    size_t lf = slice_find(left, '\n');
    size_t n = lf < left.n ? lf + 1 : left.n;

    s->discarded += n;
    buf_consume(in, n);
    if (s->discarded > LIMIT_LINE_CLOSE) {
        refuse_cause_and_close(s, CAUSE_LINE_TOO_LONG);
        return true;
    }
    if (lf == left.n)
        return false;
    refuse_long_line(s);
    return true;
}

bool smtp_server_discard_line(struct smtp_server *s, struct buf *in)
{
    s->discarding = true;
    s->discarded = 0;
    return discard_more(s, in);
}

/* What a line held back is needed no more, and a secret in it must not lie around in the buffer. */
static void finish_line(struct smtp_server *s, char *line, size_t n)
{
    if (!s->cmd)
        return;
    s->cmd->argument = slice_make("", 0);
    if (s->cmd->verb->flags & VERB_SECRET)
        explicit_bzero(line, n);
}

/* False: more input is needed. */
static bool step_command(struct smtp_server *s, struct buf *in)
{
    struct slice left = buf_slice(in);
    size_t lf = slice_find(slice_head(left, LIMIT_COMMAND_LINE), '\n');

    if (is_foreign_greeting(left)) {
        refuse_cause_and_close(s, CAUSE_WRONG_PROTOCOL);
        return true;
    }
    if (lf >= LIMIT_COMMAND_LINE)
        return smtp_server_discard_line(s, in);
    if (lf == left.n)
        return false;
    /* Consumed first, so that `in` is what waits behind the line; the octets stay where they are.
     */
    char *line = in->p + in->head;
    buf_consume(in, lf + 1);
    take_line(s, slice_make(line, lf + 1));
    finish_line(s, line, lf + 1);
    return true;
}

/* Content goes out as it is decoded, the end after it. */
static bool step_data(struct smtp_server *s, struct buf *in)
{
    struct dot_reader *dot = &s->reader.dot;

    buf_clear(&s->content);
    buf_consume(in, dot_reader_feed(dot, buf_slice(in), &s->content));
    s->has_content = s->content.n > 0;
    s->in_data = !dot->ended;
    if (dot->ended) {
        s->bad = dot->bare || dot->nul;
        smtp_server_raise(s, SERVER_END);
    }
    return s->has_content || dot->ended;
}

static bool step(struct smtp_server *s, struct buf *in)
{
    if (s->discarding)
        return discard_more(s, in);
    if (s->in_chunk)
        return smtp_server_step_chunk(s, in);
    if (s->in_data)
        return step_data(s, in);
    return s->in_auth ? smtp_server_step_auth(s, in) : step_command(s, in);
}

/* --- Events, handed out --- */

static bool needs_answer(enum smtp_server_event_kind kind)
{
    static const bool needs[] = {
        [SERVER_HELO] = true,      [SERVER_MAIL] = true,    [SERVER_RCPT] = true,
        [SERVER_DATA] = true,      [SERVER_CHUNK] = true,   [SERVER_END] = true,
        [SERVER_STARTTLS] = true,  [SERVER_AUTH] = true,    [SERVER_AUTH_LINE] = true,
        [SERVER_XCLIENT] = true,   [SERVER_CLOSE] = false,
    };
    return needs[kind];
}

static void add_command(const struct smtp_server *s, struct smtp_server_event *ev)
{
    const struct command *c = s->cmd;

    ev->helo = c->helo;
    ev->esmtp = slice_eq(c->verb->name, SLICE("EHLO"));
    ev->address = &c->address;
    ev->mail = &c->mail;
    ev->rcpt = &c->rcpt;
    ev->xclient = &c->xclient;
    ev->mechanism = c->mechanism;
}

static void hand_out(struct smtp_server *s, enum smtp_server_event_kind kind,
                     struct smtp_server_event *ev)
{
    *ev = (struct smtp_server_event){.kind = kind, .bad = kind == SERVER_END && s->bad};
    if (s->cmd && needs_answer(kind))
        add_command(s, ev);
    if (kind == SERVER_CONTENT)
        ev->content = buf_slice(&s->content);
    if (kind == SERVER_AUTH || kind == SERVER_AUTH_LINE)
        ev->content = slice_make(s->secret ? s->secret : "", s->secret_n);
    ev->has_initial = kind == SERVER_AUTH && s->has_secret;
    ev->refused = s->refused ? *s->refused : status_of(CAUSE_OK);
    free(s->refused);
    s->refused = NULL;
    s->awaiting = needs_answer(kind);
    s->awaited = kind;
}

/* Content comes before what is pending with it. */
static bool take_event(struct smtp_server *s, struct smtp_server_event *out_event)
{
    if (s->has_content) {
        s->has_content = false;
        hand_out(s, SERVER_CONTENT, out_event);
        return true;
    }
    if (!s->has_pending)
        return false;
    s->has_pending = false;
    if (s->pending == SERVER_END || s->pending == SERVER_CHUNK)
        buf_free(&s->content); /* an idle session keeps no body's memory */
    hand_out(s, s->pending, out_event);
    return true;
}

static bool can_read(const struct smtp_server *s, const struct buf *in)
{
    return s->greeted && !s->awaiting && !s->closing && in->n &&
           buf_room(s->out) >= SMTP_SERVER_REPLY_ROOM;
}

bool smtp_server_next(struct smtp_server *s, struct buf *in, struct smtp_server_event *out_event)
{
    s->in = in;
    do {
        if (take_event(s, out_event))
            return true;
        if (!s->awaiting)
            forget_command(s);
    } while (can_read(s, in) && step(s, in));
    *out_event = (struct smtp_server_event){.kind = SERVER_NONE, .refused = status_of(CAUSE_OK)};
    return false;
}
