#include "tests/dns/link_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/frame.h"
#include "config/base/log.h"
#include "dns/facts_priv.h"
#include "tests/dns/leaks.h"

struct link_rig t;

static void swallow(const char *line, size_t n, void *arg)
{
}

static void on_lost(void *arg)
{
    t.lost++;
}

static void on_state(void *arg, enum resolver_state state, const char *detail)
{
    t.changes++;
    (void)slice_copy(slice_of(detail), t.detail, sizeof(t.detail));
}

void link_pump(void)
{
    for (int idle = 0; idle < 3;)
        idle = loop_pump(t.loop) ? 0 : idle + 1;
}

void link_attach(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    if (t.peer >= 0)
        (void)close(t.peer);
    t.peer = fds[1];
    buf_clear(&t.in);
    dns_link_attach(t.link, fds[0]);
    link_pump();
}

void link_begin(void)
{
    clock_fake_start(1000000);
    log_capture(swallow, NULL);
    t.peer = -1;
    t.loop = loop_new("test");
    t.link = dns_link_new(t.loop);
    buf_init(&t.in, 1024 * 1024);
    dns_link_on_lost(t.link, on_lost, NULL);
    dns_link_on_state(t.link, on_state, NULL);
}

void link_end(void)
{
    for (size_t i = 0; i < t.n; i++)
        dest_facts_unref(&t.r[i].facts);
    dns_link_free(&t.link);
    loop_free(&t.loop);
    buf_free(&t.in);
    if (t.peer >= 0)
        (void)close(t.peer);
    clock_fake_stop();
    no_leaks();
}

static void done(struct dns_request *r)
{
    cr_assert_not_null(r->facts);
    t.home++;
}

struct dns_request *link_ask_as(const char *name, enum plan_kind kind, uint16_t port, bool no_cache,
                                int64_t timeout_ms)
{
    struct dns_request *r = &t.r[t.n++];

    *r = (struct dns_request){.home = t.loop,
                              .done = done,
                              .kind = kind,
                              .port = port,
                              .no_cache = no_cache,
                              .timeout_ms = timeout_ms};
    (void)slice_copy(slice_of(name), r->name, sizeof(r->name));
    dns_link_ask(t.link, r);
    return r;
}

struct dns_request *link_ask(const char *name)
{
    struct dns_request *r = link_ask_as(name, PLAN_MX, 25, false, 30000);
    link_pump();
    return r;
}

void link_advance(int64_t ms)
{
    clock_fake_advance(ms);
    link_pump();
}

/* Reads the next question as the process would; false if there is none. */
bool link_take(struct asked *out)
{
    struct frame frame;
    char *p;
    size_t room = buf_reserve(&t.in, 65536, &p);
    ssize_t n = recv(t.peer, p, room, MSG_DONTWAIT);

    buf_commit(&t.in, n > 0 ? (size_t)n : 0);
    if (frame_peek(&t.in, 1000, &frame) != FRAME_OK)
        return false;
    struct frame_reader r = frame_reader_of(frame.body);
    cr_assert_eq(frame.kind, DNS_FRAME_ASK);
    out->id = frame_get_u64(&r);
    out->kind = frame_get_u8(&r);
    (void)slice_copy(frame_get_str(&r, 255), out->name, sizeof(out->name));
    out->port = frame_get_u16(&r);
    cr_assert(frame_reader_done(&r));
    frame_consume(&t.in, &frame);
    return true;
}

struct asked link_take_one(const char *name)
{
    struct asked a;

    cr_assert(link_take(&a), "no question about %s", name);
    cr_assert_str_eq(a.name, name);
    return a;
}

void link_nothing_asked(const char *what)
{
    struct asked a;
    cr_assert(!link_take(&a), "%s: asked about %s", what, a.name);
}

void link_send_frame(uint8_t kind, struct slice body)
{
    struct buf b;

    buf_init(&b, 1024 * 1024);
    cr_assert(frame_append(&b, kind, body));
    cr_assert_eq(send(t.peer, b.p + b.head, b.n, MSG_NOSIGNAL), (ssize_t)b.n);
    buf_free(&b);
    link_pump();
}

void link_send_facts(const struct asked *a, const struct dest_facts *f)
{
    struct buf b;

    buf_init(&b, 1024 * 1024);
    cr_assert(frame_put_u64(&b, a->id) && dest_facts_encode(f, &b));
    link_send_frame(DNS_FRAME_FACTS, buf_slice(&b));
    buf_free(&b);
}

/* Facts of a null MX: the smallest there are. */
void link_answer_late(const struct asked *a, uint32_t ttl, int64_t age_ms)
{
    struct dest_facts *f = facts_new(a->name, a->port);

    f->kind = DEST_NULL_MX;
    f->ttl = ttl;
    f->made_ms = clock_wall_ms() - age_ms;
    link_send_facts(a, f);
    dest_facts_unref(&f);
}

void link_answer(const struct asked *a, uint32_t ttl)
{
    link_answer_late(a, ttl, 0);
}

void link_send_state(unsigned state, const char *detail)
{
    struct buf b;

    buf_init(&b, 2000);
    cr_assert(frame_put_u8(&b, (uint8_t)state) && frame_put_str(&b, slice_of(detail)));
    link_send_frame(DNS_FRAME_STATE, buf_slice(&b));
    buf_free(&b);
}
