/* Dialogues of the client machine with a scripted server. Each runs with the server's octets whole,
 * octet by octet and cut at every octet. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/smtp/scene.h"
#include "tests/smtp/talk.h"

static void check_results(struct scene *s, size_t way)
{
    struct buf got;

    buf_init(&got, 4000);
    for (size_t i = 0; i < s->d->rcpts && s->d->results[0]; i++)
        cr_assert(buf_printf(&got, "%s%s %u %s", i ? "|" : "",
                             cause_info(s->results[i].cause)->name, s->results[i].code,
                             s->results[i].text));
    cr_expect_str_eq(buf_cstr(&got), s->d->results, "%s, way %zu: %s", s->d->name, way,
                     buf_cstr(&got));
    buf_free(&got);
}

static void play(const struct dialogue *d, size_t way)
{
    struct status lost = status_of(CAUSE_CONNECTION_LOST);
    struct scene s;

    scene_init(&s, d);
    scene_run(&s);
    for (size_t i = 0; i < MAX_ROUNDS && d->rounds[i].client; i++)
        scene_play_round(&s, &d->rounds[i], way);
    if (d->options & LOSE)
        smtp_client_lost(s.c, &lost);
    scene_run(&s);
    cr_expect_str_eq(buf_cstr(&s.events), d->events, "%s, way %zu: %s", d->name, way,
                     buf_cstr(&s.events));
    check_results(&s, way);
    scene_free(&s);
}

static size_t ways_of(const struct dialogue *d)
{
    size_t longest = 0;

    if (d->options & WHOLE_ONLY)
        return 1;
    for (size_t i = 0; i < MAX_ROUNDS; i++)
        longest = d->rounds[i].server.n > longest ? d->rounds[i].server.n : longest;
    return talk_cuts(longest);
}

Test(client, dialogues)
{
    for (size_t i = 0; i < n_dialogues; i++)
        for (size_t way = 0; way < ways_of(&dialogues[i]); way++)
            play(&dialogues[i], way);
    CHECK_LEAKS();
}

/* How a session failed before any transaction: never for good. */
Test(client, failures)
{
    // clang-format off
    static const struct {
        const char *name;
        enum cause cause;
        unsigned code;
        unsigned cls;
    } rows[] = {
        {"421 as greeting", CAUSE_REMOTE_CLOSING, 421, 4},
        {"5yz greeting: this host does not want us", CAUSE_REMOTE_TEMPFAIL, 554, 4},
        {"malformed greeting", CAUSE_REMOTE_PROTOCOL, 451, 4},
        {"250 as greeting", CAUSE_REMOTE_PROTOCOL, 451, 4},
        {"replies before EHLO", CAUSE_REMOTE_PROTOCOL, 451, 4},
        {"EHLO and HELO unknown", CAUSE_REMOTE_TEMPFAIL, 502, 4},
        {"EHLO unknown where TLS must be: no HELO", CAUSE_STARTTLS_NOT_OFFERED, 451, 4},
        {"EHLO 4yz", CAUSE_REMOTE_TEMPFAIL, 451, 4},
        {"EHLO 354", CAUSE_REMOTE_PROTOCOL, 451, 4},
        {"STARTTLS not offered, needed", CAUSE_STARTTLS_NOT_OFFERED, 451, 4},
        {"STARTTLS refused, needed", CAUSE_STARTTLS_REFUSED, 451, 4},
        {"STARTTLS 354, needed", CAUSE_STARTTLS_REFUSED, 451, 4},
        {"STARTTLS 221, not needed", CAUSE_REMOTE_CLOSING, 421, 4},
        {"octets behind 220 to STARTTLS", CAUSE_TLS_PLAINTEXT_AFTER, 451, 4},
        {"one octet behind 220 to STARTTLS", CAUSE_TLS_PLAINTEXT_AFTER, 451, 4},
        {"421 to EHLO", CAUSE_REMOTE_CLOSING, 421, 4},
        {"LMTP: no HELO", CAUSE_REMOTE_TEMPFAIL, 500, 4},
        {"login in clear: never", CAUSE_LOGIN_UNSAFE, 451, 4},
        {"login where TLS was refused: never", CAUSE_LOGIN_UNSAFE, 451, 4},
        {"login offered in clear only", CAUSE_LOGIN_NOT_OFFERED, 451, 4},
        {"login by no known mechanism", CAUSE_LOGIN_NOT_OFFERED, 451, 4},
        {"login refused", CAUSE_LOGIN_FAILED, 454, 4},
        {"login taken before the server proved itself", CAUSE_LOGIN_UNPROVEN, 454, 4},
        {"354 to AUTH", CAUSE_REMOTE_PROTOCOL, 451, 4},
        {"closing right behind the delivery", CAUSE_REMOTE_CLOSING, 421, 4},
        {"unsolicited while idle", CAUSE_REMOTE_PROTOCOL, 451, 4},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct dialogue *d = dialogues;
        struct scene s;
        while (strcmp(d->name, rows[i].name) != 0)
            cr_assert(++d < dialogues + n_dialogues, "%s", rows[i].name);
        scene_init(&s, d);
        for (size_t r = 0; r < MAX_ROUNDS && d->rounds[r].client; r++)
            scene_play_round(&s, &d->rounds[r], 0);
        const struct status *why = smtp_client_failure(s.c);
        cr_expect(why->cause == rows[i].cause && why->code == rows[i].code &&
                      why->esc.cls == rows[i].cls,
                  "%s: %s %u", d->name, cause_info(why->cause)->name, why->code);
        cr_expect_eq(status_disposition(why), DISP_RETRY, "%s", d->name);
        cr_expect_eq(smtp_client_state(s.c), CLIENT_ST_DEAD, "%s", d->name);
        cr_expect_not(smtp_client_reusable(s.c), "%s", d->name);
        scene_free(&s);
    }
    CHECK_LEAKS();
}

