#include "mta/out/demand.h"

enum verdict_demand demand_of(const struct message *m)
{
    if (m->flags & MESSAGE_REQUIRETLS)
        return m->sender[0] ? DEMAND_REQUIRETLS : DEMAND_NOTIFICATION;
    return m->flags & MESSAGE_TLS_OPTIONAL ? DEMAND_TLS_OPTIONAL : DEMAND_NONE;
}

const char *demand_name(enum verdict_demand demand)
{
    static const char *const names[] = {[DEMAND_NONE] = "",
                                        [DEMAND_REQUIRETLS] = "requiretls",
                                        [DEMAND_NOTIFICATION] = "requiretls",
                                        [DEMAND_TLS_OPTIONAL] = "tls-optional"};

    return names[demand];
}

/* At `secure` the certificate is that of the recipient's domain itself: see tls/verdict.c. */
bool demand_is_met(const struct tls_outcome *tls, const struct verdict *v, const struct dest_facts *facts,
                   enum tls_level level)
{
    bool by_mx = facts && facts->kind == DEST_MX;
    bool server = tls && (tls->mode == VERDICT_PKIX || (tls->mode == VERDICT_DANE && !tls->half_dane));

    return server && (!by_mx || v->mx_secure || level == TLS_LEVEL_SECURE);
}

/* RFC 3207 §4: a refusal of class 4 is for a while. */
static bool is_definite(const struct status *why)
{
    return why->cause == CAUSE_STARTTLS_NOT_OFFERED || why->cause == CAUSE_PKIX_FAILED ||
           (why->cause == CAUSE_STARTTLS_REFUSED && why->code / 100 == 5);
}

struct status demand_failure(enum verdict_demand demand, enum verdict_mode mode,
                             const struct status *why)
{
    if (demand != DEMAND_REQUIRETLS || mode == VERDICT_DANE || !is_definite(why))
        return *why;
    return status_make(CAUSE_REQUIRETLS_NO_TLS, "%s: %.200s",
                       cause_info(CAUSE_REQUIRETLS_NO_TLS)->words, why->text);
}
