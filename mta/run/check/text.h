/* Small helpers of the parts that print documents. */
#ifndef DANELAW_RUN_CHECK_TEXT_H
#define DANELAW_RUN_CHECK_TEXT_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour { PLAIN, GOOD, BAD, WARN, DIM };

static inline const char *paint(enum colour colour)
{
    static const char *const code[] = {"\033[0m", "\033[32m", "\033[31m", "\033[33m", "\033[2m"};
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? code[colour] : "";
}

static inline const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static inline long long number(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static inline bool is(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static inline bool equals(const json_t *o, const char *key, const char *value)
{
    return strcmp(text(o, key), value) == 0;
}

#endif
