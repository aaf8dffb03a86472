/* The passwords of next hops, read when the settings are made, so that a reload reads them again; wiped
 * with the settings. Private to mta/settings.c. */
#ifndef DANELAW_MTA_SETTINGS_PASSWORDS_H
#define DANELAW_MTA_SETTINGS_PASSWORDS_H

#include "mta/settings.h"

/* False with a line in errors for each file that is none. */
MUST_USE bool settings_read_passwords(struct settings *s, struct buf *errors);
void settings_forget_passwords(struct settings *s);

#endif
