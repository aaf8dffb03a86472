/* See sched.h. Each destination has a heap of its entries by due time, and is itself in one place
 * at most: the ring of those that may be served now, or the heap of those that may be later. So
 * taking costs the same however many destinations wait or are dead. Pure; belongs to the queue
 * loop. */
#include "queue/sched.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/heap.h"
#include "config/base/list.h"
#include "config/base/map.h"
#include "queue/message.h"

#define NEVER   INT64_MAX
#define HURRIED INT64_MIN /* as a due time: before all others, whatever the back-off says */

struct destination {
    char *key;
    struct heap entries; /* of struct entry, by due time */
    size_t in_flight;
    int64_t backoff_ms;    /* 0: it answers, as far as we know */
    int64_t not_before_ms; /* while it backs off */
    struct list ready;     /* in sched.ready */
    struct heap_node wake; /* in sched.sleeping */
    UT_hash_handle hh;
};

struct entry {
    struct heap_node due;
    struct list of_row;
    struct destination *to;
    struct row *row;
    struct message *fresh;
};

struct row {
    uint64_t number;
    struct list entries; /* waiting */
    size_t in_flight;
    UT_hash_handle hh;
};

struct sched {
    uint64_t concurrency;
    struct destination *destinations;
    struct row *rows;
    struct list ready;    /* destinations with a due entry and a free slot, served in turn */
    struct heap sleeping; /* the others that have something to wait for */
    size_t waiting;
    uint64_t fresh_octets;
    int64_t now_ms; /* as the caller last said */
};

struct sched *sched_new(uint64_t concurrency)
{
    struct sched *s = base_alloc(sizeof(*s));
    s->concurrency = concurrency ? concurrency : 1;
    list_init(&s->ready);
    return s;
}

static bool is_ready(const struct destination *d)
{
    return !list_is_empty(&d->ready);
}

static int64_t later(int64_t ms, int64_t by)
{
    return ms > INT64_MAX - by ? INT64_MAX : ms + by;
}

/* When this destination may next give an entry, as far as it is known now. */
static int64_t wake_time(const struct sched *s, const struct destination *d)
{
    const struct heap_node *first = heap_first(&d->entries);

    if (!first)
        return d->in_flight ? NEVER : d->not_before_ms; /* then it is forgotten */
    if (d->in_flight >= s->concurrency)
        return NEVER;
    if (first->key == HURRIED || d->backoff_ms == 0)
        return first->key;
    int64_t patience = later(first->key, SCHED_PATIENCE_MS);
    int64_t probe = first->key > d->not_before_ms ? first->key : d->not_before_ms;
    return d->in_flight || probe > patience ? patience : probe;
}

static void forget(struct sched *s, struct destination *d)
{
    list_remove(&d->ready);
    heap_remove(&s->sleeping, &d->wake);
    HASH_DEL(s->destinations, d);
    heap_free(&d->entries);
    free(d->key);
    free(d);
}

/* Puts a destination that changed where it belongs. A ready one keeps its turn while it may be
 * served. */
static void refile(struct sched *s, struct destination *d)
{
    if (d->entries.n == 0 && d->in_flight == 0 && d->backoff_ms == 0) {
        forget(s, d);
        return;
    }
    int64_t at = wake_time(s, d);
    if (is_ready(d) && d->entries.n && at <= s->now_ms)
        return;
    list_remove(&d->ready);
    if (at == NEVER)
        heap_remove(&s->sleeping, &d->wake);
    else
        heap_change(&s->sleeping, &d->wake, at);
}

void sched_set_concurrency(struct sched *s, uint64_t concurrency)
{
    struct destination *d, *next;

    s->concurrency = concurrency ? concurrency : 1;
    HASH_ITER (hh, s->destinations, d, next)
        refile(s, d);
}

static struct destination *destination_of(struct sched *s, const char *key)
{
    struct destination *d;

    HASH_FIND_STR(s->destinations, key, d);
    if (d)
        return d;
    d = base_alloc(sizeof(*d));
    d->key = base_strdup(key);
    list_init(&d->ready);
    HASH_ADD_KEYPTR(hh, s->destinations, d->key, strlen(d->key), d);
    return d;
}

static struct row *find_row(const struct sched *s, uint64_t number)
{
    struct row *r;
    HASH_FIND(hh, s->rows, &number, sizeof(number), r);
    return r;
}

static struct row *row_of(struct sched *s, uint64_t number)
{
    struct row *r = find_row(s, number);

    if (r)
        return r;
    r = base_alloc(sizeof(*r));
    r->number = number;
    list_init(&r->entries);
    HASH_ADD(hh, s->rows, number, sizeof(number), r);
    return r;
}

static void release_row(struct sched *s, struct row *r)
{
    if (r->in_flight || !list_is_empty(&r->entries))
        return;
    HASH_DEL(s->rows, r);
    free(r);
}

static uint64_t octets_of(const struct message *m)
{
    return m ? sizeof(*m) + m->size : 0;
}

static struct entry *find_entry(struct row *r, const struct destination *d)
{
    LIST_EACH (node, &r->entries) {
        struct entry *e = LIST_ENTRY(node, struct entry, of_row);
        if (e->to == d)
            return e;
    }
    return NULL;
}

static void add_entry(struct sched *s, struct row *r, struct destination *d, int64_t due_ms,
                      struct message *fresh)
{
    struct entry *e = base_alloc(sizeof(*e));
    e->to = d;
    e->row = r;
    e->fresh = fresh;
    list_append(&r->entries, &e->of_row);
    heap_insert(&d->entries, &e->due, due_ms);
    s->waiting++;
    s->fresh_octets += octets_of(fresh);
}

