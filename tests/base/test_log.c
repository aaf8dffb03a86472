/* Log lines and clock texts. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/base/clock.h"
#include "config/base/log.h"
#include "tests/base/leaks.h"

static char line[4096];
static size_t line_length;

static void take(const char *p, size_t n, void *arg)
{
    cr_assert_lt(n, sizeof(line));
    memcpy(line, p, n);
    line[n] = '\0';
    line_length = n;
}

static void capture(void)
{
    line[0] = '\0';
    line_length = 0;
    log_capture(take, NULL);
}

static void release(void)
{
    log_capture(NULL, NULL);
}

TestSuite(log, .init = capture, .fini = release);

/* The line without the pid. */
static void expect_text(const char *tag, const char *rest)
{
    char wanted[4096];
    (void)snprintf(wanted, sizeof(wanted), "danelaw/%s[%d]: %s\n", tag, (int)getpid(), rest);
    cr_expect_str_eq(line, wanted);
}

Test(log, the_delivery_line_keeps_the_known_shape)
{
    log_setup(LOG_TEXT, LOG_INFO);
    LOG(SMTP_DELIVERY, "4dK2fQ7xPz1R", F_ADDR("to", "a@b.example"),
        F_STR("relay", "mx1.b.example[192.0.2.1]:25"), F_STR("delay", "1.2"), F_STR("tls", "dane"),
        F_STR("dsn", "2.0.0"), F_STR("status", "sent"), F_NOTE("reply", "250 2.0.0 Ok"));
    expect_text("smtp", "4dK2fQ7xPz1R: to=<a@b.example>, relay=mx1.b.example[192.0.2.1]:25, "
                        "delay=1.2, tls=dane, dsn=2.0.0, status=sent (250 2.0.0 Ok)");
}

Test(log, a_named_event)
{
    log_setup(LOG_TEXT, LOG_INFO);
    LOG(SMTPD_ACCEPT, NULL, F_ADDR("from", ""), F_INT("size", INT64_MIN));
    expect_text("smtpd", "smtpd.accept: from=<>, size=-9223372036854775808");
    log_event(EVENT_DAEMON_READY, "", NULL, 0);
    expect_text("danelaw", "daemon.ready");
}

/* A peer cannot begin a new line, nor move a terminal's cursor. */
Test(log, control_characters_are_escaped)
{
    log_setup(LOG_TEXT, LOG_INFO);
    LOG(SMTPD_REJECT, "id\n", F_SLICE("helo", slice_make("a\r\nb\0\x1b\x7f\xc3\xbc\t", 10)));
    expect_text("smtpd", "id\\x0A: smtpd.reject: helo=a\\x0D\\x0Ab\\x00\\x1B\\x7F\\xC3\\xBC\\x09");
}

Test(log, levels_are_kept_apart)
{
    log_setup(LOG_TEXT, LOG_WARNING);
    LOG(SMTPD_ACCEPT, NULL, F_INT("size", 1));
    cr_expect_eq(line_length, 0);
    cr_expect_not(log_enabled(EVENT_SMTPD_ACCEPT));
    LOG(QUEUE_FATAL, NULL, F_INT("size", 1));
    cr_expect_gt(line_length, 0);
}

static json_t *parse_line(void)
{
    json_error_t error;
    json_t *doc = json_loadb(line, line_length, JSON_ALLOW_NUL, &error);

    cr_assert_not_null(doc, "%s: %s", error.text, line);
    cr_expect_eq(line[line_length - 1], '\n');
    cr_expect_eq(strcspn(line, "\n"), line_length - 1, "one event, one line");
    return doc;
}

static const char *member(const json_t *doc, const char *key)
{
    const char *value = json_string_value(json_object_get(doc, key));
    return value ? value : "(none)";
}

