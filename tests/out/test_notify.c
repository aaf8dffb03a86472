/* Notifications: who is told of what (RFC 3461 §5.2), what comes back, and what the notification asks of
 * its own way. */
#include <stdlib.h>
#include <string.h>

#include "config/base/limits.h"
#include "mta/out/notify.h"
#include "rig.h"
#include "tests/mail/leaks.h"

#define FROM "from@sender.example"

TestSuite(notify, .fini = no_leaks);

static const struct {
    unsigned notify;
    bool failed, delayed, success;
} wanted[] = {
    {0,                                               true,  true,  false}, /* §5.2.2 (e), §5.2.5 (b), §5.2.6 (c) */
    {NOTIFY_NEVER,                                    false, false, false}, /* §5.2.2 (d) */
    {NOTIFY_SUCCESS,                                  false, false, true }, /* §5.2.2 (b), §5.2.6 (b) */
    {NOTIFY_FAILURE,                                  true,  false, false}, /* §5.2.5 (c), §5.2.6 (a) */
    {NOTIFY_DELAY,                                    false, true,  false}, /* §5.2.5 (a) */
    {NOTIFY_SUCCESS | NOTIFY_FAILURE,                 true,  false, true },
    {NOTIFY_SUCCESS | NOTIFY_DELAY,                   false, true,  true },
    {NOTIFY_FAILURE | NOTIFY_DELAY,                   true,  true,  false},
    {NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY,  true,  true,  true },
};

Test(notify, who_is_told_of_what)
{
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        cr_expect_eq(notify_is_wanted(wanted[i].notify, DSN_FAILED), wanted[i].failed, "row %zu", i);
        cr_expect_eq(notify_is_wanted(wanted[i].notify, DSN_DELAYED), wanted[i].delayed, "row %zu", i);
        cr_expect_eq(notify_is_wanted(wanted[i].notify, DSN_SUCCESS), wanted[i].success, "row %zu", i);
    }
}

/* ---- the message that tells it ---- */

static struct message *message_of(const char *sender, struct slice content)
{
    struct message *m = message_new();

    free(m->sender);
    m->sender = base_strdup(sender);
    message_make_id(m->id);
    (void)message_add_rcpt(m, SLICE("b@b.example"), SLICE("b.example"));
    m->body = body_of_memory(content);
    m->size = content.n;
    return m;
}

static struct message *note_of(const struct message *m, enum dsn_kind kind)
{
    struct config config = {.hostname = "relay.example"};
    struct dsn_rcpt r = {.address = m->rcpts[0].address,
                         .orcpt = m->rcpts[0].orcpt,
                         .remote = "",
                         .status = status_of(CAUSE_NULL_MX)};

    return notify_make(&config, m, kind, &r, 1, 1795578999000);
}

static const struct returning {
    const char *name;
    enum dsn_kind kind;
    enum dsn_ret ret;
    unsigned flags;
    const char *content;
    size_t padding; /* octets of one line more */
    const char *want, *words;
} returns[] = {
    {"unsaid",                          DSN_FAILED,  DSN_RET_UNSAID, 0,                  "A: b\r\n\r\nbody\r\n", 0,
     "text/rfc822-headers",                                                                                         NULL                },
    {"headers",                         DSN_FAILED,  DSN_RET_HDRS,   0,                  "A: b\r\n\r\nbody\r\n", 0,
     "text/rfc822-headers",                                                                                         NULL                },
    {"full",                            DSN_FAILED,  DSN_RET_FULL,   0,                  "A: b\r\n\r\nbody\r\n", 0,
     "message/rfc822",                                                                                              NULL                },
    {"full, 8-bit",                     DSN_FAILED,  DSN_RET_FULL,   0,                  "A: b\r\n\r\n\xff\r\n", 0,
     "message/rfc822\r\nContent-Transfer-Encoding: 8bit",                                                           NULL                },
    {"full, with SMTPUTF8",             DSN_FAILED,  DSN_RET_FULL,   MESSAGE_SMTPUTF8,   "A: \xc3\xa4\r\n\r\n",  0,
     "message/global\r\nContent-Transfer-Encoding: 8bit",                                                           NULL                },
    {"full, of a delay",                DSN_DELAYED, DSN_RET_FULL,   0,                  "A: b\r\n\r\nbody\r\n", 0,
     "text/rfc822-headers",                                                                                         NULL                },
    {"full, of a success",              DSN_SUCCESS, DSN_RET_FULL,   0,                  "A: b\r\n\r\nbody\r\n", 0,
     "text/rfc822-headers",                                                                                         NULL                },
    {"full, the largest",               DSN_FAILED,  DSN_RET_FULL,   0,                  "A: b\r\n\r\n",
     LIMIT_DSN_RETURNED - 8,                                                                                        "message/rfc822", NULL},
    {"full, too large",                 DSN_FAILED,  DSN_RET_FULL,   0,                  "A: b\r\n\r\n",
     LIMIT_DSN_RETURNED - 7,                                                                                        "text/rfc822-headers",
     "262144"                                                                                                                           },
    {"REQUIRETLS (RFC 8689 §5)",       DSN_FAILED,  DSN_RET_FULL,   MESSAGE_REQUIRETLS, "A: b\r\n\r\nbody\r\n", 0,
     "text/rfc822-headers",                                                                                         "REQUIRETLS"        },
    {"a bare line end",                 DSN_FAILED,  DSN_RET_FULL,   0,                  "A: b\r\n\r\nbo\ndy",   0,
     "text/rfc822-headers",                                                                                         "cannot stand"      },
};

