#include "tests/queue/rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/arena.h"
#include "config/base/clock.h"
#include "config/base/log.h"

struct message *rig_message(const char *rcpts, const char *content)
{
    struct message *m = message_new();
    struct slice left = slice_of(rcpts);
    char domain[HOSTNAME_MAX];

    message_make_id(m->id);
    m->arrival_ms = RIG_START_MS;
    free(m->sender);
    m->sender = base_strdup("from@example.org");
    m->body = body_of_memory(slice_of(content));
    m->size = body_size(m->body);
    while (left.n) {
        struct slice address = slice_head(left, slice_find(left, ' '));
        cr_assert(message_domain_of(address, domain));
        size_t i = message_add_rcpt(m, address, slice_of(domain));
        m->rcpts[i].next_ms = RIG_START_MS;
        left = slice_skip(left, address.n + 1);
    }
    return m;
}

struct rcpt_change rig_change(size_t rcpt, enum rcpt_state state, enum cause cause, int64_t next_ms)
{
    struct rcpt_change c = {
        .rcpt = rcpt, .state = state, .next_ms = next_ms, .status = status_of(cause)};
    (void)slice_copy(SLICE("mx.example[192.0.2.1]:25"), c.remote, sizeof(c.remote));
    return c;
}

char *rig_directory(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[300];

    (void)snprintf(path, sizeof(path), "%s/danelaw-queue-XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(path));
    return base_strdup(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

void rig_remove(char **directory)
{
    (void)nftw(*directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*directory);
    *directory = NULL;
}

char *rig_join(const char *directory, const char *name)
{
    size_t n = strlen(directory) + strlen(name) + 2;
    char *path = base_alloc(n);
    (void)snprintf(path, n, "%s/%s", directory, name);
    return path;
}

bool rig_exists(const char *directory, const char *name)
{
    char *path = rig_join(directory, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static char lines[64 * 1024];
static size_t n_lines;

static void keep_line(const char *line, size_t n, void *arg)
{
    if (n_lines + n < sizeof(lines)) {
        memcpy(lines + n_lines, line, n);
        n_lines += n;
        lines[n_lines] = '\0';
    }
}

void rig_log_start(void)
{
    n_lines = 0;
    lines[0] = '\0';
    log_capture(keep_line, NULL);
}

unsigned rig_log_count(const char *text)
{
    unsigned n = 0;

    for (const char *at = lines; (at = strstr(at, text)); at++)
        n++;
    return n;
}

static struct config *make_config(void)
{
    struct arena *arena = arena_new();
    struct config *c = arena_alloc(arena, sizeof(*c));
    c->refs = 1;
    c->arena = arena;
    c->delivery.destination_concurrency = 20;
    c->delivery.retry_min_ms = 300000;
    return c;
}

static void on_job(struct job *job, void *arg)
{
    struct rig *r = arg;
    cr_assert_lt(r->n_out, ARRAY_LEN(r->out));
    r->out[r->n_out++] = job;
    r->taken++;
}

static void on_fatal(void *arg)
{
    ((struct rig *)arg)->fatal++;
}

void rig_open(struct rig *r, const char *directory)
{
    struct buf errors;

    memset(r, 0, sizeof(*r));
    rig_log_start();
    clock_fake_start(RIG_START_MS);
    buf_init(&errors, 1000);
    r->store = directory ? store_sqlite_open(directory, &errors) : store_memory_open();
    cr_assert(r->store, "%s", buf_cstr(&errors));
    buf_free(&errors);
    r->queue_loop = loop_new("queue");
    r->sync_loop = loop_new("sync");
    r->home = loop_new("home");
    r->config = make_config();
    r->queue = queue_new(r->queue_loop, r->sync_loop, r->store, r->config, directory);
    queue_on_fatal(r->queue, on_fatal, r);
    queue_add_worker(r->queue, r->home, on_job, r);
}

void rig_start(struct rig *r)
{
    cr_assert(queue_start(r->queue));
    rig_pump(r);
}

void rig_pump(struct rig *r)
{
    for (int quiet = 0; quiet < 2;) {
        bool ran = loop_pump(r->sync_loop);
        ran |= loop_pump(r->queue_loop);
        ran |= loop_pump(r->home);
        quiet = ran ? 0 : quiet + 1;
    }
}

void rig_advance(struct rig *r, int64_t ms)
{
    clock_fake_advance(ms);
    rig_pump(r);
}

void rig_close(struct rig *r)
{
    rig_pump(r);
    queue_free(&r->queue);
    loop_free(&r->queue_loop);
    loop_free(&r->sync_loop);
    loop_free(&r->home);
    config_unref(&r->config);
    clock_fake_stop();
    log_capture(NULL, NULL);
}

static void on_submitted(struct queue_submit *submit)
{
    CONTAINER_OF(submit, struct rig_submit, submit)->answered++;
}

void rig_submit(struct rig *r, struct rig_submit *s, struct message *m)
{
    memset(s, 0, sizeof(*s));
    s->submit.home = r->home;
    s->submit.done = on_submitted;
    s->submit.message = m;
    queue_submit(r->queue, &s->submit);
}

void rig_settle(struct rig *r, size_t i, enum rcpt_state state, enum cause cause, int64_t next_ms,
                enum sched_result contact)
{
    struct job *job = r->out[i];

    cr_assert_lt(i, r->n_out);
    memmove(&r->out[i], &r->out[i + 1], (r->n_out - i - 1) * sizeof(*r->out));
    r->n_out--;
    for (size_t k = 0; k < job->n_rcpts; k++)
        job->changes[k] = rig_change(job->rcpts[k], state, cause, next_ms);
    job->contact = contact;
    queue_settle(job);
}

void rig_deliver(struct rig *r, size_t i)
{
    rig_settle(r, i, RCPT_DELIVERED, CAUSE_REMOTE_OK, 0, SCHED_MADE_CONTACT);
}

void rig_defer(struct rig *r, size_t i, int64_t next_ms)
{
    rig_settle(r, i, RCPT_QUEUED, CAUSE_REMOTE_TEMPFAIL, next_ms, SCHED_MADE_CONTACT);
}

static void on_request(struct queue_request *request)
{
    request->queue = NULL;
}

void rig_ask(struct rig *r, struct queue_request *request, enum queue_action action)
{
    request->home = r->home;
    request->done = on_request;
    request->action = action;
    queue_ask(r->queue, request);
    rig_pump(r);
    cr_assert_null(request->queue, "the request must come home");
}
