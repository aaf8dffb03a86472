/* Messages that ask for more than a next hop offers: 8-bit content, addresses and headers in UTF-8.
 */
#include "rig.h"

#include <string.h>

#define FROM "from@sender.example"
#define UE   "\xc3\xbc"
#define EIGHT_BIT                                                                                  \
    "Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"               \
    "Content-Transfer-Encoding: 8bit\r\n\r\nGr" UE "n\r\n.dot\r\n"

static struct rig *rig_with(const char *content, bool seven_bit)
{
    struct rig *r = rig_of(1, false);

    r->content = content;
    r->hosts[0].seven_bit = seven_bit;
    r->hosts[0].offers = "SIZE 100000";
    return r;
}

Test(content, eight_bits_where_they_are_taken)
{
    struct rig *r = rig_with(EIGHT_BIT, false);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], " BODY=8BITMIME\n"));
    cr_expect(fake_heard(&r->hosts[0], "\nGr" UE "n\n..dot\n"));
    rig_free(&r);
}

/* What was said of it counts for nothing: 7-bit content asks for nothing. */
Test(content, seven_bits_go_anywhere)
{
    struct rig *r = rig_with(NULL, true);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], "marked body"));
    rig_free(&r);
}

/* RFC 6152 §3 */
Test(content, eight_bits_are_brought_to_seven)
{
    struct rig *r = rig_with(EIGHT_BIT, true);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], "MAIL FROM:<from@sender.example>\n"),
              "its size is not known");
    cr_expect(fake_heard(&r->hosts[0],
                         "Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BCn\n..dot\n.\n"));
    rig_free(&r);
}

/* A large one, in a file of the spool and in many steps. */
Test(content, large_ones_too)
{
    enum { SIZE = 3 << 20 };
    struct rig *r = rig_with(EIGHT_BIT, true);

    rig_start(r);
    rig_submit_sized(r, FROM, "a@d.example", SIZE);
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], "Gr=C3=BCn\n"));
    cr_expect_eq(fake_count(&r->hosts[0], "0123456789012345678901234567890123456789012345678\n"),
                 (SIZE - sizeof(EIGHT_BIT) + 1 + 50) / 51);
    rig_free(&r);
}

Test(content, what_is_signed_bounces)
{
    struct rig *r = rig_with("DKIM-Signature: v=1\r\n" EIGHT_BIT, true);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_pump_until_logged(r, "status=", 2); /* the notification too */
    rig_must_log(r, "dsn=5.6.3");
    rig_must_log(r, "this message has no 7-bit form: it is signed in its 8-bit form");
    cr_expect_not(fake_heard(&r->hosts[0], "MAIL FROM:<from"));
    rig_free(&r);
}

/* ---- SMTPUTF8 ---- */

static void asks_utf8(struct message *m)
{
    m->flags |= MESSAGE_SMTPUTF8;
}

// clang-format off
static const struct {
    const char *name, *sender, *rcpts, *content;
    const char *logged, *heard; /* NULL: no MAIL */
    int lines;                  /* of deliveries, with that of a notification */
} utf8_rows[] = {
    {"the flag alone asks for nothing", FROM, "a@d.example", NULL,
     "status=sent", "MAIL FROM:<from@sender.example>", 1},
    {"8-bit body alone", FROM, "a@d.example", EIGHT_BIT,
     "status=sent", "MAIL FROM:<from", 1},
    {"a domain becomes A-labels", "s@b" UE "cher.example", "a@d.example", NULL,
     "status=sent", "MAIL FROM:<s@xn--bcher-kva.example>", 1},
    {"a sender in UTF-8", "m" UE "ller@s.example", "a@d.example", NULL,
     "dsn=5.6.7, status=bounced", NULL, 2},
    {"a recipient in UTF-8", FROM, "m" UE "ller@d.example", NULL,
     "dsn=5.6.7, status=bounced", NULL, 2},
    {"a header in UTF-8", FROM, "a@d.example", "Subject: " UE "\r\n\r\nx\r\n",
     "dsn=5.6.7, status=bounced", NULL, 2},
    {"a header of a part in UTF-8", FROM, "a@d.example",
     "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: " UE
     "\r\n\r\nx\r\n--b--\r\n",
     "dsn=5.6.7, status=bounced", NULL, 2},
    {"one of two recipients", FROM, "m" UE "ller@d.example a@d.example", NULL,
     "status=sent", "RCPT TO:<a@d.example>", 3},
};
// clang-format on

/* RFC 6531 §3.2: nothing internationalized goes to a server without SMTPUTF8; all else does. */
Test(content, without_smtputf8)
{
    for (size_t i = 0; i < ARRAY_LEN(utf8_rows); i++) {
        struct rig *r = rig_with(utf8_rows[i].content, false);
        r->adjust = asks_utf8;
        rig_start(r);
        rig_submit(r, utf8_rows[i].sender, utf8_rows[i].rcpts);
        rig_pump_until_logged(r, utf8_rows[i].logged, 1);
        rig_pump_until_logged(r, "status=", utf8_rows[i].lines);
        if (utf8_rows[i].heard)
            cr_expect(fake_heard(&r->hosts[0], utf8_rows[i].heard), "%s", utf8_rows[i].name);
        else
            cr_expect_not(fake_heard(&r->hosts[0], "MAIL FROM:<from"), "%s", utf8_rows[i].name);
        cr_expect_not(fake_heard(&r->hosts[0], ":<m"), "%s", utf8_rows[i].name);
        rig_free(&r);
    }
}

Test(content, with_smtputf8)
{
    struct rig *r = rig_with("Subject: " UE "\r\n\r\nx\r\n", false);

    r->adjust = asks_utf8;
    r->hosts[0].offers = "SMTPUTF8";
    rig_start(r);
    rig_submit(r, FROM, "m" UE "ller@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], " BODY=8BITMIME SMTPUTF8\n"));
    cr_expect(fake_heard(&r->hosts[0], "RCPT TO:<m" UE "ller@d.example>"));
    rig_free(&r);
}

/* Another host may offer what the first does not. */
Test(content, the_next_host_may_take_it)
{
    struct rig *r = rig_of(2, false);

    r->content = "DKIM-Signature: v=1\r\n" EIGHT_BIT;
    r->hosts[0].seven_bit = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect_eq(r->hosts[0].messages, 0);
    cr_expect_eq(r->hosts[1].messages, 1);
    rig_free(&r);
}
