/* The schedule: tables of behaviour, then a long random walk beside a model without any cleverness.
 */
#include "queue/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/queue/rig.h"

/* The row that is taken, or 0. */
static uint64_t take(struct sched *s, int64_t now, struct sched_entry *out_entry)
{
    return sched_take(s, now, out_entry) ? out_entry->row : 0;
}

Test(sched, due_times)
{
    struct sched *s = sched_new(10);
    struct sched_entry e;

    sched_add(s, 1, "a", 300, NULL);
    sched_add(s, 2, "a", 100, NULL);
    sched_add(s, 3, "b", 200, NULL);
    cr_assert_eq(sched_waiting(s), 3);
    cr_assert_eq(sched_next_ms(s), 100);
    cr_assert_eq(take(s, 99, &e), 0);
    cr_assert_eq(take(s, 100, &e), 2);
    cr_assert_str_eq(e.destination, "a");
    cr_assert(sched_in_flight(s, 2));
    cr_assert_eq(sched_next_ms(s), 200);
    cr_assert_eq(take(s, 250, &e), 3);
    cr_assert_eq(take(s, 250, &e), 0);
    cr_assert_eq(take(s, 300, &e), 1);
    cr_assert_eq(sched_next_ms(s), INT64_MAX);
    sched_free(&s);
    NO_LEAKS();
}

Test(sched, destinations_in_turn)
{
    struct sched *s = sched_new(100);
    struct sched_entry e;
    char order[10] = "";

    for (uint64_t row = 1; row <= 6; row++)
        sched_add(s, row, "big", 0, NULL);
    sched_add(s, 7, "small", 0, NULL);
    sched_add(s, 8, "other", 0, NULL);
    for (int i = 0; i < 8 && sched_take(s, 1, &e); i++)
        order[i] = e.destination[0];
    cr_assert(memchr(order, 's', 3) && memchr(order, 'o', 3), "%s", order);
    sched_free(&s);
}

Test(sched, concurrency)
{
    struct sched *s = sched_new(2);
    struct sched_entry e[4];

    for (uint64_t row = 1; row <= 4; row++)
        sched_add(s, row, "a", 0, NULL);
    cr_assert(sched_take(s, 1, &e[0]));
    cr_assert(sched_take(s, 1, &e[1]));
    cr_assert_not(sched_take(s, 1, &e[2]));
    cr_assert_eq(sched_next_ms(s), INT64_MAX, "only a free slot brings something");
    sched_done(s, &e[0], SCHED_MADE_CONTACT, 1);
    cr_assert(sched_next_ms(s) <= 1);
    cr_assert(sched_take(s, 1, &e[2]));
    sched_set_concurrency(s, 3);
    cr_assert(sched_take(s, 1, &e[3]));
    sched_free(&s);
}

Test(sched, backoff_doubles_and_probes)
{
    struct sched *s = sched_new(5);
    struct sched_entry e, other;
    int64_t now = 1000, wait = SCHED_BACKOFF_MIN_MS;

    for (uint64_t row = 1; row <= 60; row++)
        sched_add(s, row, "dead", now, NULL);
    cr_assert(sched_take(s, now, &e));
    for (int i = 0; i < 14; i++) {
        sched_done(s, &e, SCHED_NO_CONTACT, now);
        int64_t next = sched_next_ms(s);
        if (next == 1000 + SCHED_PATIENCE_MS)
            break;
        cr_assert_eq(next, now + wait, "%d: %lld", i, (long long)(next - now));
        cr_assert_not(sched_take(s, now + wait - 1, &other));
        now += wait;
        cr_assert(sched_take(s, now, &e));
        cr_assert_not(sched_take(s, now, &other), "one probe at a time");
        wait = wait * 2 > SCHED_BACKOFF_MAX_MS ? SCHED_BACKOFF_MAX_MS : wait * 2;
    }
    sched_free(&s);
}

