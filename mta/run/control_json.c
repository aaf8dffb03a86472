/* Messages as JSON rows, and filters from JSON. Rows have the members of `postqueue -j`; what only
 * this relay knows is under "danelaw". Pure. */
#include "mta/run/control_private.h"

#include <string.h>

#include "config/base/clock.h"

/* JSON is UTF-8. The words of a next hop need not be; what is not becomes '?'. */
static json_t *text_json(const char *text)
{
    json_t *j = json_string(text);
    char *plain;

    if (j)
        return j;
    plain = base_strdup(text);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    j = json_string(plain);
    free(plain);
    return j;
}

static void set(json_t *object, const char *key, json_t *value)
{
    REQUIRE(json_object_set_new(object, key, value) == 0);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    set(object, key, text_json(text));
}

static void set_number(json_t *object, const char *key, uint64_t n)
{
    set(object, key, json_integer((json_int_t)n));
}

static void set_time(json_t *object, const char *key, int64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];
    set_text(object, key, clock_rfc3339(wall_ms, text));
}

static void set_reason(json_t *object, const struct recipient *r)
{
    const struct status *st = r->last;
    const char *remote = r->remote ? r->remote : "";
    struct buf b;
    bool fits;

    buf_init(&b, STATUS_TEXT_MAX + 400);
    if (st->from_peer)
        fits = buf_printf(&b, "host %s said: %u %s", remote, st->code, st->text);
    else
        fits = buf_printf(&b, "%s%s%s", remote, *remote ? ": " : "", st->text);
    set_text(object, "delay_reason", fits ? buf_cstr(&b) : st->text);
    buf_free(&b);
}

/* Whose fault it is and what would mend it: the part no other queue listing has. */
static void set_cause(json_t *ours, const struct status *st)
{
    const struct cause_info *info = cause_info(st->cause);
    char esc[16];

    set_text(ours, "cause", info->name);
    set_text(ours, "fault", fault_words(info->fault));
    set_text(ours, "remedy", info->remedy);
    set_number(ours, "code", st->code);
    set_text(ours, "enhanced", esc_text(st->esc, esc));
}

static const char *rcpt_state_name(enum rcpt_state state)
{
    static const char *const names[] = {
        [RCPT_QUEUED] = "queued", [RCPT_DELIVERED] = "delivered", [RCPT_BOUNCED] = "bounced"};
    return names[state];
}

static json_t *rcpt_json(const struct recipient *r)
{
    json_t *object = json_object();
    json_t *ours = json_object();

    set_text(object, "address", r->address);
    if (r->state == RCPT_QUEUED && r->attempts > 0 && r->last)
        set_reason(object, r);
    set_text(ours, "domain", r->domain);
    set_text(ours, "state", rcpt_state_name(r->state));
    set_number(ours, "attempts", r->attempts);
    if (r->state == RCPT_QUEUED)
        set_time(ours, "next_attempt", r->next_ms);
    if (r->last)
        set_cause(ours, r->last);
    if (r->remote)
        set_text(ours, "remote", r->remote);
    set(object, "danelaw", ours);
    return object;
}

static json_t *flags_json(unsigned flags)
{
    static const struct {
        enum message_flag flag;
        const char *name;
    } names[] = {
        {MESSAGE_8BIT,     "8bit"    },
        {MESSAGE_SMTPUTF8, "smtputf8"},
        {MESSAGE_WARNED,   "warned"  },
        {MESSAGE_DSN,      "dsn"     },
        {MESSAGE_HELD,     "held"    }
    };
    json_t *array = json_array();

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (flags & names[i].flag)
            REQUIRE(json_array_append_new(array, json_string(names[i].name)) == 0);
    return array;
}

/* The recipients that wait (queued), or those that are done with. Returns how many were left out.
 */
static size_t add_rcpts(json_t *array, const struct message *m, bool queued, size_t max)
{
    size_t left_out = 0;

    for (size_t i = 0; i < m->n_rcpts; i++) {
        if ((m->rcpts[i].state == RCPT_QUEUED) != queued)
            continue;
        if (json_array_size(array) < max)
            REQUIRE(json_array_append_new(array, rcpt_json(&m->rcpts[i])) == 0);
        else
            left_out++;
    }
    return left_out;
}

