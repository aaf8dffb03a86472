/* How the last word about a recipient came: taken down while the session is still there, for its
 * delivery line. */
#include <stdio.h>

#include "config/base/clock.h"
#include "mta/out/delivery_private.h"
#include "tls/diagnose.h"

static void describe_record(struct trail *t, const struct verdict *v, const struct tls_outcome *o)
{
    const struct tlsa_record *r;
    char hex[9] = "";

    if (o->record < 0 || (size_t)o->record >= v->n_records)
        return;
    r = &v->records[o->record];
    for (size_t i = 0; i < 4 && i < r->len; i++)
        (void)snprintf(hex + 2 * i, sizeof(hex) - 2 * i, "%02x", r->data[i]);
    (void)snprintf(t->record, sizeof(t->record), "%u %u %u %s...", r->usage, r->selector, r->mtype,
                   hex);
    t->depth = o->depth;
}

/* The verdict that the trail is about: of the session, or of the host that was skipped. */
static const struct verdict *verdict_told(const struct delivery *d)
{
    if (d->session)
        return out_session_verdict(d->session);
    bool chosen = d->facts && d->at < d->plan.n && d->plan.v[d->at].host == d->host;
    return chosen ? &d->verdict : NULL;
}

static void describe_verdict(struct trail *t, const struct verdict *v)
{
    t->mx = v->mx_secure ? "secure" : "insecure";
    if (!v->base || !v->base[0])
        return;
    (void)slice_copy(slice_of(v->base), t->base, sizeof(t->base));
    (void)snprintf(t->usable, sizeof(t->usable), "%d/%zu", __builtin_popcountll(v->usable),
                   v->n_records);
}

static void describe_tls(struct trail *t, const struct verdict *v, const struct tls_outcome *o)
{
    describe_record(t, v, o);
    (void)slice_copy(slice_of(o->peer_name), t->name, sizeof(t->name));
    (void)slice_copy(slice_of(o->protocol), t->protocol, sizeof(t->protocol));
    (void)slice_copy(slice_of(o->cipher), t->cipher, sizeof(t->cipher));
}

/* The likeliest cause of a failed handshake, by the certificate that is still at hand. */
static void describe_failure(const struct delivery *d, const struct verdict *v,
                             const struct status *why, struct trail *t)
{
    struct finding likeliest;
    struct tls_diagnosis in = {.v = v,
                               .o = out_session_tls(d->session),
                               .status = why,
                               .ssl = out_session_ssl(d->session),
                               .port = d->hop.port,
                               .now_s = clock_wall_ms() / 1000};

    if (cause_info(why->cause)->tlsrpt[0] && tls_diagnose_handshake(&in, &likeliest, 1))
        (void)slice_copy(slice_of(finding_info(likeliest.id)->name), t->finding,
                         sizeof(t->finding));
}

void trail_leave(const struct delivery *d, const struct status *why, struct trail *t)
{
    const struct tls_outcome *tls = d->session ? out_session_tls(d->session) : NULL;
    const struct verdict *v = verdict_told(d);

    *t = (struct trail){.ready_ms = d->session ? d->ready_ms : 0,
                        .end_ms = loop_now_ms(d->w->loop),
                        .level = tls_level_name(d->policy.level),
                        .asks = demand_name(d->demand),
                        .by_message = !d->policy.audit,
                        .mx = ""};
    (void)slice_copy(slice_of(tls_outcome_label(tls)), t->tls, sizeof(t->tls));
    (void)slice_copy(slice_of(d->audited), t->audited, sizeof(t->audited));
    if (v)
        describe_verdict(t, v);
    if (!d->session)
        return;
    (void)slice_copy(slice_of(out_session_remote(d->session)), t->remote, sizeof(t->remote));
    if (tls)
        describe_tls(t, v, tls);
    describe_failure(d, v, why, t);
}
