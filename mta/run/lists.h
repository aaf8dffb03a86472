/* The main loop's hold on the files of recipients (mta/in/recipient_files.h): read with the configuration,
 * and again when one of them has changed. */
#ifndef DANELAW_RUN_LISTS_H
#define DANELAW_RUN_LISTS_H

#include "config/config.h"
#include "config/base/loop.h"
#include "mta/in/recipient_files.h"

struct lists;

/* hand_out: gives the files to the workers, each of which takes a reference. */
struct lists *lists_new(struct loop *main, void (*hand_out)(void *arg, struct recipient_files *files),
                        void *arg);
void lists_free(struct lists **l);
/* Reads what the configuration names. False: lines in errors, nothing has changed. */
MUST_USE bool lists_read(const struct lists *l, struct config *c, struct buf *errors,
                            struct recipient_files **out);
void lists_take(struct lists *l, struct recipient_files *files); /* takes the reference, hands out */
/* For check-config. */
MUST_USE bool lists_check(struct config *c, struct buf *errors);

#endif