Test(sched, contact_ends_backoff)
{
    struct sched *s = sched_new(5);
    struct sched_entry e, other;

    for (uint64_t row = 1; row <= 4; row++)
        sched_add(s, row, "a", 0, NULL);
    cr_assert(sched_take(s, 0, &e));
    sched_done(s, &e, SCHED_NO_CONTACT, 0);
    cr_assert_not(sched_take(s, 10, &e));
    cr_assert(sched_take(s, SCHED_BACKOFF_MIN_MS, &e));
    sched_done(s, &e, SCHED_NOT_TRIED, SCHED_BACKOFF_MIN_MS);
    cr_assert(sched_take(s, SCHED_BACKOFF_MIN_MS, &e), "not tried says nothing: the next probes");
    sched_done(s, &e, SCHED_MADE_CONTACT, SCHED_BACKOFF_MIN_MS);
    cr_assert(sched_take(s, SCHED_BACKOFF_MIN_MS, &e));
    sched_add(s, 9, "a", 0, NULL);
    cr_assert(sched_take(s, SCHED_BACKOFF_MIN_MS, &other), "several at a time again");
    sched_free(&s);
}

/* All that was in flight when a destination died fails together: that is one failure. */
Test(sched, failures_together_count_once)
{
    struct sched *s = sched_new(5);
    struct sched_entry e[5];

    for (uint64_t row = 1; row <= 6; row++)
        sched_add(s, row, "a", 0, NULL);
    for (int i = 0; i < 5; i++)
        cr_assert(sched_take(s, 0, &e[i]));
    for (int i = 0; i < 5; i++)
        sched_done(s, &e[i], SCHED_NO_CONTACT, i);
    cr_assert_eq(sched_next_ms(s), SCHED_BACKOFF_MIN_MS);
    sched_free(&s);
}

Test(sched, patience_has_an_end)
{
    struct sched *s = sched_new(2);
    struct sched_entry e[3];

    for (uint64_t row = 1; row <= 4; row++)
        sched_add(s, row, "a", 0, NULL);
    cr_assert(sched_take(s, 0, &e[0]));
    sched_done(s, &e[0], SCHED_NO_CONTACT, 0);
    cr_assert(sched_take(s, SCHED_PATIENCE_MS, &e[0]));
    cr_assert(sched_take(s, SCHED_PATIENCE_MS, &e[1]), "overdue entries do not wait for the probe");
    cr_assert_not(sched_take(s, SCHED_PATIENCE_MS, &e[2]), "but for a slot");
    sched_free(&s);
}

Test(sched, hurry_passes_backoff_and_order)
{
    struct sched *s = sched_new(5);
    struct sched_entry e;

    sched_add(s, 1, "a", 0, NULL);
    sched_add(s, 2, "a", 0, NULL);
    sched_add(s, 3, "a", 999999, NULL);
    cr_assert(sched_take(s, 0, &e));
    sched_done(s, &e, SCHED_NO_CONTACT, 0);
    sched_hurry(s, 3, 5);
    cr_assert_eq(take(s, 5, &e), 3);
    cr_assert_eq(take(s, 5, &e), 0);
    sched_hurry(s, 77, 5); /* unknown: nothing */
    sched_free(&s);
}

Test(sched, remove_takes_all_waiting_of_a_row)
{
    struct sched *s = sched_new(5);
    struct sched_entry e, other;
    struct message *m = rig_message("a@one.example", "x");

    sched_add(s, 1, "a", 0, NULL);
    cr_assert(sched_take(s, 0, &e));
    sched_add(s, 1, "a", 5, NULL);
    sched_add(s, 1, "b", 5, NULL);
    sched_add(s, 2, "a", 6, m);
    cr_assert_gt(sched_fresh_octets(s), 0);
    sched_remove(s, 1);
    sched_remove(s, 2);
    cr_assert_eq(sched_fresh_octets(s), 0);
    cr_assert_eq(sched_waiting(s), 0);
    cr_assert(sched_in_flight(s, 1));
    cr_assert_not(sched_take(s, 100, &other));
    sched_done(s, &e, SCHED_MADE_CONTACT, 100);
    cr_assert_not(sched_in_flight(s, 1));
    sched_free(&s);
    NO_LEAKS();
}

