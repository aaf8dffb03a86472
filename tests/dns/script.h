/* A script instead of a resolver: the plan's questions are looked up in lines of text. A question
 * that is not in the script, or a line nobody asked for, is a mistake of the plan; so is a TLSA or
 * CNAME question while an address question of its host is out (RFC 7672 §2.2.2).
 *
 *   OWNER TYPE SECURITY [>ALIAS] RESULT     lines end in a semicolon or a newline
 *   SECURITY  S secure, I insecure, B bogus, F failed (then no RESULT)
 *   RESULT    nd, nx, or records separated by ", "
 *   not OWNER TYPE                          this must not be asked
 *
 * An AAAA question without a line is answered "no data", secure. */
#ifndef DANELAW_TEST_DNS_SCRIPT_H
#define DANELAW_TEST_DNS_SCRIPT_H

#include "dns/plan.h"

/* Which of the open questions is answered next, each time there is a choice. Zeroed: the oldest,
 * always; script_order_next goes through all that there are. */
enum { SCRIPT_CHOICES = 64 };
struct script_order {
    size_t n;
    unsigned char at[SCRIPT_CHOICES], of[SCRIPT_CHOICES];
};
bool script_order_next(struct script_order *order); /* false: that was the last one */

struct script_run {
    struct dest_facts *facts; /* NULL: see problem */
    char problem[600];        /* "" if the script was followed to the letter */
};

/* order: NULL as well for the oldest first. In that order the lines have to be those asked, one
 * after the other; in others they are asked all the same. */
struct script_run script_play(const char *script, enum plan_kind kind, const char *name,
                              uint16_t port, struct script_order *order);
/* Facts in short, for comparison:
 *   "MX S | 10 mx.d.example data:S tlsa mx.d.example 1"
 * kind, security of the MX step; per host: preference, name[>expanded], addresses and their
 * security, /alias security if it is another; then TLSA: base and number of records, or nd, nx,
 * err, none (no candidate). Returns text. */
enum { SCRIPT_TEXT = 2000 };
const char *script_summary(const struct dest_facts *f, char text[SCRIPT_TEXT]);

/* The text with the letter wherever E stands alone, as in "TLSA E" and "err:E". Returns out. */
const char *script_with_error(const char *text, char letter, char out[SCRIPT_TEXT]);

#endif
