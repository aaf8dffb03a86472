#include "tests/smtp/talk.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

size_t talk_cuts(size_t n)
{
    return n < 2 ? 1 : n + 1;
}

struct slice talk_piece(struct slice input, size_t way, size_t done)
{
    struct slice left = slice_skip(input, done);

    if (way == 0)
        return left;
    if (way == 1)
        return slice_head(left, 1);
    return done < way - 1 ? slice_head(left, way - 1 - done) : left;
}

uint32_t talk_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32);
}

void talk_init(struct talk *t, const struct smtp_server_config *cfg)
{
    *t = (struct talk){0};
    buf_init(&t->in, LIMIT_SESSION_IN);
    buf_init(&t->out, LIMIT_SESSION_OUT);
    buf_init(&t->events, 1 << 20);
    buf_init(&t->content, 1 << 24);
    smtp_server_init(&t->server, cfg, &t->out);
}

void talk_free(struct talk *t)
{
    smtp_server_free(&t->server);
    buf_free(&t->in);
    buf_free(&t->out);
    buf_free(&t->events);
    buf_free(&t->content);
}

static void note(struct talk *t, const char *what, struct slice detail)
{
    cr_assert(
        buf_printf(&t->events, "%s%s%.*s", t->events.n ? " " : "", what, (int)detail.n, detail.p));
}

static enum cause judge_auth(struct slice content)
{
    if (slice_eq(content, SLICE("temp")))
        return CAUSE_AUTH_TEMPFAIL;
    return slice_eq(content, SLICE("good")) ? CAUSE_OK : CAUSE_AUTH_FAILED;
}

static enum cause judge(const struct talk *t, const struct smtp_server_event *ev)
{
    struct slice address = slice_of(ev->address ? ev->address->text : "");

    if (ev->kind == SERVER_HELO && slice_eq(slice_of(ev->helo), SLICE("refuse.example")))
        return CAUSE_RELAY_DENIED;
    if (ev->kind == SERVER_MAIL && slice_starts(address, SLICE("refuse@")))
        return CAUSE_RELAY_DENIED;
    if (ev->kind == SERVER_RCPT && slice_starts(address, SLICE("bad")))
        return CAUSE_RELAY_DENIED;
    if (ev->kind == SERVER_RCPT && slice_starts(address, SLICE("later")))
        return CAUSE_QUEUE_FULL;
    if (ev->kind == SERVER_DATA && t->refuse_data)
        return CAUSE_QUEUE_ERROR;
    if (ev->kind == SERVER_CHUNK && t->refuse_chunk)
        return CAUSE_QUEUE_FULL;
    if (ev->kind == SERVER_AUTH || ev->kind == SERVER_AUTH_LINE)
        return judge_auth(ev->content);
    if (ev->kind == SERVER_XCLIENT && slice_eq(slice_of(ev->xclient->login), SLICE("nobody")))
        return CAUSE_RELAY_DENIED;
    return ev->kind == SERVER_END && ev->bad ? CAUSE_BAD_CONTENT : CAUSE_OK;
}

static bool wants_more(const struct smtp_server_event *ev)
{
    return (ev->kind == SERVER_AUTH && !ev->has_initial) ||
           ((ev->kind == SERVER_AUTH || ev->kind == SERVER_AUTH_LINE) &&
            slice_eq(ev->content, SLICE("more")));
}

static void answer(struct talk *t, const struct smtp_server_event *ev)
{
    struct status st = status_of(judge(t, ev));

    if (wants_more(ev)) {
        cr_assert(smtp_server_auth_challenge(&t->server, SLICE("go on")));
        return;
    }
    if (ev->kind == SERVER_END && st.cause == CAUSE_OK) {
        t->messages++;
        st = status_make(CAUSE_OK, "queued as ID");
    }
    smtp_server_answer(&t->server, &st);
}

static void note_event(struct talk *t, const struct smtp_server_event *ev)
{
    static const char *const names[] = {
        [SERVER_NONE] = "",          [SERVER_HELO] = "",          [SERVER_MAIL] = "MAIL:",
        [SERVER_RCPT] = "RCPT:",     [SERVER_DATA] = "DATA",      [SERVER_CONTENT] = "",
        [SERVER_CHUNK] = "CHUNK",    [SERVER_END] = "END",        [SERVER_RESET] = "RESET",
        [SERVER_STARTTLS] = "TLS",   [SERVER_AUTH] = "AUTH:",     [SERVER_AUTH_LINE] = "LINE:",
        [SERVER_AUTH_GONE] = "GONE", [SERVER_XCLIENT] = "XCLIENT", [SERVER_CLOSE] = "CLOSE",
    };

    if (ev->kind == SERVER_AUTH || ev->kind == SERVER_AUTH_LINE)
        note(t, names[ev->kind], ev->content);
    else if (names[ev->kind][0])
        note(t, names[ev->kind], slice_of(ev->address ? ev->address->text : ""));
}

static void handle(struct talk *t, const struct smtp_server_event *ev)
{
    if (ev->kind == SERVER_CONTENT)
        cr_assert(buf_append(&t->content, ev->content));
    note_event(t, ev);
    t->closed = t->closed || ev->kind == SERVER_CLOSE;
    if (ev->kind == SERVER_STARTTLS)
        smtp_server_tls_done(&t->server);
    else if (ev->kind != SERVER_CONTENT && t->server.awaiting)
        answer(t, ev);
}

void talk_pump(struct talk *t)
{
    struct smtp_server_event ev;

    while (smtp_server_next(&t->server, &t->in, &ev))
        handle(t, &ev);
}

void talk_feed(struct talk *t, struct slice s)
{
    cr_assert(buf_append(&t->in, s));
    talk_pump(t);
}

unsigned talk_code(struct talk *t)
{
    const char *text = buf_cstr(&t->out), *last = text, *line;

    for (line = text; (line = strstr(line, "\r\n")) && line[2]; line += 2)
        last = line + 2;
    return (unsigned)strtoul(last, NULL, 10);
}