static void check_returned(const struct returning *row, struct slice content)
{
    struct message *m = message_of(FROM, content), *note;
    char *text, want[120];

    m->ret = row->ret;
    m->flags = row->flags;
    note = note_of(m, row->kind);
    cr_assert(note, "%s", row->name);
    text = slice_dup(body_is_file(note->body) ? SLICE("") : body_memory(note->body));
    (void)snprintf(want, sizeof(want), "Content-Type: %s\r\n", row->want);
    cr_expect(strstr(text, want), "%s: no %s in %.3000s", row->name, row->want, text);
    cr_expect_eq(strstr(text, "Only the header") != NULL, row->words != NULL, "%s", row->name);
    cr_expect(!row->words || strstr(text, row->words), "%s", row->name);
    free(text);
    message_free(&note);
    message_free(&m);
}

Test(notify, what_comes_back)
{
    for (size_t i = 0; i < ARRAY_LEN(returns); i++) {
        struct buf content;
        char *room;

        buf_init(&content, LIMIT_DSN_RETURNED + 64);
        cr_assert(buf_append(&content, slice_of(returns[i].content)));
        size_t n = buf_reserve(&content, returns[i].padding, &room);
        memset(room, 'x', n);
        buf_commit(&content, n);
        check_returned(&returns[i], buf_slice(&content));
        buf_free(&content);
    }
}

static const struct {
    const char *name, *sender;
    unsigned flags, want; /* of the notification, without MESSAGE_DSN */
} flags[] = {
    {"plain",                          FROM,                 0,                                       0                                  },
    {"8-bit content stays out of it",  FROM,                 MESSAGE_8BIT,                            0                                  },
    {"SMTPUTF8, the sender needs it",  "\xc3\xa4@s.example", MESSAGE_SMTPUTF8 | MESSAGE_8BIT,         MESSAGE_SMTPUTF8 | MESSAGE_8BIT    },
    {"SMTPUTF8, the sender needs none", FROM,                MESSAGE_SMTPUTF8 | MESSAGE_8BIT,         MESSAGE_8BIT                       },
    {"REQUIRETLS (RFC 8689 §5)",      FROM,                 MESSAGE_REQUIRETLS,                      MESSAGE_REQUIRETLS                 },
    {"TLS-Required: No",               FROM,                 MESSAGE_TLS_OPTIONAL | MESSAGE_WARNED,   MESSAGE_TLS_OPTIONAL               },
};

Test(notify, what_it_asks_of_its_way)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        bool utf8 = flags[i].flags & MESSAGE_SMTPUTF8;
        struct message *m =
            message_of(flags[i].sender, utf8 ? SLICE("A: \xc3\xa4\r\n\r\n") : SLICE("A: b\r\n\r\n"));
        struct message *note;

        m->flags = flags[i].flags;
        m->envid = base_strdup("QQ314159");
        m->ret = DSN_RET_HDRS;
        note = note_of(m, DSN_FAILED);
        cr_expect_eq(note->flags, flags[i].want | MESSAGE_DSN, "%s: %u", flags[i].name, note->flags);
        cr_expect_str_eq(note->sender, "", "RFC 3464 §2");
        cr_expect_str_eq(note->rcpts[0].address, flags[i].sender);
        /* RFC 3461 §6.1 */
        cr_expect_eq(note->rcpts[0].notify, (unsigned)NOTIFY_NEVER);
        cr_expect_null(note->envid);
        cr_expect_eq(note->ret, DSN_RET_UNSAID);
        char *text = slice_dup(body_memory(note->body));
        cr_expect(strstr(text, "Original-Envelope-Id: QQ314159\r\n"));
        cr_expect_eq(strstr(text, "\r\nTLS-Required: No\r\n") != NULL,
                     (flags[i].flags & MESSAGE_TLS_OPTIONAL) != 0, "%s", flags[i].name);
        free(text);
        message_free(&note);
        message_free(&m);
    }
}

