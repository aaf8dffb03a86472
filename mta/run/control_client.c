/* The client side of the control socket: blocking, for commands. The daemon is trusted no further
 * than its frames are well formed. */
#include "mta/run/control_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 300, READ_SIZE = 64 * 1024 };

static int dial(const char *directory, struct buf *out_text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    errno = ENAMETOOLONG;
    if (fd >= 0 && n > 0 && (size_t)n < sizeof(address.sun_path) &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return fd;
    }
    (void)!buf_printf(out_text, "the daemon does not answer on %s/control.sock: %s", directory,
                      strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, struct slice s)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slice_skip(s, (size_t)n);
    }
    return true;
}

static bool send_ask(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    struct buf out;
    bool ok;

    buf_init(&out, CONTROL_FRAME_HEAD + CONTROL_ASK_MAX);
    ok = text && frame_append(&out, CONTROL_ASK, slice_of(text)) && send_all(fd, buf_slice(&out));
    free(text);
    buf_free(&out);
    return ok;
}

static bool receive(int fd, struct buf *in)
{
    char *p;
    size_t room = buf_reserve(in, READ_SIZE, &p);
    ssize_t n;

    if (room == 0)
        return false;
    do
        n = recv(fd, p, room, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    buf_commit(in, (size_t)n);
    return true;
}

struct answer {
    void (*on_row)(json_t *row, void *arg);
    void *arg;
    struct buf *text;
    int exit;
};

static void take_end(const json_t *end, struct answer *a)
{
    const json_t *exit_status = json_object_get(end, "exit");
    const char *text = json_string_value(json_object_get(end, "text"));

    if (json_is_integer(exit_status))
        a->exit = (int)json_integer_value(exit_status);
    if (text)
        (void)!buf_append(a->text, slice_of(text));
}

/* False: this was the last frame, or the daemon speaks something else. */
static bool take_frame(const struct frame *f, struct answer *a)
{
    json_t *body = json_loadb(f->body.p, f->body.n, 0, NULL);
    bool row = f->kind == CONTROL_ROW && body;

    if (row && a->on_row)
        a->on_row(body, a->arg);
    else if (f->kind == CONTROL_END && body)
        take_end(body, a);
    json_decref(body);
    return row;
}

static void read_answer(int fd, struct answer *a)
{
    struct frame f;
    struct buf in;
    bool more = true;

    buf_init(&in, CONTROL_FRAME_HEAD + LIMIT_CONTROL_FRAME + READ_SIZE);
    while (more) {
        enum frame_result result = frame_peek(&in, LIMIT_CONTROL_FRAME, &f);
        if (result == FRAME_OK) {
            more = take_frame(&f, a);
            frame_consume(&in, &f);
        } else {
            more = result == FRAME_MORE && receive(fd, &in);
        }
    }
    buf_free(&in);
}

int control_call(const char *runtime_directory, json_t *request,
                 void (*on_row)(json_t *row, void *arg), void *arg, struct buf *out_text)
{
    struct answer a = {on_row, arg, out_text, EXIT_UNREACHABLE};
    int fd = dial(runtime_directory, out_text);

    if (fd < 0)
        return EXIT_UNREACHABLE;
    if (send_ask(fd, request))
        read_answer(fd, &a);
    if (a.exit == EXIT_UNREACHABLE && out_text->n == 0)
        (void)!buf_printf(out_text, "the daemon broke off");
    close(fd);
    return a.exit;
}
