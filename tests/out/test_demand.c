/* What a message asks of its way (RFC 8689): REQUIRETLS and "TLS-Required: No" in deliveries. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "mta/out/demand.h"

#define FROM "from@sender.example"

static void require(struct message *m)
{
    m->flags |= MESSAGE_REQUIRETLS;
    if (m->sender[0])
        m->ret = DSN_RET_FULL;
}

static void optional(struct message *m)
{
    m->flags |= MESSAGE_TLS_OPTIONAL;
}

static const struct {
    const char *name;
    unsigned flags;
    const char *sender;
    enum verdict_demand want;
} demands[] = {
    {"nothing",                          0,                                         FROM, DEMAND_NONE        },
    {"REQUIRETLS",                       MESSAGE_REQUIRETLS,                        FROM, DEMAND_REQUIRETLS  },
    {"the header field is ignored then", MESSAGE_REQUIRETLS | MESSAGE_TLS_OPTIONAL, FROM, DEMAND_REQUIRETLS  },
    {"a notification about one",         MESSAGE_REQUIRETLS,                        "",   DEMAND_NOTIFICATION},
    {"TLS-Required: No",                 MESSAGE_TLS_OPTIONAL,                      FROM, DEMAND_TLS_OPTIONAL},
    {"a notification about that",        MESSAGE_TLS_OPTIONAL,                      "",   DEMAND_TLS_OPTIONAL},
};

Test(demand, of_a_message)
{
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        char sender[40];
        struct message m = {.flags = demands[i].flags, .sender = sender};
        cr_assert(slice_copy(slice_of(demands[i].sender), sender, sizeof(sender)));
        cr_expect_eq(demand_of(&m), demands[i].want, "%s", demands[i].name);
    }
}

/* Mode proved, half-DANE, facts by MX, MX secure, level, whether REQUIRETLS may be said (§2). */
static const struct {
    enum verdict_mode mode;
    bool half, by_mx, mx_secure;
    enum tls_level level;
    bool met;
} sessions[] = {
    {VERDICT_CLEAR,         false, true,  true,  TLS_LEVEL_DANE,   false},
    {VERDICT_OPPORTUNISTIC, false, true,  true,  TLS_LEVEL_DANE,   false},
    {VERDICT_ENCRYPT,       false, true,  true,  TLS_LEVEL_DANE,   false},
    {VERDICT_DANE,          false, true,  true,  TLS_LEVEL_DANE,   true },
    {VERDICT_DANE,          true,  true,  false, TLS_LEVEL_DANE,   false},
    {VERDICT_DANE,          false, false, false, TLS_LEVEL_DANE,   true },
    {VERDICT_PKIX,          false, true,  true,  TLS_LEVEL_VERIFY, true },
    {VERDICT_PKIX,          false, true,  false, TLS_LEVEL_VERIFY, false},
    {VERDICT_PKIX,          false, true,  false, TLS_LEVEL_SECURE, true },
    {VERDICT_PKIX,          false, false, false, TLS_LEVEL_VERIFY, true },
};

Test(demand, what_a_session_must_be)
{
    struct dest_facts mx = {.kind = DEST_MX}, host = {.kind = DEST_HOST};

    for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
        struct tls_outcome tls = {.mode = sessions[i].mode, .half_dane = sessions[i].half};
        struct verdict v = {.mx_secure = sessions[i].mx_secure};
        cr_expect_eq(demand_is_met(&tls, &v, sessions[i].by_mx ? &mx : &host, sessions[i].level),
                     sessions[i].met, "row %zu", i);
        cr_expect_not(demand_is_met(NULL, &v, &mx, sessions[i].level), "row %zu, in clear", i);
    }
}

