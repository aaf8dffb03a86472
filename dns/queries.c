/* A query has a number while it is out, a new one each time it is asked: an answer to an earlier asking is
 * nobody's. One that gave up keeps its place until the process answers or is lost, so that a process
 * that is slow is not asked for more than it is said to have at work. */
#include "dns/queries.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/base/counter.h"
#include "config/base/map.h"

enum { QUERY_MAX = 300 }; /* octets of a question's body */

struct query_flight {
    struct list node; /* in the line, while it is not out */
    uint64_t id;      /* 0: in the line */
    struct queries *all;
    struct dns_query *query; /* NULL: gave up */
    uint16_t type;
    struct timer deadline;
    UT_hash_handle hh;
};

static void come_home(struct msg *m)
{
    struct dns_query *q = CONTAINER_OF(m, struct dns_query, msg);
    q->done(q);
}

static void send_home(struct dns_query *q, const struct dns_records *r)
{
    q->records = *r;
    loop_post(q->home, &q->msg, come_home);
}

static void land(struct query_flight *f, const struct dns_records *r)
{
    if (!f->query)
        return;
    send_home(f->query, r);
    f->query = NULL;
    f->all->n_waiting--;
}

static void flight_free(struct query_flight *f)
{
    struct queries *qs = f->all;

    if (f->id) {
        HASH_DEL(qs->by_id, f);
        qs->n_out--;
    } else {
        list_remove(&f->node);
    }
    loop_timer_clear(qs->loop, &f->deadline);
    free(f);
}

static void on_deadline(struct timer *t)
{
    struct query_flight *f = CONTAINER_OF(t, struct query_flight, deadline);
    struct dns_records late = dns_records_failed("no answer in time");

    land(f, &late);
    if (!f->id)
        flight_free(f);
}

static bool send_query(const struct query_flight *f, struct channel *c)
{
    struct buf body;

    buf_init(&body, QUERY_MAX);
    bool ok = frame_put_u64(&body, f->id) && frame_put_u16(&body, f->type) &&
              frame_put_str(&body, slice_of(f->query->name)) &&
              channel_send(c, DNS_FRAME_QUERY, buf_slice(&body));
    buf_free(&body);
    return ok;
}

/* From the line to the process. */
static bool depart(struct query_flight *f, struct channel *c)
{
    struct queries *qs = f->all;

    list_remove(&f->node);
    f->id = ++qs->last_id;
    HASH_ADD(hh, qs->by_id, id, sizeof(f->id), f);
    qs->n_out++;
    return send_query(f, c);
}

static bool depart_all(struct queries *qs, struct channel *c)
{
    bool ok = true;

    while (ok && c && qs->n_out < LIMIT_LOOKUPS_IN_FLIGHT && !list_is_empty(&qs->line))
        ok = depart(LIST_ENTRY(qs->line.next, struct query_flight, node), c);
    return ok;
}

bool queries_ask(struct queries *qs, struct channel *c, struct dns_query *q)
{
    if (qs->script) {
        struct dns_records r = qs->script(qs->script_arg, q->type, q->name);
        send_home(q, &r);
        return true;
    }
    struct query_flight *f = base_alloc(sizeof(*f));

    COUNT(dns_queries);
    f->all = qs;
    f->query = q;
    f->type = q->type;
    qs->n_waiting++;
    list_append(&qs->line, &f->node);
    loop_timer_set(qs->loop, &f->deadline, q->timeout_ms, on_deadline);
    return depart_all(qs, c);
}

bool queries_ask_again(struct queries *qs, struct channel *c)
{
    struct query_flight *f, *next;

    HASH_ITER(hh, qs->by_id, f, next)
    {
        if (!f->query) {
            flight_free(f);
            continue;
        }
        HASH_DEL(qs->by_id, f);
        qs->n_out--;
        f->id = 0;
        list_append(&qs->line, &f->node);
    }
    return depart_all(qs, c);
}

bool queries_on_records(struct queries *qs, struct channel *c, struct slice body)
{
    struct frame_reader r = frame_reader_of(body);
    uint64_t id = frame_get_u64(&r);
    struct dns_records records;
    struct query_flight *f;

    if (r.failed)
        return false;
    HASH_FIND(hh, qs->by_id, &id, sizeof(id), f);
    if (!f)
        return true;
    if (!dns_records_decode(r.left, f->type, &records))
        return false;
    land(f, &records);
    flight_free(f);
    return depart_all(qs, c);
}

void queries_init(struct queries *qs, struct loop *loop)
{
    *qs = (struct queries){.loop = loop};
    list_init(&qs->line);
}

void queries_drop(struct queries *qs)
{
    struct query_flight *f, *next;

    HASH_ITER(hh, qs->by_id, f, next)
    flight_free(f);
    LIST_EACH(node, &qs->line)
    flight_free(LIST_ENTRY(node, struct query_flight, node));
}

bool queries_are_none(const struct queries *qs)
{
    return qs->n_waiting == 0;
}
