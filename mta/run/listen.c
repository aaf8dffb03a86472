#include "mta/run/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/counter.h"
#include "mta/in/admission.h"
#include "mta/smtp/reply.h"

enum { ACCEPT_PER_TURN = 64, ACCEPT_REST_MS = 200 };

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
    struct settings *settings;
    struct door *doors;
    size_t n_doors;
    struct timer rest;
    bool stopped;
};

struct listen *listen_new(struct loop *main, struct worker **workers, size_t n_workers)
{
    struct listen *l = base_alloc(sizeof(*l));
    l->main = main;
    l->workers = workers;
    l->n_workers = n_workers;
    l->load = base_alloc_array(n_workers, sizeof(*l->load));
    l->admission = admission_new();
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

static void turn_away(int fd, enum cause cause)
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

static size_t least_loaded(const struct listen *l)
{
    size_t best = 0;
    for (size_t i = 1; i < l->n_workers; i++)
        if (l->load[i] < l->load[best])
            best = i;
    return best;
}

static void admit(struct listen *l, size_t listener, int fd, const struct sockaddr *sa)
{
    const struct listener_config *lc = &l->settings->config->listeners[listener];
    struct ip_port peer;

    if (!ip_from_sockaddr(sa, &peer)) {
        close(fd);
        return;
    }
    enum cause cause = admission_enter(l->admission, lc, &peer.ip);
    if (cause != CAUSE_OK) {
        turn_away(fd, cause);
        return;
    }
    size_t worker = least_loaded(l);
    l->load[worker]++;
    l->sessions++;
    worker_give(l->workers[worker], fd, &peer, l->settings, listener);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct door *door = arg;
    struct listen *l = door->listen;

    for (int i = 0; i < ACCEPT_PER_TURN; i++) {
        struct sockaddr_storage sa;
        socklen_t n = sizeof(sa);
        int client = accept4(fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            admit(l, door->listener, client, (struct sockaddr *)&sa);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            doors_open(l, false);
            loop_timer_set(l->main, &l->rest, ACCEPT_REST_MS, rest_over);
        }
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

static void make_doors(struct listen *l, const int *fds, size_t n_fds)
{
    l->doors = base_alloc_array(n_fds, sizeof(*l->doors));
    l->n_doors = n_fds;
    for (size_t i = 0; i < n_fds; i++) {
        l->doors[i] = (struct door){.listen = l, .fd = fds[i], .listener = SIZE_MAX};
        l->doors[i].event =
            event_new(loop_base(l->main), fds[i], EV_READ | EV_PERSIST, on_accept, &l->doors[i]);
        REQUIRE(l->doors[i].event);
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
    admission_leave(l->admission, listener, client);
    l->load[worker]--;
    l->sessions--;
}

void listen_stop(struct listen *l)
{
    l->stopped = true;
    doors_open(l, false);
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
    admission_free(&l->admission);
    settings_unref(&l->settings);
    free(l->doors);
    free(l->load);
    free(l);
    *lp = NULL;
}
