/* One transaction of the client: [RSET] MAIL RCPT… [DATA], then the message (client_content.c).
 * With PIPELINING they go out together and `answered` walks behind `sent`; without, one waits for
 * the other. RFC 5321 §3.3, §4.3.2; RFC 2920 §3.1. Pure, any thread.
 *
 * A result is open as long as its cause is OK; an open one at the end becomes what the dot got. */
#include "mta/smtp/client_internal.h"

static size_t step_count(const struct smtp_client *c)
{
    return c->rset_first + 1 + c->t->n_rcpts + !(c->chunks.used || c->t->probe);
}

static enum client_state step_state(const struct smtp_client *c, size_t step)
{
    if (c->rset_first && step == 0)
        return CLIENT_ST_RSET;
    step -= c->rset_first;
    if (step == 0)
        return CLIENT_ST_MAIL;
    return step <= c->t->n_rcpts ? CLIENT_ST_RCPT : CLIENT_ST_DATA;
}

/* The recipient of a step whose state is RCPT. */
static size_t step_rcpt(const struct smtp_client *c, size_t step)
{
    return step - c->rset_first - 1;
}

static bool is_open(const struct status *result)
{
    return result->cause == CAUSE_OK;
}

/* --- Send --- */

bool client_send_rset(struct smtp_client *c, struct buf *out)
{
    return buf_append(out, SLICE("RSET\r\n"));
}

bool client_send_mail(struct smtp_client *c, struct buf *out)
{
    if (!client_write_mail(c, out))
        return false;
    c->transactions++;
    return true;
}

bool client_send_rcpt(struct smtp_client *c, struct buf *out)
{
    return client_write_rcpt(c, &c->t->rcpts[step_rcpt(c, c->sent)], out);
}

bool client_transaction_owes(const struct smtp_client *c)
{
    return c->t && c->sent > c->answered;
}

static bool may_send(const struct smtp_client *c)
{
    return c->sent < step_count(c) && ((c->caps.mask & CAP_PIPELINING) || c->sent == c->answered);
}

bool client_transaction_send(struct smtp_client *c, struct buf *out)
{
    while (may_send(c)) {
        if (!client_row(step_state(c, c->sent))->send(c, out))
            return false;
        c->sent++;
    }
    return true;
}

/* --- Results --- */

void client_settle_rest(struct smtp_client *c, const struct status *st)
{
    for (size_t i = 0; c->t && i < c->t->n_rcpts; i++)
        if (is_open(&c->t->results[i]))
            c->t->results[i] = *st;
    c->accepted = 0;
}

void client_finish(struct smtp_client *c)
{
    c->t = NULL;
    c->unsent = false;
    c->state = CLIENT_ST_IDLE;
    c->announce = true;
    c->event = CLIENT_FINISHED;
}

/* --- On reply --- */

bool client_is_negative(const struct reply *r)
{
    return r->code / 100 == 4 || r->code / 100 == 5;
}

void client_on_rset(struct smtp_client *c, const struct reply *r)
{
    if (r->code / 100 != 2)
        client_fail_reply(c, r);
}

void client_on_mail(struct smtp_client *c, const struct reply *r)
{
    struct status st = client_status(r);

    c->t->mail_refused = client_is_negative(r);
    if (client_is_negative(r))
        client_settle_rest(c, &st);
    else if (r->code / 100 != 2)
        client_fail_reply(c, r);
}

void client_on_rcpt(struct smtp_client *c, const struct reply *r)
{
    struct status *result = &c->t->results[step_rcpt(c, c->answered)];

    if (!client_is_negative(r) && r->code / 100 != 2) {
        client_fail_reply(c, r);
        return;
    }
    /* After a refused MAIL the answers to what was pipelined behind it mean nothing. */
    if (!is_open(result) || !(client_is_negative(r) || c->t->probe))
        return;
    *result = client_status(r);
    c->accepted -= client_is_negative(r);
}

/* Without PIPELINING nothing more is asked once nobody is left. */
static bool is_hopeless(const struct smtp_client *c)
{
    return c->accepted == 0 && c->sent == c->answered;
}

static bool is_probed(const struct smtp_client *c)
{
    return c->t->probe && c->answered == step_count(c);
}

void client_transaction_on_reply(struct smtp_client *c, const struct reply *r)
{
    enum client_state state = c->state;

    client_row(state)->on_reply(c, r);
    if (c->state != state)
        return; /* finished, failed or on to the message */
    c->rset_due = c->rset_due || state == CLIENT_ST_RCPT;
    c->answered++;
    c->unsent = c->sent < step_count(c);
    if (is_hopeless(c) || is_probed(c))
        client_finish(c);
    else if (c->answered == step_count(c))
        client_begin_chunks(c);
    else
        c->state = step_state(c, c->answered);
}

/* --- Begin --- */

void client_transaction_begin(struct smtp_client *c, struct smtp_transaction *t)
{
    struct status seen = status_of(client_foresee(c, t));

    c->t = t;
    c->sent = c->answered = 0;
    c->chunks = (struct chunks){.used = client_uses_chunks(c)};
    c->accepted = t->n_rcpts;
    c->announce = false;
    t->mail_refused = false;
    t->dsn_passed = (c->caps.mask & CAP_DSN) != 0;
    for (size_t i = 0; i < t->n_rcpts; i++)
        t->results[i] = status_of(CAUSE_OK);
    if (seen.cause != CAUSE_OK || t->n_rcpts == 0) {
        client_settle_rest(c, &seen);
        client_finish(c);
        return;
    }
    c->rset_first = c->rset_due;
    c->rset_due = false;
    client_enter(c, step_state(c, 0));
}
