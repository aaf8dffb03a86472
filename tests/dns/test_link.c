/* The link to the dns process: one question in flight, the cache, deadlines, and a process that
 * dies or talks nonsense. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/frame.h"
#include "dns/cache.h"
#include "dns/facts_priv.h"
#include "tests/dns/leaks.h"
#include "tests/dns/link_rig.h"
#include "tests/dns/script.h"

Test(link, one_lookup_per_destination)
{
    link_begin();
    link_attach();
    struct dns_request *a = link_ask("d.example"), *b = link_ask("d.example");
    struct asked q = link_take_one("d.example");
    link_nothing_asked("second asker");
    cr_assert_eq(t.home, 0);
    link_answer(&q, 60);
    cr_assert_eq(t.home, 2);
    cr_assert_eq(a->facts, b->facts, "the same facts, a reference each");
    cr_assert_eq(a->facts->kind, DEST_NULL_MX);
    cr_assert_eq(counter_read(COUNTER_dns_lookups), 1);
    link_end();
}

Test(link, kind_and_port_are_part_of_the_question)
{
    link_begin();
    link_attach();
    (void)link_ask_as("d.example", PLAN_MX, 25, false, 1000);
    (void)link_ask_as("d.example", PLAN_MX, 2525, false, 1000);
    (void)link_ask_as("d.example", PLAN_HOST, 25, false, 1000);
    link_pump();
    cr_assert_eq(link_take_one("d.example").port, 25);
    cr_assert_eq(link_take_one("d.example").port, 2525);
    cr_assert_eq(link_take_one("d.example").kind, PLAN_HOST);
    link_advance(1000);
    cr_assert_eq(t.home, 3);
    link_end();
}

Test(link, cached_until_the_ttl_is_over)
{
    link_begin();
    link_attach();
    (void)link_ask("d.example");
    struct asked q = link_take_one("d.example");
    link_answer(&q, 60);
    link_advance(59999);
    (void)link_ask("d.example");
    link_nothing_asked("still fresh");
    cr_assert_eq(t.home, 2);
    cr_assert_eq(counter_read(COUNTER_dns_cached), 1);
    link_advance(1);
    (void)link_ask("d.example");
    q = link_take_one("d.example");
    link_answer(&q, 0);
    (void)link_ask("d.example");
    q = link_take_one("d.example"); /* TTL 0 is never kept */
    link_answer(&q, 60);
    (void)link_ask_as("d.example", PLAN_MX, 25, true, 30000);
    link_pump();
    q = link_take_one("d.example"); /* no_cache */
    link_answer(&q, 60);
    cr_assert_eq(t.home, 5);
    link_end();
}

/* RFC 6698 §8.2: what the first answer said is as old as that answer when the last one comes. */
Test(link, the_time_of_the_lookups_is_part_of_the_ttl)
{
    link_begin();
    link_attach();
    (void)link_ask("d.example");
    struct asked q = link_take_one("d.example");
    link_answer_late(&q, 60, 20000);
    link_advance(39999);
    (void)link_ask("d.example");
    link_nothing_asked("still fresh");
    link_advance(1);
    (void)link_ask("d.example");
    q = link_take_one("d.example");
    link_answer_late(&q, 20, 20000);
    (void)link_ask("d.example");
    q = link_take_one("d.example");     /* over when it came */
    link_answer_late(&q, 60, -3600000); /* from the future */
    link_advance(60000);
    (void)link_ask("d.example");
    q = link_take_one("d.example");
    link_answer(&q, 60);
    cr_assert_eq(t.home, 5);
    link_end();
}

/* The owner of a request may rely on done not being called before dns_link_ask returns. */
Test(link, never_home_inline)
{
    link_begin();
    link_attach();
    (void)link_ask("d.example");
    struct asked q = link_take_one("d.example");
    link_answer(&q, 60);
    (void)link_ask_as("d.example", PLAN_MX, 25, false, 30000);
    cr_assert_eq(t.home, 1);
    link_pump();
    cr_assert_eq(t.home, 2);
    link_end();
}

Test(link, deadlines_are_each_request_s_own)
{
    link_begin();
    link_attach();
    struct dns_request *a = link_ask_as("d.example", PLAN_MX, 25, false, 30000);
    link_pump();
    link_advance(10000);
    struct dns_request *b = link_ask_as("d.example", PLAN_MX, 25, false, 5000);
    link_pump();
    struct asked q = link_take_one("d.example");
    link_advance(4999);
    cr_assert_eq(t.home, 0);
    link_advance(1);
    cr_assert_eq(t.home, 1);
    cr_assert_eq(b->facts->kind, DEST_ERROR);
    cr_assert_eq(b->facts->security, DNS_FAILED);
    cr_assert_str_eq(b->facts->why, "no answer within 5 s");
    link_advance(14999);
    cr_assert_eq(t.home, 1);
    link_advance(1);
    cr_assert_eq(t.home, 2);
    cr_assert_str_eq(a->facts->why, "no answer within 30 s");
    link_answer(&q, 60); /* too late for everybody */
    cr_assert_eq(t.lost, 0);
    (void)link_ask("d.example");
    q = link_take_one("d.example");
    link_answer(&q, 60);
    cr_assert_eq(t.home, 3);
    link_end();
}

Test(link, lost_process_is_asked_again)
{
    link_begin();
    struct dns_request *early = link_ask("early.example");
    link_attach();
    struct asked q = link_take_one("early.example"), old = q;
    (void)shutdown(t.peer, SHUT_RDWR);
    link_pump();
    cr_assert_eq(t.lost, 1);
    (void)link_ask("later.example");
    cr_assert_eq(t.home, 0);
    link_attach();
    struct asked again[2];
    cr_assert(link_take(&again[0]) && link_take(&again[1]));
    link_nothing_asked("each once");
    link_answer(&old, 60); /* the number of the first asking is nobody's now */
    cr_assert_eq(t.home, 0);
    link_answer(&again[0], 60);
    link_answer(&again[1], 60);
    cr_assert_eq(t.home, 2);
    cr_assert_eq(early->facts->kind, DEST_NULL_MX);
    link_end();
}

