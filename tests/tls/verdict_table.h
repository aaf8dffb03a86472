/* The cases of the verdict, in the order of the RFCs. */
#ifndef DANELAW_TESTS_TLS_VERDICT_TABLE_H
#define DANELAW_TESTS_TLS_VERDICT_TABLE_H

#include <stddef.h>

struct verdict_case {
    const char *clause, *words;
    const char *levels; /* of policies, with a space between; "all" */
    const char *scene; /* tests/tls/scene.h; E in it: tried with a bogus and with a failed answer */
    const char *expected; /* verdict_text; of each host, with " | " between */
};

extern const struct verdict_case verdict_cases[];
extern const size_t n_verdict_cases;

#endif
