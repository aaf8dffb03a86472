#include "dns/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { FRAME_HEADER = 5, READ_AT_ONCE = 64 * 1024 };

struct channel {
    struct event *readable, *writable;
    int fd;
    bool paused;
    size_t frame_max;
    struct buf in, out;
    struct channel_calls calls;
    void *arg;
};

/* NULL: go on. Otherwise why the channel has to be closed. */
typedef const char *problem;

static problem hand_out_frames(struct channel *c)
{
    struct frame frame;

    while (!c->paused) {
        enum frame_result got = frame_peek(&c->in, c->frame_max, &frame);
        if (got == FRAME_MORE)
            return NULL;
        if (got == FRAME_BROKEN || !c->calls.on_frame(c->arg, &frame))
            return "a frame that makes no sense";
        frame_consume(&c->in, &frame);
    }
    return NULL;
}

static problem read_some(struct channel *c)
{
    char *p;
    size_t room = buf_reserve(&c->in, READ_AT_ONCE, &p);
    ssize_t n = room ? recv(c->fd, p, room, MSG_DONTWAIT) : -1;

    if (n > 0)
        buf_commit(&c->in, (size_t)n);
    if (n == 0)
        return "closed by the other side";
    if (n < 0 && room && errno != EAGAIN && errno != EINTR)
        return "read error";
    return NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct channel *c = arg;
    /* Frames left over from a pause come first, so that the buffer always has room for more. */
    problem why = hand_out_frames(c);

    if (!why && !c->paused)
        why = read_some(c);
    if (!why)
        why = hand_out_frames(c);
    if (why)
        c->calls.on_closed(c->arg, why);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct channel *c = arg;
    struct slice s = buf_slice(&c->out);
    ssize_t n = send(c->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        c->calls.on_closed(c->arg, "write error");
        return;
    }
    buf_consume(&c->out, n > 0 ? (size_t)n : 0);
    if (c->out.n)
        (void)event_add(c->writable, NULL);
}

struct channel *channel_new(struct loop *loop, int fd, const struct channel_limits *limits,
                            const struct channel_calls *calls, void *arg)
{
    struct channel *c = base_alloc(sizeof(*c));

    c->fd = fd;
    c->frame_max = limits->frame;
    c->calls = *calls;
    c->arg = arg;
    buf_init(&c->in, FRAME_HEADER + limits->frame + READ_AT_ONCE);
    buf_init(&c->out, limits->out);
    (void)evutil_make_socket_nonblocking(fd);
    c->readable = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(loop_base(loop), fd, EV_WRITE, on_writable, c);
    REQUIRE(c->readable && c->writable && event_add(c->readable, NULL) == 0);
    return c;
}

void channel_free(struct channel **cp)
{
    struct channel *c = *cp;
    if (!c)
        return;
    event_free(c->readable);
    event_free(c->writable);
    (void)evutil_closesocket(c->fd);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
    *cp = NULL;
}

bool channel_send(struct channel *c, uint8_t kind, struct slice body)
{
    if (!frame_append(&c->out, kind, body))
        return false;
    return event_add(c->writable, NULL) == 0;
}

void channel_pause(struct channel *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    if (paused) {
        (void)event_del(c->readable);
        return;
    }
    (void)event_add(c->readable, NULL);
    event_active(c->readable, EV_READ, 0); /* for what is in the buffer already */
}
