/* One destination of `danelaw check`: its rules, its DNS facts, an evaluation for now and, if asked
 * for, one for the day ahead. */
#ifndef DANELAW_RUN_CHECK_DOMAIN_H
#define DANELAW_RUN_CHECK_DOMAIN_H

#include "mta/run/check/private.h"

struct domain_check;

/* asked: as the person wrote it; name: normalised. Both are copied. done: once, from the loop. */
struct domain_check *domain_check_open(struct check_ctx *ctx, const char *asked, const char *name,
                                       void (*done)(void *arg), void *arg);
/* After done: the finished document, a new reference. Frees the check. */
json_t *domain_check_close(struct domain_check **d, enum check_answer *out_answer);

#endif
