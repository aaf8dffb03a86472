/* The link on one loop with the fake clock; the dns process is played by the test at the other end
 * of a socket pair. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/frame.h"
#include "config/base/log.h"
#include "dns/cache.h"
#include "dns/facts_priv.h"
#include "dns/link.h"
#include "tests/dns/leaks.h"
#include "tests/dns/script.h"

enum { MAX_REQUESTS = 16 };

static struct {
    struct loop *loop;
    struct dns_link *link;
    int peer;
    struct buf in; /* what the process has read */
    struct dns_request r[MAX_REQUESTS];
    size_t n, home;
    int lost, changes;
    char detail[100];
} t;

struct asked {
    uint64_t id;
    char name[DNS_NAME_MAX];
    uint8_t kind;
    uint16_t port;
};

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

static void pump(void)
{
    for (int idle = 0; idle < 3;)
        idle = loop_pump(t.loop) ? 0 : idle + 1;
}

static void attach(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    if (t.peer >= 0)
        (void)close(t.peer);
    t.peer = fds[1];
    buf_clear(&t.in);
    dns_link_attach(t.link, fds[0]);
    pump();
}

static void begin(void)
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

static void end(void)
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

static struct dns_request *ask_as(const char *name, enum plan_kind kind, uint16_t port,
                                  bool no_cache, int64_t timeout_ms)
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

static struct dns_request *ask(const char *name)
{
    struct dns_request *r = ask_as(name, PLAN_MX, 25, false, 30000);
    pump();
    return r;
}

static void advance(int64_t ms)
{
    clock_fake_advance(ms);
    pump();
}

/* Reads the next question as the process would; false if there is none. */
static bool take(struct asked *out)
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

static struct asked take_one(const char *name)
{
    struct asked a;

    cr_assert(take(&a), "no question about %s", name);
    cr_assert_str_eq(a.name, name);
    return a;
}

static void nothing_asked(const char *what)
{
    struct asked a;
    cr_assert(!take(&a), "%s: asked about %s", what, a.name);
}

static void send_frame(uint8_t kind, struct slice body)
{
    struct buf b;

    buf_init(&b, 1024 * 1024);
    cr_assert(frame_append(&b, kind, body));
    cr_assert_eq(send(t.peer, b.p + b.head, b.n, MSG_NOSIGNAL), (ssize_t)b.n);
    buf_free(&b);
    pump();
}

static void send_facts(const struct asked *a, const struct dest_facts *f)
{
    struct buf b;

    buf_init(&b, 1024 * 1024);
    cr_assert(frame_put_u64(&b, a->id) && dest_facts_encode(f, &b));
    send_frame(DNS_FRAME_FACTS, buf_slice(&b));
    buf_free(&b);
}

/* Facts of a null MX: the smallest there are. */
static void answer_late(const struct asked *a, uint32_t ttl, int64_t age_ms)
{
    struct dest_facts *f = facts_new(a->name, a->port);

    f->kind = DEST_NULL_MX;
    f->ttl = ttl;
    f->made_ms = clock_wall_ms() - age_ms;
    send_facts(a, f);
    dest_facts_unref(&f);
}

static void answer(const struct asked *a, uint32_t ttl)
{
    answer_late(a, ttl, 0);
}

static void send_state(unsigned state, const char *detail)
{
    struct buf b;

    buf_init(&b, 2000);
    cr_assert(frame_put_u8(&b, (uint8_t)state) && frame_put_str(&b, slice_of(detail)));
    send_frame(DNS_FRAME_STATE, buf_slice(&b));
    buf_free(&b);
}

Test(link, one_lookup_per_destination)
{
    begin();
    attach();
    struct dns_request *a = ask("d.example"), *b = ask("d.example");
    struct asked q = take_one("d.example");
    nothing_asked("second asker");
    cr_assert_eq(t.home, 0);
    answer(&q, 60);
    cr_assert_eq(t.home, 2);
    cr_assert_eq(a->facts, b->facts, "the same facts, a reference each");
    cr_assert_eq(a->facts->kind, DEST_NULL_MX);
    cr_assert_eq(counter_read(COUNTER_dns_lookups), 1);
    end();
}

