/* The supervisor: binds the listening sockets, becomes `user`, starts dns, mta and status by exec and
 * starts again what dies. It reads the configuration for the addresses and the user, and nothing
 * else: no network data, no key, no queue. One thread, one poll loop over a signalfd and the channel
 * to mta. A child that ended too soon is given a second before it is started again. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "dns/process.h"
#include "mta/run/notify.h"
#include "mta/run/roles.h"
#include "mta/run/sandbox.h"
#include "mta/run/spawn.h"

enum { RESTART_SOON_MS = 100, RESTART_LATER_MS = 1000, SHORT_LIFE_MS = 5000, STOP_GRACE_MS = 20000 };

enum child_id { CHILD_MTA, CHILD_DNS, CHILD_STATUS, CHILD_COUNT };

struct child {
    const char *role;
    pid_t pid;           /* 0: not running */
    int64_t started_ms, restart_at_ms;
    bool wanted;
};

struct supervisor {
    const struct config *config;
    int *sockets;        /* of the listeners */
    size_t n_sockets;
    int *status_sockets;
    size_t n_status_sockets;
    int channel;         /* to mta; -1 */
    int signals;
    struct child children[CHILD_COUNT];
    bool ready, stopping;
    int64_t stop_deadline_ms;
    int exit_status;
};

static int bind_one(const struct ip_port *at)
{
    struct sockaddr_storage sa;
    socklen_t n = ip_to_sockaddr(at, &sa);
    int one = 1;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (at->ip.v6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, SOMAXCONN) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static bool bind_all(const struct ip_port *at, size_t n, int **v, size_t *out_n, const char *what,
                     const struct config_where *where)
{
    for (size_t i = 0; i < n; i++) {
        char text[IP_TEXT_MAX], place[300];
        int fd = bind_one(&at[i]);
        if (fd < 0) {
            fprintf(stderr, "%s: %s: cannot bind %s: %s\n", config_where_text(where, place), what,
                    ip_port_text(&at[i], text), strerror(errno));
            return false;
        }
        *v = base_realloc(*v, (*out_n + 1) * sizeof(**v));
        (*v)[(*out_n)++] = fd;
    }
    return true;
}

static bool bind_sockets(struct supervisor *s)
{
    const struct config *c = s->config;

    for (size_t i = 0; i < c->n_listeners; i++) {
        char what[200];
        (void)snprintf(what, sizeof(what), "listener \"%s\"", c->listeners[i].name);
        if (!bind_all(c->listeners[i].bind, c->listeners[i].n_bind, &s->sockets, &s->n_sockets,
                      what, &c->listeners[i].where))
            return false;
    }
    return bind_all(c->status_bind, c->n_status_bind, &s->status_sockets, &s->n_status_sockets,
                    "status", &(struct config_where){c->file, 1, 1});
}

static bool prepare(struct supervisor *s)
{
    const struct config *c = s->config;
    struct buf errors;

    buf_init(&errors, 4096);
    bool ok = dns_trust_anchor_check(c, &errors) &&
              sandbox_directory(c->state_directory, c->user, &errors) &&
              sandbox_directory(c->runtime_directory, c->user, &errors);
    if (ok && bind_sockets(s))
        ok = sandbox_become(c->user, &errors);
    else
        ok = false;
    fputs(buf_cstr(&errors), stderr);
    buf_free(&errors);
    return ok;
}

/* A pair whose one end is our own copy to give away, the other the child's. */
static bool start_linked(struct supervisor *s, enum child_id id, const int *more, size_t n_more,
                         int *out_our_end)
{
    struct child *child = &s->children[id];
    int pair[2], fds[256];

    if (!spawn_pair(pair))
        return false;
    fds[0] = pair[1];
    REQUIRE(n_more < ARRAY_LEN(fds));
    if (n_more)
        memcpy(fds + 1, more, n_more * sizeof(*more));
    child->pid = spawn_role(child->role, s->config->file, fds, n_more + 1);
    close(pair[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(pair[0]);
        return false;
    }
    child->started_ms = clock_mono_ms();
    *out_our_end = pair[0];
    return true;
}

static bool start_child(struct supervisor *s, enum child_id id)
{
    static const enum channel_kind kind[] = {[CHILD_DNS] = CHANNEL_DNS, [CHILD_STATUS] = CHANNEL_STATUS};
    int end;

    if (id == CHILD_MTA)
        return start_linked(s, id, s->sockets, s->n_sockets, &s->channel);
    if (s->channel < 0)
        return false;
    if (!start_linked(s, id, s->status_sockets, id == CHILD_STATUS ? s->n_status_sockets : 0, &end))
        return false;
    bool sent = spawn_send(s->channel, kind[id], end);
    close(end);
    return sent;
}

static void start_due(struct supervisor *s, int64_t now)
{
    for (int id = 0; id < CHILD_COUNT && !s->stopping; id++) {
        struct child *child = &s->children[id];
        if (!child->wanted || child->pid || child->restart_at_ms > now)
            continue;
        if (!start_child(s, (enum child_id)id))
            child->restart_at_ms = now + RESTART_LATER_MS;
    }
}

static void stop_child(struct child *child, int sig)
{
    if (child->pid > 0)
        (void)kill(child->pid, sig);
}

static void begin_stop(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->stop_deadline_ms = clock_mono_ms() + STOP_GRACE_MS;
    notify_service_manager("STOPPING=1");
    stop_child(&s->children[CHILD_MTA], SIGTERM);
}

/* mta owns both links: without it dns and status have nobody to talk to and are made anew. */
static void mta_ended(struct supervisor *s, int status)
{
    if (s->channel >= 0)
        close(s->channel);
    s->channel = -1;
    stop_child(&s->children[CHILD_DNS], SIGKILL);
    stop_child(&s->children[CHILD_STATUS], SIGKILL);
    if (!s->ready && WIFEXITED(status) && WEXITSTATUS(status) == ROLE_CONFIG) {
        s->exit_status = ROLE_CONFIG; /* it said why */
        s->stopping = true;
    }
}

static void child_ended(struct supervisor *s, enum child_id id, int status)
{
    struct child *child = &s->children[id];
    int64_t now = clock_mono_ms();
    bool short_life = now - child->started_ms < SHORT_LIFE_MS;

    child->pid = 0;
    child->restart_at_ms = now + (short_life ? RESTART_LATER_MS / 2 : RESTART_SOON_MS);
    if (id == CHILD_MTA)
        mta_ended(s, status);
    if (!s->stopping)
        LOG(DAEMON_CHILD, NULL, F_STR("process", child->role + 4),
            F_STR("ended", WIFSIGNALED(status) ? "by signal" : "with status"),
            F_INT("value", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
}

static void reap(struct supervisor *s)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int id = 0; id < CHILD_COUNT; id++)
            if (s->children[id].pid == pid)
                child_ended(s, (enum child_id)id, status);
}

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else if (info.ssi_signo == SIGHUP)
            stop_child(&s->children[CHILD_MTA], SIGHUP);
        else
            begin_stop(s);
    }
}

