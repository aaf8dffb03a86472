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

struct sched *sched_new(uint64_t concurrency);
void sched_free(struct sched **s);
void sched_set_concurrency(struct sched *s, uint64_t concurrency);

/* Adds; the destination is copied. fresh becomes the schedule's until taken or removed. */
void sched_add(struct sched *s, uint64_t row, const char *destination, int64_t due_ms,
               struct message *fresh);
/* The next entry that is due and whose destination has a free slot; counts as in flight. */
bool sched_take(struct sched *s, int64_t now_ms, struct sched_entry *out_entry);
enum sched_result {
    SCHED_MADE_CONTACT, /* the destination answers: clears its back-off */
    SCHED_NO_CONTACT,   /* no host could be reached or used: the destination backs off, doubling
                           from backoff_min to backoff_max; one entry at a time probes it then */
    SCHED_NOT_TRIED,    /* says nothing about the destination (RESOLVER_DOWN, shutdown) */
};
/* Frees the slot of a taken entry. The caller adds it again if anything is left to do. */
void sched_done(struct sched *s, const struct sched_entry *e, enum sched_result result,
                int64_t now_ms);
/* Removes all waiting entries of a message (deleted, held). Entries in flight stay the taker's. */
void sched_remove(struct sched *s, uint64_t row);
/* Due at once, without waiting for the destination's back-off. */
void sched_hurry(struct sched *s, uint64_t row, int64_t now_ms);
/* Wall clock of the next moment at which sched_take may give something; INT64_MAX: none. */
int64_t sched_next_ms(const struct sched *s);
size_t sched_waiting(const struct sched *s);
/* Whether the row has an entry in flight. */
bool sched_in_flight(const struct sched *s, uint64_t row);

#endif
