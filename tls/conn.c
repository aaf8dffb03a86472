/* A connection: its birth and its owner's calls. The events and callbacks are in conn_loop.c, the
 * octets in conn_io.c. */
#include "tls/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tls/conn_private.h"

enum { FINISH_MS = 10000 }; /* for the last reply of a connection without owner to be taken */

static const struct conn_ops no_ops;

/* ---- Birth ---- */

void conn_note_local(struct conn *c)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);
    if (getsockname(c->fd, (struct sockaddr *)&sa, &len) == 0)
        (void)!ip_from_sockaddr((struct sockaddr *)&sa, &c->local);
}

void conn_connect_failed(struct conn *c, int error)
{
    const char *words = strerrordesc_np(error);
    conn_io_lost(c, status_make(CAUSE_CONNECT_FAILED, "connection failed: %s",
                                words ? words : "unknown error"));
}

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
    conn_loop_start(c);
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
    conn_note_local(c);
    conn_loop_update(c);
    return c;
}

static struct conn *connect_to(struct loop *loop, const struct sockaddr *sa, socklen_t len,
                               const struct conn *wish)
{
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    struct conn *c = make(loop, fd, wish->in.max, wish->out.max, wish->ops, wish->arg);

    c->state = CONN_CONNECTING;
    c->peer = wish->peer;
    if (!error && connect(fd, sa, len) != 0)
        error = errno == EINPROGRESS || errno == EINTR ? 0 : errno;
    if (error)
        conn_connect_failed(c, error);
    conn_loop_poke(c);
    return c;
}

struct conn *conn_connect(struct loop *loop, const struct ip_port *to, size_t in_max,
                          size_t out_max, const struct conn_ops *ops, void *arg)
{
    struct conn wish = {.peer = *to, .ops = ops, .arg = arg};
    struct sockaddr_storage sa;
    socklen_t len = ip_to_sockaddr(to, &sa);

    buf_init(&wish.in, in_max);
    buf_init(&wish.out, out_max);
    return connect_to(loop, (struct sockaddr *)&sa, len, &wish);
}

struct conn *conn_connect_local(struct loop *loop, const char *path, size_t in_max, size_t out_max,
                                const struct conn_ops *ops, void *arg)
{
    struct conn wish = {.ops = ops, .arg = arg};
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    (void)slice_copy(slice_of(path), sa.sun_path, sizeof(sa.sun_path));
    buf_init(&wish.in, in_max);
    buf_init(&wish.out, out_max);
    return connect_to(loop, (struct sockaddr *)&sa, sizeof(sa), &wish);
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
        conn_loop_destroy(c);
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
    conn_loop_poke(c);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
    conn_loop_poke(c);
}

void conn_resume(struct conn *c)
{
    bool waiting = c->paused && c->in.n;

    c->paused = false;
    if (waiting)
        c->due |= DUE_READABLE;
    conn_loop_poke(c);
}

void conn_deadline(struct conn *c, int64_t delay_ms)
{
    if (delay_ms <= 0 || c->freed || c->finishing)
        loop_timer_clear(c->loop, &c->deadline);
    else
        loop_timer_set(c->loop, &c->deadline, delay_ms, conn_loop_on_deadline);
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
            conn_loop_write(c);
    }
    conn_loop_poke(c);
}

int conn_fd(const struct conn *c)
{
    return c->fd;
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
    loop_timer_set(c->loop, &c->deadline, FINISH_MS, conn_loop_on_deadline);
    if (c->state == CONN_OPEN && c->out.n && !c->blocked)
        conn_io_write(c);
    if (!c->in_loop)
        conn_loop_finish(c);
}