static json_t *message_ours(const struct message *m, bool full, size_t max_rcpts, size_t *left_out)
{
    json_t *ours = json_object();

    set_time(ours, "arrival", m->arrival_ms);
    set(ours, "flags", flags_json(m->flags));
    if (m->held_for)
        set_text(ours, "held_for", m->held_for);
    if (full) {
        json_t *done = json_array();
        *left_out += add_rcpts(done, m, false, max_rcpts);
        set_text(ours, "client", m->client ? m->client : "");
        set(ours, "done", done);
    }
    if (*left_out)
        set_number(ours, "recipients_left_out", *left_out);
    return ours;
}

json_t *control_row_of(const struct queue_listed *l, bool full, size_t max_rcpts)
{
    const struct message *m = l->message;
    json_t *row = json_object();
    json_t *rcpts = json_array();
    size_t left_out = add_rcpts(rcpts, m, true, max_rcpts);

    set_text(row, "queue_name", l->queue_name);
    set_text(row, "queue_id", m->id);
    set_number(row, "arrival_time", (uint64_t)(m->arrival_ms / 1000));
    set_number(row, "message_size", m->size);
    set(row, "forced_expire", json_false());
    set_text(row, "sender", *m->sender ? m->sender : "MAILER-DAEMON"); /* as postqueue -j does */
    set(row, "recipients", rcpts);
    set(row, "danelaw", message_ours(m, full, max_rcpts, &left_out));
    return row;
}

/* Requests */

json_t *control_ask_parse(struct slice body)
{
    json_t *ask = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);

    if (ask && !json_is_object(ask)) {
        json_decref(ask);
        ask = NULL;
    }
    return ask;
}

/* Filters */

static bool take_id(const json_t *value, struct queue_filter *f)
{
    struct slice s = slice_make(json_string_value(value), json_string_length(value));
    return message_id_ok(s) && slice_copy(s, f->id, sizeof(f->id));
}

static bool take_text(const json_t *value, char **out)
{
    struct slice s = slice_make(json_string_value(value), json_string_length(value));

    if (s.n > LIMIT_PATH || slice_find(s, '\0') < s.n)
        return false;
    free(*out);
    *out = slice_dup(s);
    return true;
}

static bool take_to(const json_t *value, struct queue_filter *f)
{
    return take_text(value, &f->to);
}

static bool take_to_domain(const json_t *value, struct queue_filter *f)
{
    return take_text(value, &f->to_domain);
}

static bool take_from(const json_t *value, struct queue_filter *f)
{
    f->from_set = true;
    return take_text(value, &f->from);
}

static bool take_older(const json_t *value, struct queue_filter *f)
{
    f->older_ms = json_integer_value(value);
    return f->older_ms > 0;
}

static bool take_all(const json_t *value, struct queue_filter *f)
{
    f->all = true;
    return json_is_true(value);
}

static bool take_nothing(const json_t *value, struct queue_filter *f)
{
    return true;
}

static const struct {
    const char *name;
    json_type type;
    bool (*take)(const json_t *value, struct queue_filter *f);
} members[] = {
    {"command",   JSON_STRING,  take_nothing  },
    {"id",        JSON_STRING,  take_id       },
    {"to",        JSON_STRING,  take_to       },
    {"to_domain", JSON_STRING,  take_to_domain},
    {"from",      JSON_STRING,  take_from     },
    {"older_ms",  JSON_INTEGER, take_older    },
    {"all",       JSON_TRUE,    take_all      },
};

static bool take_member(const char *key, const json_t *value, struct queue_filter *f)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strcmp(key, members[i].name) == 0)
            return json_typeof(value) == members[i].type && members[i].take(value, f);
    return false;
}

/* The key is whatever the client wrote; what it wrote is shown on a terminal. */
static void report_member(const char *key, struct buf *error)
{
    char shown[41];

    (void)slice_copy(slice_of(key), shown, sizeof(shown));
    for (char *p = shown; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    (void)!buf_printf(error, "bad filter \"%s\"", shown);
}

bool control_filter_of(const json_t *ask, struct queue_filter *out, struct buf *error)
{
    for (void *it = json_object_iter((json_t *)(uintptr_t)ask); it;
         it = json_object_iter_next((json_t *)(uintptr_t)ask, it)) {
        const char *key = json_object_iter_key(it);
        if (take_member(key, json_object_iter_value(it), out))
            continue;
        report_member(key, error);
        return false;
    }
    return true;
}

bool control_filter_is_empty(const struct queue_filter *f)
{
    return !f->id[0] && !f->to && !f->to_domain && !f->from_set && !f->older_ms && !f->all;
}
