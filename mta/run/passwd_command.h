/* `danelaw passwd`: writes the users file (mta/auth/users.h). */
#ifndef DANELAW_RUN_PASSWD_COMMAND_H
#define DANELAW_RUN_PASSWD_COMMAND_H

#include "config/config.h"

extern const char passwd_command_help[];

/* Whether the words name a file by --file, so that no configuration is needed. */
bool passwd_names_file(int argc, char **argv);
/* c: NULL if passwd_names_file. Returns the exit status. */
int passwd_command(const struct config *c, int argc, char **argv, bool json);

#endif
