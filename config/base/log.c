#include "config/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/base/clock.h"

enum shape { NAMED, BARE };

static const struct {
    const char *name, *tag, *help;
    enum log_level level;
    enum shape shape;
} events[EVENT_COUNT] = {
#define EVENT(name, level, tag, shape, help)                                                       \
    [EVENT_##name] = {#name, tag, help, LOG_##level, shape},
#include "config/base/events.def"
#undef EVENT
};

enum { LINE_MAX_OCTETS = 2000, VALUE_MAX = 600 };

static _Atomic int current_format = LOG_TEXT, current_level = LOG_INFO;
static void (*capture)(const char *, size_t, void *);
static void *capture_arg;

struct line {
    char p[LINE_MAX_OCTETS + 2];
    size_t n;
};

void log_setup(enum log_format format, enum log_level level)
{
    current_format = (int)format;
    current_level = (int)level;
}

void log_capture(void (*sink)(const char *, size_t, void *), void *arg)
{
    capture_arg = arg;
    capture = sink;
}

bool log_enabled(enum event_id ev)
{
    return (int)events[ev].level >= current_level;
}

const char *event_name(enum event_id ev, char text[64])
{
    const char *name = events[ev].name;
    bool dotted = false;
    size_t i;

    for (i = 0; name[i] && i < 63; i++) {
        bool dot = name[i] == '_' && !dotted;
        dotted |= dot;
        text[i] = dot ? '.' : ascii_lower(name[i]);
    }
    text[i] = '\0';
    return text;
}

const char *event_help(enum event_id ev)
{
    return events[ev].help;
}

static void put_byte(struct line *l, char c)
{
    if (l->n < LINE_MAX_OCTETS)
        l->p[l->n++] = c;
}

static void put(struct line *l, const char *s)
{
    while (*s)
        put_byte(l, *s++);
}

static void put_int(struct line *l, int64_t i)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)i);
    put(l, text);
}

static void put_escape(struct line *l, unsigned char c, bool json)
{
    char text[8];
    (void)snprintf(text, sizeof(text), json ? "\\u%04x" : "\\x%02X", c);
    put(l, text);
}

/* Control characters and, as their encoding is unknown, all 8-bit octets are escaped. The limit is
 * on what is written: a value of escapes alone must not push its neighbours off the line. */
static void put_value(struct line *l, struct slice s, bool json)
{
    size_t end = l->n + VALUE_MAX;

    for (size_t i = 0; i < s.n && l->n < end; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c >= 0x7f) {
            put_escape(l, c, json);
        } else {
            if (json && (c == '"' || c == '\\'))
                put_byte(l, '\\');
            put_byte(l, (char)c);
        }
    }
}

static void text_field(struct line *l, const struct log_field *f, bool first)
{
    if (f->kind == LOG_F_NOTE) {
        put(l, " (");
        put_value(l, f->s, false);
        put_byte(l, ')');
        return;
    }
    put(l, first ? "" : ", ");
    put(l, f->key);
    put_byte(l, '=');
    if (f->kind == LOG_F_INT)
        put_int(l, f->i);
    if (f->kind == LOG_F_ADDR)
        put_byte(l, '<');
    put_value(l, f->s, false);
    if (f->kind == LOG_F_ADDR)
        put_byte(l, '>');
}

static void text_line(struct line *l, enum event_id ev, const char *id,
                      const struct log_field *fields, size_t n)
{
    char name[64];

    put(l, "danelaw/");
    put(l, events[ev].tag);
    put_byte(l, '[');
    put_int(l, getpid());
    put(l, "]: ");
    if (id && *id) {
        put_value(l, slice_of(id), false);
        put(l, ": ");
    }
    if (events[ev].shape == NAMED) {
        put(l, event_name(ev, name));
        put(l, n ? ": " : "");
    }
    for (size_t i = 0; i < n; i++)
        text_field(l, &fields[i], i == 0);
}

static void json_string(struct line *l, const char *key, struct slice value)
{
    put(l, ",\"");
    put(l, key);
    put(l, "\":\"");
    put_value(l, value, true);
    put_byte(l, '"');
}

static void json_field(struct line *l, const struct log_field *f)
{
    if (f->kind == LOG_F_INT) {
        put(l, ",\"");
        put(l, f->key);
        put(l, "\":");
        put_int(l, f->i);
    } else {
        json_string(l, f->key, f->s);
    }
}

static void json_line(struct line *l, enum event_id ev, const char *id,
                      const struct log_field *fields, size_t n)
{
    static const char *const level[] = {"debug", "info", "warning", "error", "critical"};
    char text[64];

    put(l, "{\"time\":\"");
    put(l, clock_rfc3339(clock_wall_ms(), text));
    put_byte(l, '"');
    json_string(l, "level", slice_of(level[events[ev].level]));
    json_string(l, "event", slice_of(event_name(ev, text)));
    put(l, ",\"pid\":");
    put_int(l, getpid());
    if (id && *id)
        json_string(l, "id", slice_of(id));
    for (size_t i = 0; i < n; i++) {
        size_t before = l->n;
        json_field(l, &fields[i]);
        if (l->n >= LINE_MAX_OCTETS - 1) /* left out whole, so that the line stays JSON */
            l->n = before;
    }
    put_byte(l, '}');
}

void log_event(enum event_id ev, const char *id, const struct log_field *fields, size_t n)
{
    struct line l = {.n = 0};

    if (!log_enabled(ev))
        return;
    if (current_format == LOG_JSON)
        json_line(&l, ev, id, fields, n);
    else
        text_line(&l, ev, id, fields, n);
    l.p[l.n++] = '\n';
    if (capture)
        capture(l.p, l.n, capture_arg);
    else
        (void)!write(STDERR_FILENO, l.p, l.n);
}
