/* What every process of the relay gives up before it does anything else. */
#ifndef DANELAW_RUN_SANDBOX_H
#define DANELAW_RUN_SANDBOX_H

#include "config/base/buf.h"

/* No new privileges, no core files, private files (umask 077), SIGPIPE ignored, as many descriptors as
 * the system grants. Any role, first thing. */
void sandbox_enter(void);

/* When started as root: becomes `user` with its groups, for good; "root" is taken at its word. Else
 * changes nothing. False with one line in errors. */
MUST_USE bool sandbox_become(const char *user, struct buf *errors);

/* Makes a directory of mode 0700 for user if it is missing. False with one line in errors. */
MUST_USE bool sandbox_directory(const char *path, const char *user, struct buf *errors);

#endif
