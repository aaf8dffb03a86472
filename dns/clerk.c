#include "dns/clerk.h"

#include <stdlib.h>

#include "config/base/arena.h"
#include "dns/records.h"

enum { RECORDS_MAX = 8192 }; /* octets: the bounds of struct dns_records add up to less than 4,000 */

struct errand {
    struct list node;
    struct clerk *clerk;
    uint64_t id;
    struct lookup lookup;
    struct timer deadline;
};

static void errand_free(struct errand *e)
{
    loop_timer_clear(e->clerk->loop, &e->deadline);
    list_remove(&e->node);
    e->clerk->n_open--;
    free(e);
}

static void report(struct errand *e, const struct dns_records *r)
{
    struct clerk *c = e->clerk;
    struct buf body;

    buf_init(&body, RECORDS_MAX);
    REQUIRE(frame_put_u64(&body, e->id) && dns_records_encode(r, e->lookup.type, &body));
    errand_free(e);
    c->send(c->arg, buf_slice(&body));
    buf_free(&body);
}

static void on_answer(struct lookup *l, const struct dns_answer *answer)
{
    struct dns_records r = dns_records_of(answer);
    report(CONTAINER_OF(l, struct errand, lookup), &r);
}

static void on_deadline(struct timer *t)
{
    struct errand *e = CONTAINER_OF(t, struct errand, deadline);
    struct dns_records late = dns_records_failed("no answer in time");

    resolver_cancel(&e->lookup);
    report(e, &late);
}

bool clerk_ask(struct clerk *c, struct resolver *resolver, struct slice body)
{
    struct frame_reader r = frame_reader_of(body);
    uint64_t id = frame_get_u64(&r);
    uint16_t type = frame_get_u16(&r);
    struct slice text = frame_get_str(&r, DNS_NAME_MAX - 1);
    char name[DNS_NAME_MAX];

    if (!frame_reader_done(&r) || !dns_records_has_type(type) || !dns_name_normalise(text, name) ||
        !slice_eq(text, slice_of(name)))
        return false;
    struct errand *e = base_alloc(sizeof(*e));
    e->clerk = c;
    e->id = id;
    e->lookup.done = on_answer;
    list_append(&c->open, &e->node);
    c->n_open++;
    loop_timer_set(c->loop, &e->deadline, c->deadline_ms, on_deadline);
    resolver_ask(resolver, &e->lookup, name, type);
    return true;
}

void clerk_drop_all(struct clerk *c)
{
    LIST_EACH(node, &c->open)
    {
        struct errand *e = LIST_ENTRY(node, struct errand, node);
        resolver_cancel(&e->lookup);
        errand_free(e);
    }
}
