#include "tests/tls/pair.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool freed_here(struct end *e)
{
    if (e->free_in_callback)
        conn_free(&e->c);
    return !e->c;
}

static void take_in(struct end *e)
{
    struct slice s = buf_slice(conn_in(e->c));
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] != (unsigned char)(e->next_in++ % 251))
            e->pattern_ok = false;
        else if (e->next_in == 251)
            e->next_in = 0;
    e->received += s.n;
    if (buf_room(&e->got) >= s.n)
        (void)!buf_append(&e->got, s);
    buf_consume(conn_in(e->c), s.n);
}

static void on_connected(void *arg)
{
    struct end *e = arg;
    e->connected++;
    (void)freed_here(e);
}

static void on_readable(void *arg)
{
    struct end *e = arg;
    e->readable++;
    if (!freed_here(e) && e->consume)
        take_in(e);
}

static void on_drained(void *arg)
{
    struct end *e = arg;
    e->drained++;
    if (!freed_here(e) && e->to_send)
        end_fill(e);
}

static void on_tls(void *arg, bool ok, const char *error)
{
    struct end *e = arg;
    e->tls_ok += ok;
    e->tls_failed += !ok;
    (void)slice_copy(slice_of(error), e->error, sizeof(e->error));
    (void)freed_here(e);
}

static void on_closed(void *arg, const struct status *why)
{
    struct end *e = arg;
    e->closed++;
    e->why = why->cause;
    (void)slice_copy(slice_of(why->text), e->error, sizeof(e->error));
    (void)freed_here(e);
}

static void on_timeout(void *arg)
{
    struct end *e = arg;
    e->timeout++;
    (void)freed_here(e);
}

const struct conn_ops end_ops = {on_connected, on_readable, on_drained,
                                 on_tls,       on_closed,   on_timeout};

static void end_start(struct end *e, struct loop *loop, int fd, size_t max)
{
    e->c = conn_accept(loop, fd, max, max, &end_ops, e);
    e->consume = e->pattern_ok = true;
    buf_init(&e->got, 4096);
}

void pair_start(struct pair *p, size_t max)
{
    int fds[2];

    signal(SIGPIPE, SIG_IGN);
    *p = (struct pair){.loop = loop_new("pair")};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    end_start(&p->a, p->loop, fds[0], max);
    end_start(&p->b, p->loop, fds[1], max);
}

void pair_stop(struct pair *p)
{
    conn_free(&p->a.c);
    conn_free(&p->b.c);
    pair_pump(p);
    buf_free(&p->a.got);
    buf_free(&p->b.got);
    loop_free(&p->loop);
}

/* A turn that moves only socket events does not count as busy for the loop, so a number of quiet
 * turns is what says that nothing moves. */
void pair_pump(struct pair *p)
{
    size_t before;
    int quiet = 0, events;

    while (quiet < 5) {
        before = p->a.received + p->b.received;
        events =
            p->a.drained + p->b.drained + p->a.readable + p->b.readable + p->a.tls_ok + p->b.tls_ok;
        bool busy = loop_pump(p->loop);
        bool moved = before != p->a.received + p->b.received ||
                     events != p->a.drained + p->b.drained + p->a.readable + p->b.readable +
                                   p->a.tls_ok + p->b.tls_ok;
        quiet = busy || moved ? 0 : quiet + 1;
    }
}

void end_say(struct end *e, const char *text)
{
    REQUIRE(buf_append(conn_out(e->c), slice_of(text)));
    conn_flush(e->c);
}

void end_fill(struct end *e)
{
    char block[4001];
    while (e->to_send && buf_room(conn_out(e->c))) {
        size_t n = buf_room(conn_out(e->c));
        n = n < sizeof(block) ? n : sizeof(block);
        n = n < e->to_send ? n : e->to_send;
        for (size_t i = 0; i < n; i++) {
            block[i] = (char)e->next_out++;
            if (e->next_out == 251)
                e->next_out = 0;
        }
        REQUIRE(buf_append(conn_out(e->c), slice_make(block, n)));
        e->to_send -= n;
    }
    conn_flush(e->c);
}

bool pair_tls(struct pair *p, SSL *client, SSL *server)
{
    conn_tls(p->a.c, client, false);
    conn_tls(p->b.c, server, true);
    pair_pump(p);
    return p->a.tls_ok == 1 && p->b.tls_ok == 1;
}
