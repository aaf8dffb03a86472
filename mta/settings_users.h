/* The users files of the listeners, as part of the settings. Thread: the one that loads. */
#ifndef DANELAW_MTA_SETTINGS_USERS_H
#define DANELAW_MTA_SETTINGS_USERS_H

#include "config/config.h"
#include "mta/auth/users.h"

/* One entry per listener, NULL where nobody authenticates; a file that several name is read once.
 * Goes on after a bad file, so that one run tells of all; then errors has lines and *ok is false.
 * Logs what works but should not be so (daemon.warning). */
struct users **settings_users_new(const struct config *c, struct buf *errors, bool *ok);
void settings_users_free(const struct config *c, struct users ***users);

#endif
