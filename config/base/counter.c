#include "config/base/counter.h"

#include <stdatomic.h>

enum kind { TOTAL, GAUGE };

static const struct {
    const char *name, *help;
    enum kind kind;
} info[COUNTER_COUNT] = {
#define COUNTER(name, kind, help) {#name, help, kind},
#include "config/base/counters.def"
#undef COUNTER
};

/* One cache line each, so that loops counting different things do not disturb each other. */
static struct {
    _Alignas(64) _Atomic int64_t v;
} values[COUNTER_COUNT];

void counter_add(enum counter_id id, int64_t by)
{
    atomic_fetch_add_explicit(&values[id].v, by, memory_order_relaxed);
}

void counter_set(enum counter_id id, int64_t value)
{
    atomic_store_explicit(&values[id].v, value, memory_order_relaxed);
}

int64_t counter_read(enum counter_id id)
{
    return atomic_load_explicit(&values[id].v, memory_order_relaxed);
}

const char *counter_name(enum counter_id id)
{
    return info[id].name;
}

const char *counter_help(enum counter_id id)
{
    return info[id].help;
}

bool counter_is_gauge(enum counter_id id)
{
    return info[id].kind == GAUGE;
}
