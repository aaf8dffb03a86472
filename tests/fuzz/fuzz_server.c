/* A whole inbound dialogue, and a session that answers it.
 *
 *   - content only ever comes with a sender and a recipient that were accepted, inside TLS and after a
 *     login where those are asked for; what is accepted has no bare CR, LF or NUL
 *   - replies are whole lines of RFC 5321 §4.2, and every command has one: counted, if the client
 *     waits for each answer
 *   - a login is only heard inside TLS
 *
 *   octet: bits 0–5 octets of a segment, 0: a line at a time, and replies are counted; 6 inside TLS;
 *   7 two more: settings, and a seed of the session's answers */
#include "mta/smtp/server.h"
#include "tests/fuzz/bytes.h"

enum { SEGMENT = 63, INSIDE_TLS = 64, MORE = 128, BODY_ROOM = 1 << 20 };
enum { CONVERT = 1, REQUIRE_TLS = 2, REQUIRE_AUTH = 4, SMALL = 8, FEW = 16, STRICT = 32, BARE = 64, NO_CHUNKS = 128 };

struct run {
    struct smtp_server s;
    struct buf in, out;
    uint32_t seed;      /* 0: every answer is yes */
    bool open;
    size_t replies;     /* since the last look */
    /* The transaction as a client may believe in it. */
    bool sender, utf8, chunked;
    unsigned rcpts;
    struct buf body;
};

/* ---- replies ---- */

static struct slice cut_line(struct slice *s)
{
    size_t lf = slice_find(*s, '\n');
    struct slice line = slice_head(*s, lf - 1);

    REQUIRE(lf > 0 && lf < s->n && s->p[lf - 1] == '\r');
    *s = slice_skip(*s, lf + 1);
    return line;
}

static bool is_code(struct slice line)
{
    return line.n >= 4 && line.p[0] >= '2' && line.p[0] <= '5' && line.p[1] >= '0' &&
           line.p[1] <= '5' && ascii_is_digit(line.p[2]) && (line.p[3] == ' ' || line.p[3] == '-');
}

static void take_replies(struct run *r)
{
    struct slice s = buf_slice(&r->out), before = SLICE("");

    while (s.n) {
        struct slice line = cut_line(&s);
        REQUIRE(is_code(line) && !has_control(line) && line.n + 2 <= 1024);
        REQUIRE(!before.n || slice_eq(slice_head(line, 3), before));
        before = line.p[3] == '-' ? slice_head(line, 3) : SLICE("");
        r->replies += line.p[3] == ' ';
    }
    REQUIRE(!before.n);
    buf_clear(&r->out);
}

/* ---- the session ---- */

static void forget_transaction(struct run *r)
{
    r->sender = r->utf8 = r->chunked = false;
    r->rcpts = 0;
    buf_clear(&r->body);
}

static struct status choose(struct run *r)
{
    static const enum cause refusals[] = {CAUSE_RELAY_DENIED, CAUSE_QUEUE_FULL, CAUSE_RELAY_DENIED,
                                          CAUSE_SHUTTING_DOWN};
    struct slice unused = SLICE("");

    if (r->seed)
        (void)take_piece(&unused, &r->seed, 1);
    unsigned roll = r->seed >> 8;
    if (r->seed && roll % 4 == 0)
        return status_of(refusals[roll / 4 % ARRAY_LEN(refusals)]);
    return status_make(CAUSE_OK, "queued as FUZZ000000");
}

/* A password is asked for once more before it is taken. */
static bool challenge(struct smtp_server *s, const struct smtp_server_event *ev)
{
    bool more = ev->kind == SERVER_AUTH || (ev->kind == SERVER_AUTH_LINE && ev->content.n % 2);
    return more && smtp_server_auth_challenge(s, slice_head(ev->content, SMTP_SERVER_CHALLENGE));
}

static void check_envelope(const struct run *r, const struct smtp_server_event *ev)
{
    const struct smtp_server *s = &r->s;

    REQUIRE(s->tls || !s->cfg.require_tls);
    REQUIRE(s->authenticated || !s->cfg.require_auth);
    if (ev->kind == SERVER_MAIL)
        REQUIRE(!r->sender && (ev->mail->smtputf8 || !ev->address->utf8));
    else
        REQUIRE(r->sender && (r->utf8 || !ev->address->utf8) && r->rcpts < s->cfg.max_rcpts);
}

static void check_content(struct run *r, const struct smtp_server_event *ev)
{
    REQUIRE(r->sender && r->rcpts > 0 && ev->content.n <= LIMIT_BODY_CHUNK);
    REQUIRE(buf_append(&r->body, ev->content));
}

static void check_end(const struct run *r, const struct smtp_server_event *ev)
{
    uint64_t most = r->s.cfg.max_message_size;

    REQUIRE(r->sender && r->rcpts > 0);
    if (!ev->bad)
        REQUIRE(has_strict_lines(buf_slice(&r->body)));
    if (r->chunked && most && !r->s.cfg.convert_newlines)
        REQUIRE(r->body.n <= most);
}

static void check_auth(const struct smtp_server *s, const struct smtp_server_event *ev)
{
    REQUIRE(s->tls && s->cfg.auth && !s->authenticated && ev->content.n <= LIMIT_AUTH_LINE);
}

