/* The mta process: SMTP in, SMTP out, the queue. Main loop: signals, accept, admission, the control
 * socket, the link to dns, reload and stop. Start order: settings, store, loops, control, doors; stop
 * order: doors, sessions and deliveries (with a grace), loops, store. */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "mta/auth/desk.h"
#include "dns/query.h"
#include "mta/run/control.h"
#include "mta/run/listen.h"
#include "mta/run/lists.h"
#include "mta/run/roles.h"
#include "mta/run/spawn.h"
#include "mta/run/status.h"

enum { STOP_GRACE_MS = 10000, STOP_POLL_MS = 20, SNAPSHOT_MS = 1000 };

struct mta {
    struct loop *main, *queue_loop, *sync_loop, *auth_loop;
    struct settings *settings;
    struct store *store;
    struct queue *queue;
    struct dns_link *dns;
    struct auth_desk *auth;
    struct worker **workers;
    size_t n_workers;
    struct listen *listen;
    struct control *control;
    struct lists *lists;
    int channel, status_link;
    int *sockets;
    size_t n_sockets;
    struct event *channel_event, *signals[3];
    struct timer stop_timer, snapshot_timer;
    int64_t started_ms, stop_deadline_ms;
    bool stopping;
    char resolver_detail[200];
    int exit_status;
};

static void session_ended(void *arg, unsigned worker, const char *listener, const struct ip *client)
{
    listen_session_ended(((struct mta *)arg)->listen, worker, listener, client);
}

static void session_moves(void *arg, struct in_move *move)
{
    listen_session_moves(((struct mta *)arg)->listen, move);
}

/* ---- stop ---- */

static void stop_poll(struct timer *t)
{
    struct mta *m = CONTAINER_OF(t, struct mta, stop_timer);
    bool idle = listen_sessions(m->listen) == 0 && queue_jobs_out(m->queue) == 0 &&
                dns_link_is_quiet(m->dns);

    if (idle || loop_now_ms(m->main) >= m->stop_deadline_ms)
        loop_stop(m->main);
    else
        loop_timer_set(m->main, &m->stop_timer, STOP_POLL_MS, stop_poll);
}

static void begin_stop(struct mta *m, const char *why)
{
    if (m->stopping)
        return;
    m->stopping = true;
    m->stop_deadline_ms = loop_now_ms(m->main) + STOP_GRACE_MS;
    LOG(DAEMON_STOP, NULL, F_STR("reason", why));
    listen_stop(m->listen);
    queue_pause(m->queue);
    for (size_t i = 0; i < m->n_workers; i++)
        worker_drain(m->workers[i]);
    loop_timer_set(m->main, &m->stop_timer, STOP_POLL_MS, stop_poll);
}

static void control_stop(void *arg)
{
    struct mta *m = arg;
    begin_stop(m, "operator");
    (void)!spawn_send(m->channel, CHANNEL_STOP, -1);
}

/* ---- reload ---- */

