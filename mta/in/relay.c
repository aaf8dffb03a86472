#include "mta/in/relay.h"

/* A local part such as "user%other.example" or "other.example!user" is the business of the domain
 * it stands before (RFC 5321 §2.3.11), so it is no way round the rule: only the domain is judged.
 */
static bool is_for_us(const struct config *c, const struct address *rcpt)
{
    if (rcpt->kind == ADDRESS_POSTMASTER) /* RFC 5321 §4.5.1: must be accepted */
        return true;
    return rcpt->kind == ADDRESS_DOMAIN && routes_is_ours(c, slice_of(rcpt->domain));
}

bool relay_is_postmaster(const struct config *c, const struct address *rcpt)
{
    struct slice local = slice_make(rcpt->text, rcpt->local_len);

    if (rcpt->kind == ADDRESS_POSTMASTER)
        return true;
    return rcpt->kind == ADDRESS_DOMAIN && slice_caseeq(local, SLICE("postmaster")) &&
           routes_is_ours(c, slice_of(rcpt->domain));
}

struct status relay_check(const struct config *c, const struct listener_config *l,
                          const struct ip *client, bool authenticated,
                          const struct address *rcpt)
{
    if (rcpt->kind == ADDRESS_NULL)
        return status_of(CAUSE_BAD_RECIPIENT_ADDRESS);
    if (authenticated || is_for_us(c, rcpt) || ip_nets_have(l->clients, l->n_clients, client))
        return status_of(CAUSE_OK);
    return status_make(CAUSE_RELAY_DENIED, "<%s>: Relay access denied", rcpt->text);
}
