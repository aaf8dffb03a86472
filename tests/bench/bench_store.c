/* How many messages a second the SQLite store takes and settles, one batch one commit: each batch puts
 * N messages and settles the N of the batch before. Not a test.
 * bench_store [directory [seconds [octets [batch]]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"
#include "config/base/log.h"
#include "queue/store.h"

struct bench {
    struct store *store;
    size_t batch;
    char *content;
    size_t octets;
    struct message **messages;
    struct rcpt_change delivered;
    struct store_op *ops;
    uint64_t *before; /* rows of the batch before */
};

static struct message *make_message(const struct bench *b)
{
    struct message *m = message_new();

    message_make_id(m->id);
    m->arrival_ms = clock_wall_ms();
    free(m->sender);
    m->sender = base_strdup("sender@example.org");
    (void)message_add_rcpt(m, SLICE("recipient@example.net"), SLICE("example.net"));
    m->body = body_of_memory(slice_make(b->content, b->octets));
    m->size = b->octets;
    return m;
}

static bool run_batch(struct bench *b, bool settle)
{
    size_t n = 0;

    for (size_t i = 0; i < b->batch; i++) {
        b->messages[i] = make_message(b);
        b->ops[n++] = (struct store_op){.kind = STORE_PUT, .message = b->messages[i]};
    }
    for (size_t i = 0; settle && i < b->batch; i++)
        b->ops[n++] = (struct store_op){.kind = STORE_SETTLE, .row = b->before[i],
                                        .changes = &b->delivered, .n_changes = 1};
    if (b->store->ops->apply(b->store, b->ops, n) != STORE_OK)
        return false;
    for (size_t i = 0; i < b->batch; i++) {
        b->before[i] = b->messages[i]->row;
        message_free(&b->messages[i]);
    }
    return true;
}

static bool run(struct bench *b, int64_t duration_ms)
{
    int64_t start = clock_mono_ms(), took;
    uint64_t batches = 0;

    do {
        if (!run_batch(b, batches > 0))
            return false;
        batches++;
    } while ((took = clock_mono_ms() - start) < duration_ms);
    printf("%.0f messages/s put and settled, %zu octets, batches of %zu, %.0f commits/s\n",
           (double)(batches * b->batch) * 1000 / (double)took, b->octets, b->batch,
           (double)batches * 1000 / (double)took);
    return true;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/tmp";
    struct bench b = {.octets = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 4096,
                      .batch = argc > 4 ? (size_t)strtoul(argv[4], NULL, 10) : 50};
    int64_t seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    char path[300];
    struct buf errors;

    (void)snprintf(path, sizeof(path), "%s/bench-store-XXXXXX", directory);
    buf_init(&errors, 1000);
    log_setup(LOG_TEXT, LOG_ERROR);
    b.store = mkdtemp(path) ? store_sqlite_open(path, &errors) : NULL;
    if (!b.store) {
        fprintf(stderr, "%s", buf_cstr(&errors));
        return 1;
    }
    b.content = base_alloc(b.octets);
    memset(b.content, 'x', b.octets);
    b.messages = base_alloc_array(b.batch, sizeof(*b.messages));
    b.ops = base_alloc_array(b.batch * 2, sizeof(*b.ops));
    b.before = base_alloc_array(b.batch, sizeof(*b.before));
    b.delivered = (struct rcpt_change){.state = RCPT_DELIVERED};
    bool ok = run(&b, seconds * 1000);
    b.store->ops->close(b.store);
    fprintf(stderr, "the store is left in %s\n", path);
    return ok ? 0 : 1;
}
