/* Counters for the metrics page. Relaxed atomics, any thread. */
#ifndef DANELAW_COUNTER_H
#define DANELAW_COUNTER_H

#include "config/base/base.h"

enum counter_id {
#define COUNTER(name, kind, help) COUNTER_##name,
#include "config/base/counters.def"
#undef COUNTER
    COUNTER_COUNT
};

#define COUNT(name) counter_add(COUNTER_##name, 1)

void counter_add(enum counter_id id, int64_t by);
void counter_set(enum counter_id id, int64_t value);
int64_t counter_read(enum counter_id id);
const char *counter_name(enum counter_id id);
const char *counter_help(enum counter_id id);
bool counter_is_gauge(enum counter_id id);

#endif
