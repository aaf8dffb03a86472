#include "mta/run/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/counter.h"
#include "config/base/limits.h"
#include "config/base/log.h"
#include "mta/in/admission.h"
#include "mta/in/proxy_wait.h"
#include "mta/smtp/reply.h"

enum { ACCEPT_PER_TURN = 64, ACCEPT_REST_MS = 200, TICK_MS = 1000 };

struct door { /* one listening socket */
    struct listen *listen;
    int fd;
    size_t listener; /* index into the current configuration; SIZE_MAX: none there any more */
    struct event *event;
};

struct listen {
    struct loop *main;
    struct worker **workers;
    size_t *load; /* sessions per worker */
    size_t n_workers, sessions;
    struct admission *admission;
    struct proxy_waits *proxies;
    struct settings *settings;
    struct door *doors;
    size_t n_doors;
    struct timer rest, tick;
    struct overload starved; /* of descriptors: the system gave none */
    uint64_t max_descriptors;
    int reserve; /* closed to have one descriptor when there is none; -1: gone */
    bool stopped;
};

static uint64_t descriptor_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : UINT64_MAX / 100;
}

struct listen *listen_new(struct loop *main, struct worker **workers, size_t n_workers)
{
    struct listen *l = base_alloc(sizeof(*l));
    l->main = main;
    l->workers = workers;
    l->n_workers = n_workers;
    l->load = base_alloc_array(n_workers, sizeof(*l->load));
    l->admission = admission_new();
    l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    l->max_descriptors = descriptor_limit();
    return l;
}

static void doors_open(struct listen *l, bool open)
{
    for (size_t i = 0; i < l->n_doors; i++) {
        if (open && l->doors[i].listener != SIZE_MAX)
            (void)event_add(l->doors[i].event, NULL);
        else
            (void)event_del(l->doors[i].event);
    }
}

static void rest_over(struct timer *t)
{
    struct listen *l = CONTAINER_OF(t, struct listen, rest);
    if (!l->stopped)
        doors_open(l, true);
}

