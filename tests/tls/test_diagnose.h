/* The rows of the diagnosis's tests, by subject. Each runs its table, expects what the rows say,
 * and marks what was found. */
#ifndef DANELAW_TESTS_TLS_TEST_DIAGNOSE_H
#define DANELAW_TESTS_TLS_TEST_DIAGNOSE_H

#include "tls/diagnose.h"

/* expected: names, separated by spaces. Checks text and order, marks what was seen. */
void expect_findings(const char *row, const struct finding *found, size_t n, const char *expected,
                     bool seen[FINDING_COUNT]);
void diagnose_record_rows(bool seen[FINDING_COUNT]);
void diagnose_dns_rows(bool seen[FINDING_COUNT]);

#endif