Test(link, kind_and_port_are_part_of_the_question)
{
    begin();
    attach();
    (void)ask_as("d.example", PLAN_MX, 25, false, 1000);
    (void)ask_as("d.example", PLAN_MX, 2525, false, 1000);
    (void)ask_as("d.example", PLAN_HOST, 25, false, 1000);
    pump();
    cr_assert_eq(take_one("d.example").port, 25);
    cr_assert_eq(take_one("d.example").port, 2525);
    cr_assert_eq(take_one("d.example").kind, PLAN_HOST);
    advance(1000);
    cr_assert_eq(t.home, 3);
    end();
}

Test(link, cached_until_the_ttl_is_over)
{
    begin();
    attach();
    (void)ask("d.example");
    struct asked q = take_one("d.example");
    answer(&q, 60);
    advance(59999);
    (void)ask("d.example");
    nothing_asked("still fresh");
    cr_assert_eq(t.home, 2);
    cr_assert_eq(counter_read(COUNTER_dns_cached), 1);
    advance(1);
    (void)ask("d.example");
    q = take_one("d.example");
    answer(&q, 0);
    (void)ask("d.example");
    q = take_one("d.example"); /* TTL 0 is never kept */
    answer(&q, 60);
    (void)ask_as("d.example", PLAN_MX, 25, true, 30000);
    pump();
    q = take_one("d.example"); /* no_cache */
    answer(&q, 60);
    cr_assert_eq(t.home, 5);
    end();
}

/* RFC 6698 §8.2: what the first answer said is as old as that answer when the last one comes. */
Test(link, the_time_of_the_lookups_is_part_of_the_ttl)
{
    begin();
    attach();
    (void)ask("d.example");
    struct asked q = take_one("d.example");
    answer_late(&q, 60, 20000);
    advance(39999);
    (void)ask("d.example");
    nothing_asked("still fresh");
    advance(1);
    (void)ask("d.example");
    q = take_one("d.example");
    answer_late(&q, 20, 20000);
    (void)ask("d.example");
    q = take_one("d.example");     /* over when it came */
    answer_late(&q, 60, -3600000); /* from the future */
    advance(60000);
    (void)ask("d.example");
    q = take_one("d.example");
    answer(&q, 60);
    cr_assert_eq(t.home, 5);
    end();
}

/* The owner of a request may rely on done not being called before dns_link_ask returns. */
Test(link, never_home_inline)
{
    begin();
    attach();
    (void)ask("d.example");
    struct asked q = take_one("d.example");
    answer(&q, 60);
    (void)ask_as("d.example", PLAN_MX, 25, false, 30000);
    cr_assert_eq(t.home, 1);
    pump();
    cr_assert_eq(t.home, 2);
    end();
}

Test(link, deadlines_are_each_request_s_own)
{
    begin();
    attach();
    struct dns_request *a = ask_as("d.example", PLAN_MX, 25, false, 30000);
    pump();
    advance(10000);
    struct dns_request *b = ask_as("d.example", PLAN_MX, 25, false, 5000);
    pump();
    struct asked q = take_one("d.example");
    advance(4999);
    cr_assert_eq(t.home, 0);
    advance(1);
    cr_assert_eq(t.home, 1);
    cr_assert_eq(b->facts->kind, DEST_ERROR);
    cr_assert_eq(b->facts->security, DNS_FAILED);
    cr_assert_str_eq(b->facts->why, "no answer within 5 s");
    advance(14999);
    cr_assert_eq(t.home, 1);
    advance(1);
    cr_assert_eq(t.home, 2);
    cr_assert_str_eq(a->facts->why, "no answer within 30 s");
    answer(&q, 60); /* too late for everybody */
    cr_assert_eq(t.lost, 0);
    (void)ask("d.example");
    q = take_one("d.example");
    answer(&q, 60);
    cr_assert_eq(t.home, 3);
    end();
}

