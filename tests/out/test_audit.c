/* Audit-only destinations: every failure of DANE is told, and the mail goes out with less, on a new
 * connection. RFC 7672 §9.1. */
#include "rig.h"

static struct rig *start(bool tls, int tlsa)
{
    struct rig *r = rig_new(1);

    if (tls)
        r->hosts[0].tls = r->server_tls;
    r->tlsa = tlsa;
    r->policy = (struct policy_config){
        .pattern = "d.example", .tls = TLS_LEVEL_DANE, .audit = true, .note = "ticket 9"};
    r->config.policies = &r->policy;
    r->config.n_policies = 1;
    return r;
}

static void deliver(struct rig *r)
{
    rig_start(r);
    rig_submit(r, "from@sender.example", "a@d.example");
    rig_pump_until_logged(r, "status=", 1);
}

Test(audit, a_match_is_dane_as_ever)
{
    struct rig *r = start(true, TLSA_RIGHT);

    deliver(r);
    rig_must_log(r, "tls=dane, dsn=2.0.0, status=sent");
    cr_expect_not(rig_logged(r, "audit"));
    cr_expect_eq(r->hosts[0].connections, 1);
    rig_free(&r);
}

Test(audit, a_mismatch_is_told_and_delivered)
{
    struct rig *r = start(true, TLSA_WRONG);

    deliver(r);
    rig_must_log(r, "smtp.dane_audit: domain=d.example, host=mx0.example, cause=DANE_MISMATCH");
    rig_must_log(r, "note=ticket 9");
    rig_must_log(r, "tls=may, dsn=2.0.0, status=sent");
    rig_must_log(r, "audit=DANE_MISMATCH");
    cr_expect_eq(r->hosts[0].connections, 2);
    rig_free(&r);
}

Test(audit, no_starttls_is_told_and_delivered)
{
    struct rig *r = start(false, TLSA_RIGHT);

    deliver(r);
    rig_must_log(r, "tls=none, dsn=2.0.0, status=sent");
    rig_must_log(r, "audit=STARTTLS_NOT_OFFERED");
    rig_free(&r);
}

Test(audit, a_broken_handshake_ends_in_clear)
{
    struct rig *r = start(true, TLSA_RIGHT);

    r->hosts[0].tls_drops = true;
    deliver(r);
    rig_must_log(r, "tls=none, dsn=2.0.0, status=sent");
    rig_must_log(r, "audit=TLS_HANDSHAKE");
    cr_expect_eq(r->hosts[0].connections, 3, "DANE, then any TLS, then clear");
    rig_free(&r);
}

Test(audit, without_it_the_same_waits)
{
    struct rig *r = start(true, TLSA_WRONG);

    r->policy.audit = false;
    deliver(r);
    rig_must_log(r, "status=deferred");
    cr_expect_eq(r->hosts[0].connections, 1);
    cr_expect_not(rig_logged(r, "audit"));
    rig_free(&r);
}

/* A connection that was opened with less carries nothing else. */
Test(audit, the_weaker_connection_is_not_kept)
{
    struct rig *r = start(true, TLSA_WRONG);

    r->config.delivery.connection_idle_ms = 5000;
    deliver(r);
    rig_submit(r, "from@sender.example", "b@d.example");
    rig_pump_until_logged(r, "status=sent", 2);
    cr_expect_eq(r->hosts[0].connections, 4);
    rig_free(&r);
}

/* A connection that needed no other may be kept; what DANE would have said is told all the same. */
Test(audit, a_kept_connection_is_told_too)
{
    struct rig *r = start(true, TLSA_ERROR);

    r->config.delivery.connection_idle_ms = 5000;
    deliver(r);
    rig_submit(r, "from@sender.example", "b@d.example");
    rig_pump_until_logged(r, "status=sent", 2);
    cr_expect_eq(r->hosts[0].connections, 1);
    rig_pump_until_logged(r, "audit=TLSA_LOOKUP", 2);
    rig_pump_until_logged(r, "smtp.dane_audit: ", 2);
    rig_free(&r);
}

/* The worker knows a newer configuration than the queue, which put both into one job. */
Test(audit, takes_nobody_along)
{
    struct rig *r = start(true, TLSA_WRONG);
    struct policy_config watched = r->policy;
    struct config newer;

    r->policy.audit = false;
    r->domain = NULL;
    rig_start(r);
    newer = r->config;
    newer.policies = &watched;
    r->settings->config = &newer;
    rig_submit(r, "from@sender.example", "a@d.example b@e.example");
    rig_pump_until_logged(r, "status=", 2);
    rig_must_log(r, "to=<a@d.example>, relay=mx0.example[127.0.0.10]:");
    rig_must_log(r, "to=<b@e.example>, relay=none");
    cr_expect_not(fake_heard(&r->hosts[0], "b@e.example"));
    rig_free(&r);
}
