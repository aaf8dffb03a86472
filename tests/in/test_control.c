/* The control socket over a real AF_UNIX socket, with the real queue over the memory store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/base/frame.h"
#include "desk.h"

static int dial(const struct desk *d)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", d->r->dir);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* What comes back for raw octets, until the server closes; SIZE_MAX: it does not. */
static size_t exchange(struct desk *d, int fd, struct slice s, char *p, size_t size)
{
    size_t n = 0;
    ssize_t got = -1;

    while (s.n) {
        ssize_t sent = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            break;
        s = slice_skip(s, sent > 0 ? (size_t)sent : 0);
        rig_pump(d->r);
    }
    for (int i = 0; i < 50 && got != 0; i++) {
        rig_pump(d->r);
        got = recv(fd, p + n, size - n, 0);
        n += got > 0 ? (size_t)got : 0;
        if (got < 0 && errno != EAGAIN)
            got = 0;
    }
    close(fd);
    rig_pump(d->r);
    return got == 0 ? n : SIZE_MAX;
}

static void keep_row(json_t *row, void *rows)
{
    json_array_append(rows, row);
}

/* request: JSON text. Rows are the caller's. */
static int call(struct desk *d, const char *request, json_t *rows, char text[200])
{
    json_t *ask = json_loads(request, 0, NULL);
    struct buf out;
    pthread_t t = desk_pump_start(d);
    int exit_status;

    buf_init(&out, 1000);
    exit_status = control_call(d->r->dir, ask, keep_row, rows, &out);
    desk_pump_stop(t);
    (void)slice_copy(buf_slice(&out), text, 200);
    buf_free(&out);
    json_decref(ask);
    return exit_status;
}

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

Test(control, list_has_the_members_of_postqueue)
{
    struct desk *d = desk_new();
    json_t *rows = json_array();
    char text[200];

    desk_put_messages(d, 2);
    cr_expect_eq(call(d, "{\"command\":\"queue-list\"}", rows, text), 0, "%s", text);
    cr_assert_eq(json_array_size(rows), 2);
    json_t *row = json_array_get(rows, 0), *rcpts = json_object_get(row, "recipients");
    cr_expect_str_eq(member(row, "sender"), "s0@a.example");
    cr_expect(message_id_ok(slice_of(member(row, "queue_id"))));
    cr_expect_str_neq(member(row, "queue_name"), "(none)");
    cr_expect_eq(json_integer_value(json_object_get(row, "arrival_time")), 1796000000);
    cr_expect_gt(json_integer_value(json_object_get(row, "message_size")), 3);
    cr_expect(json_is_false(json_object_get(row, "forced_expire")));
    cr_assert_eq(json_array_size(rcpts), 2);
    cr_expect_str_eq(member(json_array_get(rcpts, 1), "address"), "\"q \\\" q\"@c.example");
    cr_expect_null(json_object_get(json_array_get(rcpts, 0), "delay_reason"));
    cr_expect_str_eq(text, "2 messages in the queue");
    json_decref(rows);
    desk_free(d);
}

/* What was tried and waits says why, whose fault it is and what would mend it. */
Test(control, deferrals_say_whose_fault)
{
    struct desk *d = desk_new();
    json_t *rows = json_array();
    char text[200];
    struct rcpt_change change = {.rcpt = 0, .next_ms = 1796000300000};
    struct store_op op = {.kind = STORE_SETTLE, .changes = &change, .n_changes = 1};

    desk_put_messages(d, 1);
    struct message *m = rig_message(d->r);
    op.row = m->row;
    message_free(&m);
    change.status = status_of(CAUSE_DANE_MISMATCH);
    snprintf(change.remote, sizeof(change.remote), "mx.b.example[192.0.2.1]:25");
    cr_assert_eq(d->r->store->ops->apply(d->r->store, &op, 1), STORE_OK);
    cr_expect_eq(call(d, "{\"command\":\"queue-list\"}", rows, text), 0, "%s", text);
    json_t *rcpt = json_array_get(json_object_get(json_array_get(rows, 0), "recipients"), 0);
    json_t *ours = json_object_get(rcpt, "danelaw");
    cr_expect_str_eq(member(rcpt, "delay_reason"), "mx.b.example[192.0.2.1]:25: no TLSA record "
                                                   "matches the certificate");
    cr_expect_str_eq(member(ours, "cause"), "DANE_MISMATCH");
    cr_expect_str_eq(member(ours, "fault"), "the receiving server");
    cr_expect_str_eq(member(ours, "remedy"), cause_info(CAUSE_DANE_MISMATCH)->remedy);
    cr_expect_str_eq(member(ours, "next_attempt"), "2026-11-30T00:58:20.000Z");
    cr_expect_eq(json_integer_value(json_object_get(ours, "attempts")), 1);
    json_decref(rows);
    desk_free(d);
}

/* More than one page, and more than the socket holds. */
Test(control, long_lists)
{
    struct desk *d = desk_new();
    json_t *rows = json_array();
    char text[200];

    desk_put_messages(d, 450);
    cr_expect_eq(call(d, "{\"command\":\"queue-list\"}", rows, text), 0, "%s", text);
    cr_expect_eq(json_array_size(rows), 450);
    json_decref(rows);
    desk_free(d);
}