Test(link, lost_process_is_asked_again)
{
    begin();
    struct dns_request *early = ask("early.example");
    attach();
    struct asked q = take_one("early.example"), old = q;
    (void)shutdown(t.peer, SHUT_RDWR);
    pump();
    cr_assert_eq(t.lost, 1);
    (void)ask("later.example");
    cr_assert_eq(t.home, 0);
    attach();
    struct asked again[2];
    cr_assert(take(&again[0]) && take(&again[1]));
    nothing_asked("each once");
    answer(&old, 60); /* the number of the first asking is nobody's now */
    cr_assert_eq(t.home, 0);
    answer(&again[0], 60);
    answer(&again[1], 60);
    cr_assert_eq(t.home, 2);
    cr_assert_eq(early->facts->kind, DEST_NULL_MX);
    end();
}

Test(link, deadline_without_a_process)
{
    begin();
    struct dns_request *r = ask("d.example");
    advance(30000);
    cr_assert_eq(t.home, 1);
    cr_assert_str_eq(r->facts->why, "no answer within 30 s (the dns process is not there)");
    end();
}

static void garbage_frame(const struct asked *q)
{
    send_frame(DNS_FRAME_FACTS, SLICE("abc"));
}
static void unknown_kind(const struct asked *q)
{
    send_frame(99, SLICE(""));
}
static void a_question(const struct asked *q)
{
    send_frame(DNS_FRAME_ASK, SLICE(""));
}
static void bad_facts(const struct asked *q)
{
    struct buf b;
    buf_init(&b, 100);
    cr_assert(frame_put_u64(&b, q->id) && buf_append(&b, SLICE("nonsense")));
    send_frame(DNS_FRAME_FACTS, buf_slice(&b));
    buf_free(&b);
}
static void facts_of_another(const struct asked *q)
{
    struct asked other = *q;
    (void)slice_copy(SLICE("x.example"), other.name, sizeof(other.name));
    answer(&other, 60);
}
static void facts_of_another_port(const struct asked *q)
{
    struct asked other = *q;
    other.port = 26;
    answer(&other, 60);
}
static void huge_frame(const struct asked *q)
{
    cr_assert_eq(send(t.peer, "\177\377\377\377", 4, MSG_NOSIGNAL), 4);
    pump();
}
static void bad_state(const struct asked *q)
{
    send_state(7, "");
}

static const struct {
    const char *what;
    void (*send)(const struct asked *);
} nonsense[] = {
    {"garbage",                  garbage_frame        },
    {"unknown kind",             unknown_kind         },
    {"a question of its own",    a_question           },
    {"facts that do not decode", bad_facts            },
    {"facts of another name",    facts_of_another     },
    {"facts of another port",    facts_of_another_port},
    {"a frame too large",        huge_frame           },
    {"a state that is none",     bad_state            },
};

Test(link, nonsense_drops_the_process)
{
    begin();
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        t.lost = 0;
        t.home = t.n = 0;
        attach();
        struct dns_request *r = ask("d.example");
        struct asked q = take_one("d.example");
        nonsense[i].send(&q);
        cr_assert_eq(t.lost, 1, "%s", nonsense[i].what);
        cr_assert_eq(t.home, 0, "%s", nonsense[i].what);
        attach();
        q = take_one("d.example");
        answer(&q, 0);
        cr_assert_eq(t.home, 1, "%s", nonsense[i].what);
        dest_facts_unref(&r->facts);
    }
    t.n = 0;
    end();
}

Test(link, state)
{
    begin();
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_UNKNOWN);
    attach();
    send_state(RESOLVER_VALIDATES, "fine");
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_VALIDATES);
    cr_assert_str_eq(t.detail, "fine");
    cr_assert_eq(counter_read(COUNTER_resolver_validates), 1);
    send_state(RESOLVER_VALIDATES, "fine again");
    cr_assert_eq(t.changes, 1);
    send_state(RESOLVER_NOT_VALIDATING, "bad");
    cr_assert_eq(t.changes, 2);
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_NOT_VALIDATING);
    cr_assert_eq(counter_read(COUNTER_resolver_validates), 0);
    attach();
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_NOT_VALIDATING, "until the new one knows");
    end();
}