Test(log, json_has_the_members)
{
    clock_fake_start(INT64_C(1795578699123));
    log_setup(LOG_JSON, LOG_INFO);
    LOG(SMTPD_ACCEPT, "ID1", F_ADDR("from", "\"a\\b\"@c"), F_INT("size", -5),
        F_NOTE("note", "x\ny"));
    json_t *doc = parse_line();
    cr_expect_str_eq(member(doc, "time"), "2026-11-25T03:51:39.123Z");
    cr_expect_str_eq(member(doc, "level"), "info");
    cr_expect_str_eq(member(doc, "event"), "smtpd.accept");
    cr_expect_str_eq(member(doc, "id"), "ID1");
    cr_expect_str_eq(member(doc, "from"), "\"a\\b\"@c");
    cr_expect_str_eq(member(doc, "note"), "x\ny");
    cr_expect_eq(json_integer_value(json_object_get(doc, "size")), -5);
    cr_expect_eq(json_integer_value(json_object_get(doc, "pid")), getpid());
    json_decref(doc);
    clock_fake_stop();
    CHECK_LEAKS();
}

/* Whatever peers send, the line is short, JSON stays JSON, and what comes first is never lost. */
static void log_long(enum log_format format, const char *value, size_t n)
{
    struct slice s = slice_make(value, n);

    log_setup(format, LOG_INFO);
    LOG(SMTP_DELIVERY, "ID1", F_ADDR("to", "a@b.example"), F_SLICE("a", s), F_SLICE("b", s),
        F_SLICE("c", s), F_STR("status", "sent"), F_SLICE("d", s));
    cr_expect_lt(line_length, 2048);
    cr_expect_eq(line[line_length - 1], '\n');
    cr_expect_not_null(strstr(line, "a@b.example"));
}

Test(log, lines_are_short_and_whole)
{
    static const char fills[] = {'x', '"', '\\', '\n', '\xff', '\0'};
    static char value[5000];

    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(value, fills[i], sizeof(value));
        for (size_t n = 0; n < sizeof(value); n += n < 700 ? 7 : 500) {
            log_long(LOG_TEXT, value, n);
            log_long(LOG_JSON, value, n);
            json_t *doc = parse_line();
            cr_expect_str_eq(member(doc, "to"), "a@b.example");
            cr_expect_str_eq(member(doc, "status"), "sent", "fill %zu, %zu octets", i, n);
            json_decref(doc);
        }
    }
    CHECK_LEAKS();
}

Test(log, event_names_and_help)
{
    for (int i = 0; i < EVENT_COUNT; i++) {
        char name[64];
        cr_expect_not_null(strchr(event_name((enum event_id)i, name), '.'), "%s", name);
        cr_expect_neq(event_help((enum event_id)i)[0], '\0', "%s", name);
    }
    char name[64];
    cr_expect_str_eq(event_name(EVENT_DNS_SELF_TEST, name), "dns.self_test");
}

static const struct {
    int64_t wall_ms;
    const char *mail, *iso;
} times[] = {
    {0,                      "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z"},
    {INT64_C(951782399999),  "Mon, 28 Feb 2000 23:59:59 +0000", "2000-02-28T23:59:59.999Z"},
    {INT64_C(951782400000),  "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00.000Z"},
    {INT64_C(1795578699123), "Wed, 25 Nov 2026 03:51:39 +0000", "2026-11-25T03:51:39.123Z"},
    {INT64_C(2147483648007), "Tue, 19 Jan 2038 03:14:08 +0000", "2038-01-19T03:14:08.007Z"},
};

Test(clock, texts)
{
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char text[CLOCK_TEXT_MAX];
        cr_expect_str_eq(clock_rfc5322(times[i].wall_ms, text), times[i].mail);
        cr_expect_str_eq(clock_rfc3339(times[i].wall_ms, text), times[i].iso);
    }
}

Test(clock, stands_still_for_tests)
{
    clock_fake_start(1000000);
    int64_t mono = clock_mono_ms();
    clock_fake_advance(250);
    cr_expect_eq(clock_wall_ms(), 1000250);
    cr_expect_eq(clock_mono_ms(), mono + 250);
    clock_fake_stop();
    cr_expect_gt(clock_wall_ms(), 1000250);
}
