/* The client machine's core: reads replies, hands them to the state's row, sends what the state
 * wants said. Every way out of the ordinary ends in client_fail. RFC 5321 §4.3; RFC 2920; RFC 3207.
 * Pure, any thread; one session owns it. */
#include <stdlib.h>

#include "mta/smtp/client_internal.h"

struct smtp_client *smtp_client_new(const struct smtp_client_config *cfg)
{
    struct smtp_client *c = base_alloc(sizeof(*c));

    c->cfg = *cfg;
    (void)slice_copy(slice_of(cfg->hostname), c->hostname, sizeof(c->hostname));
    c->tls = cfg->tls_from_start;
    c->state = CLIENT_ST_GREETING;
    c->event = CLIENT_WAIT;
    c->failure = status_of(CAUSE_OK);
    reply_reader_init(&c->reader);
    buf_init(&c->login.response, LIMIT_AUTH_LINE);
    return c;
}

void smtp_client_free(struct smtp_client **c)
{
    if (!*c)
        return;
    reply_reader_free(&(*c)->reader);
    client_login_forget(*c);
    free(*c);
    *c = NULL;
}

/* --- Moves --- */

void client_enter(struct smtp_client *c, enum client_state state)
{
    c->state = state;
    c->unsent = true;
}

void client_idle(struct smtp_client *c)
{
    c->state = CLIENT_ST_IDLE;
    c->announce = true;
}

void client_fail(struct smtp_client *c, const struct status *why)
{
    client_settle_rest(c, why);
    c->t = NULL;
    c->failure = *why;
    c->unsent = c->announce = false;
    c->state = CLIENT_ST_DEAD;
    c->event = CLIENT_FAILED;
}

void client_fail_cause(struct smtp_client *c, enum cause cause)
{
    struct status why = status_of(cause);
    client_fail(c, &why);
}

void client_fail_reply(struct smtp_client *c, const struct reply *r)
{
    struct status said = client_status(r);
    struct status why = status_make(CAUSE_REMOTE_PROTOCOL, "unexpected reply while %s: %u %.300s",
                                    client_row(c->state)->phrase, r->code, said.text);
    client_fail(c, &why);
}

struct status client_status(const struct reply *r)
{
    char text[STATUS_TEXT_MAX];
    size_t n = 0;

    for (; n < r->text.n && n < sizeof(text); n++)
        text[n] = r->text.p[n] == '\n' ? ' ' : r->text.p[n];
    return status_from_reply(r->code, slice_make(text, n));
}

void client_quit_done(struct smtp_client *c)
{
    c->state = CLIENT_ST_DEAD;
    c->event = CLIENT_QUIT_DONE;
}

static void fail_malformed(struct smtp_client *c)
{
    struct status why = status_make(CAUSE_REMOTE_PROTOCOL, "malformed reply while %s",
                                    client_row(c->state)->phrase);
    client_fail(c, &why);
}

/* 421 is allowed at any time (RFC 5321 §3.8): the server closes, everything open is tried again. So
 * is what a server means that says 221, the reply to QUIT, to anything else: no delivery. */
static void fail_closing(struct smtp_client *c, const struct reply *r)
{
    struct status why = client_status(r);

    if (r->code == 221) {
        char said[STATUS_TEXT_MAX];
        (void)slice_copy(slice_of(why.text), said, sizeof(said));
        why = status_make(CAUSE_REMOTE_CLOSING, "221 %.400s", said);
    }
    client_fail(c, &why);
}

static bool is_closing(const struct reply *r)
{
    return r->code == 421 || r->code == 221;
}

/* --- Input --- */

static bool is_content(const struct smtp_client *c)
{
    return c->state == CLIENT_ST_BODY || c->state == CLIENT_ST_DOT;
}

/* Whether a reply is due: something was sent and is not answered yet. */
static bool is_owed(const struct smtp_client *c)
{
    if (c->t && is_content(c))
        return client_content_owes(c);
    if (c->t)
        return client_transaction_owes(c);
    if (c->state == CLIENT_ST_QUIT)
        return !c->unsent;
    return client_row(c->state)->on_reply && !c->unsent;
}

/* Something has come that is not a whole reply yet, or nothing was looked at yet. */
static bool has_input(const struct smtp_client *c, const struct buf *in)
{
    return in->n || (c->reader.lines && !c->reader.complete);
}

/* Octets that answer nothing. Behind the reply to STARTTLS they may be an attacker's, meant to be
 * read as if they had come through TLS; elsewhere a server that closes may say so unasked. */
static void on_unsolicited(struct smtp_client *c, struct buf *in)
{
    struct reply r;

    if (c->state == CLIENT_ST_TLS) {
        client_fail_cause(c, CAUSE_TLS_PLAINTEXT_AFTER);
        return;
    }
    enum reply_result result = reply_reader_feed(&c->reader, in, &r);
    if (result == REPLY_OK)
        (is_closing(&r) ? fail_closing : client_fail_reply)(c, &r);
    else if (result == REPLY_MALFORMED)
        fail_malformed(c);
}

/* 220 to STARTTLS must be the last that came in clear, and behind 354 the message is next: what came
 * with either was sent before its time, and must not be taken for the answer to what follows. */
static bool is_our_turn(const struct smtp_client *c)
{
    return c->state == CLIENT_ST_TLS || c->event == CLIENT_BODY;
}