/* Facts of a blind resolver must not outlive its blindness, cached or on their way. */
Test(link, facts_from_before_validation_are_not_used)
{
    begin();
    attach();
    send_state(RESOLVER_NOT_VALIDATING, "bad");
    (void)ask("cached.example");
    struct asked q = take_one("cached.example");
    answer(&q, 3600);
    (void)ask("open.example");
    struct asked old = take_one("open.example");
    send_state(RESOLVER_VALIDATES, "fine");
    struct asked new = take_one("open.example");
    answer(&old, 3600);
    cr_assert_eq(t.home, 1);
    answer(&new, 60);
    cr_assert_eq(t.home, 2);
    (void)ask("cached.example");
    q = take_one("cached.example");
    answer(&q, 60);
    end();
}

/* Byte by byte, and split at every place. */
Test(link, facts_in_pieces)
{
    begin();
    attach();
    for (size_t piece = 1; piece < 40; piece += 7) {
        t.n = t.home = 0;
        struct dns_request *r = ask_as("d.example", PLAN_MX, 25, true, 30000);
        pump();
        struct asked q = take_one("d.example");
        struct dest_facts *f = facts_new("d.example", 25);
        struct buf body, b;
        f->kind = DEST_NULL_MX;
        buf_init(&body, 1000);
        buf_init(&b, 1000);
        cr_assert(frame_put_u64(&body, q.id) && dest_facts_encode(f, &body));
        cr_assert(frame_append(&b, DNS_FRAME_FACTS, buf_slice(&body)));
        while (b.n) {
            cr_assert_eq(t.home, 0);
            size_t n = b.n < piece ? b.n : piece;
            cr_assert_eq(send(t.peer, b.p + b.head, n, MSG_NOSIGNAL), (ssize_t)n);
            buf_consume(&b, n);
            pump();
        }
        cr_assert_eq(t.home, 1, "pieces of %zu", piece);
        buf_free(&body);
        buf_free(&b);
        dest_facts_unref(&f);
        dest_facts_unref(&r->facts);
    }
    t.n = 0;
    end();
}

static struct dest_facts *script(void *arg, enum plan_kind kind, const char *name, uint16_t port)
{
    (*(int *)arg)++;
    return facts_new_error(name, port, kind == PLAN_HOST ? "host" : "mx");
}

Test(link, scripted)
{
    int calls = 0;

    begin();
    dns_link_script(t.link, script, &calls, RESOLVER_VALIDATES);
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_VALIDATES);
    struct dns_request *r = ask_as("d.example", PLAN_HOST, 25, false, 1000);
    cr_assert_eq(t.home, 0);
    pump();
    cr_assert_eq(t.home, 1);
    cr_assert_eq(calls, 1);
    cr_assert_str_eq(r->facts->why, "host");
    end();
}

Test(cache, bounded_and_the_first_to_expire_goes)
{
    struct cache c = {.max = 3};
    char name[32];

    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "d%u.example", i);
        struct dest_facts *f = facts_new(name, 25);
        struct question q = question_key(PLAN_MX, name, 25);
        f->ttl = 100 - i;
        cache_put(&c, &q, f, 0);
        cache_put(&c, &q, f, 0); /* replaces itself */
        dest_facts_unref(&f);
    }
    cr_assert_eq(c.n, 3);
    struct question first = question_key(PLAN_MX, "d0.example", 25);
    struct question fourth = question_key(PLAN_MX, "d3.example", 25);
    struct question last = question_key(PLAN_MX, "d4.example", 25);
    cr_assert_not_null(cache_get(&c, &first, 0), "the longest life");
    cr_assert_null(cache_get(&c, &fourth, 0), "made room for the last");
    cr_assert_not_null(cache_get(&c, &last, 0));
    cr_assert_null(cache_get(&c, &last, 96000));
    cache_clear(&c);
    no_leaks();
}
