#include "mta/run/status.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/counter.h"
#include "config/base/frame.h"
#include "config/base/limits.h"
#include "mta/run/roles.h"
#include "mta/run/spawn.h"

enum { STATUS_FRAME = 1, STATUS_STALE_MS = 5000, HTTP_TIMEOUT_S = 10, HTTP_HEADERS_MAX = 8192 };

bool status_send(int link, json_t *snapshot)
{
    char *text = json_dumps(snapshot, JSON_COMPACT);
    struct buf out;
    bool ok = true;

    json_decref(snapshot);
    buf_init(&out, LIMIT_CONTROL_FRAME);
    if (text && frame_append(&out, STATUS_FRAME, slice_of(text))) {
        struct slice s = buf_slice(&out);
        ssize_t n = send(link, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        ok = n == (ssize_t)s.n || (n < 0 && errno == EAGAIN);
    }
    buf_free(&out);
    free(text);
    return ok;
}

struct status_server {
    struct event_base *base;
    struct evhttp *http;
    struct event *link_event;
    int link;
    struct buf in;
    json_t *snapshot; /* NULL until the first came */
    int64_t at_ms;
};

static bool fresh(const struct status_server *s)
{
    return s->snapshot && clock_mono_ms() - s->at_ms < STATUS_STALE_MS;
}

static void take_frames(struct status_server *s)
{
    struct frame f;

    while (frame_peek(&s->in, LIMIT_CONTROL_FRAME, &f) == FRAME_OK) {
        json_t *snapshot = json_loadb(f.body.p, f.body.n, JSON_REJECT_DUPLICATES, NULL);
        frame_consume(&s->in, &f);
        if (!json_is_object(snapshot)) {
            json_decref(snapshot);
            continue;
        }
        json_decref(s->snapshot);
        s->snapshot = snapshot;
        s->at_ms = clock_mono_ms();
    }
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
    struct status_server *s = arg;
    char *p;
    size_t room = buf_reserve(&s->in, LIMIT_BODY_CHUNK, &p);
    ssize_t n = room ? read(fd, p, room) : 0;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            (void)event_base_loopbreak(s->base);
        return;
    }
    buf_commit(&s->in, (size_t)n);
    take_frames(s);
}

static const char *snapshot_text(const struct status_server *s, const char *key)
{
    const char *text = json_string_value(json_object_get(s->snapshot, key));
    return text ? text : "";
}

static bool healthy(const struct status_server *s)
{
    return fresh(s) && strcmp(snapshot_text(s, "queue"), "healthy") == 0;
}

static void answer(struct evhttp_request *req, int code, const char *type, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    (void)evhttp_add_header(headers, "Content-Type", type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "Content-Security-Policy", "default-src 'none'");
    evhttp_send_reply(req, code, NULL, body);
    evbuffer_free(body);
}

static void on_healthz(struct evhttp_request *req, void *arg)
{
    struct status_server *s = arg;
    struct evbuffer *body = evbuffer_new();
    bool ok = healthy(s);

    (void)evbuffer_add_printf(body, "%s\n", ok ? "healthy" : fresh(s) ? snapshot_text(s, "queue")
                                                                      : "no word from mta");
    answer(req, ok ? 200 : 503, "text/plain; charset=utf-8", body);
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
    struct status_server *s = arg;
    struct evbuffer *body = evbuffer_new();
    json_t *counters = json_object_get(s->snapshot, "counters");

    for (int i = 0; i < COUNTER_COUNT; i++) {
        enum counter_id id = (enum counter_id)i;
        const char *suffix = counter_is_gauge(id) ? "" : "_total";
        json_t *value = json_object_get(counters, counter_name(id));
        (void)evbuffer_add_printf(
            body, "# HELP danelaw_%s%s %s\n# TYPE danelaw_%s%s %s\ndanelaw_%s%s %lld\n",
            counter_name(id), suffix, counter_help(id), counter_name(id), suffix,
            counter_is_gauge(id) ? "gauge" : "counter", counter_name(id), suffix,
            (long long)json_integer_value(value));
    }
    answer(req, fresh(s) ? 200 : 503, "text/plain; version=0.0.4; charset=utf-8", body);
}

static void add_html(struct evbuffer *body, const char *text)
{
    char *escaped = evhttp_htmlescape(text);
    (void)evbuffer_add_printf(body, "%s", escaped ? escaped : "");
    free(escaped);
}

static void add_row(struct evbuffer *body, const char *key, json_t *value)
{
    (void)evbuffer_add_printf(body, "<tr><th align=left>");
    add_html(body, key);
    (void)evbuffer_add_printf(body, "<td>");
    if (json_is_integer(value))
        (void)evbuffer_add_printf(body, "%lld", (long long)json_integer_value(value));
    else
        add_html(body, json_is_string(value) ? json_string_value(value) : "");
    (void)evbuffer_add_printf(body, "\n");
}

static void on_page(struct evhttp_request *req, void *arg)
{
    struct status_server *s = arg;
    struct evbuffer *body = evbuffer_new();
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    const char *key;
    json_t *value;

    if (!path || (strcmp(path, "/") != 0 && *path)) {
        answer(req, 404, "text/plain; charset=utf-8", body);
        return;
    }
    (void)evbuffer_add_printf(body, "<!doctype html><html lang=en><meta charset=utf-8>"
                                    "<title>Danelaw</title><h1>Danelaw</h1><table>\n");
    json_object_foreach(s->snapshot, key, value)
        if (!json_is_object(value))
            add_row(body, key, value);
    json_object_foreach(json_object_get(s->snapshot, "counters"), key, value)
        add_row(body, key, value);
    (void)evbuffer_add_printf(body, "</table></html>\n");
    answer(req, fresh(s) ? 200 : 503, "text/html; charset=utf-8", body);
}

static bool serve_http(struct status_server *s, size_t n_fds)
{
    struct evhttp *http = s->http = evhttp_new(s->base);

    if (!http)
        return false;
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_timeout(http, HTTP_TIMEOUT_S);
    evhttp_set_max_body_size(http, 0);
    evhttp_set_max_headers_size(http, HTTP_HEADERS_MAX);
    (void)evhttp_set_cb(http, "/healthz", on_healthz, s);
    (void)evhttp_set_cb(http, "/metrics", on_metrics, s);
    evhttp_set_gencb(http, on_page, s);
    for (size_t i = 1; i < n_fds; i++)
        if (evhttp_accept_socket(http, SPAWN_FIRST_FD + (int)i) != 0)
            return false;
    return true;
}

static bool watch_link(struct status_server *s)
{
    s->link_event = event_new(s->base, s->link, EV_READ | EV_PERSIST, on_link, s);
    return s->link_event && event_add(s->link_event, NULL) == 0;
}

static void status_end(struct status_server *s)
{
    if (s->http)
        evhttp_free(s->http);
    if (s->link_event)
        event_free(s->link_event);
    if (s->base)
        event_base_free(s->base);
    json_decref(s->snapshot);
    buf_free(&s->in);
}

int status_run(size_t n_fds)
{
    struct status_server s = {.base = event_base_new(), .link = SPAWN_FIRST_FD};

    buf_init(&s.in, 2 * LIMIT_CONTROL_FRAME);
    bool ok = s.base && serve_http(&s, n_fds) && watch_link(&s);
    if (ok)
        (void)event_base_dispatch(s.base);
    status_end(&s);
    return ok ? ROLE_DONE : ROLE_AGAIN;
}