Test(notify, nobody_to_tell)
{
    static const char *const senders[] = {"", "no-domain"};

    for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
        struct message *m = message_of(senders[i], SLICE("A: b\r\n\r\n"));
        cr_expect_null(note_of(m, DSN_FAILED));
        message_free(&m);
    }
}

/* ---- in a delivery ---- */

/* a: success, b: unsaid, then one of each kind. */
static void ask(struct message *m)
{
    static const unsigned asked[] = {NOTIFY_SUCCESS, 0, NOTIFY_NEVER, NOTIFY_FAILURE, NOTIFY_SUCCESS};

    for (size_t i = 0; i < m->n_rcpts && m->sender[0]; i++)
        m->rcpts[i].notify = asked[i];
    if (!m->sender[0])
        return;
    m->envid = base_strdup("QQ314159");
    m->rcpts[0].orcpt = base_strdup("rfc822;A@d.example");
}

static char *text_of_note(struct rig *r, const char *action)
{
    for (size_t i = 0; i < r->n_found; i++) {
        char *text = slice_dup(body_memory(r->found[i]->body));
        if ((r->found[i]->flags & MESSAGE_DSN) && strstr(text, action))
            return text;
        free(text);
    }
    cr_assert_fail("no notification with %s", action);
    return NULL;
}

static void keep_notes(struct rig *r)
{
    r->hosts[0].mail_null = "450 4.7.1 later"; /* so that they can be looked at */
}

/* RFC 3461 §5.2.2: the next hop has no DSN. */
Test(notify, relayed_and_failed)
{
    struct rig *r = rig_of(1, false);
    char *text;

    r->adjust = ask;
    keep_notes(r);
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example reject-c@d.example reject-d@d.example reject-e@d.example");
    rig_pump_until_logged(r, "status=deferred", 2);
    cr_assert_eq(rig_messages(r), 2u);
    text = text_of_note(r, "Action: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx0.example\r\n"
                           "Diagnostic-Code: smtp; 250 2.0.0 stored\r\n");
    cr_expect(strstr(text, "Original-Envelope-Id: QQ314159\r\n"));
    cr_expect(strstr(text, "Original-Recipient: rfc822; A@d.example\r\nFinal-Recipient: rfc822; a@d.example\r\n"));
    cr_expect_null(strstr(text, "b@d.example"));
    free(text);
    text = text_of_note(r, "Action: failed");
    cr_expect(strstr(text, "reject-d@d.example"));
    cr_expect_null(strstr(text, "reject-c@d.example"));
    cr_expect_null(strstr(text, "reject-e@d.example"), "asked for successes only");
    free(text);
    rig_free(&r);
}

/* RFC 3461 §5.2.1: the duty went along with the message; what that server refuses is still ours. */
Test(notify, the_next_hop_takes_the_duty_over)
{
    struct rig *r = rig_of(1, false);
    char *text;

    r->adjust = ask;
    r->hosts[0].offers = "DSN";
    keep_notes(r);
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example reject-c@d.example reject-d@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(rig_messages(r), 1u);
    text = text_of_note(r, "Action: failed");
    cr_expect(strstr(text, "reject-d@d.example"));
    free(text);
    rig_free(&r);
}

/* RFC 3461 §5.2.3 (a): a server that speaks LMTP is where the mailboxes are. */
Test(notify, delivered_by_lmtp)
{
    struct rig *r = rig_of(1, false);
    char path[120];

    r->adjust = ask;
    keep_notes(r);
    (void)snprintf(path, sizeof(path), "%s/lmtp", r->dir);
    r->hop.protocol = HOP_LMTP;
    r->hop_host = (struct hop_host){.name = path, .is_local = true};
    r->hosts[0].path = path;
    r->hosts[0].lmtp = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example");
    rig_pump_until_logged(r, "status=sent", 2);
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(rig_messages(r), 1u);
    free(text_of_note(r, "Final-Recipient: rfc822; a@d.example\r\nAction: delivered\r\n"));
    rig_free(&r);
}

static void no_delay(struct message *m)
{
    if (m->sender[0])
        m->rcpts[0].notify = NOTIFY_FAILURE;
}

/* RFC 3461 §5.2.5 (c). */
Test(notify, no_warning_for_whom_did_not_ask)
{
    struct rig *r = rig_of(1, false);
    char *text;

    r->adjust = no_delay;
    r->hosts[0].mail = "450 4.7.1 later";
    r->age_ms = 5LL * 3600 * 1000;
    r->config.delivery.delay_warning_ms = 4LL * 3600 * 1000;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example");
    rig_pump_until_logged(r, "status=deferred", 3);
    cr_assert_eq(rig_messages(r), 2u);
    text = text_of_note(r, "Action: delayed");
    cr_expect(strstr(text, "b@d.example"));
    cr_expect_null(strstr(text, "a@d.example"));
    free(text);
    rig_free(&r);
}
