/* A connection's life: events, callbacks, deadline, end. The octets are in conn_io.c. */
#include "tls/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/conn_private.h"

enum {
    FINISH_MS = 10000, /* for the last reply of a connection without owner to be taken */
    LINGER_MS = 2000,  /* and then for the peer to read it */
};

static const unsigned LAST_WORDS = DUE_CLOSED | DUE_TIMEOUT;
static const struct conn_ops no_ops;

static void on_read_event(evutil_socket_t fd, short what, void *arg);
static void on_write_event(evutil_socket_t fd, short what, void *arg);
static void on_deadline(struct timer *t);
static void on_soon(struct timer *t);

/* ---- Events ---- */

static void set_event(struct event *ev, bool *added, bool wanted)
{
    if (*added == wanted)
        return;
    *added = wanted;
    REQUIRE((wanted ? event_add(ev, NULL) : event_del(ev)) == 0);
}

static bool wants_read(const struct conn *c)
{
    if (c->state == CONN_OPEN)
        return c->write_wants == WANT_READ || (!c->paused && !c->ended && buf_room(&c->in) > 0);
    return c->state == CONN_LINGER ||
           (c->state == CONN_HANDSHAKE && c->handshake_wants == WANT_READ);
}

static bool wants_write(const struct conn *c)
{
    if (c->state == CONN_OPEN)
        return (c->blocked && c->write_wants != WANT_READ) ||
               (c->read_wants == WANT_WRITE && !c->paused);
    if (c->state == CONN_TLS_WAIT)
        return c->blocked;
    return c->state == CONN_CONNECTING ||
           (c->state == CONN_HANDSHAKE && c->handshake_wants == WANT_WRITE);
}

/* The system is asked only when something changed: reading stays on for the connection's life,
 * writing goes on only while the socket is full. */
static void update_events(struct conn *c)
{
    if (c->fd < 0)
        return;
    set_event(&c->read_event, &c->reading, wants_read(c));
    set_event(&c->write_event, &c->writing, wants_write(c));
}

/* ---- The end ---- */

static void close_down(struct conn *c)
{
    loop_timer_clear(c->loop, &c->deadline);
    loop_timer_clear(c->loop, &c->soon);
    set_event(&c->read_event, &c->reading, false);
    set_event(&c->write_event, &c->writing, false);
    if (c->state == CONN_OPEN)
        conn_io_goodbye(c);
    SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = CONN_DEAD;
    c->due = 0;
}

/* The handler that is at work, if one is, releases the memory when its callback has returned. */
static void destroy(struct conn *c)
{
    close_down(c);
    c->freed = true;
    if (c->in_loop)
        return;
    buf_free(&c->in);
    buf_free(&c->out);
    free(c->why);
    free(c->tls_error);
    free(c);
}

static bool peer_was_talking(const struct conn *c)
{
    int unread = 0;
    return c->in.n || (ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0);
}

/* Closing with octets unread makes the system send a reset, which would destroy our last reply on
 * its way. So the peer that was talking gets the end of our side first, and a moment to read. */
static void linger(struct conn *c)
{
    conn_io_goodbye(c);
    (void)shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    buf_free(&c->in);
    loop_timer_set(c->loop, &c->deadline, LINGER_MS, on_deadline);
}

/* The next step of conn_finish; outside a handler c may be gone afterwards. */
static void finish_step(struct conn *c)
{
    if (c->state == CONN_OPEN && c->out.n == 0 && peer_was_talking(c))
        linger(c);
    if (c->state == CONN_TLS_WAIT || c->state == CONN_LINGER || (c->state == CONN_OPEN && c->out.n))
        update_events(c);
    else
        destroy(c);
}

/* ---- Telling the owner ---- */

static void tell_tls(struct conn *c)
{
    bool ok = c->tls_error == NULL;
    if (c->ops->on_tls)
        c->ops->on_tls(c->arg, ok, ok ? "" : c->tls_error);
}

static void tell_closed(struct conn *c)
{
    if (c->ops->on_closed)
        c->ops->on_closed(c->arg, c->why);
}

static void tell(struct conn *c, void (*run)(void *))
{
    if (run)
        run(c->arg);
}

static void tell_one(struct conn *c, unsigned due)
{
    if (due == DUE_CONNECTED)
        tell(c, c->ops->on_connected);
    else if (due == DUE_TLS)
        tell_tls(c);
    else if (due == DUE_READABLE)
        tell(c, c->ops->on_readable);
    else if (due == DUE_DRAINED)
        tell(c, c->ops->on_drained);
    else if (due == DUE_TIMEOUT)
        tell(c, c->ops->on_timeout);
    else
        tell_closed(c);
}

