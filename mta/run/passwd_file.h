/* One user's line of the users file, replaced or removed; the rest stays octet for octet. The new file is
 * complete and synced before it takes the old one's place, with mode 0600 and the old owner.
 *
 * Two that write at once: a lock on the directory; each reads under it. Blocks. */
#ifndef DANELAW_RUN_PASSWD_FILE_H
#define DANELAW_RUN_PASSWD_FILE_H

#include "config/base/buf.h"
#include "mta/auth/users.h"

/* The file's text with name's line replaced by credentials and its from=, or a new line at the end;
 * credentials NULL: without the line. from: what becomes of "from="; NULL: as it was. Pure. False: the
 * text would be too long. */
MUST_USE bool passwd_edit(struct slice text, struct slice name, const char *credentials,
                          const char *from, struct buf *out);

enum passwd_result { PASSWD_DONE, PASSWD_NO_SUCH_USER, PASSWD_FAILED };
/* create_as: the owner of a file that is not there yet. errors: lines, if PASSWD_FAILED. */
enum passwd_result passwd_write(const char *path, struct slice name, const char *credentials,
                                const char *from, const char *create_as, struct buf *errors);

#endif
