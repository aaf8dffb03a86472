/* Time in milliseconds. Loops read the clock once per turn; pure code gets time as an argument.
 * Tests freeze and move both clocks together. Any thread. */
#ifndef DANELAW_CLOCK_H
#define DANELAW_CLOCK_H

#include "config/base/base.h"

int64_t clock_mono_ms(void); /* for deadlines and durations; never goes back */
int64_t clock_wall_ms(void); /* since 1970, for records that outlive the process */

void clock_fake_start(int64_t wall_ms); /* tests: both clocks stand still from here on */
void clock_fake_advance(int64_t ms);
void clock_fake_stop(void);

enum { CLOCK_TEXT_MAX = 40 };
/* RFC 5322 §3.3 date-time in UTC: "Wed, 25 Nov 2026 03:51:39 +0000". Returns text. */
const char *clock_rfc5322(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);
/* RFC 3339 in UTC with milliseconds: "2026-11-25T03:51:39.123Z". Returns text. */
const char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);

#endif
