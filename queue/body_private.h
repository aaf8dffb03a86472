/* What only the queue folder does with bodies: syncing files, and deciding when a file stays. */
#ifndef DANELAW_QUEUE_BODY_PRIVATE_H
#define DANELAW_QUEUE_BODY_PRIVATE_H

#include <stdatomic.h>

#include "queue/body.h"

struct body {
    _Atomic unsigned refs;
    uint64_t size;
    char *memory;         /* NULL if it is a file */
    char *path;           /* NULL if it is in memory */
    _Atomic int fd;       /* -1: not open */
    _Atomic bool unowned; /* a file that no row names yet: it goes with the last reference */
    bool synced;
    bool eight_bit; /* of a file that was just written */
};

/* Whether an octet is above 127. */
bool body_any_8bit(struct slice s);

enum body_sync { BODY_SYNCED, BODY_NO_SPACE, BODY_SYNC_FAILED };

/* Takes the writer's descriptor. A body made by a writer is unowned. */
struct body *body_of_written(char *path, int fd, uint64_t size, bool eight_bit);
/* fdatasync on the descriptor that wrote the file, which is the one that hears of a lost write. */
enum body_sync body_sync_file(struct body *b);
/* A committed row names the file: it stays. */
void body_keep_file(struct body *b);

#endif