static void on_channel(struct supervisor *s)
{
    char kind;
    int fd, got;

    while (s->channel >= 0 && (got = spawn_receive(s->channel, &kind, &fd)) != -1) {
        if (got == 0) {
            close(s->channel);
            s->channel = -1;
            return;
        }
        if (fd >= 0)
            close(fd);
        if (kind == CHANNEL_READY) {
            s->ready = true;
            notify_service_manager("READY=1");
        } else if (kind == CHANNEL_NEW_DNS) {
            stop_child(&s->children[CHILD_DNS], SIGTERM);
        } else if (kind == CHANNEL_STOP) {
            begin_stop(s);
        }
    }
}

static bool all_ended(const struct supervisor *s)
{
    for (int id = 0; id < CHILD_COUNT; id++)
        if (s->children[id].pid)
            return false;
    return true;
}

/* mta takes its time; then whatever is left is ended. */
static void finish_stop(struct supervisor *s, int64_t now)
{
    if (s->children[CHILD_MTA].pid && now < s->stop_deadline_ms)
        return;
    for (int id = 0; id < CHILD_COUNT; id++)
        stop_child(&s->children[id], SIGKILL);
}

static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        sigaddset(&set, wanted[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void supervise(struct supervisor *s)
{
    while (!s->stopping || !all_ended(s)) {
        int64_t now = clock_mono_ms();
        if (s->stopping)
            finish_stop(s, now);
        else
            start_due(s, now);
        struct pollfd p[2] = {{s->signals, POLLIN, 0}, {s->channel, POLLIN, 0}};
        (void)poll(p, s->channel >= 0 ? 2 : 1, 100);
        on_signal(s);
        if (s->channel >= 0)
            on_channel(s);
    }
}

int supervisor_run(const struct config *c)
{
    struct supervisor s = {
        .config = c,
        .channel = -1,
        .children = {[CHILD_MTA] = {.role = "run-mta", .wanted = true},
                     [CHILD_DNS] = {.role = "run-dns", .wanted = true},
                     [CHILD_STATUS] = {.role = "run-status", .wanted = c->n_status_bind > 0}},
    };

    s.signals = watch_signals();
    if (s.signals < 0 || !prepare(&s))
        return ROLE_CONFIG;
    supervise(&s);
    free(s.sockets);
    free(s.status_sockets);
    return s.exit_status;
}