static bool same_list(const char **a, size_t na, const char **b, size_t nb)
{
    if (na != nb)
        return false;
    for (size_t i = 0; i < na; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

/* Whether the dns process may go on as it is. */
static bool same_resolver(const struct resolver_config *a, const struct resolver_config *b)
{
    if (strcmp(a->trust_anchor_file, b->trust_anchor_file) != 0 ||
        strcmp(a->self_test_secure, b->self_test_secure) != 0 ||
        strcmp(a->self_test_bogus, b->self_test_bogus) != 0 || a->n_stubs != b->n_stubs ||
        !same_list(a->forward, a->n_forward, b->forward, b->n_forward))
        return false;
    for (size_t i = 0; i < a->n_stubs; i++)
        if (strcmp(a->stubs[i].zone, b->stubs[i].zone) != 0 ||
            !same_list(a->stubs[i].servers, a->stubs[i].n_servers, b->stubs[i].servers,
                       b->stubs[i].n_servers))
            return false;
    return true;
}

static void apply_settings(struct mta *m, struct settings *fresh)
{
    if (!same_resolver(&m->settings->config->resolver, &fresh->config->resolver))
        (void)!spawn_send(m->channel, CHANNEL_NEW_DNS, -1);
    log_setup(fresh->config->log_format, fresh->config->log_level);
    for (size_t i = 0; i < m->n_workers; i++)
        worker_configure(m->workers[i], fresh);
    queue_configure(m->queue, fresh->config);
    settings_unref(&m->settings);
    m->settings = fresh;
}

static bool try_reload(struct mta *m, struct buf *errors)
{
    struct config *config;
    struct settings *fresh;
    struct recipient_files *files;

    if (m->stopping || !config_load(m->settings->config->file, errors, &config))
        return false;
    if (strcmp(config->state_directory, m->settings->config->state_directory) != 0 ||
        strcmp(config->runtime_directory, m->settings->config->runtime_directory) != 0) {
        (void)!buf_printf(errors, "%s: state_directory and runtime_directory change only by a "
                          "restart\n", config->file);
        config_unref(&config);
        return false;
    }
    if (!settings_new(config, errors, &fresh))
        return false;
    if (!lists_read(m->lists, config, errors, &files)) {
        settings_unref(&fresh);
        return false;
    }
    if (!listen_configure(m->listen, fresh, NULL, 0, errors)) {
        recipient_files_unref(&files);
        settings_unref(&fresh);
        return false;
    }
    lists_take(m->lists, files); /* no session can have the new settings yet */
    apply_settings(m, fresh);
    LOG(DAEMON_RELOAD, NULL, F_STR("file", m->settings->config->file));
    return true;
}

static void log_lines(struct buf *errors, enum event_id event)
{
    for (struct slice left = buf_slice(errors); left.n;) {
        size_t end = slice_find(left, '\n');
        struct log_field field = F_SLICE("error", slice_head(left, end));
        log_event(event, NULL, &field, 1);
        left = slice_skip(left, end + 1);
    }
}

/* The log says so, whoever asked. */
static bool reload(void *arg, struct buf *errors)
{
    bool ok = try_reload(arg, errors);
    if (!ok)
        log_lines(errors, EVENT_DAEMON_RELOAD_FAILED);
    return ok;
}

static void reload_by_signal(struct mta *m)
{
    struct buf errors;
    buf_init(&errors, 64 * 1024);
    (void)!reload(m, &errors);
    buf_free(&errors);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
    if (sig == SIGHUP)
        reload_by_signal(arg);
    else
        begin_stop(arg, "signal");
}

/* ---- the supervisor's channel and the status process ---- */

static void on_channel(evutil_socket_t channel, short what, void *arg)
{
    struct mta *m = arg;
    char kind;
    int fd, got;

    while ((got = spawn_receive(channel, &kind, &fd)) == 1) {
        if (kind == CHANNEL_DNS && fd >= 0) {
            dns_link_attach(m->dns, fd);
        } else if (kind == CHANNEL_STATUS && fd >= 0) {
            if (m->status_link >= 0)
                close(m->status_link);
            m->status_link = fd;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    if (got == 0) { /* without a supervisor nobody restarts us: leave in order */
        (void)event_del(m->channel_event);
        begin_stop(m, "supervisor is gone");
    }
}

static const char *resolver_words(const struct mta *m)
{
    static const char *const words[] = {[RESOLVER_UNKNOWN] = "not tested yet",
                                        [RESOLVER_VALIDATES] = "validates",
                                        [RESOLVER_NOT_VALIDATING] = "does not validate"};
    return words[dns_link_resolver(m->dns)];
}

static json_t *status_json(void *arg)
{
    struct mta *m = arg;
    static const char *const health[] = {[QUEUE_HEALTHY] = "healthy", [QUEUE_DISK_FULL] = "disk full",
                                         [QUEUE_FAILING] = "failing"};
    json_t *counters = json_object();

    for (int i = 0; i < COUNTER_COUNT; i++)
        (void)json_object_set_new(counters, counter_name((enum counter_id)i),
                                  json_integer(counter_read((enum counter_id)i)));
    return json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:o}", "version", DANELAW_VERSION,
                     "hostname", m->settings->config->hostname, "pid", (int)getpid(),
                     "uptime_seconds", (json_int_t)((clock_mono_ms() - m->started_ms) / 1000),
                     "resolver", resolver_words(m), "resolver_detail", m->resolver_detail, "queue",
                     health[queue_health(m->queue)], "deliveries_in_progress",
                     (json_int_t)queue_jobs_out(m->queue), "counters", counters);
}

static void send_snapshot(struct timer *t)
{
    struct mta *m = CONTAINER_OF(t, struct mta, snapshot_timer);

    if (m->status_link >= 0 && !status_send(m->status_link, status_json(m))) {
        close(m->status_link);
        m->status_link = -1;
    }
    loop_timer_set(m->main, &m->snapshot_timer, SNAPSHOT_MS, send_snapshot);
}

static void on_resolver_state(void *arg, enum resolver_state state, const char *detail)
{
    struct mta *m = arg;
    (void)slice_copy(slice_of(detail), m->resolver_detail, sizeof(m->resolver_detail));
}

/* ---- start ---- */

static bool open_store(struct mta *m, struct buf *errors)
{
    const struct config *c = m->settings->config;

    m->store = store_sqlite_open(c->state_directory, errors);
    if (!m->store)
        return false;
    m->queue_loop = loop_new("queue");
    m->sync_loop = loop_new("sync");
    m->queue = queue_new(m->queue_loop, m->sync_loop, m->store, c, c->state_directory);
    return true;
}

static void make_workers(struct mta *m)
{
    struct worker_host host = {m->main, session_ended, session_moves, m};

    m->auth_loop = loop_new("auth");
    m->auth = auth_desk_new(m->auth_loop);
    m->n_workers = m->settings->config->workers;
    m->workers = base_alloc_array(m->n_workers, sizeof(*m->workers));
    for (size_t i = 0; i < m->n_workers; i++) {
        m->workers[i] = worker_new((unsigned)i, m->settings, m->queue, m->dns, m->auth, &host);
        host.first = m->workers[0];
    }
    m->listen = listen_new(m->main, m->workers, m->n_workers);
}

static bool open_control(struct mta *m, struct buf *errors)
{
    static const struct control_ops ops = {reload, control_stop, status_json};
    m->control = control_open(m->main, m->settings->config->runtime_directory, m->queue, &ops, m,
                              errors);
    return m->control != NULL;
}

static void watch_main(struct mta *m)
{
    static const int sig[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < ARRAY_LEN(sig); i++) {
        m->signals[i] = evsignal_new(loop_base(m->main), sig[i], on_signal, m);
        REQUIRE(m->signals[i] && event_add(m->signals[i], NULL) == 0);
    }
    m->channel_event =
        event_new(loop_base(m->main), m->channel, EV_READ | EV_PERSIST, on_channel, m);
    REQUIRE(m->channel_event && event_add(m->channel_event, NULL) == 0);
    loop_timer_set(m->main, &m->snapshot_timer, SNAPSHOT_MS, send_snapshot);
}

static void hand_out_lists(void *arg, struct recipient_files *files)
{
    struct mta *m = arg;

    for (size_t i = 0; i < m->n_workers; i++)
        worker_take_recipients(m->workers[i], files);
}

static bool read_lists(struct mta *m, struct buf *errors)
{
    struct recipient_files *files;

    m->lists = lists_new(m->main, hand_out_lists, m);
    if (!lists_read(m->lists, m->settings->config, errors, &files))
        return false;
    lists_take(m->lists, files);
    return true;
}

static bool start(struct mta *m, struct buf *errors)
{
    m->main = loop_new("main");
    m->dns = dns_link_new(m->main);
    dns_link_on_state(m->dns, on_resolver_state, m);
    if (!open_store(m, errors))
        return false;
    make_workers(m);
    if (!read_lists(m, errors) || !open_control(m, errors))
        return false;
    watch_main(m);
    if (!queue_start(m->queue)) {
        (void)!buf_printf(errors, "danelaw: the queue in %s cannot be read\n",
                          m->settings->config->state_directory);
        return false;
    }
    (void)!listen_configure(m->listen, m->settings, m->sockets, m->n_sockets, errors);
    loop_start(m->sync_loop);
    loop_start(m->queue_loop);
    loop_start(m->auth_loop);
    for (size_t i = 0; i < m->n_workers; i++)
        worker_start(m->workers[i]);
    return true;
}

/* Ends a loop's thread, then does here what was still in its mailbox: a settle left there would be a
 * message sent twice. */
static void end_loop(struct loop *l)
{
    if (!l)
        return;
    loop_stop(l);
    loop_join(l);
    while (loop_pump(l))
        ;
}

static void free_events(struct mta *m)
{
    for (size_t i = 0; i < ARRAY_LEN(m->signals); i++)
        if (m->signals[i])
            event_free(m->signals[i]);
    if (m->channel_event)
        event_free(m->channel_event);
}

/* Also after a start that failed half way. Workers first, so that nothing new is settled; then the queue, which closes the store in order,
 * because that is what the next start builds on. */
static void finish(struct mta *m)
{
    control_close(&m->control);
    lists_free(&m->lists);
    for (size_t i = 0; i < m->n_workers; i++)
        worker_end(m->workers[i]);
    end_loop(m->sync_loop);
    end_loop(m->queue_loop);
    end_loop(m->auth_loop);
    if (m->auth)
        auth_desk_close(m->auth);
    for (size_t i = m->n_workers; i-- > 0;) /* the first answers the others */
        worker_free(&m->workers[i]);
    if (m->queue)
        queue_free(&m->queue);
    else if (m->store)
        m->store->ops->close(m->store);
    auth_desk_free(&m->auth);
    listen_free(&m->listen);
    dns_link_free(&m->dns);
    free_events(m);
    loop_free(&m->sync_loop);
    loop_free(&m->queue_loop);
    loop_free(&m->auth_loop);
    loop_free(&m->main);
    settings_unref(&m->settings);
    free(m->workers);
    free(m->sockets);
}

int mta_run(struct config *c, size_t n_fds)
{
    struct mta m = {.channel = SPAWN_FIRST_FD, .status_link = -1, .started_ms = clock_mono_ms()};
    struct buf errors;
    bool ok;

    buf_init(&errors, 64 * 1024);
    REQUIRE(n_fds >= 1);
    m.n_sockets = n_fds - 1;
    m.sockets = base_alloc_array(m.n_sockets, sizeof(*m.sockets));
    for (size_t i = 0; i < n_fds; i++)
        (void)fcntl(SPAWN_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < m.n_sockets; i++)
        m.sockets[i] = SPAWN_FIRST_FD + 1 + (int)i;
    ok = settings_new(c, &errors, &m.settings) && start(&m, &errors);
    if (!ok)
        fputs(buf_cstr(&errors), stderr);
    if (ok) {
        log_lines(&errors, EVENT_DAEMON_ERROR);
        LOG(DAEMON_READY, NULL, F_STR("hostname", m.settings->config->hostname),
            F_STR("version", DANELAW_VERSION), F_INT("listeners", (int64_t)m.n_sockets),
            F_INT("workers", (int64_t)m.n_workers));
        (void)!spawn_send(m.channel, CHANNEL_READY, -1);
        loop_run(m.main);
    }
    finish(&m);
    buf_free(&errors);
    return ok ? ROLE_DONE : ROLE_CONFIG;
}
