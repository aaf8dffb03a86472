#include "mta/in/proxy_wait.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/limits.h"
#include "config/base/list.h"
#include "config/base/log.h"
#include "mta/smtp/proxy.h"

enum { HEADER_MS = 5000 }; /* a proxy sends it at once; the specification asks for 3 s at least */

struct waiting {
    struct list node;
    struct proxy_waits *set;
    int fd;
    struct ip_port peer;
    char listener[64];
    void *door;
    struct event event;
    struct timer deadline;
    size_t n; /* octets taken so far; all of them are the header's */
    char octets[LIMIT_PROXY_HEADER];
};

struct proxy_waits {
    struct loop *loop;
    proxy_wait_done *done;
    struct list all;
    size_t n;
};

struct proxy_waits *proxy_waits_new(struct loop *loop, proxy_wait_done *done)
{
    struct proxy_waits *w = base_alloc(sizeof(*w));

    w->loop = loop;
    w->done = done;
    list_init(&w->all);
    return w;
}

/* Forgets the connection, whose descriptor is the caller's again. */
static int release(struct waiting *c)
{
    int fd = c->fd;

    (void)event_del(&c->event);
    loop_timer_clear(c->set->loop, &c->deadline);
    list_remove(&c->node);
    c->set->n--;
    free(c);
    return fd;
}

static void tell(const struct ip_port *peer, const char *listener, const char *why)
{
    char text[IP_TEXT_MAX];

    LOG(SMTPD_PROXY, NULL, F_STR("proxy", ip_text(&peer->ip, text)), F_STR("listener", listener),
        F_STR("reason", why));
}

static void refuse(struct waiting *c, const char *why)
{
    tell(&c->peer, c->listener, why);
    close(release(c));
}

static void on_deadline(struct timer *t)
{
    refuse(CONTAINER_OF(t, struct waiting, deadline), "the PROXY header took too long");
}

/* Takes from the socket what was only looked at. */
static bool take(struct waiting *c, size_t n)
{
    ssize_t got = recv(c->fd, c->octets + c->n, n, 0);

    c->n += n;
    return got == (ssize_t)n;
}

static void accept_header(struct waiting *c, const struct proxy_header *h)
{
    struct ip_port client = h->has_client ? h->client : c->peer;
    struct proxy_waits *set = c->set;
    void *door = c->door;

    set->done(door, release(c), &client);
}

/* got octets wait in the socket and stand behind those that were taken. */
static void look_at(struct waiting *c, size_t got)
{
    struct proxy_header h;
    enum proxy_result result = proxy_parse(slice_make(c->octets, c->n + got), &h);

    if (result == PROXY_BAD)
        refuse(c, h.why);
    else if (!take(c, result == PROXY_DONE ? h.length - c->n : got))
        refuse(c, "the connection was lost");
    else if (result == PROXY_DONE)
        accept_header(c, &h);
}

/* A balancer that only looks whether we are there says nothing; neither do we. */
static void on_end(struct waiting *c)
{
    if (c->n)
        refuse(c, "the connection ended within the PROXY header");
    else
        close(release(c));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct waiting *c = arg;
    ssize_t got = recv(fd, c->octets + c->n, sizeof(c->octets) - c->n, MSG_PEEK);

    if (got > 0)
        look_at(c, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        on_end(c);
}

void proxy_wait(struct proxy_waits *w, int fd, const struct ip_port *peer, const char *listener,
                void *door)
{
    if (w->n >= LIMIT_PROXY_WAITING) {
        tell(peer, listener, "too many connections wait for their PROXY header");
        close(fd);
        return;
    }
    struct waiting *c = base_alloc(sizeof(*c));
    c->set = w;
    c->fd = fd;
    c->peer = *peer;
    c->door = door;
    (void)slice_copy(slice_of(listener), c->listener, sizeof(c->listener));
    list_append(&w->all, &c->node);
    w->n++;
    REQUIRE(event_assign(&c->event, loop_base(w->loop), fd, EV_READ | EV_PERSIST, on_readable, c) ==
                0 &&
            event_add(&c->event, NULL) == 0);
    loop_timer_set(w->loop, &c->deadline, HEADER_MS, on_deadline);
}

void proxy_waits_drop(struct proxy_waits *w)
{
    LIST_EACH (it, &w->all)
        close(release(LIST_ENTRY(it, struct waiting, node)));
}

void proxy_waits_free(struct proxy_waits **w)
{
    if (*w)
        proxy_waits_drop(*w);
    free(*w);
    *w = NULL;
}
