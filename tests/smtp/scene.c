#include "tests/smtp/scene.h"

#include <criterion/criterion.h>

#include "tests/smtp/talk.h"

static void note(struct scene *s, const char *what)
{
    cr_assert(buf_printf(&s->events, "%s%s", s->events.n ? " " : "", what));
}

static void on_ready(struct scene *s)
{
    size_t wanted = s->d->options & TWICE ? 2 : 1;

    if (s->d->options & QUIT)
        smtp_client_quit(s->c);
    else if (!(s->d->options & NO_MESSAGE) && s->started++ < wanted)
        smtp_client_start(s->c, &s->t);
}

static void on_body(struct scene *s)
{
    if (s->d->options & HOLD_BODY)
        return;
    cr_assert_eq(smtp_client_body(s->c, SLICE("hi\r\n"), &s->out), 4);
    cr_assert(smtp_client_body_end(s->c, &s->out));
}

/* Answers the challenge "x" by "x!", in base64 "eA==" by "eCE=". */
static void on_auth(struct scene *s)
{
    bool complete = !(s->d->options & UNPROVEN);
    struct slice challenge = smtp_client_challenge(s->c);

    if (slice_eq(challenge, SLICE("eA==")))
        smtp_client_login(s->c, SLICE("eCE="), complete);
    else
        smtp_client_login(s->c, challenge.n ? SLICE("") : SLICE("aW5pdA=="), complete);
}

void scene_run(struct scene *s)
{
    static const char *const names[] = {
        [CLIENT_STARTTLS] = "TLS",      [CLIENT_READY] = "READY",   [CLIENT_BODY] = "BODY",
        [CLIENT_AUTH] = "AUTH",
        [CLIENT_FINISHED] = "FINISHED", [CLIENT_FAILED] = "FAILED", [CLIENT_QUIT_DONE] = "QUIT",
    };
    enum smtp_client_event ev;

    while ((ev = smtp_client_step(s->c, &s->in, &s->out)) != CLIENT_WAIT) {
        note(s, names[ev]);
        if (ev == CLIENT_STARTTLS)
            smtp_client_tls_done(s->c);
        if (ev == CLIENT_AUTH)
            on_auth(s);
        if (ev == CLIENT_READY)
            on_ready(s);
        if (ev == CLIENT_BODY)
            on_body(s);
    }
}

static void make_rcpts(struct scene *s, unsigned options)
{
    static const unsigned notify[] = {NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, NOTIFY_NEVER,
                                      0};
    static const char *const orcpts[] = {"rfc822;A+b=c@X.example", "X-y;1 2", NULL};
    static const char *const addresses[] = {"r1@b.example", "r2@b.example", "r3@b.example"};

    for (size_t i = 0; i < MAX_RCPTS; i++) {
        s->rcpts[i] = (struct smtp_rcpt){.address = addresses[i]};
        if (options & ASK_DSN)
            s->rcpts[i] = (struct smtp_rcpt){addresses[i], notify[i], orcpts[i]};
        if (options & UTF8_ORCPT)
            s->rcpts[i].orcpt = "utf-8;m\xc3\xbc+ller@b.example";
    }
}

static void make_transaction(struct scene *s, const struct dialogue *d)
{
    make_rcpts(s, d->options);
    s->t = (struct smtp_transaction){.sender = "s@a.example",
                                     .size = d->options & BIG       ? 2000
                                             : d->options & NO_SIZE ? 0
                                                                    : 4,
                                     .eight_bit = d->options & EIGHT_BIT,
                                     .probe = d->options & PROBE,
                                     .smtputf8 = d->options & UTF8,
                                     .requiretls = d->options & REQUIRES_TLS,
                                     .ret = d->options & ASK_DSN ? DSN_RET_HDRS : DSN_RET_UNSAID,
                                     .envid = d->options & ASK_DSN ? "id +=1" : NULL,
                                     .rcpts = s->rcpts,
                                     .n_rcpts = d->rcpts,
                                     .results = s->results};
}

void scene_init(struct scene *s, const struct dialogue *d)
{
    struct smtp_client_config cfg = {.hostname = "relay.example",
                                     .command_ms = 1,
                                     .greeting_ms = 2,
                                     .data_start_ms = 3,
                                     .data_block_ms = 4,
                                     .final_dot_ms = 5};

    cfg.tls = d->options & TLS_MUST  ? CLIENT_TLS_REQUIRED
              : d->options & TLS_MAY ? CLIENT_TLS_IF_OFFERED
                                     : CLIENT_TLS_NEVER;
    cfg.lmtp = d->options & LMTP;
    cfg.chunking = d->options & CHUNKS;
    cfg.login = d->options & LOGIN;
    *s = (struct scene){.d = d, .c = smtp_client_new(&cfg)};
    make_transaction(s, d);
    buf_init(&s->in, LIMIT_SESSION_IN);
    buf_init(&s->out, LIMIT_CLIENT_OUT);
    buf_init(&s->events, 1000);
}

void scene_free(struct scene *s)
{
    smtp_client_free(&s->c);
    buf_free(&s->in);
    buf_free(&s->out);
    buf_free(&s->events);
}

void scene_play_round(struct scene *s, const struct round *r, size_t way)
{
    for (size_t done = 0; done < r->server.n;) {
        struct slice piece = talk_piece(r->server, way, done);
        cr_assert(buf_append(&s->in, piece));
        scene_run(s);
        done += piece.n;
    }
    cr_expect_str_eq(buf_cstr(&s->out), r->client, "%s, way %zu, after %s: %s", s->d->name, way,
                     r->server.p, buf_cstr(&s->out));
    buf_clear(&s->out);
}
