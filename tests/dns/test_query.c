/* Plain lookups over the link: deadlines, the line, and a process that dies or talks nonsense. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/base/clock.h"
#include "config/base/frame.h"
#include "dns/query.h"
#include "tests/dns/link_rig.h"

enum { MANY = LIMIT_LOOKUPS_IN_FLIGHT + 3 };

static struct dns_query queries[MANY];
static size_t home;

static void done(struct dns_query *q)
{
    home++;
}

static struct dns_query *ask(size_t i, const char *name, uint16_t type, int64_t timeout_ms)
{
    struct dns_query *q = &queries[i];

    *q = (struct dns_query){.home = t.loop, .done = done, .type = type, .timeout_ms = timeout_ms};
    (void)slice_copy(slice_of(name), q->name, sizeof(q->name));
    dns_link_query(t.link, q);
    return q;
}

struct taken {
    uint64_t id;
    uint16_t type;
    char name[DNS_NAME_MAX];
};

static bool take(struct taken *out)
{
    struct frame frame;
    char *p;
    size_t room = buf_reserve(&t.in, 65536, &p);
    ssize_t n = recv(t.peer, p, room, MSG_DONTWAIT);

    buf_commit(&t.in, n > 0 ? (size_t)n : 0);
    if (frame_peek(&t.in, 1000, &frame) != FRAME_OK)
        return false;
    struct frame_reader r = frame_reader_of(frame.body);
    cr_assert_eq(frame.kind, DNS_FRAME_QUERY);
    out->id = frame_get_u64(&r);
    out->type = frame_get_u16(&r);
    (void)slice_copy(frame_get_str(&r, 255), out->name, sizeof(out->name));
    cr_assert(frame_reader_done(&r));
    frame_consume(&t.in, &frame);
    return true;
}

static void reply(uint64_t id, uint16_t type, const struct dns_records *r)
{
    struct buf b;

    buf_init(&b, 8192);
    cr_assert(frame_put_u64(&b, id) && dns_records_encode(r, type, &b));
    link_send_frame(DNS_FRAME_RECORDS, buf_slice(&b));
    buf_free(&b);
}

static const struct dns_records listed = {
    .lookup = DNS_DATA, .ttl = 60, .n_addresses = 1, .addresses = {{0, {127, 0, 0, 2}}}};

Test(query, answered)
{
    struct taken q;

    link_begin();
    link_attach();
    struct dns_query *a = ask(0, "1.2.0.192.list.example", DNS_A, 5000);
    cr_assert_eq(home, 0);
    link_pump();
    cr_assert(take(&q));
    cr_assert_str_eq(q.name, "1.2.0.192.list.example");
    cr_assert_eq(q.type, DNS_A);
    cr_assert(!dns_link_is_quiet(t.link));
    reply(q.id, q.type, &listed);
    cr_assert_eq(home, 1);
    cr_assert_eq(a->records.lookup, DNS_DATA);
    cr_assert_eq(a->records.addresses[0].a[3], 2);
    cr_assert(dns_link_is_quiet(t.link));
    reply(q.id, q.type, &listed); /* twice: nobody's */
    cr_assert_eq(t.lost + (int)home, 1);
    link_end();
}

Test(query, late)
{
    struct taken q;

    link_begin();
    link_attach();
    struct dns_query *a = ask(0, "a.example", DNS_A, 5000);
    link_pump();
    cr_assert(take(&q));
    link_advance(4999);
    cr_assert_eq(home, 0);
    link_advance(1);
    cr_assert_eq(home, 1);
    cr_assert_eq(a->records.lookup, DNS_ERROR);
    cr_assert(dns_link_is_quiet(t.link));
    reply(q.id, q.type, &listed);
    cr_assert_eq(home, 1);
    cr_assert_eq(t.lost, 0);
    link_end();
}

Test(query, no_process)
{
    struct taken q;

    link_begin();
    (void)ask(0, "a.example", DNS_A, 5000);
    (void)ask(1, "b.example", DNS_A, 100);
    link_pump();
    link_advance(100);
    cr_assert_eq(home, 1, "a deadline holds without a process");
    link_attach();
    cr_assert(take(&q));
    cr_assert_str_eq(q.name, "a.example");
    uint64_t before = q.id;
    link_attach(); /* the process died, and is back */
    cr_assert(take(&q));
    cr_assert_str_eq(q.name, "a.example");
    reply(before, q.type, &listed); /* an answer to an earlier asking */
    cr_assert_eq(home, 1);
    reply(q.id, q.type, &listed);
    cr_assert_eq(home, 2);
    cr_assert(!take(&q));
    link_end();
}

Test(query, the_rest_waits_in_line)
{
    struct taken q, first = {0};
    size_t asked = 0;
    char name[32];

    link_begin();
    link_attach();
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "n%zu.example", i);
        (void)ask(i, name, DNS_A, i == MANY - 1 ? 100 : 5000);
    }
    link_pump();
    for (; take(&q); asked++)
        first = asked ? first : q;
    cr_assert_eq(asked, LIMIT_LOOKUPS_IN_FLIGHT);
    reply(first.id, first.type, &listed);
    cr_assert(take(&q));
    cr_assert_str_eq(q.name, "n500.example");
    link_advance(100);
    cr_assert_eq(home, 2, "the deadline holds in the line");
    link_advance(4900);
    cr_assert_eq(home, MANY);
    /* Those who gave up hold their places until the process is done with them. */
    (void)ask(0, "later.example", DNS_A, 5000);
    link_pump();
    cr_assert(!take(&q));
    link_attach();
    cr_assert(take(&q));
    cr_assert_str_eq(q.name, "later.example");
    link_end();
}

/* What a process of our own could never say ends the link, as if it had died. */
Test(query, nonsense)
{
    struct taken q;

    link_begin();
    link_attach();
    (void)ask(0, "a.example", DNS_PTR, 5000);
    link_pump();
    cr_assert(take(&q));
    reply(q.id, DNS_A, &listed); /* addresses for a name */
    cr_assert_eq(t.lost, 1);
    cr_assert_eq(home, 0);
    link_attach();
    link_send_frame(DNS_FRAME_RECORDS, SLICE("short"));
    cr_assert_eq(t.lost, 2);
    link_advance(5000);
    cr_assert_eq(home, 1);
    link_end();
}
