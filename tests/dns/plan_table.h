/* The cases of the lookup plan, in the order of the RFCs. */
#ifndef DANELAW_TEST_DNS_PLAN_TABLE_H
#define DANELAW_TEST_DNS_PLAN_TABLE_H

#include <stddef.h>

struct plan_case {
    const char *clause, *words;
    const char *ask;      /* "d.example": by MX; "[d.example]", "[d.example]:2525": a host */
    const char *script;   /* tests/dns/script.h, in the order asked; E: tried bogus and failed */
    const char *expected; /* script_summary */
};

extern const struct plan_case plan_cases[];
extern const size_t n_plan_cases;

#endif
