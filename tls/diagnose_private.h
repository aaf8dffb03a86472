/* What the files of the diagnosis share. Private to tls/diagnose*.c. */
#ifndef DANELAW_TLS_DIAGNOSE_PRIVATE_H
#define DANELAW_TLS_DIAGNOSE_PRIVATE_H

#include "tls/chain.h"
#include "tls/diagnose.h"
#include "tls/tlsa.h"

struct findings {
    struct finding *out;
    size_t n, max;
};

/* Adds a finding: its words and, in brackets, the particulars ("" for none). Returns it, or NULL if
 * there is no room. */
struct finding *finding_add(struct findings *f, enum finding_id id, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The record "_port._tcp.base. IN TLSA u s m hex" as what mends; finding NULL is fine. */
void finding_mend(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                  unsigned selector, unsigned mtype, const char *hex);

#endif