/* What is awaited, its deadline and its words, along one delivery. */
Test(client, states_and_their_deadlines)
{
    // clang-format off
    static const struct {
        const char *server;
        enum client_state state;
        int64_t timeout_ms;
        const char *phrase;
        bool reusable;
    } rows[] = {
        {"", CLIENT_ST_GREETING, 2, "waiting for the greeting", false},
        {HI, CLIENT_ST_EHLO, 1, "sending EHLO", false},
        {CAPS, CLIENT_ST_MAIL, 1, "sending MAIL FROM", false},
        {"250 ok\r\n", CLIENT_ST_RCPT, 1, "sending RCPT TO", false},
        {"250 ok\r\n", CLIENT_ST_DATA, 3, "sending DATA", false},
        {GO, CLIENT_ST_BODY, 4, "sending the message body", false},
    };
    // clang-format on
    struct dialogue d = {.name = "deadlines", .options = HOLD_BODY, .rcpts = 1};
    struct status why = status_of(CAUSE_BODY_LOST);
    struct scene s;

    scene_init(&s, &d);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert(buf_append(&s.in, slice_of(rows[i].server)));
        scene_run(&s);
        cr_expect_eq(smtp_client_state(s.c), rows[i].state, "%zu", i);
        cr_expect_eq(smtp_client_timeout_ms(s.c), rows[i].timeout_ms, "%zu", i);
        cr_expect_str_eq(smtp_client_phrase(s.c), rows[i].phrase);
        cr_expect_eq(smtp_client_reusable(s.c), rows[i].reusable, "%zu", i);
    }
    cr_expect_str_eq(smtp_client_greeted(s.c), "mx.example");
    cr_expect_eq(smtp_client_capabilities(s.c), CAP_PIPELINING | CAP_8BITMIME | CAP_SIZE);
    smtp_client_abort(s.c, &why);
    scene_run(&s);
    cr_expect_eq(s.results[0].cause, CAUSE_BODY_LOST);
    cr_expect_null(strstr(buf_cstr(&s.out), "\r\n.\r\n"), "no dot after an abort");
    scene_free(&s);
    CHECK_LEAKS();
}

