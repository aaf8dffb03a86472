/* Row notes: which recipients are out, what the operator decided meanwhile. Queue loop. */
#include <stdlib.h>

#include "queue/queue_private.h"

struct row_note *queue_note_find(const struct queue *q, uint64_t row)
{
    struct row_note *note;
    HASH_FIND(hh, q->notes, &row, sizeof(row), note);
    return note;
}

struct row_note *queue_note_of(struct queue *q, uint64_t row)
{
    struct row_note *note = queue_note_find(q, row);

    if (note)
        return note;
    note = base_alloc(sizeof(*note));
    note->row = row;
    list_init(&note->jobs);
    HASH_ADD(hh, q->notes, row, sizeof(row), note);
    return note;
}

void queue_note_drop(struct queue *q, struct row_note *note)
{
    if (!note || !list_is_empty(&note->jobs) || (note->forced && !note->deleted))
        return;
    HASH_DEL(q->notes, note);
    free(note);
}

bool queue_note_has_rcpt(const struct row_note *note, size_t rcpt)
{
    if (!note)
        return false;
    LIST_EACH (node, &note->jobs) {
        const struct job *job = LIST_ENTRY(node, struct job, of_row);
        for (size_t i = 0; i < job->n_rcpts; i++)
            if (job->rcpts[i] == rcpt)
                return true;
    }
    return false;
}