/* What may be told now. While the owner has paused, neither octets nor the end of file behind them
 * are: they stay in order for conn_resume. */
static unsigned tellable(const struct conn *c)
{
    unsigned due = c->due;
    if (c->paused)
        due &= ~(unsigned)(c->ended ? DUE_READABLE | DUE_CLOSED : DUE_READABLE);
    return due & -due; /* the lowest bit: the order of enum conn_due */
}

/* Octets that TLS has decrypted wait for room, and no event will tell of them. */
static void read_pending(struct conn *c)
{
    if (c->state == CONN_OPEN && !c->paused && !c->ended && buf_room(&c->in) && conn_io_pending(c))
        conn_io_read(c);
}

/* Before control goes back: memory and events as the connection now needs them. */
static void settle(struct conn *c)
{
    if (c->in.n == 0)
        buf_free(&c->in);
    update_events(c);
}

/* Ends every handler: tells what is due until nothing is, then sets the events for what is next. */
static void leave(struct conn *c)
{
    unsigned due;

    while (!c->freed && (due = tellable(c))) {
        c->due &= ~due;
        if (due & LAST_WORDS) {
            c->state = CONN_DEAD;
            c->due = 0;
        }
        tell_one(c, due);
        if (!c->freed)
            read_pending(c);
    }
    if (!c->freed && c->finishing)
        finish_step(c);
    c->in_loop = false;
    if (c->freed)
        destroy(c);
    else
        settle(c);
}

/* Ends every conn_ call that may have changed something: inside a handler leave() does the rest,
 * outside the loop is asked for a turn if there is anything to tell. */
static void poke(struct conn *c)
{
    if (c->in_loop)
        return;
    read_pending(c);
    settle(c);
    if (tellable(c))
        loop_timer_set(c->loop, &c->soon, 0, on_soon);
}

/* ---- Handlers ---- */

static void begin_handshake(struct conn *c)
{
    c->state = CONN_HANDSHAKE;
    c->due = 0;
    if (SSL_set_fd(c->ssl, c->fd) == 1) {
        conn_io_handshake(c);
        return;
    }
    c->tls_error = base_strdup("our TLS engine failed");
    c->state = CONN_DEAD;
    c->due = DUE_TLS;
}

static void write_or_begin(struct conn *c)
{
    conn_io_write(c);
    if (c->state == CONN_TLS_WAIT && c->out.n == 0)
        begin_handshake(c);
}

static void note_local(struct conn *c)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);
    if (getsockname(c->fd, (struct sockaddr *)&sa, &len) == 0)
        (void)!ip_from_sockaddr((struct sockaddr *)&sa, &c->local);
}

static void connect_failed(struct conn *c, int error)
{
    const char *words = strerrordesc_np(error);
    conn_io_lost(c, status_make(CAUSE_CONNECT_FAILED, "connection failed: %s",
                                words ? words : "unknown error"));
}

static void finish_connect(struct conn *c)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error) {
        connect_failed(c, error);
        return;
    }
    note_local(c);
    c->state = CONN_OPEN;
    c->due |= DUE_CONNECTED;
}

/* Takes and forgets what a peer still says after our last word. */
static void read_away(struct conn *c)
{
    char waste[4096];
    ssize_t n = recv(c->fd, waste, sizeof(waste), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        destroy(c);
}

static void on_read_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    c->in_loop = true;
    if (c->state == CONN_LINGER)
        read_away(c);
    else if (c->state == CONN_HANDSHAKE)
        conn_io_handshake(c);
    else if (c->state == CONN_OPEN && c->write_wants == WANT_READ)
        conn_io_write(c);
    if (c->state == CONN_OPEN && !c->paused && !c->ended && !(c->due & DUE_TLS))
        conn_io_read(c);
    leave(c);
}

static void on_write_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    c->in_loop = true;
    if (c->state == CONN_CONNECTING)
        finish_connect(c);
    else if (c->state == CONN_HANDSHAKE)
        conn_io_handshake(c);
    else if (c->blocked)
        write_or_begin(c);
    if (c->state == CONN_OPEN && c->read_wants == WANT_WRITE && !c->paused)
        conn_io_read(c);
    leave(c);
}

static void on_soon(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, soon);

    c->in_loop = true;
    leave(c);
}

static void on_deadline(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, deadline);

    c->in_loop = true;
    if (c->finishing)
        destroy(c);
    else if (c->state != CONN_DEAD)
        c->due = DUE_TIMEOUT;
    leave(c);
}