static void check_event(struct run *r, const struct smtp_server_event *ev)
{
    switch (ev->kind) {
    case SERVER_MAIL:
    case SERVER_RCPT:
        check_envelope(r, ev);
        break;
    case SERVER_DATA:
        REQUIRE(r->sender && r->rcpts > 0);
        break;
    case SERVER_CONTENT:
        check_content(r, ev);
        break;
    case SERVER_END:
        check_end(r, ev);
        break;
    case SERVER_CHUNK:
        REQUIRE(r->sender && r->rcpts > 0 && r->chunked);
        break;
    case SERVER_STARTTLS:
        REQUIRE(!r->s.tls && r->s.cfg.offer_starttls && !r->sender && r->in.n == 0);
        break;
    case SERVER_AUTH:
    case SERVER_AUTH_LINE:
        check_auth(&r->s, ev);
        break;
    case SERVER_XCLIENT:
        REQUIRE(r->s.cfg.allow_xclient && !r->sender);
        break;
    case SERVER_HELO:
        REQUIRE(address_helo_ok(slice_of(ev->helo)));
        break;
    case SERVER_NONE:
    case SERVER_RESET:
    case SERVER_AUTH_GONE:
    case SERVER_CLOSE:
        break;
    }
}

/* What an answer makes of the transaction. */
static void note(struct run *r, const struct smtp_server_event *ev, bool yes)
{
    if (ev->kind == SERVER_MAIL && yes) {
        r->sender = true;
        r->utf8 = ev->mail->smtputf8;
    }
    r->rcpts += ev->kind == SERVER_RCPT && yes;
    if (ev->kind == SERVER_END || (ev->kind == SERVER_HELO && yes) || (ev->kind == SERVER_XCLIENT && yes))
        forget_transaction(r);
}

static void answer(struct run *r, const struct smtp_server_event *ev)
{
    struct status st = choose(r);

    if (ev->kind == SERVER_END && ev->bad)
        st = status_of(CAUSE_BAD_CONTENT);
    if (ev->kind == SERVER_STARTTLS)
        smtp_server_tls_done(&r->s);
    else if (ev->kind == SERVER_RESET)
        forget_transaction(r);
    else if (r->s.awaiting && !challenge(&r->s, ev)) {
        bool first_chunk = ev->kind == SERVER_DATA && slice_eq(r->s.cmd->verb->name, SLICE("BDAT"));
        smtp_server_answer(&r->s, &st);
        note(r, ev, status_ok(&st));
        r->chunked |= first_chunk && status_ok(&st);
    }
}

static void drive(struct run *r)
{
    struct smtp_server_event ev;

    while (r->open && smtp_server_next(&r->s, &r->in, &ev)) {
        check_event(r, &ev);
        r->open = ev.kind != SERVER_CLOSE;
        if (r->open)
            answer(r, &ev);
        take_replies(r);
    }
    take_replies(r);
}

/* ---- the client ---- */

static bool feed(struct run *r, struct slice piece)
{
    if (!buf_append(&r->in, piece))
        return false;
    drive(r);
    return r->open;
}

static void talk_in_segments(struct run *r, struct slice said, size_t n)
{
    while (said.n && feed(r, take(&said, n)))
        ;
}

/* What a client sends that waits: a line, or what is left of a chunk. */
static struct slice take_turn(const struct run *r, struct slice *said)
{
    size_t n = slice_find(*said, '\n') + 1;

    if (r->s.in_chunk && r->s.chunk.left < n)
        n = (size_t)r->s.chunk.left;
    return take(said, n);
}

/* One reply for each command, chunk and message; none before it is complete. */
static void talk_in_turns(struct run *r, struct slice said)
{
    while (said.n && r->open) {
        bool content = r->s.in_data;
        struct slice piece = take_turn(r, &said);
        bool whole = piece.n && piece.p[piece.n - 1] == '\n';

        r->replies = 0;
        (void)feed(r, piece);
        bool due = content ? !r->s.in_data : (whole || !r->open) && !r->s.in_chunk;
        REQUIRE(r->replies == due);
        REQUIRE(!r->open || r->in.n == 0 || !whole);
    }
}

static struct smtp_server_config settings(unsigned how)
{
    return (struct smtp_server_config){.hostname = "relay.example.org",
                                       .max_message_size = how & SMALL ? 20 : 100000,
                                       .offer_starttls = !(how & BARE),
                                       .require_tls = how & REQUIRE_TLS,
                                       .convert_newlines = how & CONVERT,
                                       .offer_chunking = !(how & NO_CHUNKS),
                                       .offer_requiretls = true,
                                       .auth = how & BARE ? NULL : "PLAIN LOGIN",
                                       .require_auth = how & REQUIRE_AUTH,
                                       .allow_xclient = !(how & BARE),
                                       .max_rcpts = how & FEW ? 2 : 0,
                                       .max_mails = how & FEW ? 2 : 0,
                                       .max_errors = how & STRICT ? 3 : 0,
                                       .max_noise = how & STRICT ? 3 : 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    unsigned how = take_u8(&in);
    struct smtp_server_config cfg = settings(how & MORE ? take_u8(&in) : 0);
    struct run r = {.open = true, .seed = how & MORE ? take_u8(&in) : 0};

    buf_init(&r.in, LIMIT_SESSION_IN);
    buf_init(&r.out, LIMIT_SESSION_OUT);
    buf_init(&r.body, BODY_ROOM);
    smtp_server_init(&r.s, &cfg, &r.out);
    if (how & INSIDE_TLS)
        smtp_server_tls_done(&r.s);
    smtp_server_greet(&r.s, false);
    drive(&r);
    if (how & SEGMENT)
        talk_in_segments(&r, in, how & SEGMENT);
    else
        talk_in_turns(&r, in);
    smtp_server_free(&r.s);
    buf_free(&r.in);
    buf_free(&r.out);
    buf_free(&r.body);
    return 0;
}