void sched_add(struct sched *s, uint64_t row, const char *destination, int64_t due_ms,
               struct message *fresh)
{
    struct destination *d = destination_of(s, destination);
    struct row *r = row_of(s, row);
    struct entry *e = find_entry(r, d);

    if (!e)
        add_entry(s, r, d, due_ms, fresh);
    else
        message_free(&fresh);
    if (e && e->due.key > due_ms)
        heap_change(&d->entries, &e->due, due_ms);
    refile(s, d);
}

/* Takes a waiting entry out of everything but its row and its destination. */
static void unlink_entry(struct sched *s, struct entry *e)
{
    heap_remove(&e->to->entries, &e->due);
    list_remove(&e->of_row);
    s->waiting--;
    s->fresh_octets -= octets_of(e->fresh);
}

/* Destinations whose time has come join the ring at its end. */
static void wake_due(struct sched *s, int64_t now_ms)
{
    struct heap_node *node;

    while ((node = heap_first(&s->sleeping)) && node->key <= now_ms) {
        struct destination *d = CONTAINER_OF(node, struct destination, wake);
        heap_remove(&s->sleeping, node);
        if (d->entries.n)
            list_append(&s->ready, &d->ready);
        else
            forget(s, d);
    }
}

static void take_entry(struct sched *s, struct destination *d, struct sched_entry *out_entry)
{
    struct entry *e = CONTAINER_OF(heap_first(&d->entries), struct entry, due);

    unlink_entry(s, e);
    d->in_flight++;
    e->row->in_flight++;
    *out_entry = (struct sched_entry){
        .row = e->row->number, .destination = d->key, .fresh = e->fresh, .private = d};
    free(e);
}

bool sched_take(struct sched *s, int64_t now_ms, struct sched_entry *out_entry)
{
    struct list *node;

    s->now_ms = now_ms;
    wake_due(s, now_ms);
    while ((node = list_take_first(&s->ready))) {
        struct destination *d = LIST_ENTRY(node, struct destination, ready);
        bool can = d->entries.n && wake_time(s, d) <= now_ms;
        if (can)
            take_entry(s, d, out_entry);
        if (can && d->entries.n && wake_time(s, d) <= now_ms)
            list_append(&s->ready, &d->ready);
        else
            refile(s, d);
        if (can)
            return true;
    }
    return false;
}

/* What was in flight when the destination went down fails together and counts once: only a probe,
 * made after the back-off, doubles it. */
static void note_contact(struct destination *d, enum sched_result result, int64_t now_ms)
{
    if (result == SCHED_MADE_CONTACT) {
        d->backoff_ms = 0;
        d->not_before_ms = 0;
    }
    if (result != SCHED_NO_CONTACT || (d->backoff_ms && now_ms < d->not_before_ms))
        return;
    d->backoff_ms = d->backoff_ms ? d->backoff_ms * 2 : SCHED_BACKOFF_MIN_MS;
    if (d->backoff_ms > SCHED_BACKOFF_MAX_MS)
        d->backoff_ms = SCHED_BACKOFF_MAX_MS;
    d->not_before_ms = now_ms + d->backoff_ms;
}

void sched_done(struct sched *s, const struct sched_entry *e, enum sched_result result,
                int64_t now_ms)
{
    struct destination *d = e->private;
    struct row *r = find_row(s, e->row);

    REQUIRE(r && r->in_flight && d->in_flight);
    r->in_flight--;
    d->in_flight--;
    release_row(s, r);
    note_contact(d, result, now_ms);
    s->now_ms = now_ms;
    refile(s, d);
}

void sched_remove(struct sched *s, uint64_t row)
{
    struct row *r = find_row(s, row);

    if (!r)
        return;
    LIST_EACH (node, &r->entries) {
        struct entry *e = LIST_ENTRY(node, struct entry, of_row);
        unlink_entry(s, e);
        refile(s, e->to);
        message_free(&e->fresh);
        free(e);
    }
    release_row(s, r);
}

void sched_hurry(struct sched *s, uint64_t row, int64_t now_ms)
{
    struct row *r = find_row(s, row);

    if (!r)
        return;
    LIST_EACH (node, &r->entries) {
        struct entry *e = LIST_ENTRY(node, struct entry, of_row);
        heap_change(&e->to->entries, &e->due, HURRIED);
        refile(s, e->to);
    }
}

int64_t sched_next_ms(const struct sched *s)
{
    const struct heap_node *first = heap_first(&s->sleeping);

    if (!list_is_empty(&s->ready) || (first && first->key < 0))
        return 0;
    return first ? first->key : NEVER;
}

size_t sched_waiting(const struct sched *s)
{
    return s->waiting;
}

uint64_t sched_fresh_octets(const struct sched *s)
{
    return s->fresh_octets;
}

bool sched_in_flight(const struct sched *s, uint64_t row)
{
    const struct row *r = find_row(s, row);
    return r && r->in_flight;
}

void sched_free(struct sched **sp)
{
    struct sched *s = *sp;
    struct row *r, *next_row;
    struct destination *d, *next;

    if (!s)
        return;
    HASH_ITER (hh, s->rows, r, next_row) {
        r->in_flight = 0; /* takers of the process's last jobs do not come back */
        sched_remove(s, r->number);
    }
    HASH_ITER (hh, s->destinations, d, next)
        forget(s, d);
    heap_free(&s->sleeping);
    free(s);
    *sp = NULL;
}
