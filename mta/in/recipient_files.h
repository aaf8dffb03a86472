/* The files of recipients that a configuration names, read. Immutable and counted, but for what the main
 * loop has last seen of the files on disk; each worker has the current one (worker_ctx.recipients).
 *
 * A file is read when the configuration is, and again when it has changed and then rested, so that one
 * that is being written is not read half. A wrong file changes nothing: the old list stays. */
#ifndef DANELAW_IN_RECIPIENT_FILES_H
#define DANELAW_IN_RECIPIENT_FILES_H

#include "config/config.h"
#include "mta/in/recipients.h"

struct recipient_files;

/* Reads the files that c names; those that old (NULL: none) has and that did not change since are shared.
 * On success one reference. False: lines in errors, and *out is untouched. */
MUST_USE bool recipient_files_load(struct config *c, const struct recipient_files *old,
                                   struct buf *errors, struct recipient_files **out);
struct recipient_files *recipient_files_ref(struct recipient_files *f);
void recipient_files_unref(struct recipient_files **f); /* NULLs the pointer; NULL is fine */
/* NULL: it is not among them. f may be NULL. */
const struct recipients *recipient_files_find(const struct recipient_files *f, const char *path);
struct config *recipient_files_config(const struct recipient_files *f); /* borrows */
size_t recipient_files_count(const struct recipient_files *f);          /* addresses in all */
/* Main loop, every now and then: whether a file is another than was read and has not changed since the
 * last call. True once for each change. Looks at the files' dates, sizes and numbers only. */
bool recipient_files_poll(struct recipient_files *f);

#endif