/* The notification of a bounce waits where it can be looked at. */
static void bounce(struct rig *r, const char *code)
{
    char *text;

    r->adjust = require;
    r->hosts[0].mail_null = "450 4.7.1 later";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_must_log(r, code);
    rig_must_log(r, "asks=requiretls");
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(rig_messages(r), 1u);
    cr_expect(r->found[0]->flags & MESSAGE_REQUIRETLS, "RFC 8689 §5");
    text = slice_dup(body_memory(r->found[0]->body));
    cr_expect(strstr(text, "text/rfc822-headers"), "RFC 8689 §5: RET=FULL is disregarded");
    free(text);
    cr_expect_not(fake_heard(&r->hosts[0], "MAIL FROM:<" FROM), "nothing of it was said");
    cr_expect_not(fake_heard(&r->hosts[0], "RCPT TO:<a@d.example>"));
}

Test(demand, requiretls_by_dane)
{
    struct rig *r = rig_of(1, true);

    r->adjust = require;
    r->tlsa = TLSA_RIGHT;
    r->hosts[0].tls_offers = "REQUIRETLS";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "tls=dane, dsn=2.0.0, status=sent");
    rig_must_log(r, "asks=requiretls");
    cr_expect(fake_heard(&r->hosts[0], " REQUIRETLS"));
    rig_free(&r);
}

Test(demand, requiretls_not_offered)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    bounce(r, "dsn=5.7.30");
    rig_free(&r);
}

/* Its certificate is of nobody's authority: TLS, but not with whom. */
Test(demand, requiretls_unauthenticated)
{
    struct rig *r = rig_of(1, true);

    r->hosts[0].tls_offers = "REQUIRETLS";
    bounce(r, "dsn=5.7.10");
    rig_must_log(r, "the certificate is not trusted");
    rig_free(&r);
}

Test(demand, requiretls_without_starttls)
{
    struct rig *r = rig_of(1, false);

    r->adjust = require;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_must_log(r, "dsn=5.7.10");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "dsn=4.7.4"); /* the notification is not sent in clear either */
    cr_expect_eq(r->hosts[0].messages, 0);
    rig_free(&r);
}

Test(demand, requiretls_and_unsigned_mx)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    r->mx_insecure = true;
    r->hosts[0].tls_offers = "REQUIRETLS";
    bounce(r, "dsn=5.7.10");
    rig_must_log(r, "signed MX records");
    rig_free(&r);
}

/* RFC 7672 §2.2: DANE that fails makes mail wait, and REQUIRETLS makes no bounce of it. */
Test(demand, requiretls_and_a_mismatch)
{
    struct rig *r = rig_of(1, true);

    r->adjust = require;
    r->tlsa = TLSA_WRONG;
    r->hosts[0].tls_offers = "REQUIRETLS";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "dsn=4.7.5");
    rig_free(&r);
}

/* One host cannot, the other cannot yet: the message waits for it, in whatever order they stand. */
Test(demand, requiretls_waits_for_the_host_that_may)
{
    for (size_t late = 0; late < 2; late++) {
        struct rig *r = rig_of(2, true);

        r->adjust = require;
        r->tlsa = TLSA_RIGHT;
        r->hosts[late].greeting = "421 4.3.2 busy";
        rig_start(r);
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=deferred", 1);
        cr_expect_not(rig_logged(r, "status=bounced"));
        rig_free(&r);
    }
}

/* RFC 8689 §4.2.1: other messages may use the connection that was no good for this one, and one that
 * was opened for those is no good for this one. */
Test(demand, connections_are_not_mixed)
{
    struct rig *r = rig_of(1, true);

    r->hosts[0].tls_offers = "REQUIRETLS";
    r->hosts[0].mail_null = "450 4.7.1 later";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "tls=may");
    cr_expect_eq(r->hosts[0].connections, 1);
    r->adjust = require;
    rig_submit(r, FROM, "b@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    cr_expect_eq(r->hosts[0].messages, 1, "the kept connection was not authenticated");
    rig_free(&r);
}

/* §5: where it may be said, a notification says it too, and where not it goes without. */
Test(demand, a_notification_asks_where_it_can)
{
    static const char *const offers[] = {"REQUIRETLS", NULL};

    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        struct rig *r = rig_of(1, true);

        r->adjust = require;
        r->tlsa = TLSA_RIGHT;
        r->hosts[0].tls_offers = offers[i];
        rig_start(r);
        rig_submit(r, "", "a@d.example");
        rig_pump_until_logged(r, "status=sent", 1);
        cr_expect_eq(fake_count(&r->hosts[0], " REQUIRETLS"), offers[i] ? 1 : 0);
        rig_free(&r);
    }
}

