/* A connection in its loop: events, what the owner is told, deadline, end. See conn_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/conn_private.h"

enum {
    LINGER_MS = 2000, /* for a peer that was talking to read our last reply */
};

static const unsigned LAST_WORDS = DUE_CLOSED | DUE_TIMEOUT;

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
void conn_loop_update(struct conn *c)
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
void conn_loop_destroy(struct conn *c)
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
    loop_timer_set(c->loop, &c->deadline, LINGER_MS, conn_loop_on_deadline);
}

/* The next step of conn_finish; outside a handler c may be gone afterwards. */
void conn_loop_finish(struct conn *c)
{
    if (c->state == CONN_OPEN && c->out.n == 0 && peer_was_talking(c))
        linger(c);
    if (c->state == CONN_TLS_WAIT || c->state == CONN_LINGER || (c->state == CONN_OPEN && c->out.n))
        conn_loop_update(c);
    else
        conn_loop_destroy(c);
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
    conn_loop_update(c);
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
        conn_loop_finish(c);
    c->in_loop = false;
    if (c->freed)
        conn_loop_destroy(c);
    else
        settle(c);
}

/* Ends every conn_ call that may have changed something: inside a handler leave() does the rest,
 * outside the loop is asked for a turn if there is anything to tell. */
void conn_loop_poke(struct conn *c)
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

void conn_loop_write(struct conn *c)
{
    conn_io_write(c);
    if (c->state == CONN_TLS_WAIT && c->out.n == 0)
        begin_handshake(c);
}

static void finish_connect(struct conn *c)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error) {
        conn_connect_failed(c, error);
        return;
    }
    conn_note_local(c);
    c->state = CONN_OPEN;
    c->due |= DUE_CONNECTED;
}

/* Takes and forgets what a peer still says after our last word. */
static void read_away(struct conn *c)
{
    char waste[4096];
    ssize_t n = recv(c->fd, waste, sizeof(waste), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_loop_destroy(c);
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
        conn_loop_write(c);
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

void conn_loop_on_deadline(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, deadline);

    c->in_loop = true;
    if (c->finishing)
        conn_loop_destroy(c);
    else if (c->state != CONN_DEAD)
        c->due = DUE_TIMEOUT;
    leave(c);
}

void conn_loop_start(struct conn *c)
{
    struct event_base *base = loop_base(c->loop);
    REQUIRE(event_assign(&c->read_event, base, c->fd, EV_READ | EV_PERSIST, on_read_event, c) == 0);
    REQUIRE(event_assign(&c->write_event, base, c->fd, EV_WRITE | EV_PERSIST, on_write_event, c) ==
            0);
}
