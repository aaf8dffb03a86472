#include "queue/message.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "tests/queue/rig.h"

enum { THREADS = 4, EACH = 5000 };

static char ids[THREADS * EACH][QUEUE_ID_MAX];

static void *make_ids(void *arg)
{
    for (int i = 0; i < EACH; i++)
        message_make_id(((char(*)[QUEUE_ID_MAX])arg)[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

Test(message, ids_are_unique_over_threads)
{
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, make_ids, ids[i * EACH]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS * EACH; i++)
        cr_assert(message_id_ok(slice_of(ids[i])), "%s", ids[i]);
    qsort(ids, THREADS * EACH, QUEUE_ID_MAX, compare);
    for (int i = 1; i < THREADS * EACH; i++)
        cr_assert_str_neq(ids[i - 1], ids[i]);
}

/* A restart may see the same millisecond and counts from nothing: the random part must differ. */
Test(message, ids_sort_by_time)
{
    char first[QUEUE_ID_MAX], second[QUEUE_ID_MAX];

    clock_fake_start(1795578699000);
    message_make_id(first);
    clock_fake_advance(1);
    message_make_id(second);
    clock_fake_stop();
    cr_assert_lt(strcmp(first, second), 0, "%s %s", first, second);
}

Test(message, id_syntax)
{
    static const struct {
        const char *id;
        bool ok;
    } rows[] = {
        {"", false},          {"123456789", false},  {"1234567890", true},
        {"aZ09aZ09aZ09", true}, {"../../etc/passwd", false}, {"12345678 0", false},
        {"12345678901234567890", true}, {"123456789012345678901", false}, {"123456789\xc3\xa4", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(message_id_ok(slice_of(rows[i].id)), rows[i].ok, "%s", rows[i].id);
}

Test(message, domain_of)
{
    static const struct {
        const char *address, *domain; /* NULL: none */
    } rows[] = {
        {"a@Example.ORG", "example.org"},
        {"a@example.org.", "example.org"},
        {"\"x@y\"@example.org", "example.org"},
        {"a@[192.0.2.1]", "[192.0.2.1]"},
        {"a@B\xc3\xbc" "cher.example", "xn--bcher-kva.example"},
        {"a@b\xc3.example", NULL},
        {"a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
        {"postmaster", NULL},
        {"", NULL},
        {"a@", NULL},
        {"a@[", NULL},
        {"a@[]", NULL},
        {"a@..", NULL},
    };
    char domain[HOSTNAME_MAX];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool found = message_domain_of(slice_of(rows[i].address), domain);
        cr_expect_eq(found, rows[i].domain != NULL, "%s", rows[i].address);
        if (found && rows[i].domain)
            cr_expect_str_eq(domain, rows[i].domain);
    }
}

Test(message, many_recipients)
{
    struct message *m = message_new();

    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(message_add_rcpt(m, SLICE("a@example.org"), SLICE("example.org")), i);
    cr_assert_eq(m->n_rcpts, 1000);
    cr_assert_str_eq(m->rcpts[999].address, "a@example.org");
    cr_assert_eq(m->rcpts[999].attempts, 0);
    message_free(&m);
    cr_assert_null(m);
    message_free(&m);
    NO_LEAKS();
}

/* Any order of adding and removing; the others stay in order. */
Test(message, recipients_removed)
{
    struct message *m = message_new();
    char address[16] = "a@b.example";

    for (int round = 0; round < 3; round++) {
        for (char c = 'a'; c <= 'h'; c++) {
            address[0] = c;
            (void)message_add_rcpt(m, slice_of(address), SLICE("b.example"));
        }
        message_remove_rcpt(m, m->n_rcpts - 1);
        message_remove_rcpt(m, 0);
        cr_assert_eq(m->n_rcpts, 6);
        for (size_t i = 0; i < 6; i++)
            cr_expect_eq(m->rcpts[i].address[0], 'b' + (char)i);
        while (m->n_rcpts > (size_t)round)
            message_remove_rcpt(m, 0);
        while (m->n_rcpts)
            message_remove_rcpt(m, m->n_rcpts - 1);
    }
    message_free(&m);
}