/* An unauthenticated session is none in which REQUIRETLS may be said, whatever is offered. */
Test(demand, a_notification_does_not_ask_where_it_must_not)
{
    struct rig *r = rig_of(1, true);

    r->adjust = require;
    r->hosts[0].tls_offers = "REQUIRETLS";
    rig_start(r);
    rig_submit(r, "", "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "tls=encrypt");
    cr_expect_eq(fake_count(&r->hosts[0], " REQUIRETLS"), 0);
    rig_free(&r);
}

/* §4.4: behind a local socket is delivery, and no wire before it. */
Test(demand, a_local_socket_is_no_wire)
{
    struct rig *r = rig_of(1, false);
    char path[120];

    r->adjust = require;
    (void)snprintf(path, sizeof(path), "%s/lmtp", r->dir);
    r->hop.protocol = HOP_LMTP;
    r->hop_host = (struct hop_host){.name = path, .is_local = true};
    r->hosts[0].path = path;
    r->hosts[0].lmtp = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect_eq(fake_count(&r->hosts[0], " REQUIRETLS"), 0);
    rig_free(&r);
}

/* ---- TLS-Required: No ---- */

static const struct lowered {
    const char *name;
    enum tls_level level;
    int tlsa;
    bool tls;
    const char *want;
} lowered[] = {
    {"a match is DANE as ever",           TLS_LEVEL_DANE,      TLSA_RIGHT, true,  "tls=dane, dsn=2.0.0, status=sent"},
    {"a mismatch (§4.2.2)",               TLS_LEVEL_DANE,      TLSA_WRONG, true,  "tls=may, dsn=2.0.0, status=sent" },
    {"no STARTTLS",                       TLS_LEVEL_DANE,      TLSA_RIGHT, false, "tls=none, dsn=2.0.0, status=sent"},
    {"the TLSA lookup failed",            TLS_LEVEL_DANE,      TLSA_ERROR, true,  "tls=may, dsn=2.0.0, status=sent" },
    {"it failed, and no STARTTLS",        TLS_LEVEL_DANE,      TLSA_ERROR, false, "tls=none, dsn=2.0.0, status=sent"},
    {"the operator's own demand (§3)",    TLS_LEVEL_DANE_ONLY, TLSA_WRONG, true,  "dsn=4.7.5, status=deferred"      },
    {"the operator's own demand (§3)",    TLS_LEVEL_ENCRYPT,   TLSA_NONE,  false, "dsn=4.7.4, status=deferred"      },
    {"the operator's own demand (§3)",    TLS_LEVEL_VERIFY,    TLSA_NONE,  true,  "dsn=4.7.5, status=deferred"      },
};

static void check_lowered(const struct lowered *row)
{
    struct rig *r = rig_of(1, row->tls);

    r->adjust = optional;
    r->config.delivery.tls = row->level;
    r->tlsa = row->tlsa;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=", 1);
    cr_expect(rig_logged(r, row->want), "%s: %s", row->name, buf_cstr(&r->log));
    rig_must_log(r, "asks=tls-optional");
    cr_expect_not(rig_logged(r, "dane_audit"), "nobody waits to hear of it");
    rig_free(&r);
}

Test(demand, tls_optional)
{
    for (size_t i = 0; i < ARRAY_LEN(lowered); i++)
        check_lowered(&lowered[i]);
}

/* What went with less leaves no connection behind for those who ask for more. */
Test(demand, tls_optional_leaves_nothing_behind)
{
    struct rig *r = rig_of(1, true);

    r->adjust = optional;
    r->tlsa = TLSA_WRONG;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "ignored=DANE_MISMATCH, asks=tls-optional");
    r->adjust = NULL;
    rig_submit(r, FROM, "b@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "dsn=4.7.5");
    cr_expect_eq(r->hosts[0].messages, 1);
    rig_free(&r);
}