static void on_early(struct smtp_client *c, struct buf *in)
{
    on_unsolicited(c, in);
    if (is_our_turn(c))
        fail_malformed(c);
}

static void on_reply(struct smtp_client *c, const struct reply *r)
{
    if (is_closing(r))
        fail_closing(c, r);
    else if (c->t && !is_content(c))
        client_transaction_on_reply(c, r);
    else
        client_row(c->state)->on_reply(c, r);
}

/* False: the reply is not complete. */
static bool read_reply(struct smtp_client *c, struct buf *in)
{
    struct reply r;
    enum reply_result result = reply_reader_feed(&c->reader, in, &r);

    if (result != REPLY_MORE && c->state == CLIENT_ST_QUIT)
        client_quit_done(c);
    else if (result == REPLY_OK)
        on_reply(c, &r);
    else if (result == REPLY_MALFORMED)
        fail_malformed(c);
    if (is_our_turn(c) && in->n)
        on_early(c, in);
    return result != REPLY_MORE;
}

/* --- Output --- */

static bool send_state(struct smtp_client *c, struct buf *out)
{
    if (c->t && !is_content(c))
        return client_transaction_send(c, out);
    return client_row(c->state)->send(c, out);
}

/* --- Steps --- */

static enum smtp_client_event take_event(struct smtp_client *c)
{
    enum smtp_client_event ev = c->event;
    c->event = CLIENT_WAIT;
    return ev;
}

/* One thing done; false if there is nothing to do but wait. */
static bool turn(struct smtp_client *c, struct buf *in, struct buf *out)
{
    if (c->state == CLIENT_ST_DEAD)
        return false;
    if (is_owed(c)) {
        if (in->n && read_reply(c, in))
            return true;
    } else if (has_input(c, in) && c->state != CLIENT_ST_QUIT) {
        on_unsolicited(c, in);
        return c->event != CLIENT_WAIT;
    }
    if (c->unsent && send_state(c, out)) {
        c->unsent = false;
        return true;
    }
    return false;
}

enum smtp_client_event smtp_client_step(struct smtp_client *c, struct buf *in, struct buf *out)
{
    while (c->event == CLIENT_WAIT && turn(c, in, out))
        ;
    if (c->event == CLIENT_WAIT && c->announce && c->state == CLIENT_ST_IDLE && !has_input(c, in)) {
        c->announce = false;
        return CLIENT_READY;
    }
    return take_event(c);
}

/* --- The session's side --- */

void smtp_client_tls_done(struct smtp_client *c)
{
    if (c->state != CLIENT_ST_TLS)
        return;
    /* RFC 3207 §4.2: whatever was learnt in clear is forgotten. */
    c->caps = (struct capabilities){0};
    c->tls = true;
    client_enter(c, CLIENT_ST_EHLO);
}

void smtp_client_start(struct smtp_client *c, struct smtp_transaction *t)
{
    REQUIRE(!c->t && (c->state == CLIENT_ST_IDLE || c->state == CLIENT_ST_DEAD));
    bool dead = c->state == CLIENT_ST_DEAD;

    client_transaction_begin(c, t);
    if (dead)
        client_fail(c, &c->failure);
}

void smtp_client_abort(struct smtp_client *c, const struct status *why)
{
    if (c->state != CLIENT_ST_DEAD)
        client_fail(c, why);
}

void smtp_client_quit(struct smtp_client *c)
{
    if (c->state == CLIENT_ST_IDLE) {
        client_enter(c, CLIENT_ST_QUIT);
        return;
    }
    if (c->state != CLIENT_ST_DEAD)
        client_fail_cause(c, CAUSE_CONNECTION_LOST);
    c->event = CLIENT_QUIT_DONE;
}

void smtp_client_lost(struct smtp_client *c, const struct status *why)
{
    struct status st;

    if (c->state == CLIENT_ST_DEAD)
        return;
    if (c->state == CLIENT_ST_QUIT) {
        client_quit_done(c);
        return;
    }
    st = status_make(why->cause, "%.300s while %s", why->text, client_row(c->state)->phrase);
    st.code = why->code;
    st.esc = why->esc;
    client_fail(c, &st);
}

int64_t smtp_client_timeout_ms(const struct smtp_client *c)
{
    const char *cfg = (const char *)&c->cfg;
    return *(const int64_t *)(const void *)(cfg + client_row(c->state)->timeout);
}

enum client_state smtp_client_state(const struct smtp_client *c)
{
    return c->state;
}

const char *smtp_client_phrase(const struct smtp_client *c)
{
    return client_row(c->state)->phrase;
}

const struct status *smtp_client_failure(const struct smtp_client *c)
{
    return &c->failure;
}

unsigned smtp_client_capabilities(const struct smtp_client *c)
{
    return c->caps.mask;
}

const struct capabilities *smtp_client_offers(const struct smtp_client *c)
{
    return &c->caps;
}

const char *smtp_client_greeted(const struct smtp_client *c)
{
    return c->greeted;
}

bool smtp_client_reusable(const struct smtp_client *c)
{
    bool partial = c->reader.lines && !c->reader.complete;
    bool full = c->caps.mail_max && c->transactions >= c->caps.mail_max;
    bool domains = c->caps.rcpt_domain_max && c->transactions;
    return c->state == CLIENT_ST_IDLE && !partial && !full && !domains;
}