/* A server that never stops talking is cut off, whatever it says (M1, M11). */
Test(client, floods_end)
{
    static const char *const floods[] = {"x", "220-x\r\n",
                                         "220-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct dialogue d = {.name = "flood", .options = NO_MESSAGE};
        struct scene s;
        size_t fed = 0;
        scene_init(&s, &d);
        for (; smtp_client_state(s.c) != CLIENT_ST_DEAD && fed < 1 << 20;
             fed += strlen(floods[i])) {
            cr_assert(buf_append(&s.in, slice_of(floods[i])));
            scene_run(&s);
        }
        cr_expect_eq(smtp_client_failure(s.c)->cause, CAUSE_REMOTE_PROTOCOL);
        cr_expect_leq(fed, LIMIT_REPLY + 100);
        scene_free(&s);
    }
    CHECK_LEAKS();
}

/* Half a reply that nobody asked for is no beginning of the next one. */
Test(client, half_a_reply_while_idle)
{
    struct dialogue d = {.name = "half", .options = NO_MESSAGE, .rcpts = 1};
    struct scene s;

    scene_init(&s, &d);
    cr_assert(buf_append(&s.in, SLICE(HI)));
    scene_run(&s);
    cr_assert(buf_append(&s.in, SLICE(PLAIN)));
    scene_run(&s);
    cr_expect(smtp_client_reusable(s.c));
    buf_clear(&s.out);
    cr_assert(buf_append(&s.in, SLICE("250-2.1.0 Ok\r\n")));
    scene_run(&s);
    cr_expect_not(smtp_client_reusable(s.c));
    smtp_client_start(s.c, &s.t);
    scene_run(&s);
    cr_expect_eq(s.out.n, 0, "nothing is sent into a broken dialogue");
    cr_assert(buf_append(&s.in, SLICE("250 2.1.0 Ok\r\n")));
    scene_run(&s);
    cr_expect_eq(s.results[0].cause, CAUSE_REMOTE_PROTOCOL);
    scene_free(&s);
    CHECK_LEAKS();
}

/* Nothing that could end a command early ever gets into one. */
Test(client, unprintable_addresses_are_not_sent)
{
    struct smtp_rcpt rcpts[] = {{.address = "a@b\r\nDATA"}};
    struct dialogue d = {.name = "injection", .options = NO_MESSAGE};
    struct scene s;

    scene_init(&s, &d);
    cr_assert(buf_append(&s.in, SLICE(HI)));
    scene_run(&s);
    cr_assert(buf_append(&s.in, SLICE(PLAIN)));
    scene_run(&s);
    buf_clear(&s.out);
    s.t.rcpts = rcpts;
    s.t.n_rcpts = 1;
    smtp_client_start(s.c, &s.t);
    scene_run(&s);
    cr_expect_eq(s.out.n, 0);
    cr_expect_eq(s.results[0].cause, CAUSE_LOCAL_ERROR);
    scene_free(&s);
    CHECK_LEAKS();
}

/* A small output buffer: commands wait for room, none is lost or doubled. */
Test(client, waits_for_room)
{
    struct dialogue d = {.name = "room", .rcpts = 3};
    struct buf sent;
    struct scene s;

    scene_init(&s, &d);
    buf_free(&s.out);
    buf_init(&s.out, 40);
    buf_init(&sent, 1000);
    cr_assert(buf_append(&s.in, SLICE(HI)));
    scene_run(&s);
    cr_assert(buf_append(&s.in, SLICE(CAPS)));
    buf_clear(&s.out);
    for (int i = 0; i < 10; i++) {
        scene_run(&s);
        cr_assert(buf_append(&sent, buf_slice(&s.out)));
        buf_clear(&s.out);
    }
    cr_expect_str_eq(buf_cstr(&sent), MAIL_S RCPT1 RCPT2 RCPT3 DATA);
    buf_free(&sent);
    scene_free(&s);
    CHECK_LEAKS();
}
