/* Transactions of a delivery: who is in the next one, and what its results mean.
 *
 *   - 2yz to the final dot: delivered;
 *   - 5yz to MAIL, RCPT, DATA or the dot: final;
 *   - anything temporary: open, the next host is tried; if none is left, deferred with the status of
 *     the first failure;
 *   - lost after the final dot: deferred without another host now, since it may have arrived. */
#include <string.h>

#include "mta/out/delivery_private.h"

static bool is_open(const struct target *t)
{
    return !t->final && !t->stopped;
}

bool transfer_has_open(const struct delivery *d)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++)
        if (is_open(&d->targets[i]))
            return true;
    return false;
}

static bool is_open_here(const struct delivery *d, const struct target *t)
{
    return is_open(t) && t->round != d->round;
}

bool transfer_has_open_here(const struct delivery *d)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++)
        if (is_open_here(d, &d->targets[i]))
            return true;
    return false;
}

static struct smtp_rcpt rcpt_of(const struct recipient *r)
{
    return (struct smtp_rcpt){.address = r->address};
}

static size_t gather(struct delivery *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->job->n_rcpts && n < LIMIT_RCPT_PER_TRANSACTION; i++) {
        if (!is_open_here(d, &d->targets[i]))
            continue;
        d->tx_rcpts[n] = rcpt_of(&d->job->message->rcpts[d->job->rcpts[i]]);
        d->tx_targets[n++] = i;
    }
    return n;
}

void transfer_send(struct delivery *d)
{
    const struct message *m = d->job->message;
    size_t n = gather(d);

    if (!d->tx_results)
        d->tx_results = base_alloc_array(d->job->n_rcpts < LIMIT_RCPT_PER_TRANSACTION
                                             ? d->job->n_rcpts
                                             : LIMIT_RCPT_PER_TRANSACTION,
                                         sizeof(*d->tx_results));
    d->tx = (struct smtp_transaction){.sender = m->sender,
                                      .size = body_size(m->body),
                                      .eight_bit = (m->flags & MESSAGE_8BIT) != 0,
                                      .smtputf8 = (m->flags & MESSAGE_SMTPUTF8) != 0,
                                      .rcpts = d->tx_rcpts,
                                      .n_rcpts = n,
                                      .results = d->tx_results};
    d->sending = true;
    out_session_send(d->session, &d->tx, m->body);
}

static void set_status(const struct delivery *d, struct target *t, const struct status *st)
{
    t->noted = true;
    t->status = *st;
    trail_leave(d, st, &t->trail);
}

static void absorb_one(struct delivery *d, struct target *t, const struct status *st, bool lost)
{
    t->final = status_disposition(st) != DISP_RETRY;
    t->stopped = lost && !t->final;
    if (t->final || t->stopped || !t->noted)
        set_status(d, t, st);
    t->round = d->round;
}

void transfer_absorb(struct delivery *d, bool only_final)
{
    bool lost = out_session_dot_sent(d->session);

    d->sending = false;
    for (size_t i = 0; i < d->tx.n_rcpts; i++) {
        const struct status *st = &d->tx_results[i];
        if (!only_final || status_disposition(st) != DISP_RETRY)
            absorb_one(d, &d->targets[d->tx_targets[i]], st, lost);
    }
}

void transfer_note(struct delivery *d, const struct status *why)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++)
        if (is_open(&d->targets[i]) && !d->targets[i].noted)
            set_status(d, &d->targets[i], why);
}

static bool goes_along(const struct delivery *d, const char *domain, int64_t now_ms)
{
    const struct config *c = d->settings->config;
    char its[ROUTE_KEY_MAX], ours[ROUTE_KEY_MAX];

    if (strcmp(domain, d->job->domain) == 0)
        return true;
    (void)routes_destination(c, slice_of(d->job->domain), now_ms, ours);
    return strcmp(routes_destination(c, slice_of(domain), now_ms, its), ours) == 0;
}

/* One policy decides for the whole job. Until a reload has reached both the queue and us, they may
 * not agree on who goes together; who does not waits to be grouped anew. */
void transfer_leave_others(struct delivery *d, int64_t now_ms)
{
    struct status why = status_make(CAUSE_LOCAL_ERROR, "the configuration has just changed");

    for (size_t i = 0; i < d->job->n_rcpts; i++) {
        if (goes_along(d, d->job->message->rcpts[d->job->rcpts[i]].domain, now_ms))
            continue;
        set_status(d, &d->targets[i], &why);
        d->targets[i].stopped = true;
    }
}

void transfer_close_all(struct delivery *d, const struct status *why)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++) {
        struct target *t = &d->targets[i];
        if (!is_open(t))
            continue;
        set_status(d, t, why);
        t->final = status_disposition(why) != DISP_RETRY;
        t->stopped = !t->final;
    }
}