Test(sched, a_row_waits_once_per_destination)
{
    struct sched *s = sched_new(5);
    struct sched_entry e;

    sched_add(s, 1, "a", 50, NULL);
    sched_add(s, 1, "a", 20, rig_message("a@one.example", "x"));
    sched_add(s, 1, "a", 70, NULL);
    cr_assert_eq(sched_waiting(s), 1);
    cr_assert_eq(sched_next_ms(s), 20);
    cr_assert_eq(take(s, 100, &e), 1);
    cr_assert_eq(take(s, 100, &e), 0);
    sched_free(&s);
    NO_LEAKS();
}

Test(sched, fresh_comes_with_its_entry)
{
    struct sched *s = sched_new(5);
    struct sched_entry e;
    struct message *m = rig_message("a@one.example", "x");

    sched_add(s, 1, "a", 0, m);
    cr_assert(sched_take(s, 0, &e));
    cr_assert_eq(e.fresh, m);
    cr_assert_eq(sched_fresh_octets(s), 0);
    message_free(&m);
    sched_free(&s);
    NO_LEAKS();
}

/* 100,000 dead destinations beside one that lives: what it costs to serve the living one must not
 * depend on the dead. A linear scan would take 10^9 steps here, and the test's time limit. */
Test(sched, dead_destinations_hold_up_nobody, .timeout = 30)
{
    enum { DEAD = 100000, LIVE = 10000 };
    struct sched *s = sched_new(1);
    struct sched_entry e;
    char key[32];

    for (uint64_t row = 1; row <= DEAD; row++) {
        (void)snprintf(key, sizeof(key), "dead%lu", (unsigned long)row);
        sched_add(s, row, key, 0, NULL);
        sched_add(s, row + 1000000, key, 0, NULL);
    }
    for (uint64_t row = 1; row <= DEAD; row++) {
        cr_assert(sched_take(s, 0, &e));
        sched_done(s, &e, SCHED_NO_CONTACT, 0);
    }
    for (uint64_t row = 1; row <= LIVE; row++) {
        sched_add(s, row + 2000000, "live", 1, NULL);
        cr_assert_eq(take(s, 1, &e), row + 2000000);
        sched_done(s, &e, SCHED_MADE_CONTACT, 1);
        (void)sched_next_ms(s);
    }
    cr_assert_not(sched_take(s, 1, &e));
    cr_assert_eq(sched_waiting(s), DEAD);
    sched_free(&s);
}

/* The model: arrays and loops. */
enum { ROWS = 12, DESTINATIONS = 4, CONCURRENCY = 3, STEPS = 40000 };

struct model {
    struct {
        bool waiting, hurried;
        int64_t due;
    } entry[ROWS][DESTINATIONS];
    struct {
        unsigned in_flight;
        int64_t backoff, not_before;
    } to[DESTINATIONS];
    unsigned row_in_flight[ROWS];
};

static bool model_may_take(const struct model *m, int row, int d, int64_t now)
{
    bool waiting = m->entry[row][d].waiting, hurried = m->entry[row][d].hurried;
    int64_t due = m->entry[row][d].due;

    if (!waiting || m->to[d].in_flight >= CONCURRENCY)
        return false;
    if (hurried)
        return true;
    if (due > now)
        return false;
    if (m->to[d].backoff == 0 || now >= due + SCHED_PATIENCE_MS)
        return true;
    return m->to[d].in_flight == 0 && now >= m->to[d].not_before;
}

static bool model_may_take_any(const struct model *m, int64_t now)
{
    for (int row = 0; row < ROWS; row++)
        for (int d = 0; d < DESTINATIONS; d++)
            if (model_may_take(m, row, d, now))
                return true;
    return false;
}

/* What a destination did is forgotten when nothing waits for it and its back-off is over. */
static void model_forget(struct model *m, int64_t now)
{
    for (int d = 0; d < DESTINATIONS; d++) {
        bool used = m->to[d].in_flight > 0;
        for (int row = 0; row < ROWS; row++)
            used |= m->entry[row][d].waiting;
        if (!used && now >= m->to[d].not_before)
            m->to[d].backoff = m->to[d].not_before = 0;
    }
}