Test(link, deadline_without_a_process)
{
    link_begin();
    struct dns_request *r = link_ask("d.example");
    link_advance(30000);
    cr_assert_eq(t.home, 1);
    cr_assert_str_eq(r->facts->why, "no answer within 30 s (the dns process is not there)");
    link_end();
}

static void garbage_frame(const struct asked *q)
{
    link_send_frame(DNS_FRAME_FACTS, SLICE("abc"));
}
static void unknown_kind(const struct asked *q)
{
    link_send_frame(99, SLICE(""));
}
static void a_question(const struct asked *q)
{
    link_send_frame(DNS_FRAME_ASK, SLICE(""));
}
static void bad_facts(const struct asked *q)
{
    struct buf b;
    buf_init(&b, 100);
    cr_assert(frame_put_u64(&b, q->id) && buf_append(&b, SLICE("nonsense")));
    link_send_frame(DNS_FRAME_FACTS, buf_slice(&b));
    buf_free(&b);
}
static void facts_of_another(const struct asked *q)
{
    struct asked other = *q;
    (void)slice_copy(SLICE("x.example"), other.name, sizeof(other.name));
    link_answer(&other, 60);
}
static void facts_of_another_port(const struct asked *q)
{
    struct asked other = *q;
    other.port = 26;
    link_answer(&other, 60);
}
static void huge_frame(const struct asked *q)
{
    cr_assert_eq(send(t.peer, "\177\377\377\377", 4, MSG_NOSIGNAL), 4);
    link_pump();
}
static void bad_state(const struct asked *q)
{
    link_send_state(7, "");
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
    link_begin();
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        t.lost = 0;
        t.home = t.n = 0;
        link_attach();
        struct dns_request *r = link_ask("d.example");
        struct asked q = link_take_one("d.example");
        nonsense[i].send(&q);
        cr_assert_eq(t.lost, 1, "%s", nonsense[i].what);
        cr_assert_eq(t.home, 0, "%s", nonsense[i].what);
        link_attach();
        q = link_take_one("d.example");
        link_answer(&q, 0);
        cr_assert_eq(t.home, 1, "%s", nonsense[i].what);
        dest_facts_unref(&r->facts);
    }
    t.n = 0;
    link_end();
}

Test(link, state)
{
    link_begin();
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_UNKNOWN);
    link_attach();
    link_send_state(RESOLVER_VALIDATES, "fine");
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_VALIDATES);
    cr_assert_str_eq(t.detail, "fine");
    cr_assert_eq(counter_read(COUNTER_resolver_validates), 1);
    link_send_state(RESOLVER_VALIDATES, "fine again");
    cr_assert_eq(t.changes, 1);
    link_send_state(RESOLVER_NOT_VALIDATING, "bad");
    cr_assert_eq(t.changes, 2);
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_NOT_VALIDATING);
    cr_assert_eq(counter_read(COUNTER_resolver_validates), 0);
    link_attach();
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_NOT_VALIDATING, "until the new one knows");
    link_end();
}

/* Facts of a blind resolver must not outlive its blindness, cached or on their way. */
Test(link, facts_from_before_validation_are_not_used)
{
    link_begin();
    link_attach();
    link_send_state(RESOLVER_NOT_VALIDATING, "bad");
    (void)link_ask("cached.example");
    struct asked q = link_take_one("cached.example");
    link_answer(&q, 3600);
    (void)link_ask("open.example");
    struct asked old = link_take_one("open.example");
    link_send_state(RESOLVER_VALIDATES, "fine");
    struct asked new = link_take_one("open.example");
    link_answer(&old, 3600);
    cr_assert_eq(t.home, 1);
    link_answer(&new, 60);
    cr_assert_eq(t.home, 2);
    (void)link_ask("cached.example");
    q = link_take_one("cached.example");
    link_answer(&q, 60);
    link_end();
}

/* Byte by byte, and split at every place. */
Test(link, facts_in_pieces)
{
    link_begin();
    link_attach();
    for (size_t piece = 1; piece < 40; piece += 7) {
        t.n = t.home = 0;
        struct dns_request *r = link_ask_as("d.example", PLAN_MX, 25, true, 30000);
        link_pump();
        struct asked q = link_take_one("d.example");
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
            link_pump();
        }
        cr_assert_eq(t.home, 1, "pieces of %zu", piece);
        buf_free(&body);
        buf_free(&b);
        dest_facts_unref(&f);
        dest_facts_unref(&r->facts);
    }
    t.n = 0;
    link_end();
}

static struct dest_facts *script(void *arg, enum plan_kind kind, const char *name, uint16_t port)
{
    (*(int *)arg)++;
    return facts_new_error(name, port, kind == PLAN_HOST ? "host" : "mx");
}

Test(link, scripted)
{
    int calls = 0;

    link_begin();
    dns_link_script(t.link, script, &calls, RESOLVER_VALIDATES);
    cr_assert_eq(dns_link_resolver(t.link), RESOLVER_VALIDATES);
    struct dns_request *r = link_ask_as("d.example", PLAN_HOST, 25, false, 1000);
    cr_assert_eq(t.home, 0);
    link_pump();
    cr_assert_eq(t.home, 1);
    cr_assert_eq(calls, 1);
    cr_assert_str_eq(r->facts->why, "host");
    link_end();
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
