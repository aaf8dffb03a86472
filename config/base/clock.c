#include "config/base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic bool fake;
static _Atomic int64_t fake_wall, fake_mono;

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return fake ? fake_mono : read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return fake ? fake_wall : read_ms(CLOCK_REALTIME);
}

void clock_fake_start(int64_t wall_ms)
{
    fake_wall = wall_ms;
    fake_mono = 1000;
    fake = true;
}

void clock_fake_advance(int64_t ms)
{
    fake_wall += ms;
    fake_mono += ms;
}

void clock_fake_stop(void)
{
    fake = false;
}

static struct tm utc(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    return tm;
}

const char *clock_rfc5322(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
    static const char day[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = utc(wall_ms);
    (void)snprintf(text, CLOCK_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d +0000", day[tm.tm_wday],
                   tm.tm_mday, month[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    return text;
}

const char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
    struct tm tm = utc(wall_ms);
    (void)snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec, (int)(wall_ms % 1000));
    return text;
}
