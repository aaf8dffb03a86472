#include "fake_milter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mta/milter/milter.h"

enum { IN_MAX = 1 << 20 };

static void put_packet(struct buf *out, char kind, struct slice data)
{
    uint32_t n = (uint32_t)data.n + 1;
    char head[5] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n, kind};

    cr_assert(buf_append(out, slice_make(head, 5)) && buf_append(out, data));
}

static struct buf *answer_to(struct fake_milter *f, char command)
{
    return &f->answers[(unsigned char)command & 127];
}

void fake_answer(struct fake_milter *f, char command, char kind, struct slice data)
{
    buf_clear(answer_to(f, command));
    if (kind)
        put_packet(answer_to(f, command), kind, data);
}

void fake_and(struct fake_milter *f, char command, char kind, struct slice data)
{
    put_packet(answer_to(f, command), kind, data);
}

void fake_raw(struct fake_milter *f, char command, struct slice octets)
{
    buf_clear(answer_to(f, command));
    cr_assert(buf_append(answer_to(f, command), octets));
}

void fake_options(struct fake_milter *f, uint32_t version, uint32_t actions, uint32_t steps)
{
    uint32_t words[3] = {version, actions, steps};
    char data[12];

    for (int i = 0; i < 12; i++)
        data[i] = (char)(words[i / 4] >> (24 - 8 * (i % 4)));
    fake_answer(f, 'O', 'O', slice_make(data, sizeof(data)));
}

bool fake_heard(struct fake_milter *f, const char *text)
{
    return strstr(buf_cstr(&f->detail), text) != NULL;
}

static void hang_up(struct fake_milter *f)
{
    close(f->fd);
    f->fd = -1;
    buf_clear(&f->in);
    cr_assert(buf_append_byte(&f->heard, '.'));
}

static void note(struct fake_milter *f, struct slice packet)
{
    cr_assert(buf_append(&f->detail, packet) && buf_append_byte(&f->detail, '\n'));
    for (size_t i = f->detail.n - packet.n - 1; i < f->detail.n; i++) {
        char *c = f->detail.p + f->detail.head + i;
        if (*c == '\0')
            *c = '|';
    }
    if (packet.p[0] != 'D')
        cr_assert(buf_append_byte(&f->heard, packet.p[0]));
}

static void reply(struct fake_milter *f, char command)
{
    struct slice out = buf_slice(answer_to(f, command));

    if (command == f->close_at) {
        hang_up(f);
        return;
    }
    while (out.n) {
        ssize_t n = send(f->fd, out.p, out.n, MSG_NOSIGNAL);
        if (n < 0)
            return; /* it has hung up: the other side's choice */
        out = slice_skip(out, (size_t)n);
    }
}

static bool hear(struct fake_milter *f)
{
    struct slice in = buf_slice(&f->in);
    uint32_t n = 0;

    for (size_t i = 0; i < 4 && in.n >= 4; i++)
        n = n << 8 | (uint8_t)in.p[i];
    if (in.n < 4 || in.n < 4 + n)
        return false;
    char command = in.p[4];
    note(f, slice_make(in.p + 4, n));
    buf_consume(&f->in, 4 + n);
    reply(f, command);
    return true;
}

static bool pump_one(struct fake_milter *f)
{
    char p[65536];

    if (f->fd < 0 && f->listen_fd >= 0) {
        f->fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        f->connections += f->fd >= 0;
    }
    if (f->fd < 0)
        return false;
    ssize_t n = recv(f->fd, p, sizeof(p), MSG_DONTWAIT);
    if (n > 0)
        cr_assert(buf_append(&f->in, slice_make(p, (size_t)n)));
    while (f->fd >= 0 && hear(f))
        ;
    if (n == 0 && f->fd >= 0)
        hang_up(f);
    return n >= 0;
}

static bool pump(void *arg)
{
    struct fakes *all = arg;
    bool any = false;

    for (size_t i = 0; i < all->n; i++)
        any |= pump_one(&all->fake[i]);
    return any;
}

static void fake_listen(struct fake_milter *f)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->path);
    cr_assert_eq(bind(f->listen_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    cr_assert_eq(listen(f->listen_fd, 10), 0);
}

static void start(struct fake_milter *f, const struct rig *r, size_t i)
{
    static const char *const names[] = {"first", "second"};

    snprintf(f->path, sizeof(f->path), "%s/milter-%zu", r->dir, i);
    f->fd = -1;
    fake_listen(f);
    buf_init(&f->in, IN_MAX);
    buf_init(&f->heard, IN_MAX);
    buf_init(&f->detail, 16 * IN_MAX);
    for (size_t c = 0; c < ARRAY_LEN(f->answers); c++)
        buf_init(&f->answers[c], IN_MAX);
    fake_options(f, 6, MILTER_ACTIONS, MILTER_CAN_SKIP);
    for (const char *c = "CHMRTLNBE"; *c; c++)
        fake_answer(f, *c, 'c', SLICE(""));
    f->config = (struct milter_config){
        .name = names[i],
        .socket = {.path = f->path},
        .timeout_connect_ms = 10000,
        .timeout_command_ms = 30000,
        .timeout_content_ms = 300000,
    };
}

struct fakes *fakes_start(struct rig *r, size_t n)
{
    struct fakes *all = base_alloc(sizeof(*all));

    all->rig = r;
    all->n = n;
    for (size_t i = 0; i < n; i++) {
        start(&all->fake[i], r, i);
        all->list[i] = &all->fake[i].config;
    }
    r->listener.milters = all->list;
    r->listener.n_milters = n;
    r->also = pump;
    r->also_arg = all;
    return all;
}

static void stop(struct fake_milter *f)
{
    if (f->fd >= 0)
        close(f->fd);
    close(f->listen_fd);
    buf_free(&f->in);
    buf_free(&f->heard);
    buf_free(&f->detail);
    for (size_t c = 0; c < ARRAY_LEN(f->answers); c++)
        buf_free(&f->answers[c]);
}

void fakes_stop(struct fakes **fp)
{
    struct fakes *all = *fp;

    all->rig->also = NULL;
    for (size_t i = 0; i < all->n; i++)
        stop(&all->fake[i]);
    free(all);
    *fp = NULL;
}
