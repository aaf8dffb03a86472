/* The cause table and the status of a peer's reply. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/base/status.h"

/* A code's first digit, the enhanced class and what we do must tell one story. */
Test(status, every_cause_is_consistent)
{
    for (int i = 0; i < CAUSE_COUNT; i++) {
        const struct cause_info *c = cause_info((enum cause)i);
        enum cause back;
        cr_expect_eq(c->code / 100, c->esc.cls, "%s: %u and %u", c->name, c->code, c->esc.cls);
        cr_expect_eq(c->disposition == DISP_DONE, c->esc.cls == 2, "%s", c->name);
        cr_expect_eq(c->disposition == DISP_RETRY, c->esc.cls == 4, "%s", c->name);
        cr_expect_neq(c->words[0], '\0', "%s has no words", c->name);
        cr_expect_neq(fault_words(c->fault)[0], '\0');
        cr_expect_lt(strlen(c->words), STATUS_TEXT_MAX);
        cr_assert(cause_from_name(slice_of(c->name), &back), "%s", c->name);
        cr_expect_eq(back, i, "%s is there twice", c->name);
    }
    enum cause none = CAUSE_OK;
    cr_expect_not(cause_from_name(SLICE("NO_SUCH"), &none));
    cr_expect_not(cause_from_name(SLICE("ok"), &none));
}

/* RFC 7672: a DANE failure is never the end of a message by itself. */
Test(status, dane_causes_wait)
{
    static const enum cause causes[] = {
        CAUSE_DANE_MISMATCH,    CAUSE_DANE_NAME,        CAUSE_DANE_EXPIRED,
        CAUSE_DANE_CHAIN,       CAUSE_DANE_UNAVAILABLE, CAUSE_TLSA_LOOKUP,
        CAUSE_MX_LOOKUP,        CAUSE_TLS_HANDSHAKE,    CAUSE_STARTTLS_NOT_OFFERED,
        CAUSE_STARTTLS_REFUSED, CAUSE_RESOLVER_DOWN,    CAUSE_RESOLVER_NOT_VALIDATING,
        CAUSE_DANE_NOT_YET_VALID};

    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        cr_expect_eq(cause_info(causes[i])->disposition, DISP_RETRY, "%s",
                     cause_info(causes[i])->name);
}

static const struct {
    uint16_t code;
    const char *text;
    enum cause cause;
    const char *esc, *shown;
} replies[] = {
    {250, "2.0.0 Ok: queued",    CAUSE_REMOTE_OK,       "2.0.0",     "2.0.0 Ok: queued"   },
    {250, "queued",              CAUSE_REMOTE_OK,       "2.0.0",     "queued"             },
    {250, "",                    CAUSE_REMOTE_OK,       "2.0.0",     ""                   },
    {451, "4.7.1 greylisted",    CAUSE_REMOTE_TEMPFAIL, "4.7.1",     "4.7.1 greylisted"   },
    {421, "4.3.2 bye",           CAUSE_REMOTE_CLOSING,  "4.3.2",     "4.3.2 bye"          },
    {550, "5.1.1 no such user",  CAUSE_REMOTE_PERMFAIL, "5.1.1",     "5.1.1 no such user" },
    {550, "5.1.10",              CAUSE_REMOTE_PERMFAIL, "5.1.10",    "5.1.10"             },
    {550, "5.999.999 x",         CAUSE_REMOTE_PERMFAIL, "5.999.999", "5.999.999 x"        },
    {550, "4.1.1 contradiction", CAUSE_REMOTE_PERMFAIL, "5.0.0",     "4.1.1 contradiction"},
    {550, "5.1 half",            CAUSE_REMOTE_PERMFAIL, "5.0.0",     "5.1 half"           },
    {550, "5.1.1000 long",       CAUSE_REMOTE_PERMFAIL, "5.0.0",     "5.1.1000 long"      },
    {550, "5.1.1x",              CAUSE_REMOTE_PERMFAIL, "5.0.0",     "5.1.1x"             },
    {550, "5..1 x",              CAUSE_REMOTE_PERMFAIL, "5.0.0",     "5..1 x"             },
    {550, "a\r\nb\x1b[31m\x7f",  CAUSE_REMOTE_PERMFAIL, "5.0.0",     "a??b?[31m?"         },
    {550, "gr\xc3\xbc\xc3\x9f",  CAUSE_REMOTE_PERMFAIL, "5.0.0",     "gr\xc3\xbc\xc3\x9f" },
    {550, "bad \xff\xc3",        CAUSE_REMOTE_PERMFAIL, "5.0.0",     "bad ??"             },
};

Test(status, from_reply)
{
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct status s = status_from_reply(replies[i].code, slice_of(replies[i].text));
        char esc[16];
        cr_expect_eq(s.cause, replies[i].cause, "%s", replies[i].text);
        cr_expect_eq(s.code, replies[i].code, "%s", replies[i].text);
        cr_expect(s.from_peer);
        cr_expect_str_eq(esc_text(s.esc, esc), replies[i].esc, "%s", replies[i].text);
        cr_expect_str_eq(s.text, replies[i].shown);
        cr_expect_eq(status_ok(&s), replies[i].code < 300);
    }
}

Test(status, from_a_long_reply_is_cut)
{
    char text[5000];
    memset(text, 'x', sizeof(text));
    struct status s = status_from_reply(550, slice_make(text, sizeof(text)));
    cr_expect_eq(strlen(s.text), STATUS_TEXT_MAX - 1);
    s = status_from_reply(550, slice_make("a\0b", 3));
    cr_expect_str_eq(s.text, "a?b");
}

Test(status, own_words)
{
    struct status s = status_make(CAUSE_CONNECT_FAILED, "%s\n", "no route");
    cr_expect_str_eq(s.text, "no route?");
    cr_expect_eq(s.code, 451);
    cr_expect_not(s.from_peer);
    cr_expect_eq(status_disposition(&s), DISP_RETRY);
    s = status_of(CAUSE_OK);
    cr_expect_str_eq(s.text, "Ok");
    cr_expect(status_ok(&s));
}