static int act(struct desk *d, const char *command, const char *id, char text[200])
{
    char request[200];
    json_t *rows = json_array();

    snprintf(request, sizeof(request), "{\"command\":\"%s\",\"id\":\"%s\"}", command, id);
    int exit_status = call(d, request, rows, text);
    json_decref(rows);
    return exit_status;
}

Test(control, hold_release_show_delete)
{
    struct desk *d = desk_new();
    char text[200], id[QUEUE_ID_MAX];
    struct message *m;

    desk_put_messages(d, 1);
    m = rig_message(d->r);
    memcpy(id, m->id, sizeof(id));
    message_free(&m);
    cr_expect_eq(act(d, "queue-hold", id, text), 0, "%s", text);
    cr_expect_str_eq(text, "1 message held");
    m = rig_message(d->r);
    cr_expect(m->flags & MESSAGE_HELD);
    message_free(&m);
    cr_expect_eq(act(d, "queue-release", id, text), 0, "%s", text);
    cr_expect_eq(act(d, "queue-show", id, text), 0, "%s", text);
    cr_expect_eq(act(d, "queue-hold", "AAAAAAAAAAAA", text), 1, "%s", text);
    cr_expect_str_eq(text, "0 messages held");
    cr_expect_eq(act(d, "queue-show", "AAAAAAAAAAAA", text), 1, "%s", text);
    cr_expect_eq(act(d, "queue-delete", id, text), 0, "%s", text);
    cr_expect_eq(rig_messages(d->r, NULL, 0), 0);
    cr_expect_eq(act(d, "queue-delete", id, text), 1, "%s", text);
    desk_free(d);
}

/* command → exit status. */
static const struct {
    const char *request;
    int exit_status;
} requests[] = {
    {"{\"command\":\"status\"}",                            0},
    {"{\"command\":\"reload\"}",                            0},
    {"{\"command\":\"queue-list\"}",                        0},
    {"{\"command\":\"queue-delete\"}",                      2},
    {"{\"command\":\"queue-bounce\"}",                      2},
    {"{\"command\":\"queue-show\"}",                        2},
    {"{\"command\":\"queue-hold\"}",                        1},
    {"{\"command\":\"queue-delete\",\"all\":true}",         1},
    {"{\"command\":\"queue-delete\",\"all\":false}",        2},
    {"{\"command\":\"queue-delete\",\"all\":1}",            2},
    {"{\"command\":\"queue-delete\",\"id\":\"../../etc\"}", 2},
    {"{\"command\":\"queue-delete\",\"id\":7}",             2},
    {"{\"command\":\"queue-delete\",\"from\":\"\"}",        1},
    {"{\"command\":\"queue-delete\",\"older_ms\":0}",       2},
    {"{\"command\":\"queue-delete\",\"older_ms\":-5}",      2},
    {"{\"command\":\"queue-delete\",\"older_ms\":1.5}",     2},
    {"{\"command\":\"queue-delete\",\"to\":\"a\\u0000b\"}", 4}, /* jansson refuses it: closed */
    {"{\"command\":\"queue-list\",\"color\":\"red\"}",      2},
    {"{\"command\":\"queue-shred\"}",                       2},
    {"{\"command\":5}",                                     2},
    {"{}",                                                  2},
};

Test(control, requests)
{
    struct desk *d = desk_new();
    char p[70000];
    struct frame f;

    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct buf out, in;
        int exit_status = 4;
        buf_init(&out, 1000);
        buf_init(&in, sizeof(p));
        cr_assert(frame_append(&out, CONTROL_ASK, slice_of(requests[i].request)));
        size_t n = exchange(d, dial(d), buf_slice(&out), p, sizeof(p));
        cr_assert_neq(n, SIZE_MAX, "%s", requests[i].request);
        cr_assert(buf_append(&in, slice_make(p, n)));
        while (frame_peek(&in, sizeof(p), &f) == FRAME_OK) {
            json_t *j = json_loadb(f.body.p, f.body.n, 0, NULL);
            cr_assert(j);
            if (f.kind == CONTROL_END)
                exit_status = (int)json_integer_value(json_object_get(j, "exit"));
            json_decref(j);
            frame_consume(&in, &f);
        }
        cr_expect_eq(exit_status, requests[i].exit_status, "%s: %d", requests[i].request,
                     exit_status);
        buf_free(&out);
        buf_free(&in);
    }
    cr_expect_eq(d->reloads, 1);
    desk_free(d);
}

