/* Whatever clause `danelaw check` names, --explain has words for it. */
#include <criterion/criterion.h>

#include "mta/run/check/private.h"
#include "tls/diagnose.h"

Test(check_clauses, of_all_findings)
{
    for (int i = 0; i < FINDING_COUNT; i++) {
        const char *clause = finding_info((enum finding_id)i)->clause;
        if (*clause)
            cr_expect_not_null(check_clause_words(clause), "%s", clause);
    }
    cr_expect_null(check_clause_words("tls: may"));
}
