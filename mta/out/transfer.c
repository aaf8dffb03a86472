/* Transactions of a delivery: who is in the next one, and what its results mean.
 *
 *   - 2yz to the final dot: delivered;
 *   - 5yz to MAIL, RCPT, DATA or the dot: final;
 *   - anything temporary: open, the next host is tried; if none is left, deferred with the status
 * of the first failure;
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

static struct smtp_rcpt rcpt_of(struct delivery *d, const struct recipient *r)
{
    return (struct smtp_rcpt){content_address(d, r->address), r->notify, r->orcpt};
}

/* RFC 5321 §4.5.3.1.8, or less where the server says so (RFC 9422). */
static size_t most_rcpts(const struct delivery *d)
{
    uint64_t said = smtp_client_offers(out_session_client(d->session))->rcpt_max;

    return said && said < LIMIT_RCPT_PER_TRANSACTION ? (size_t)said : LIMIT_RCPT_PER_TRANSACTION;
}

static const char *domain_of(const struct delivery *d, size_t i)
{
    return d->job->message->rcpts[d->job->rcpts[i]].domain;
}

/* RCPTDOMAINMAX of RFC 9422: whether another recipient's domain still has room among those of the
 * transaction. */
static bool has_room_for(const struct delivery *d, size_t n, size_t i)
{
    uint64_t most = smtp_client_offers(out_session_client(d->session))->rcpt_domain_max,
             domains = 0;

    for (size_t k = 0; most && k < n; k++) {
        const char *its = domain_of(d, d->tx_targets[k]);
        bool seen = false;
        if (strcmp(its, domain_of(d, i)) == 0)
            return true;
        for (size_t j = 0; j < k && !seen; j++)
            seen = strcmp(its, domain_of(d, d->tx_targets[j])) == 0;
        domains += !seen;
    }
    return !most || domains < most;
}

static size_t gather(struct delivery *d)
{
    size_t n = 0, most = most_rcpts(d);

    for (size_t i = 0; i < d->job->n_rcpts && n < most; i++) {
        if (!is_open_here(d, &d->targets[i]) || !has_room_for(d, n, i))
            continue;
        d->tx_rcpts[n] = rcpt_of(d, &d->job->message->rcpts[d->job->rcpts[i]]);
        d->tx_targets[n++] = i;
    }
    return n;
}

bool transfer_may_require_tls(const struct delivery *d)
{
    return demand_is_met(out_session_tls(d->session), out_session_verdict(d->session), d->facts,
                         d->policy.level);
}

/* A notification asks for it where it can be had (RFC 8689 §5). */
static bool asks_requiretls(const struct delivery *d, unsigned offers)
{
    enum verdict_demand demand = delivery_demand(d);

    return demand == DEMAND_REQUIRETLS || (demand == DEMAND_NOTIFICATION && (offers & CAP_REQUIRETLS) &&
                                           transfer_may_require_tls(d));
}

static void set_status(const struct delivery *d, struct target *t, const struct status *st)
{
    t->noted = true;
    t->status = *st;
    trail_leave(d, st, &t->trail);
}

/* What one host cannot do another may: nothing was sent to this one (RFC 6531 §3.2, RFC 8689
 * §4.2.1). If no host can, it is what is told, and final. */
static bool is_of_this_host(const struct status *st)
{
    return st->cause == CAUSE_REMOTE_NO_REQUIRETLS || st->cause == CAUSE_REMOTE_NO_SMTPUTF8 ||
           st->cause == CAUSE_REMOTE_NO_8BITMIME;
}

/* The first failure is that of the best host. But where one host cannot and another could not yet, the
 * message waits for the other. */
static bool is_news(const struct target *t, const struct status *st)
{
    return !t->noted ||
           (status_disposition(&t->status) == DISP_BOUNCE && status_disposition(st) == DISP_RETRY);
}

