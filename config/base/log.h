/* Named events (events.def), one line each, under 2 KiB, control characters escaped as \xNN.
 * Only actors log (sessions, queue, dns, supervisor); libraries and pure files return causes.
 * A line is one write to standard error, so that threads and processes never mix. Any thread.
 *
 *   LOG(SMTPD_ACCEPT, id, F_ADDR("from", sender), F_INT("size", n));
 */
#ifndef DANELAW_LOG_H
#define DANELAW_LOG_H

#include "config/base/slice.h"

enum event_id {
#define EVENT(name, level, tag, shape, help) EVENT_##name,
#include "config/base/events.def"
#undef EVENT
    EVENT_COUNT
};

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };
enum log_format { LOG_TEXT, LOG_JSON };

enum log_kind { LOG_F_STR, LOG_F_ADDR, LOG_F_INT, LOG_F_NOTE };

struct log_field {
    const char *key;
    enum log_kind kind;
    struct slice s;
    int64_t i;
};

#define F_SLICE(key, value) ((struct log_field){key, LOG_F_STR, value, 0})
#define F_STR(key, value) ((struct log_field){key, LOG_F_STR, slice_of(value), 0})
/* An address; text lines show it in angle brackets. */
#define F_ADDR(key, value) ((struct log_field){key, LOG_F_ADDR, slice_of(value), 0})
#define F_INT(key, value) ((struct log_field){key, LOG_F_INT, {"", 0}, value})
/* Text lines show it in round brackets after the field before it, without its key. */
#define F_NOTE(key, value) ((struct log_field){key, LOG_F_NOTE, slice_of(value), 0})

/* Once per process before threads start; again on reload. */
void log_setup(enum log_format format, enum log_level level);
bool log_enabled(enum event_id ev);
void log_event(enum event_id ev, const char *id, const struct log_field *fields, size_t n);
/* id: queue or session id, or NULL. */
#define LOG(ev, id, ...)                                                                           \
    do {                                                                                           \
        if (log_enabled(EVENT_##ev))                                                               \
            log_event(EVENT_##ev, id, (struct log_field[]){__VA_ARGS__},                           \
                      ARRAY_LEN(((struct log_field[]){__VA_ARGS__})));                             \
    } while (0)

/* Tests: lines go to sink instead of standard error; NULL ends that. */
void log_capture(void (*sink)(const char *line, size_t n, void *arg), void *arg);
const char *event_name(enum event_id ev, char text[64]); /* "daemon.ready" */
const char *event_help(enum event_id ev);

#endif
