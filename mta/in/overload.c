#include "mta/in/overload.h"

bool overload_nearly(uint64_t used, uint64_t max, uint64_t percent)
{
    return used * 100 >= max * percent;
}

enum overload_change overload_update(struct overload *o, bool nearly_full, int64_t now_ms)
{
    if (nearly_full)
        o->full_ms = now_ms;
    if (nearly_full && !o->on) {
        o->on = true;
        return OVERLOAD_BEGINS;
    }
    if (!o->on || now_ms - o->full_ms < OVERLOAD_REST_MS)
        return OVERLOAD_SAME;
    o->on = false;
    return OVERLOAD_ENDS;
}
