/* The control socket: a listening AF_UNIX socket on the main loop and its few clients. Only root
 * and our own account may speak (mode 0600, and SO_PEERCRED for what the mode does not catch). */
#include "mta/run/control_private.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ASK_WAIT_MS = 10000,  /* for the request */
    REST_MS = 200,        /* without descriptors */
    TAKE_WAIT_MS = 60000, /* for the client to take what is ready for it */
    BACKLOG = 16,
    ERRORS_MAX = 64 * 1024,    /* octets of what a reload has to say */
    END_ROOM = 2 * ERRORS_MAX, /* kept free for the last frame */
};

/* Frames */

static bool append_json(struct control_client *c, enum control_frame kind, const json_t *body,
                        size_t keep_free)
{
    struct buf *out = conn_out(c->conn);
    char *text = json_dumps(body, JSON_COMPACT);

    REQUIRE(text);
    struct slice s = slice_of(text);
    bool ok = buf_room(out) >= CONTROL_FRAME_HEAD + s.n + keep_free &&
              frame_append(out, (uint8_t)kind, s);
    free(text);
    return ok;
}

bool control_send_row(struct control_client *c, const json_t *row)
{
    bool ok = append_json(c, CONTROL_ROW, row, END_ROOM);
    conn_flush(c->conn);
    return ok;
}

void control_patience(struct control_client *c)
{
    conn_deadline(c->conn, TAKE_WAIT_MS);
}

static void client_detach(struct control_client *c)
{
    if (!c->control)
        return;
    c->control->n_clients--;
    c->control = NULL;
    list_remove(&c->node);
}

void control_drop(struct control_client *c)
{
    conn_free(&c->conn);
    client_detach(c);
    if (c->asking)
        return; /* an orphan: the request comes home, and then again here */
    queue_request_clear(&c->request);
    free(c);
}

void control_end(struct control_client *c, enum control_exit exit, const char *text)
{
    json_t *end = json_pack("{s:i, s:s}", "exit", (int)exit, "text", text);

    if (!end)
        end = json_pack("{s:i, s:s}", "exit", (int)exit, "text", "(not UTF-8)");
    if (append_json(c, CONTROL_END, end, 0))
        conn_finish(&c->conn);
    json_decref(end);
    control_drop(c);
}

/* Commands that are not about the queue */

static void run_status(struct control_client *c, const json_t *ask)
{
    json_t *row = c->control->ops->status(c->control->arg);
    bool ok = row && control_send_row(c, row);

    json_decref(row);
    control_end(c, ok ? EXIT_DONE : EXIT_UNDETERMINED, ok ? "" : "no status");
}

static void run_reload(struct control_client *c, const json_t *ask)
{
    struct buf errors;
    bool ok;

    buf_init(&errors, ERRORS_MAX);
    ok = c->control->ops->reload(c->control->arg, &errors);
    control_end(c, ok ? EXIT_DONE : EXIT_USAGE,
                ok ? "the configuration was read again" : buf_cstr(&errors));
    buf_free(&errors);
}

static void run_stop(struct control_client *c, const json_t *ask)
{
    struct control *control = c->control;
    control_end(c, EXIT_DONE, "stopping");
    control->ops->stop(control->arg);
}

static const struct control_command commands[] = {
    {"status",        run_status,        QUEUE_LIST,    false, false, ""                            },
    {"reload",        run_reload,        QUEUE_LIST,    false, false, ""                            },
    {"stop",          run_stop,          QUEUE_LIST,    false, false, ""                            },
    {"queue-list",    control_queue_run, QUEUE_LIST,    false, false, "in the queue"                },
    {"queue-show",    control_queue_run, QUEUE_LIST,    true,  true,  "found"                       },
    {"queue-hold",    control_queue_run, QUEUE_HOLD,    false, false, "held"                        },
    {"queue-release", control_queue_run, QUEUE_RELEASE, false, false, "released"                    },
    {"queue-retry",   control_queue_run, QUEUE_RETRY,   false, false, "due at once"                 },
    {"queue-delete",  control_queue_run, QUEUE_DELETE,  true,  false, "deleted"                     },
    {"queue-bounce",  control_queue_run, QUEUE_BOUNCE,  true,  false, "to be returned to the sender"},
};

static void run_command(struct control_client *c, const json_t *ask)
{
    const char *name = json_string_value(json_object_get(ask, "command"));

    for (size_t i = 0; name && i < ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) != 0)
            continue;
        c->command = &commands[i];
        c->command->run(c, ask);
        return;
    }
    control_end(c, EXIT_USAGE, "unknown command");
}

/* Clients */

/* One whole frame of kind ASK, and not one octet more. NULL: the client must go. */
static json_t *read_ask(const struct buf *in, const struct frame *f)
{
    bool alone = in->n == CONTROL_FRAME_HEAD + f->body.n;

    return f->kind == CONTROL_ASK && alone ? control_ask_parse(f->body) : NULL;
}

