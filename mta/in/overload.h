/* Whether a door is nearly out of connections or descriptors. On at once, off only when it was not
 * nearly full for a while, so that it does not change with every client that goes and comes. Pure. */
#ifndef DANELAW_IN_OVERLOAD_H
#define DANELAW_IN_OVERLOAD_H

#include "config/base/base.h"

struct overload { /* zero-initialised: off */
    bool on;
    int64_t full_ms; /* when it was last nearly full */
};

enum overload_change { OVERLOAD_SAME, OVERLOAD_BEGINS, OVERLOAD_ENDS };
enum { OVERLOAD_REST_MS = 5000 };

/* used of max is percent of it, or more. */
bool overload_nearly(uint64_t used, uint64_t max, uint64_t percent);
enum overload_change overload_update(struct overload *o, bool nearly_full, int64_t now_ms);

#endif