/* ---- Birth ---- */

static struct conn *make(struct loop *loop, int fd, size_t in_max, size_t out_max,
                         const struct conn_ops *ops, void *arg)
{
    struct conn *c = base_alloc(sizeof(*c));
    int one = 1;

    c->loop = loop;
    c->fd = fd;
    c->ops = ops;
    c->arg = arg;
    buf_init(&c->in, in_max);
    buf_init(&c->out, out_max);
    if (fd < 0)
        return c;
    /* Fails on a local socket, where there is nothing to gain. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    REQUIRE(event_assign(&c->read_event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_read_event,
                         c) == 0);
    REQUIRE(event_assign(&c->write_event, loop_base(loop), fd, EV_WRITE | EV_PERSIST,
                         on_write_event, c) == 0);
    return c;
}

struct conn *conn_accept(struct loop *loop, int fd, size_t in_max, size_t out_max,
                         const struct conn_ops *ops, void *arg)
{
    struct conn *c = make(loop, fd, in_max, out_max, ops, arg);
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);

    c->state = CONN_OPEN;
    if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0)
        (void)!ip_from_sockaddr((struct sockaddr *)&sa, &c->peer);
    note_local(c);
    update_events(c);
    return c;
}

struct conn *conn_connect(struct loop *loop, const struct ip_port *to, size_t in_max,
                          size_t out_max, const struct conn_ops *ops, void *arg)
{
    struct sockaddr_storage sa;
    socklen_t len = ip_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    struct conn *c = make(loop, fd, in_max, out_max, ops, arg);

    c->state = CONN_CONNECTING;
    c->peer = *to;
    if (!error && connect(fd, (struct sockaddr *)&sa, len) != 0)
        error = errno == EINPROGRESS || errno == EINTR ? 0 : errno;
    if (error)
        connect_failed(c, error);
    poke(c);
    return c;
}

/* ---- The owner's calls ---- */

void conn_adopt(struct conn *c, const struct conn_ops *ops, void *arg)
{
    c->ops = ops;
    c->arg = arg;
    c->due &= ~(unsigned)DUE_DRAINED; /* was the old owner's */
}

void conn_free(struct conn **cp)
{
    struct conn *c = *cp;
    *cp = NULL;
    if (c)
        destroy(c);
}

struct buf *conn_in(struct conn *c)
{
    return &c->in;
}

struct buf *conn_out(struct conn *c)
{
    return &c->out;
}

void conn_flush(struct conn *c)
{
    if (c->state == CONN_OPEN && c->out.n && !c->blocked)
        conn_io_write(c);
    poke(c);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
    poke(c);
}

void conn_resume(struct conn *c)
{
    bool waiting = c->paused && c->in.n;

    c->paused = false;
    if (waiting)
        c->due |= DUE_READABLE;
    poke(c);
}

void conn_deadline(struct conn *c, int64_t delay_ms)
{
    if (delay_ms <= 0 || c->freed || c->finishing)
        loop_timer_clear(c->loop, &c->deadline);
    else
        loop_timer_set(c->loop, &c->deadline, delay_ms, on_deadline);
}

/* Octets that came before the handshake are an injection (CVE-2011-0411). The caller has looked; if
 * it has not, the handshake fails here and they are never read as if TLS had protected them. */
void conn_tls(struct conn *c, SSL *ssl, bool server)
{
    if (c->state != CONN_OPEN || c->ssl) { /* its end is on the way to the owner */
        SSL_free(ssl);
        return;
    }
    c->ssl = ssl;
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    if (c->in.n) {
        c->tls_error = base_strdup("octets arrived before the handshake");
        c->state = CONN_DEAD;
        c->due = DUE_TLS;
    } else {
        c->state = CONN_TLS_WAIT;
        if (!c->blocked)
            write_or_begin(c);
    }
    poke(c);
}

SSL *conn_ssl(struct conn *c)
{
    return c->ssl;
}

const struct ip_port *conn_peer(const struct conn *c)
{
    return &c->peer;
}

const struct ip_port *conn_local(const struct conn *c)
{
    return &c->local;
}

void conn_finish(struct conn **cp)
{
    struct conn *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    c->ops = &no_ops;
    c->arg = NULL;
    c->finishing = true;
    c->paused = true; /* what the peer says from here on is for nobody */
    c->due = 0;
    loop_timer_set(c->loop, &c->deadline, FINISH_MS, on_deadline);
    if (c->state == CONN_OPEN && c->out.n && !c->blocked)
        conn_io_write(c);
    if (!c->in_loop)
        finish_step(c);
}
