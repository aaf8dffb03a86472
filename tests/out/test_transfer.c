/* What a delivery asks of the next hop, by what the next hop offers: limits on recipients, the
 * parameters of DSN, REQUIRETLS and SMTPUTF8. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define FROM "from@sender.example"

/* RFC 9422: no transaction has more recipients than the server says it takes. */
Test(transfer, recipients_are_split_as_the_server_says)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].offers = "LIMITS RCPTMAX=2";
    r->hosts[0].takes = 2;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example c@d.example d@d.example e@d.example");
    rig_pump_until_logged(r, "status=sent", 5);
    cr_expect_eq(r->hosts[0].messages, 3);
    cr_expect_eq(r->hosts[0].connections, 1);
    cr_expect_not(rig_logged(r, "452"));
    rig_free(&r);
}

/* RFC 9422: a connection is left once it has had the transactions that it is good for. */
Test(transfer, a_connection_ends_with_its_limit)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].offers = "LIMITS RCPTMAX=1 MAILMAX=2";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example c@d.example");
    rig_pump_until_logged(r, "status=sent", 3);
    cr_expect_eq(r->hosts[0].connections, 2);
    cr_expect_eq(r->hosts[0].messages, 3);
    rig_free(&r);
}

/* RFC 9422, RCPTDOMAINMAX: of the connection, not only of the transaction. */
Test(transfer, domains_are_kept_apart)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].offers = "LIMITS RCPTDOMAINMAX=1";
    r->domain = NULL;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@e.example c@d.example");
    rig_pump_until_logged(r, "status=sent", 3);
    cr_expect_eq(r->hosts[0].connections, 2);
    cr_expect_eq(r->hosts[0].messages, 2);
    rig_free(&r);
}

/* RFC 5321 §4.5.3.1.10: those too many go in another transaction of the same attempt. */
Test(transfer, too_many_recipients_go_again)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].takes = 2;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example c@d.example d@d.example e@d.example");
    rig_pump_until_logged(r, "status=sent", 5);
    cr_expect_eq(r->hosts[0].messages, 3);
    cr_expect_not(rig_logged(r, "status=deferred"));
    rig_free(&r);
}

/* A server that takes nobody is not asked again and again. */
Test(transfer, too_many_and_none_taken_waits)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].takes = 1;
    rig_start(r);
    rig_submit(r, FROM, "reject@d.example b@d.example c@d.example d@d.example");
    rig_pump_until_logged(r, "status=sent", 4); /* the notification too */
    cr_expect_eq(fake_count(&r->hosts[0], "RCPT TO:<d@"), 3);
    rig_free(&r);
}

static void ask_for_dsn(struct message *m)
{
    m->envid = base_strdup("id 7");
    m->ret = DSN_RET_FULL;
    m->rcpts[0].notify = NOTIFY_SUCCESS;
    m->rcpts[0].orcpt = base_strdup("rfc822;Other@x.example");
}

/* RFC 3461 §5.2.1 */
Test(transfer, dsn_is_handed_on_where_it_is_offered)
{
    struct rig *r = rig_of(1, false);

    r->adjust = ask_for_dsn;
    r->hosts[0].offers = "DSN";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example");
    rig_pump_until_logged(r, "status=sent", 2);
    cr_expect(fake_heard(&r->hosts[0], "> RET=FULL ENVID=id+207\n"));
    cr_expect(fake_heard(&r->hosts[0],
                         "RCPT TO:<a@d.example> NOTIFY=SUCCESS ORCPT=rfc822;Other@x.example\n"));
    cr_expect(fake_heard(&r->hosts[0], "RCPT TO:<b@d.example>\n"));
    rig_free(&r);
}

static void ask_for_tls(struct message *m)
{
    m->flags |= MESSAGE_REQUIRETLS;
}

/* RFC 8689 §4.2.1: each host is asked; the one that offers it gets the message. */
Test(transfer, requiretls_finds_the_host_that_offers_it)
{
    struct rig *r = rig_of(2, true);

    r->adjust = ask_for_tls;
    r->tlsa = TLSA_RIGHT;
    r->hosts[1].offers = "REQUIRETLS";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect_not(fake_heard(&r->hosts[0], "MAIL FROM"));
    cr_expect(fake_heard(&r->hosts[1], "> REQUIRETLS\n"));
    rig_free(&r);
}

Test(transfer, requiretls_bounces_where_no_host_offers_it)
{
    struct rig *r = rig_of(2, true);

    r->adjust = ask_for_tls;
    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_must_log(r, "dsn=5.7.30");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect_eq(r->hosts[0].messages + r->hosts[1].messages, 1, "the notification");
    rig_free(&r);
}