static void model_add(struct model *m, int row, int d, int64_t due)
{
    if (m->entry[row][d].waiting && (m->entry[row][d].hurried || m->entry[row][d].due <= due))
        return;
    m->entry[row][d].waiting = true;
    m->entry[row][d].hurried = false;
    m->entry[row][d].due = due;
}

static void model_done(struct model *m, int row, int d, enum sched_result result, int64_t now)
{
    m->to[d].in_flight--;
    m->row_in_flight[row]--;
    if (result == SCHED_MADE_CONTACT)
        m->to[d].backoff = m->to[d].not_before = 0;
    if (result != SCHED_NO_CONTACT || (m->to[d].backoff && now < m->to[d].not_before))
        return;
    int64_t next = m->to[d].backoff ? m->to[d].backoff * 2 : SCHED_BACKOFF_MIN_MS;
    m->to[d].backoff = next > SCHED_BACKOFF_MAX_MS ? SCHED_BACKOFF_MAX_MS : next;
    m->to[d].not_before = now + m->to[d].backoff;
}

struct walk {
    struct sched *s;
    struct model m;
    struct sched_entry out[ROWS * DESTINATIONS * CONCURRENCY];
    size_t n_out;
    int64_t now;
    uint64_t seed;
};

static unsigned roll(struct walk *w, unsigned n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->seed >> 33) % n;
}

static void walk_take(struct walk *w, unsigned step)
{
    struct sched_entry e;
    bool may;

    model_forget(&w->m, w->now);
    may = model_may_take_any(&w->m, w->now);
    if (may)
        cr_assert(sched_next_ms(w->s) <= w->now, "step %u: it must be announced", step);
    cr_assert_eq(sched_take(w->s, w->now, &e), may, "step %u", step);
    if (!may)
        return;
    int row = (int)e.row, d = e.destination[0] - 'a';
    cr_assert(model_may_take(&w->m, row, d, w->now), "step %u", step);
    w->m.entry[row][d].waiting = false;
    w->m.to[d].in_flight++;
    w->m.row_in_flight[row]++;
    w->out[w->n_out++] = e;
}

static void walk_done(struct walk *w)
{
    if (w->n_out == 0)
        return;
    size_t i = roll(w, (unsigned)w->n_out);
    struct sched_entry e = w->out[i];
    enum sched_result result = (enum sched_result)roll(w, 3);

    model_done(&w->m, (int)e.row, e.destination[0] - 'a', result, w->now);
    sched_done(w->s, &e, result, w->now);
    w->out[i] = w->out[--w->n_out];
}

static void walk_row(struct walk *w, bool remove)
{
    int row = (int)roll(w, ROWS);

    for (int d = 0; d < DESTINATIONS; d++) {
        w->m.entry[row][d].waiting &= !remove;
        w->m.entry[row][d].hurried = w->m.entry[row][d].waiting;
    }
    if (remove)
        sched_remove(w->s, (uint64_t)row);
    else
        sched_hurry(w->s, (uint64_t)row, w->now);
}

static void walk_add(struct walk *w)
{
    int row = (int)roll(w, ROWS), d = (int)roll(w, DESTINATIONS);
    char key[2] = {(char)('a' + d), '\0'};
    int64_t due = w->now + (int64_t)roll(w, 4000) - 1000;

    model_add(&w->m, row, d, due);
    sched_add(w->s, (uint64_t)row, key, due, NULL);
}

static void walk_step(struct walk *w, unsigned step)
{
    unsigned what = roll(w, 100);

    if (what < 30)
        walk_add(w);
    else if (what < 60)
        walk_take(w, step);
    else if (what < 85)
        walk_done(w);
    else if (what < 98)
        w->now += (int64_t)roll(w, what < 96 ? 500 : 1000000);
    else
        walk_row(w, what == 98);
    for (int row = 0; row < ROWS; row++)
        cr_assert_eq(sched_in_flight(w->s, (uint64_t)row), w->m.row_in_flight[row] > 0);
}

Test(sched, random_walk_beside_a_model)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct walk w = {.s = sched_new(CONCURRENCY), .now = 1000000, .seed = seed};
        for (unsigned step = 0; step < STEPS; step++)
            walk_step(&w, step);
        sched_free(&w.s);
    }
    NO_LEAKS();
}