/* Closed without a word, and the next client is served. */
Test(control, hostile_frames)
{
    static const struct slice rows[] = {
        {"\xff\xff\xff\xff",                       4 }, /* too long */
        {"\0\0\0\0\1",                             5 }, /* empty */
        {"\0\1\0\2\1{",                            6 }, /* one more than may be */
        {"\0\0\0\3\2{}",                           7 }, /* not an ASK */
        {"\0\0\0\3\1[]",                           7 }, /* no object */
        {"\0\0\0\3\1{x",                           7 }, /* no JSON */
        {"\0\0\0\3\1{}x",                          8 }, /* says more */
        {"\0\0\0\5\1\xff\xfe{}",                   9 }, /* not UTF-8 */
        {"\0\0\0\x13\1{\"a\":\"b\",\"a\":\"bb\"}", 23}, /* duplicate */
        {"GET / HTTP/1.1\r\n\r\n",                 18},
    };
    struct desk *d = desk_new();
    char p[1000], text[200];
    json_t *out = json_array();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_eq(exchange(d, dial(d), rows[i], p, sizeof(p)), 0, "row %zu", i);
    cr_expect_eq(call(d, "{\"command\":\"status\"}", out, text), 0);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(out, 0), "answer")), 42);
    json_decref(out);
    desk_free(d);
}

Test(control, deep_json_is_no_danger)
{
    enum { DEPTH = 60000 };
    struct desk *d = desk_new();
    char *deep = base_alloc(DEPTH + 1), p[100];
    struct buf out;

    memset(deep, '[', DEPTH);
    buf_init(&out, DEPTH + 10);
    cr_assert(frame_append(&out, CONTROL_ASK, slice_make(deep, DEPTH)));
    cr_expect_eq(exchange(d, dial(d), buf_slice(&out), p, sizeof(p)), 0);
    buf_free(&out);
    free(deep);
    desk_free(d);
}

Test(control, silent_clients_go)
{
    struct desk *d = desk_new();
    int fd = dial(d);
    char p;

    rig_pump(d->r);
    rig_advance(d->r, 9000);
    cr_expect_lt(recv(fd, &p, 1, 0), 0);
    rig_advance(d->r, 2000);
    cr_expect_eq(recv(fd, &p, 1, 0), 0);
    close(fd);
    desk_free(d);
}

Test(control, no_more_than_sixteen)
{
    struct desk *d = desk_new();
    int fd[LIMIT_CONTROL_CLIENTS + 1];
    char p;

    for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
        fd[i] = dial(d);
        rig_pump(d->r);
    }
    cr_expect_lt(recv(fd[LIMIT_CONTROL_CLIENTS - 1], &p, 1, 0), 0);
    cr_expect_eq(recv(fd[LIMIT_CONTROL_CLIENTS], &p, 1, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(fd); i++)
        close(fd[i]);
    rig_pump(d->r);
    desk_free(d);
}

/* The client leaves while the queue works on its request. */
Test(control, orphan)
{
    struct desk *d = desk_new();
    struct buf out;
    int fd = dial(d);

    buf_init(&out, 100);
    cr_assert(frame_append(&out, CONTROL_ASK, SLICE("{\"command\":\"queue-list\"}")));
    cr_assert_gt(send(fd, buf_slice(&out).p, out.n, 0), 0);
    for (int i = 0; i < 5; i++)
        (void)loop_pump(d->r->loop); /* the queue's loop stands still */
    close(fd);
    for (int i = 0; i < 5; i++)
        (void)loop_pump(d->r->loop);
    rig_pump(d->r);
    buf_free(&out);
    desk_free(d);
}

Test(control, socket_file)
{
    struct desk *d = desk_new();
    struct stat st;
    struct buf errors;
    char path[100];

    snprintf(path, sizeof(path), "%s/control.sock", d->r->dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    buf_init(&errors, 1000);
    cr_expect_null(control_open(d->r->loop, d->r->dir, d->r->queue, &desk_ops, d, &errors));
    cr_expect(strstr(buf_cstr(&errors), "another danelaw is running here\n"), "%s",
              buf_cstr(&errors));
    buf_free(&errors);
    desk_free(d);
}

Test(control, stale_socket_is_replaced)
{
    struct rig *r = rig_new();
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct desk d = {.r = r};
    struct buf errors;

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", r->dir);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    buf_init(&errors, 1000);
    struct control *c = control_open(r->loop, r->dir, r->queue, &desk_ops, &d, &errors);
    cr_expect(c, "%s", buf_cstr(&errors));
    control_close(&c);
    cr_expect_neq(access(a.sun_path, F_OK), 0);
    FILE *f = fopen(a.sun_path, "w"); /* a file of somebody's is not */
    fclose(f);
    cr_expect_null(control_open(r->loop, r->dir, r->queue, &desk_ops, &d, &errors));
    cr_expect_eq(access(a.sun_path, F_OK), 0);
    buf_free(&errors);
    rig_free(&r);
}

Test(control, stop_and_failed_reload)
{
    struct desk *d = desk_new();
    json_t *rows = json_array();
    char text[200];

    d->reload_fails = true;
    cr_expect_eq(call(d, "{\"command\":\"reload\"}", rows, text), 2);
    cr_expect_str_eq(text, "danelaw.yaml:1:1: \"wrong\"\n");
    cr_expect_eq(call(d, "{\"command\":\"stop\"}", rows, text), 0);
    cr_expect_eq(d->stops, 1);
    json_decref(rows);
    desk_free(d);
}
