#include "mta/run/queue_text.h"

#include <stdlib.h>
#include <string.h>

#include "config/base/clock.h"

/* C0, DEL and, in UTF-8, C1: each could begin a terminal's escape sequence. */
void queue_text_safe(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p++;
        else if ((*p >= ' ' && *p != 0x7f) || *p == '\n') {
            fputc(*p, out);
            continue;
        }
        fputc('?', out);
    }
}

json_t *queue_text_json(const char *text)
{
    json_t *o = json_string(text);

    if (o)
        return o;
    char *ascii = base_strdup(text);
    for (char *p = ascii; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    o = json_string(ascii);
    free(ascii);
    return o;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_text(const json_t *object, const char *key)
{
    queue_text_safe(stdout, text_of(object, key));
}

/* "45s", "12m", "3h20m", "2d4h" */
static void age_text(int64_t s, char text[32])
{
    if (s < 0)
        s = 0;
    if (s < 60)
        (void)snprintf(text, 32, "%llds", (long long)s);
    else if (s < 3600)
        (void)snprintf(text, 32, "%lldm", (long long)(s / 60));
    else if (s < 86400)
        (void)snprintf(text, 32, "%lldh%lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
    else
        (void)snprintf(text, 32, "%lldd%lldh", (long long)(s / 86400), (long long)(s / 3600 % 24));
}

static void size_text(int64_t n, char text[32])
{
    if (n < 1024)
        (void)snprintf(text, 32, "%lld", (long long)n);
    else if (n < 1024 * 1024)
        (void)snprintf(text, 32, "%.1fk", (double)n / 1024);
    else
        (void)snprintf(text, 32, "%.1fm", (double)n / 1024 / 1024);
}

/* The first recipient with a reason, or NULL. */
static const json_t *first_delayed(const json_t *rcpts)
{
    for (size_t i = 0; i < json_array_size(rcpts); i++)
        if (json_object_get(json_array_get(rcpts, i), "delay_reason"))
            return json_array_get(rcpts, i);
    return NULL;
}

static void print_reason(const json_t *rcpt)
{
    const json_t *ours = json_object_get(rcpt, "danelaw");

    print_text(rcpt, "delay_reason");
    printf(" [fault: ");
    print_text(ours, "fault");
    putchar(']');
}

static size_t count_rcpts(const json_t *row)
{
    const json_t *ours = json_object_get(row, "danelaw");
    return json_array_size(json_object_get(row, "recipients")) +
           (size_t)number_of(ours, "recipients_left_out");
}

void queue_text_line(const json_t *row)
{
    const json_t *rcpts = json_object_get(row, "recipients");
    const json_t *delayed = first_delayed(rcpts);
    char age[32], size[32];

    age_text(clock_wall_ms() / 1000 - number_of(row, "arrival_time"), age);
    size_text(number_of(row, "message_size"), size);
    print_text(row, "queue_id");
    printf("  %6s  %6s  %-8s  <", age, size, text_of(row, "queue_name"));
    print_text(row, "sender");
    printf(">  %zu: ", count_rcpts(row));
    print_text(json_array_get(rcpts, 0), "address");
    if (delayed) {
        printf("  (");
        print_reason(delayed);
        putchar(')');
    }
    putchar('\n');
}

static void print_member(const char *label, const json_t *object, const char *key)
{
    if (!*text_of(object, key))
        return;
    printf("%-14s", label);
    print_text(object, key);
    putchar('\n');
}

static void print_rcpt(const json_t *rcpt)
{
    const json_t *ours = json_object_get(rcpt, "danelaw");

    printf("\n  to          ");
    print_text(rcpt, "address");
    printf("\n  state       ");
    print_text(ours, "state");
    printf(", %lld attempt%s\n", (long long)number_of(ours, "attempts"),
           number_of(ours, "attempts") == 1 ? "" : "s");
    print_member("  next", ours, "next_attempt");
    print_member("  reason", rcpt, "delay_reason");
    print_member("  cause", ours, "cause");
    print_member("  fault", ours, "fault");
    print_member("  remedy", ours, "remedy");
    print_member("  remote", ours, "remote");
}

static void print_rcpts(const json_t *rcpts)
{
    for (size_t i = 0; i < json_array_size(rcpts); i++)
        print_rcpt(json_array_get(rcpts, i));
}

static void print_flags(const json_t *flags)
{
    for (size_t i = 0; i < json_array_size(flags); i++)
        printf("%s%s", i ? ", " : "flags         ", json_string_value(json_array_get(flags, i)));
    if (json_array_size(flags))
        putchar('\n');
}

void queue_text_full(const json_t *row)
{
    const json_t *ours = json_object_get(row, "danelaw");

    print_member("id", row, "queue_id");
    print_member("queue", row, "queue_name");
    print_member("from", row, "sender");
    print_member("client", ours, "client");
    print_member("arrival", ours, "arrival");
    print_member("held for", ours, "held_for");
    printf("size          %lld octets\n", (long long)number_of(row, "message_size"));
    print_flags(json_object_get(ours, "flags"));
    print_rcpts(json_object_get(row, "recipients"));
    print_rcpts(json_object_get(ours, "done"));
    if (number_of(ours, "recipients_left_out"))
        printf("\n  and %lld more recipients\n", (long long)number_of(ours, "recipients_left_out"));
    putchar('\n');
}
