/* Making facts: for the files of dns alone, everyone else only reads them. Pure. */
#ifndef DANELAW_DNS_FACTS_PRIV_H
#define DANELAW_DNS_FACTS_PRIV_H

#include "dns/facts.h"

enum {
    FACTS_WHY_MAX = 640, /* octets of a reason: type, owner name and the resolver's words */
    FACTS_ERROR_TTL_S =
        30, /* of facts with an error in them: soon asked again, but not in a storm */
};

/* Empty facts in an arena of their own, which holds the struct too; one reference. */
struct dest_facts *facts_new(const char *name, uint16_t port);
/* Facts of kind DEST_ERROR with that reason. */
struct dest_facts *facts_new_error(const char *name, uint16_t port, const char *why);
/* Makes facts that were found without validation harmless: they serve to deliver where the policy
 * does not look at DNSSEC, but nothing that DANE or a bounce could rest on is left in them. */
void facts_distrust(struct dest_facts *f);

#endif
