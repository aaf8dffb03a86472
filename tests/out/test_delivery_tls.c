/* Deliveries and their TLS: what is asked of a host is what it must give, or it never sees MAIL FROM.
 * RFC 7672 §2.2. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define FROM "from@sender.example"

Test(delivery, by_dane)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, ", depth=0, protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, "
              "from=<from@sender.example>");
    rig_must_log(r, "tls=dane, dsn=2.0.0, status=sent (250 2.0.0 stored), level=dane, mx=secure, "
              "base=mx0.example, usable=1/1, record=3 1 1 ");
    cr_assert_eq(fake_count(&r->hosts[0], "EHLO"), 2, "EHLO again after STARTTLS");
    rig_free(&r);
}

Test(delivery, half_dane)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    r->mx_insecure = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "tls=half-dane");
    rig_must_log(r, "smtp.half_dane");
    rig_must_log(r, "host=mx0.example");
    rig_free(&r);
}

/* Trouble of our own TLS engine says nothing about the host: the message waits, at every level. */
Test(delivery, our_own_tls_trouble_is_no_reason_for_less)
{
    struct rig *r = rig_of(1, true);
    SSL_CTX *context;

    rig_start(r);
    context = r->settings->tls.opportunistic;
    r->settings->tls.opportunistic = NULL;
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred (our TLS engine failed", 1);
    cr_assert_eq(r->hosts[0].connections, 1);
    cr_assert_eq(fake_count(&r->hosts[0], "MAIL"), 0);
    r->settings->tls.opportunistic = context;
    rig_free(&r);
}

/* The law: whatever fails, a host with usable TLSA records never sees MAIL FROM without its match.
 */
static const struct {
    const char *name;
    int tlsa;
    bool tls, drops;
    const char *starttls;
    const char *dsn, *finding; /* NULL: the status says it all */
} refused[] = {
    {"mismatch", TLSA_WRONG, true, false, NULL, "dsn=4.7.5, status=deferred", "key-renewed"},
    {"STARTTLS not offered", TLSA_RIGHT, false, false, NULL, "dsn=4.7.4, status=deferred",
     "starttls-hidden"},
    {"STARTTLS refused", TLSA_RIGHT, true, false, "454 4.7.0 later", "dsn=4.7.0, status=deferred",
     "starttls-refused"},
    {"STARTTLS refused for good is no bounce", TLSA_RIGHT, true, false, "550 5.7.0 never",
     "dsn=4.7.0, status=deferred", "starttls-refused"},
    {"handshake dropped", TLSA_RIGHT, true, true, NULL, "dsn=4.7.5, status=deferred", NULL},
};

Test(delivery, dane_never_sees_mail_from_without_a_match)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct rig *r = rig_of(1, refused[i].tls);
        char finding[64];

        r->tlsa = refused[i].tlsa;
        r->hosts[0].starttls = refused[i].starttls;
        r->hosts[0].tls_drops = refused[i].drops;
        rig_start(r);
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=deferred", 1);
        rig_pump_ms(r, 50);
        cr_assert_not(fake_heard(&r->hosts[0], "MAIL"), "%s", refused[i].name);
        cr_assert_eq(r->hosts[0].connections, 1, "%s: no second connection", refused[i].name);
        cr_assert(rig_logged(r, refused[i].dsn), "%s:\n%s", refused[i].name, buf_cstr(&r->log));
        cr_assert(rig_logged(r, "fault=the receiving server"), "%s", refused[i].name);
        (void)snprintf(finding, sizeof(finding), "finding=%s",
                       refused[i].finding ? refused[i].finding : "");
        cr_assert_eq(rig_logged(r, finding), refused[i].finding != NULL, "%s:\n%s",
                     refused[i].name, buf_cstr(&r->log));
        cr_assert(rig_logged(r, "remedy="), "%s", refused[i].name);
        cr_assert_eq(rig_messages(r), 1u, "%s", refused[i].name);
        rig_free(&r);
    }
}

/* RFC 7672 §2.2.1: the next host is tried, and may deliver. */
Test(delivery, next_host)
{
    static const struct {
        const char *name, *greeting, *mail;
    } firsts[] = {
        {"421 greeting",      "421 4.3.2 busy",    NULL               },
        {"554 greeting",      "554 5.7.1 go away", NULL               },
        {"nonsense greeting", "hello",             NULL               },
        {"4yz to MAIL",       NULL,                "451 4.3.0 not now"}
    };

    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        struct rig *r = rig_of(2, false);

        r->hosts[0].greeting = firsts[i].greeting;
        r->hosts[0].mail = firsts[i].mail;
        rig_start(r);
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", 1);
        cr_assert_eq(r->hosts[0].connections, 1, "%s", firsts[i].name);
        cr_assert_eq(r->hosts[1].messages, 1, "%s", firsts[i].name);
        rig_must_log(r, "relay=mx1.example[127.0.0.11]:");
        rig_free(&r);
    }
}

Test(delivery, the_first_failure_is_told)
{
    struct rig *r = rig_of(2, false);

    r->hosts[0].greeting = "421 4.3.2 first is busy";
    r->hosts[1].greeting = "421 4.3.2 second is busy";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "relay=mx0.example");
    rig_must_log(r, "status=deferred (421 4.3.2 first is busy)");
    rig_free(&r);
}

/* RFC 7672 §2.2: opportunistic TLS that fails is followed by one connection in clear. */
Test(delivery, plaintext_retry)
{
    struct rig *r = rig_of(1, true);

    r->hosts[0].tls_drops = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert_eq(r->hosts[0].connections, 2);
    rig_must_log(r, "tls=none, dsn=2.0.0");
    rig_free(&r);
}

Test(delivery, encrypt_does_not_fall_back)
{
    struct rig *r = rig_of(1, true);

    r->hosts[0].tls_drops = true;
    r->config.delivery.tls = TLS_LEVEL_ENCRYPT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(r->hosts[0].connections, 1);
    cr_assert_not(fake_heard(&r->hosts[0], "MAIL"));
    rig_free(&r);
}

Test(delivery, implicit_tls)
{
    struct rig *r = rig_of(1, true);

    r->hosts[0].implicit_tls = true;
    r->hop_host.implicit_tls = true;
    r->config.delivery.tls = TLS_LEVEL_MAY;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert_not(fake_heard(&r->hosts[0], "STARTTLS"));
    cr_assert_eq(r->hosts[0].tls_connections, 1);
    rig_free(&r);
}
