/* The schedule: which message goes to which destination next. A data structure: no store, no thread,
 * no clock. Destinations are served in turn; each has its own concurrency limit and its own back-off,
 * so that a dead one holds up nobody else. Pure. */
#ifndef DANELAW_QUEUE_SCHED_H
#define DANELAW_QUEUE_SCHED_H

#include "config/base/base.h"

struct sched;
struct message;

/* One message towards one destination. */
struct sched_entry {
    uint64_t row;             /* of the message */
    const char *destination;  /* borrows, valid until the entry is settled */
    struct message *fresh;    /* kept in memory for its first attempt, or NULL; owned by the taker */
    void *private;
};

enum {
    SCHED_BACKOFF_MIN_MS = 1000,
    SCHED_BACKOFF_MAX_MS = 10 * 60 * 1000,
    SCHED_PATIENCE_MS = 15 * 60 * 1000, /* how long back-off may hold a due entry */
};

struct sched *sched_new(uint64_t concurrency);
void sched_free(struct sched **s);
void sched_set_concurrency(struct sched *s, uint64_t concurrency);

/* Adds; the destination is copied. fresh becomes the schedule's until taken or removed. A row waits at
 * most once for a destination: adding it again keeps the earlier time and drops fresh. */
void sched_add(struct sched *s, uint64_t row, const char *destination, int64_t due_ms,
               struct message *fresh);
/* The next entry that is due and whose destination has a free slot; counts as in flight. */
bool sched_take(struct sched *s, int64_t now_ms, struct sched_entry *out_entry);
enum sched_result {
    SCHED_MADE_CONTACT, /* the destination answers: clears its back-off */
    SCHED_NO_CONTACT,   /* no host could be reached or used: the destination backs off, doubling
                           from backoff_min to backoff_max; one entry at a time probes it then. An
                           entry overdue by more than the patience goes all the same, so that a
                           long queue towards a dead destination still gets its attempts */
    SCHED_NOT_TRIED,    /* says nothing about the destination (RESOLVER_DOWN, shutdown) */
};
/* Frees the slot of a taken entry. The caller adds it again if anything is left to do. */
void sched_done(struct sched *s, const struct sched_entry *e, enum sched_result result,
                int64_t now_ms);
/* Removes all waiting entries of a message (deleted, held). Entries in flight stay the taker's. */
void sched_remove(struct sched *s, uint64_t row);
/* Due at once, without waiting for the destination's back-off. */
void sched_hurry(struct sched *s, uint64_t row, int64_t now_ms);
/* Wall clock of the next moment at which sched_take may give something; 0: at once; INT64_MAX:
 * never, as things are. */
int64_t sched_next_ms(const struct sched *s);
size_t sched_waiting(const struct sched *s);
/* Octets of the fresh messages it keeps. */
uint64_t sched_fresh_octets(const struct sched *s);
/* Whether the row has an entry in flight. */
bool sched_in_flight(const struct sched *s, uint64_t row);

#endif
