/* Facts written down by tests. */
#ifndef DANELAW_TEST_OUT_FACTS_H
#define DANELAW_TEST_OUT_FACTS_H

#include "dns/facts.h"

struct host_row {
    const char *name; /* NULL ends the list */
    uint16_t preference;
    const char *addresses; /* "192.0.2.1 2001:db8::1", "" none, "error": the lookup failed */
};

/* One reference. Everything secure, no TLSA records. */
struct dest_facts *facts_of(enum dest_kind kind, const char *name, const struct host_row *hosts);
/* Adds a secure TLSA record to a host; the base domain becomes its name. */
void facts_add_tlsa(struct dest_facts *f, size_t host, struct tlsa_record record);

#endif
