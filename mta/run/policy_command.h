/* `danelaw policy explain ADDRESS`: which rules of the configuration decide about an address, with
 * file and line. Reads the configuration only; asks neither DNS nor the daemon. */
#ifndef DANELAW_RUN_POLICY_COMMAND_H
#define DANELAW_RUN_POLICY_COMMAND_H

#include <jansson.h>

#include "config/config.h"

extern const char policy_command_help[];

/* argv: what stands behind "policy". Returns the exit status: 0, or 2 for usage. */
int policy_command(const struct config *c, int argc, char **argv, bool as_json);

/* The answer as a document, as of wall_ms. domain: normalised. A new reference. */
json_t *policy_explain(const struct config *c, const char *address, const char *domain,
                       int64_t wall_ms);

#endif