static void take_ask(struct control_client *c, const struct frame *f)
{
    struct buf *in = conn_in(c->conn);
    json_t *ask = read_ask(in, f);

    if (!ask) {
        control_drop(c);
        return;
    }
    frame_consume(in, f);
    c->asked = true;
    control_patience(c);
    run_command(c, ask);
    json_decref(ask);
}

static void on_readable(void *arg)
{
    struct control_client *c = arg;
    struct buf *in = conn_in(c->conn);
    struct frame f;
    enum frame_result result = FRAME_BROKEN;

    if (!c->asked) /* all that may ever be said is one request */
        result = frame_peek(in, CONTROL_ASK_MAX, &f);
    if (result == FRAME_OK)
        take_ask(c, &f);
    else if (result == FRAME_BROKEN && in->n > 0)
        control_drop(c);
}

static void on_drained(void *arg)
{
    struct control_client *c = arg;
    if (c->asked)
        control_queue_go_on(c);
}

static void on_closed(void *arg, const struct status *why)
{
    control_drop(arg);
}

static void on_timeout(void *arg)
{
    control_drop(arg);
}

static const struct conn_ops client_ops = {
    .on_readable = on_readable,
    .on_drained = on_drained,
    .on_closed = on_closed,
    .on_timeout = on_timeout,
};

static bool may_speak(int fd)
{
    struct ucred who;
    socklen_t n = sizeof(who);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

static void client_start(struct control *ctl, int fd)
{
    struct control_client *c = base_alloc(sizeof(*c));

    c->control = ctl;
    ctl->n_clients++;
    list_append(&ctl->clients, &c->node);
    c->conn = conn_accept(ctl->loop, fd, CONTROL_FRAME_HEAD + CONTROL_ASK_MAX + 1,
                          CONTROL_FRAME_HEAD + LIMIT_CONTROL_FRAME + END_ROOM, &client_ops, c);
    conn_deadline(c->conn, ASK_WAIT_MS);
}

static void rest_over(struct timer *t)
{
    (void)event_add(CONTAINER_OF(t, struct control, rest)->listening, NULL);
}

/* Whoever waits to be accepted would wake the loop again at once. */
static void rest(struct control *ctl)
{
    (void)event_del(ctl->listening);
    loop_timer_set(ctl->loop, &ctl->rest, REST_MS, rest_over);
}

static void on_connection(evutil_socket_t listening, short what, void *arg)
{
    struct control *ctl = arg;
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            rest(ctl);
        return;
    }
    if (ctl->n_clients >= LIMIT_CONTROL_CLIENTS || !may_speak(fd))
        close(fd);
    else
        client_start(ctl, fd);
}

/* The socket */

static bool make_address(const char *directory, struct sockaddr_un *out, struct buf *errors)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(out->sun_path, sizeof(out->sun_path), "%s/control.sock", directory);

    if (n > 0 && (size_t)n < sizeof(out->sun_path))
        return true;
    (void)!buf_printf(errors, "%s: too long for a control socket\n", directory);
    return false;
}

/* Somebody answers: another relay runs here. Nobody does: its file was left behind. */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
    bool alive = rc == 0 || (fd >= 0 && errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return alive;
}

static bool remove_stale(const struct sockaddr_un *address, struct buf *errors)
{
    struct stat st;

    if (lstat(address->sun_path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        (void)!buf_printf(errors, "%s: exists and is no socket\n", address->sun_path);
    else if (is_alive(address))
        (void)!buf_printf(errors, "%s: another danelaw is running here\n", address->sun_path);
    else
        return unlink(address->sun_path) == 0 || errno == ENOENT;
    return false;
}

/* Linux gives the file the mode of the socket, so there is no moment in which it is open to others.
 */
static int bind_socket(const struct sockaddr_un *address, struct buf *errors)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && fchmod(fd, 0600) == 0 &&
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    (void)!buf_printf(errors, "%s: %s\n", address->sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct control *control_open(struct loop *loop, const char *runtime_directory, struct queue *queue,
                             const struct control_ops *ops, void *arg, struct buf *errors)
{
    struct sockaddr_un address;
    struct control *ctl;
    int fd;

    if (!make_address(runtime_directory, &address, errors) || !remove_stale(&address, errors))
        return NULL;
    fd = bind_socket(&address, errors);
    if (fd < 0)
        return NULL;
    ctl = base_alloc(sizeof(*ctl));
    *ctl = (struct control){.loop = loop,
                            .fd = fd,
                            .path = base_strdup(address.sun_path),
                            .queue = queue,
                            .ops = ops,
                            .arg = arg};
    list_init(&ctl->clients);
    ctl->listening = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_connection, ctl);
    REQUIRE(ctl->listening && event_add(ctl->listening, NULL) == 0);
    return ctl;
}

void control_close(struct control **cp)
{
    struct control *ctl = *cp;

    if (!ctl)
        return;
    LIST_EACH(it, &ctl->clients)
        control_drop(LIST_ENTRY(it, struct control_client, node));
    loop_timer_clear(ctl->loop, &ctl->rest);
    event_free(ctl->listening);
    close(ctl->fd);
    (void)unlink(ctl->path);
    free(ctl->path);
    free(ctl);
    *cp = NULL;
}
