/* What a delivery tells of the hosts that it tries or skips. */
#include "config/base/counter.h"
#include "mta/out/delivery_private.h"

const struct attempt *delivery_attempt(const struct delivery *d)
{
    return &d->plan.v[d->at];
}

const char *delivery_host_name(const struct delivery *d, size_t host)
{
    return d->facts ? d->facts->hosts[host].name : d->hop.name;
}

void delivery_log_host(const struct delivery *d, const char *result, const struct status *why)
{
    char to[IP_TEXT_MAX];

    LOG(SMTP_HOST, d->job->message->id,
        F_STR("host", delivery_host_name(d, delivery_attempt(d)->host)),
        F_STR("address", ip_port_text(&delivery_attempt(d)->to, to)), F_STR("result", result),
        F_STR("mode", verdict_mode_name(d->verdict.mode)),
        F_STR("cause", cause_info(why->cause)->name), F_STR("text", why->text),
        F_STR("verdict", d->verdict.why));
}

/* The causes by which a claim to authenticated TLS fails (RFC 7672 §2.2). */
static bool is_dane_failure(const struct delivery *d, enum cause cause)
{
    const char *type = cause_info(cause)->tlsrpt;

    if (cause == CAUSE_TLSA_LOOKUP || cause == CAUSE_DANE_UNAVAILABLE)
        return true;
    return d->verdict.mode == VERDICT_DANE && type[0] != '\0';
}

void delivery_note_host(struct delivery *d, const char *result, const struct status *why)
{
    struct status told = demand_failure(delivery_demand(d), d->verdict.mode, why);

    if (is_dane_failure(d, why->cause))
        COUNT(dane_failures);
    delivery_log_host(d, result, &told);
    transfer_note(d, &told);
}

/* RFC 7672 §9.1, audit only: what DANE would have stopped is told, and the mail goes on. That a message
 * lets it pass (RFC 8689 §4.2.2) is no warning for the policy's owner. */
void delivery_note_audited(struct delivery *d, const struct status *why)
{
    char where[300];

    (void)slice_copy(slice_of(cause_info(why->cause)->name), d->audited, sizeof(d->audited));
    if (!d->policy.audit)
        return;
    COUNT(dane_audited);
    LOG(SMTP_DANE_AUDIT, d->job->message->id, F_STR("domain", d->job->domain),
        F_STR("host", delivery_host_name(d, delivery_attempt(d)->host)),
        F_STR("cause", cause_info(why->cause)->name), F_STR("text", why->text),
        F_STR("policy", config_where_text(&d->policy.where, where)), F_STR("note", d->policy.note));
}

/* A host that DANE would have had us skip is told of before each message that goes there. */
void delivery_note_audited_skip(struct delivery *d)
{
    if (!status_ok(&d->verdict.skip))
        delivery_note_audited(d, &d->verdict.skip);
}
