/* A folder of files for one test, which becomes the current one, so that names in messages are
 * short. Criterion gives every test a process of its own. */
#ifndef DANELAW_TESTS_CONFIG_SCRATCH_H
#define DANELAW_TESTS_CONFIG_SCRATCH_H

#include "config/config.h"

void scratch_enter(void);
void scratch_write(const char *name, const char *text); /* makes the folder in its name */
void scratch_leave(void);                               /* removes it all */

/* Loads danelaw.yaml with that text. Returns what went wrong, "" if nothing; caller frees. */
char *scratch_load(const char *text, struct config **out_config);
/* The same, for a text that must be right. */
struct config *scratch_config(const char *text);
/* Leaks are not told at exit under Criterion. */
void scratch_check_leaks(void);

#endif