static void absorb_one(struct delivery *d, struct target *t, const struct status *st, bool lost)
{
    t->final = status_disposition(st) != DISP_RETRY && !is_of_this_host(st);
    t->stopped = lost && !t->final;
    if (t->final || t->stopped || is_news(t, st))
        set_status(d, t, st);
    t->round = d->round;
    t->dsn_passed = d->tx.dsn_passed;
    t->delivered = d->hop.configured && d->hop.configured->protocol == HOP_LMTP;
}

/* RFC 5321 §4.5.3.1.10: more recipients than the server takes at once, said by 452 or, by old
 * servers, 552. A full mailbox has the same code, so an enhanced code that says something else
 * counts. */
static bool is_too_many(const struct status *st)
{
    bool code = st->from_peer && (st->code == 452 || st->code == 552);
    bool unsaid = st->esc.subject == 0 && st->esc.detail == 0;

    return code && (unsaid || (st->esc.subject == 5 && st->esc.detail == 3));
}

static bool any_delivered(const struct delivery *d)
{
    for (size_t i = 0; i < d->tx.n_rcpts; i++)
        if (status_ok(&d->tx_results[i]))
            return true;
    return false;
}

/* Who cannot have the message through this host is not asked for. */
static void refuse_unfit(struct delivery *d)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++) {
        const char *address = d->job->message->rcpts[d->job->rcpts[i]].address;
        struct status why;
        if (is_open_here(d, &d->targets[i]) && !content_fits(d, address, &why))
            absorb_one(d, &d->targets[i], &why, false);
    }
}

static void begin_results(struct delivery *d)
{
    size_t most =
        d->job->n_rcpts < LIMIT_RCPT_PER_TRANSACTION ? d->job->n_rcpts : LIMIT_RCPT_PER_TRANSACTION;

    if (!d->tx_results)
        d->tx_results = base_alloc_array(most, sizeof(*d->tx_results));
}

static struct smtp_transaction transaction_of(struct delivery *d, size_t n)
{
    const struct message *m = d->job->message;
    unsigned offers = smtp_client_offers(out_session_client(d->session))->mask;
    bool as_it_is = content_conversion(d) == NULL;

    return (struct smtp_transaction){
        .sender = content_address(d, m->sender),
        .size = as_it_is && m->body ? body_size(m->body) : 0,
        .probe = d->owner != NULL,
        .eight_bit = as_it_is && (m->flags & MESSAGE_8BIT) && (offers & CAP_8BITMIME),
        .smtputf8 = (m->flags & MESSAGE_SMTPUTF8) && (offers & CAP_SMTPUTF8),
        .requiretls = asks_requiretls(d, offers),
        .envid = m->envid,
        .ret = m->ret,
        .rcpts = d->tx_rcpts,
        .n_rcpts = n,
        .results = d->tx_results};
}

void transfer_send(struct delivery *d)
{
    size_t n;

    if (content_must_be_known(d)) {
        content_look(d);
        return;
    }
    refuse_unfit(d);
    n = gather(d);
    if (n == 0) {
        delivery_after_host(d);
        return;
    }
    begin_results(d);
    d->tx = transaction_of(d, n);
    d->sending = true;
    out_session_send(d->session, &d->tx, d->job->message->body, content_conversion(d));
}

void transfer_absorb(struct delivery *d, bool only_final)
{
    bool lost = out_session_dot_sent(d->session);
    bool some = any_delivered(d);

    d->sending = false;
    for (size_t i = 0; i < d->tx.n_rcpts; i++) {
        const struct status *st = &d->tx_results[i];
        struct target *t = &d->targets[d->tx_targets[i]];
        if (some && is_too_many(st))
            set_status(d, t, st); /* open here for another transaction; each delivers to somebody */
        else if (!only_final || status_disposition(st) != DISP_RETRY)
            absorb_one(d, t, st, lost);
    }
}

void transfer_note(struct delivery *d, const struct status *why)
{
    for (size_t i = 0; i < d->job->n_rcpts; i++)
        if (is_open(&d->targets[i]) && is_news(&d->targets[i], why))
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
