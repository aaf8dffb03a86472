/* A script instead of a resolver: the plan's questions are looked up in lines of text. A question
 * that is not in the script, or a line nobody asked for, is a mistake of the plan.
 *
 *   OWNER TYPE SECURITY [>ALIAS] RESULT
 *   SECURITY  S secure, I insecure, B bogus, F failed (then no RESULT)
 *   RESULT    nd, nx, or records separated by ", "
 *
 * An AAAA question without a line is answered "no data", secure. */
#ifndef DANELAW_TEST_DNS_SCRIPT_H
#define DANELAW_TEST_DNS_SCRIPT_H

#include "dns/plan.h"

enum script_order { SCRIPT_FIRST_FIRST, SCRIPT_LAST_FIRST, SCRIPT_SHUFFLED, SCRIPT_ORDERS };

struct script_run {
    struct dest_facts *facts; /* NULL: see problem */
    char problem[600];        /* "" if the script was followed to the letter */
};

struct script_run script_play(const char *script, enum plan_kind kind, const char *name,
                              uint16_t port, enum script_order order);
/* Facts in short, for comparison:
 *   "MX S | 10 mx.d.example data:S tlsa mx.d.example 1"
 * kind, security of the MX step; per host: preference, name[>expanded], addresses and their
 * security, /alias security if it is another; then TLSA: base and number of records, or nd, nx,
 * err, none (no candidate). Returns text. */
enum { SCRIPT_TEXT = 2000 };
const char *script_summary(const struct dest_facts *f, char text[SCRIPT_TEXT]);

#endif
