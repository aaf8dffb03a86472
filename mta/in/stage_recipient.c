/* Whether a recipient exists: by the domain's file, and by asking its next hop (mta/verify.h). For all
 * clients alike: what nobody can deliver is better told at once than in a report later (RFC 5321
 * §3.6.2, §6.2). */
#include <stdlib.h>

#include "mta/in/recipient_files.h"
#include "mta/in/relay.h"
#include "mta/in/session_private.h"
#include "mta/verify.h"

/* NULL: nothing is known of the domain's recipients, or postmaster is meant. */
static const struct domain_config *domain_of(const struct in_session *s)
{
    const struct config *c = s->settings->config;
    const struct address *rcpt = stages_event(s)->address;

    if (rcpt->kind != ADDRESS_DOMAIN || relay_is_postmaster(c, rcpt))
        return NULL;
    return routes_domain(c, slice_of(rcpt->domain));
}

/* A file that the worker has not got is one that a newer configuration names no more. */
enum stage_result stage_recipient_known(struct in_session *s, struct status *st)
{
    const struct address *rcpt = stages_event(s)->address;
    const struct domain_config *d = domain_of(s);
    const struct recipients *list;

    if (!d || !d->recipients_file)
        return STAGE_NEXT;
    list = recipient_files_find(s->worker->recipients, d->recipients_file);
    if (!list || recipients_have(list, rcpt, d->recipient_delimiter))
        return STAGE_NEXT;
    *st = status_make(CAUSE_RECIPIENT_UNKNOWN, "<%s>: no such recipient here", rcpt->text);
    return STAGE_REFUSE;
}

/* ---- the next hop's word */

struct verifying {
    struct verify_request request;
    struct in_session *session;
};

/* What the next hop said stands behind our own words, and its own code before them if it has one. Only
 * what it refuses for good is refused for good. */
static struct status conclude(const struct verify_request *r)
{
    if (r->answer == VERIFY_ACCEPT)
        return status_of(CAUSE_OK);
    struct status st = status_make(r->answer == VERIFY_REFUSE ? CAUSE_RECIPIENT_UNKNOWN : CAUSE_RECIPIENT_UNVERIFIED,
                      "<%s>: %s%.300s", r->address,
                      r->status.from_peer ? "the next hop says: " : "", r->status.text);
    if (r->status.from_peer && r->status.esc.cls == st.esc.cls && r->status.esc.subject)
        st.esc = r->status.esc;
    return st;
}

static void on_verified(struct verify_request *r)
{
    struct verifying *v = CONTAINER_OF(r, struct verifying, request);
    struct in_session *s = v->session;
    struct status st = conclude(r);

    free(v);
    stages_resume(s, &st);
}

enum stage_result stage_recipient_verified(struct in_session *s, struct status *st)
{
    const struct address *rcpt = stages_event(s)->address;
    const struct domain_config *d = domain_of(s);

    if (!d || !d->verify_recipients)
        return STAGE_NEXT;
    struct verifying *v = base_alloc(sizeof(*v));
    v->session = s;
    v->request = (struct verify_request){.home = s->worker->loop,
                                         .done = on_verified,
                                         .address = rcpt->text,
                                         .domain = rcpt->domain};
    s->worker->verify(s->worker->verifier, &v->request);
    return STAGE_WAIT;
}
