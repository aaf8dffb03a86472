/* What the tests of mail filters share: a session with filters, and a client that sends a message. */
#ifndef DANELAW_TEST_MILTER_SCENE_H
#define DANELAW_TEST_MILTER_SCENE_H

#include <stdlib.h>

#include "fake_milter.h"
#include "mta/milter/milter.h"

#define S(text) {text, sizeof(text) - 1}

static struct rig *r;
static struct fakes *all;
static struct fake_milter *f;

static inline void begin(size_t n)
{
    r = rig_new();
    all = fakes_start(r, n);
    f = &all->fake[0];
}

static inline void end(void)
{
    rig_close(r);
    fakes_stop(&all);
    rig_free(&r);
}

static inline void greet(void)
{
    rig_connect(r, "192.0.2.7");
    rig_expect(r, "220");
    rig_ask(r, "EHLO client.example", "250-");
}

static inline void envelope(void)
{
    rig_ask(r, "MAIL FROM:<s@a.example> SIZE=100", "250");
    rig_ask(r, "RCPT TO:<r@ours.example>", "250");
}

static const char content[] = "Received: theirs\r\n"
                              "Subject: a\r\n"
                              "\tb\r\n"
                              "X-Spam: no\r\n"
                              "\r\n"
                              "body\r\n"
                              "..\r\n";

/* A whole message; want: the answer to its dot. */
static inline void message(const char *want)
{
    envelope();
    rig_ask(r, "DATA", "354");
    rig_say(r, content);
    rig_ask(r, ".", want);
}

static inline void check_content(const char *want)
{
    struct message *m = rig_message(r);
    size_t n;
    char *got = rig_content(m, &n);

    cr_expect_str_eq(got, want, "%s", got);
    cr_expect_eq(m->size, body_size(m->body));
    free(got);
    message_free(&m);
}

#endif