static void answer_and_close(int fd, enum cause cause)
{
    struct status why = status_of(cause);
    struct buf text;

    buf_init(&text, 512);
    if (reply_write(&text, &why, true))
        (void)!send(fd, buf_slice(&text).p, buf_slice(&text).n, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_free(&text);
    close(fd);
    COUNT(smtpd_rejected);
}

static const struct listener_config *listener_at(const struct listen *l, size_t listener)
{
    return &l->settings->config->listeners[listener];
}

static void tell_turned_away(struct listen *l, size_t listener, const struct ip *client,
                             enum cause cause)
{
    const char *name = listener_at(l, listener)->name;
    char text[IP_TEXT_MAX];
    uint64_t untold;

    if (admission_tell(l->admission, name, loop_now_ms(l->main), &untold))
        LOG(SMTPD_TURNED_AWAY, NULL, F_STR("client", ip_text(client, text)),
            F_STR("listener", name), F_STR("reason", cause_info(cause)->words),
            F_INT("untold", (int64_t)untold));
}

static void turn_away(struct listen *l, size_t listener, int fd, const struct ip *client,
                      enum cause cause)
{
    if (cause == CAUSE_CONNECTION_RATE)
        COUNT(smtpd_rate_connections);
    else
        COUNT(smtpd_limit_connections);
    tell_turned_away(l, listener, client, cause);
    answer_and_close(fd, cause);
}

/* ---- Overload ---- */

/* The lowest free descriptor: all below it are in use. */
static uint64_t descriptors_used(const struct listen *l)
{
    int lowest = fcntl(l->doors[0].fd, F_DUPFD_CLOEXEC, 0);

    if (lowest < 0)
        return l->max_descriptors;
    close(lowest);
    return (uint64_t)lowest;
}

static void tell_overload(struct listen *l, const struct listener_config *lc, bool on)
{
    LOG(SMTPD_OVERLOAD, NULL, F_STR("listener", lc->name), F_STR("state", on ? "begins" : "ends"),
        F_INT("sessions", (int64_t)l->sessions));
    for (size_t i = 0; i < l->n_workers; i++)
        worker_overload(l->workers[i], lc->name, on);
}

static void on_tick(struct timer *t);

/* With each client, and once a second while it is on. */
static void judge_overload(struct listen *l, uint64_t descriptors)
{
    int64_t now = loop_now_ms(l->main), n = 0;

    for (size_t i = 0; i < l->settings->config->n_listeners; i++) {
        const struct listener_config *lc = listener_at(l, i);
        bool scarce = overload_nearly(descriptors, l->max_descriptors, lc->limits.overload_at);
        enum overload_change change = admission_overload(l->admission, lc, scarce, now);
        if (change != OVERLOAD_SAME)
            tell_overload(l, lc, change == OVERLOAD_BEGINS);
        n += admission_is_overloaded(l->admission, lc->name);
    }
    counter_set(COUNTER_smtpd_overloaded, n);
    if ((n || l->starved.on) && !loop_timer_is_set(&l->tick))
        loop_timer_set(l->main, &l->tick, TICK_MS, on_tick);
}

static void judge_starvation(struct listen *l, bool none_left)
{
    enum overload_change change = overload_update(&l->starved, none_left, loop_now_ms(l->main));
    if (change != OVERLOAD_SAME)
        LOG(SMTPD_NO_DESCRIPTORS, NULL, F_STR("state", l->starved.on ? "begins" : "ends"),
            F_INT("sessions", (int64_t)l->sessions));
}

static void on_tick(struct timer *t)
{
    struct listen *l = CONTAINER_OF(t, struct listen, tick);

    judge_starvation(l, false);
    judge_overload(l, descriptors_used(l));
}

static size_t least_loaded(const struct listen *l)
{
    size_t best = 0;
    for (size_t i = 1; i < l->n_workers; i++)
        if (l->load[i] < l->load[best])
            best = i;
    return best;
}

static void admit(struct listen *l, size_t listener, int fd, const struct ip_port *client)
{
    const struct listener_config *lc = listener_at(l, listener);
    struct in_start start = {
        .fd = fd, .peer = *client, .settings = l->settings, .listener = listener};

    enum cause cause = admission_enter(l->admission, lc, &start.peer.ip, loop_now_ms(l->main),
                                       &start.rates);
    if (cause != CAUSE_OK) {
        turn_away(l, listener, fd, &start.peer.ip, cause);
        return;
    }
    size_t worker = least_loaded(l);
    l->load[worker]++;
    l->sessions++;
    judge_overload(l, (uint64_t)fd);
    start.overloaded = admission_is_overloaded(l->admission, lc->name);
    worker_give(l->workers[worker], &start);
}

/* Behind a proxy, once it has said for whom it connects. A reload may have closed the door meanwhile. */
static void on_proxied(void *arg, int fd, const struct ip_port *client)
{
    struct door *door = arg;

    if (door->listener == SIZE_MAX)
        close(fd);
    else
        admit(door->listen, door->listener, fd, client);
}

static void take_client(struct door *door, int fd, const struct sockaddr *sa)
{
    const struct listener_config *lc = listener_at(door->listen, door->listener);
    struct ip_port peer;

    if (!ip_from_sockaddr(sa, &peer))
        close(fd);
    else if (ip_nets_have(lc->proxies, lc->n_proxies, &peer.ip))
        proxy_wait(door->listen->proxies, fd, &peer, lc->name, door);
    else
        admit(door->listen, door->listener, fd, &peer);
}

static int accept_one(int door, struct sockaddr_storage *out_sa)
{
    socklen_t n = sizeof(*out_sa);
    return accept4(door, (struct sockaddr *)out_sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* There is no descriptor for a client, and the listening socket would call again at once. Whoever
 * waits is told to come back, by a descriptor kept for this; then accepting rests. */
static void starve(struct listen *l, struct door *door)
{
    struct sockaddr_storage sa;
    int client;

    judge_starvation(l, true);
    judge_overload(l, l->max_descriptors);
    if (l->reserve >= 0)
        close(l->reserve);
    for (int i = 0; i < ACCEPT_PER_TURN && (client = accept_one(door->fd, &sa)) >= 0; i++) {
        COUNT(smtpd_no_descriptors);
        answer_and_close(client, CAUSE_NO_DESCRIPTORS);
    }
    l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    doors_open(l, false);
    loop_timer_set(l->main, &l->rest, ACCEPT_REST_MS, rest_over);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct door *door = arg;
    struct listen *l = door->listen;

    for (int i = 0; i < ACCEPT_PER_TURN; i++) {
        struct sockaddr_storage sa;
        int client = accept_one(fd, &sa);
        if (client >= 0) {
            take_client(door, client, (struct sockaddr *)&sa);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            starve(l, door);
        return;
    }
}

static bool bound_to(int fd, struct ip_port *out_at)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 &&
           ip_from_sockaddr((struct sockaddr *)&sa, out_at);
}

static struct door *door_at(struct listen *l, const struct ip_port *at)
{
    for (size_t i = 0; i < l->n_doors; i++) {
        struct ip_port bound;
        if (bound_to(l->doors[i].fd, &bound) && bound.port == at->port &&
            ip_eq(&bound.ip, &at->ip))
            return &l->doors[i];
    }
    return NULL;
}

/* Replies are small. A client that does not take them shall not make the system keep megabytes;
 * accepted connections have it from here. */
static void bound_send_buffer(int fd)
{
    int octets = LIMIT_SESSION_OUT;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets));
}

static void make_doors(struct listen *l, const int *fds, size_t n_fds)
{
    l->doors = base_alloc_array(n_fds, sizeof(*l->doors));
    l->n_doors = n_fds;
    l->proxies = proxy_waits_new(l->main, on_proxied);
    for (size_t i = 0; i < n_fds; i++) {
        l->doors[i] = (struct door){.listen = l, .fd = fds[i], .listener = SIZE_MAX};
        l->doors[i].event =
            event_new(loop_base(l->main), fds[i], EV_READ | EV_PERSIST, on_accept, &l->doors[i]);
        REQUIRE(l->doors[i].event);
        bound_send_buffer(fds[i]);
    }
}

static bool all_have_doors(struct listen *l, const struct config *c, struct buf *errors)
{
    bool all = true;

    for (size_t i = 0; i < c->n_listeners; i++) {
        for (size_t k = 0; k < c->listeners[i].n_bind; k++) {
            char at[IP_TEXT_MAX], place[300];
            if (door_at(l, &c->listeners[i].bind[k]))
                continue;
            (void)!buf_printf(errors, "%s: listener \"%s\": %s was not bound at start: restart to "
                              "listen there\n", config_where_text(&c->listeners[i].where, place),
                              c->listeners[i].name, ip_port_text(&c->listeners[i].bind[k], at));
            all = false;
        }
    }
    return all;
}

static void assign(struct door *door, size_t listener)
{
    if (door)
        door->listener = listener;
}

bool listen_configure(struct listen *l, struct settings *settings, const int *fds, size_t n_fds,
                      struct buf *errors)
{
    const struct config *c = settings->config;

    if (!l->doors)
        make_doors(l, fds, n_fds);
    if (!all_have_doors(l, c, errors) && l->settings)
        return false;
    for (size_t i = 0; i < l->n_doors; i++)
        l->doors[i].listener = SIZE_MAX;
    for (size_t i = 0; i < c->n_listeners; i++)
        for (size_t k = 0; k < c->listeners[i].n_bind; k++)
            assign(door_at(l, &c->listeners[i].bind[k]), i);
    settings_unref(&l->settings);
    l->settings = settings_ref(settings);
    doors_open(l, true);
    return true;
}

void listen_session_ended(struct listen *l, unsigned worker, const char *listener,
                          const struct ip *client)
{
    admission_leave(l->admission, listener, client, loop_now_ms(l->main));
    l->load[worker]--;
    l->sessions--;
}

void listen_session_moves(struct listen *l, struct in_move *m)
{
    int64_t now = loop_now_ms(l->main);

    m->cause = admission_move(l->admission, m->listener, &m->from, &m->to, now, &m->rates);
    if (m->cause == CAUSE_CONNECTION_RATE)
        COUNT(smtpd_rate_connections);
    else if (m->cause != CAUSE_OK)
        COUNT(smtpd_limit_connections);
}

void listen_stop(struct listen *l)
{
    l->stopped = true;
    doors_open(l, false);
    if (l->proxies)
        proxy_waits_drop(l->proxies);
    for (size_t i = 0; i < l->n_doors; i++)
        (void)shutdown(l->doors[i].fd, SHUT_RD);
}

size_t listen_sessions(const struct listen *l)
{
    return l->sessions;
}

void listen_free(struct listen **lp)
{
    struct listen *l = *lp;
    if (!l)
        return;
    for (size_t i = 0; i < l->n_doors; i++)
        event_free(l->doors[i].event);
    loop_timer_clear(l->main, &l->rest);
    loop_timer_clear(l->main, &l->tick);
    if (l->reserve >= 0)
        close(l->reserve);
    proxy_waits_free(&l->proxies);
    admission_free(&l->admission);
    settings_unref(&l->settings);
    free(l->doors);
    free(l->load);
    free(l);
    *lp = NULL;
}
