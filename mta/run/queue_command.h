/* `danelaw queue list|show|hold|release|retry|delete|bounce`: arguments to a control request, rows to
 * text or JSON Lines. */
#ifndef DANELAW_RUN_QUEUE_COMMAND_H
#define DANELAW_RUN_QUEUE_COMMAND_H

#include <stdbool.h>

/* argv[0] is the sub-command. Returns the exit status: 0 done, 1 nothing matched, 2 usage
 * (told on stderr), 3 the queue failed, 4 no daemon. */
int queue_command(const char *runtime_directory, int argc, char **argv, bool json);
extern const char queue_command_help[]; /* the lines under "danelaw queue --help" */

#endif
