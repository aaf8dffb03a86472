/* Deliveries end to end: what the receiver heard, what the log line says, what is left in the
 * queue. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define FROM "from@sender.example"

Test(delivery, in_clear)
{
    struct rig *r = rig_of(1, false);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert(fake_heard(&r->hosts[0], "MAIL FROM:<from@sender.example>"));
    cr_assert(fake_heard(&r->hosts[0], "..dot\nmarked body\n"));
    rig_must_log(r, "from=<from@sender.example>");
    rig_must_log(r, "to=<a@d.example>, relay=mx0.example[127.0.0.10]:");
    rig_must_log(r, "tls=none, dsn=2.0.0, status=sent (250 2.0.0 stored)");
    cr_assert_eq(rig_messages(r), 0u);
    rig_free(&r);
}

static void all_results(bool pipelining)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].pipelining = pipelining;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example tempfail@d.example reject@d.example b@d.example");
    rig_pump_until_logged(r, "status=", 4);
    rig_must_log(r, "to=<a@d.example>");
    rig_must_log(
        r, "dsn=4.2.0, status=deferred (450 4.2.0 come back later), fault=the receiving server");
    rig_must_log(r, "dsn=5.1.1, status=bounced (550 5.1.1 no such user)");
    /* One message with one recipient left, and the notification, which goes to the same receiver.
     */
    rig_pump_until_logged(r, "status=sent", 3);
    cr_assert(fake_heard(&r->hosts[0], "MAIL FROM:<>"));
    cr_assert(fake_heard(&r->hosts[0], "RCPT TO:<from@sender.example>"));
    cr_assert(fake_heard(&r->hosts[0], "Diagnostic-Code: smtp; 550 5.1.1 no such user"));
    cr_assert(fake_heard(&r->hosts[0], "Subject: marked header"));
    cr_assert_eq(r->hosts[0].messages, 2);
    cr_assert_eq(fake_count(&r->hosts[0], "marked body"), 1, "no body in the notification");
    cr_assert_eq(rig_messages(r), 1u);
    cr_assert_eq(r->found[0]->rcpts[1].state, RCPT_QUEUED);
    rig_free(&r);
}

Test(delivery, mixed_results_pipelined)
{
    all_results(true);
}

Test(delivery, mixed_results_one_by_one)
{
    all_results(false);
}

/* RFC 5321 §4.5.5 */
Test(delivery, nobody_is_told_of_a_null_sender)
{
    struct rig *r = rig_of(1, false);

    rig_start(r);
    rig_submit(r, "", "reject@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_pump_ms(r, 100);
    cr_assert_eq(rig_messages(r), 0u);
    cr_assert_not(rig_logged(r, "queue.dsn"));
    rig_free(&r);
}

Test(delivery, null_mx_of_the_domain_bounces_without_a_connection)
{
    struct rig *r = rig_of(1, false);

    r->kind = DEST_NULL_MX;
    r->config.n_routes = 0; /* by MX */
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_must_log(r, "relay=none");
    rig_must_log(r, "dsn=5.1.10, status=bounced");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, a_configured_hop_that_is_wrong_defers)
{
    struct rig *r = rig_of(1, false);

    r->kind = DEST_NXDOMAIN;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "next hop d.example: domain d.example does not exist");
    rig_must_log(r, "fault=this relay");
    rig_free(&r);
}

/* Nothing counts as secure, and nothing as plainly insecure. */
Test(delivery, without_validation_dane_waits)
{
    struct rig *r = rig_of(1, true);

    r->resolver = RESOLVER_NOT_VALIDATING;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "fault=this relay");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

/* RFC 5321 §5.1: among equals by lot, anew for each delivery. That one host gets all twenty happens
 * once in half a million runs. */
Test(delivery, equal_hosts_share_the_mail)
{
    enum { MESSAGES = 20 };
    struct rig *r = rig_of(2, false);

    r->equal = true;
    r->config.delivery.connection_idle_ms = 0;
    rig_start(r);
    for (int i = 0; i < MESSAGES; i++) {
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", i + 1);
    }
    cr_expect_gt(r->hosts[0].messages, 0);
    cr_expect_gt(r->hosts[1].messages, 0);
    cr_expect_eq(r->hosts[0].messages + r->hosts[1].messages, MESSAGES);
    rig_free(&r);
}

Test(delivery, refused_networks_by_mx)
{
    struct rig *r = rig_of(1, false);
    struct ip_net loopback;

    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &loopback));
    r->config.delivery.refuse_networks = &loopback;
    r->config.delivery.n_refuse_networks = 1;
    r->config.n_routes = 0;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "refuse_networks");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

/* It may have arrived: no other host gets a copy at once. */
Test(delivery, lost_after_the_final_dot)
{
    struct rig *r = rig_of(2, false);

    r->hosts[0].dot = "";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "while sending the end of data");
    cr_assert_eq(r->hosts[1].connections, 0);
    rig_free(&r);
}

Test(delivery, refused_at_the_dot)
{
    struct rig *r = rig_of(2, false);

    r->hosts[0].dot = "554 5.7.1 spam";
    rig_start(r);
    rig_submit(r, "", "a@d.example");
    rig_pump_until_logged(r, "dsn=5.7.1, status=bounced", 1);
    cr_assert_eq(r->hosts[1].connections, 0);
    rig_free(&r);
}

Test(delivery, large_bodies_flow)
{
    struct rig *r = rig_of(1, true);

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    rig_submit_sized(r, FROM, "a@d.example", 3 << 20);
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert_geq(fake_count(&r->hosts[0], "0123456789012345678901234567890123456789012345678\n"),
                  (3 << 20) / 52);
    rig_free(&r);
}

Test(delivery, a_receiver_that_does_not_read_is_left)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].silent_body = true;
    r->config.delivery.timeouts.data_block_ms = 500;
    rig_start(r);
    rig_submit_sized(r, FROM, "a@d.example", 12 << 20);
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "timed out while sending the message body");
    rig_free(&r);
}

Test(delivery, too_big_for_the_receiver)
{
    struct rig *r = rig_of(1, false);

    r->hosts[0].size = "10";
    rig_start(r);
    rig_submit(r, "", "a@d.example b@d.example");
    rig_pump_until_logged(r, "dsn=5.3.4, status=bounced", 2);
    cr_assert_not(fake_heard(&r->hosts[0], "MAIL"));
    rig_free(&r);
}

/* RFC 5321 §4.5.3.1.8: no more than 100 recipients in one transaction. */
Test(delivery, many_recipients)
{
    struct rig *r = rig_of(1, false);
    struct buf to;

    buf_init(&to, 64 << 10);
    for (int i = 0; i < 250; i++)
        cr_assert(buf_printf(&to, "%su%d@d.example", i ? " " : "", i));
    rig_start(r);
    rig_submit(r, FROM, buf_cstr(&to));
    rig_pump_until_logged(r, "status=sent", 250);
    cr_assert_eq(r->hosts[0].messages, 3);
    cr_assert_eq(r->hosts[0].connections, 1);
    buf_free(&to);
    rig_free(&r);
}

/* RFC 5321 §4.5.4.1: the lifetime ends only after an attempt, and the last reason is told. */
Test(delivery, expired)
{
    struct rig *r = rig_of(1, false);

    r->tlsa = TLSA_RIGHT;
    r->age_ms = 6LL * 24 * 3600 * 1000;
    rig_start(r);
    rig_submit(r, "", "a@d.example");
    rig_pump_until_logged(r, "status=expired", 1);
    rig_must_log(
        r, "dsn=5.4.7, status=expired (could not be delivered before its lifetime ended: TLS is "
           "required, but was not offered), fault=the receiving server");
    cr_assert_not(fake_heard(&r->hosts[0], "MAIL"));
    cr_assert_eq(rig_messages(r), 0u);
    rig_free(&r);
}

static struct message *found_by_flag(struct rig *r, unsigned flag)
{
    for (size_t i = 0; i < r->n_found; i++)
        if (r->found[i]->flags & flag)
            return r->found[i];
    cr_assert_fail("no message with flag %u", flag);
    return NULL;
}

/* The warning goes once; it waits in the queue with the message it is about. */
Test(delivery, delay_warning)
{
    struct rig *r = rig_of(1, false);
    struct message *note;

    r->tlsa = TLSA_RIGHT;
    r->age_ms = 5LL * 3600 * 1000;
    r->config.delivery.delay_warning_ms = 4LL * 3600 * 1000;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example b@d.example");
    rig_pump_until_logged(r, "status=deferred", 3); /* the notification is deferred too */
    cr_assert_eq(rig_messages(r), 2u);
    note = found_by_flag(r, MESSAGE_DSN);
    cr_assert_str_eq(note->sender, "");
    cr_assert_str_eq(note->rcpts[0].address, FROM);
    char *text = slice_dup(body_memory(note->body));
    cr_assert(strstr(text, "Action: delayed"));
    cr_assert(strstr(text, "Final-Recipient: rfc822; b@d.example"));
    cr_assert(strstr(text, "Will-Retry-Until: "));
    cr_assert(strstr(text, "Remote-MTA: dns; mx0.example"));
    free(text);
    (void)found_by_flag(r, MESSAGE_WARNED);
    rig_free(&r);
}

static void bounced(struct queue_request *q)
{
    cr_assert(status_ok(&q->status));
}

Test(delivery, the_operator_bounces)
{
    struct rig *r = rig_of(1, false);
    struct queue_request q = {.done = bounced, .action = QUEUE_BOUNCE, .filter = {.all = true}};

    r->hosts[0].greeting = "421 4.3.2 busy";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    q.home = r->main;
    queue_ask(r->queue, &q);
    rig_pump_until_logged(r, "status=bounced", 1);
    rig_must_log(r, "relay=none");
    rig_must_log(r, "dsn=5.7.1, status=bounced (returned by the operator of this relay)");
    queue_request_clear(&q);
    rig_pump_until_logged(r, "status=deferred", 2); /* the notification */
    rig_free(&r);
}

Test(delivery, a_silent_resolver_is_our_fault)
{
    struct rig *r = rig_of(1, false);

    r->kind = DEST_ERROR;
    r->resolver_silent = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred (our resolver does not answer", 1);
    rig_must_log(r, "fault=this relay");
    rig_free(&r);
}

/* RFC 5321 §4.1.3; RFC 7672 §2.2: no DANE for a literal, and refuse_networks holds. */
Test(delivery, an_address_literal)
{
    struct rig *r = rig_of(1, false);
    struct ip_net loopback;

    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &loopback));
    r->config.delivery.refuse_networks = &loopback;
    r->config.delivery.n_refuse_networks = 1;
    r->config.n_routes = 0;
    r->domain = "[127.0.0.10]";
    rig_start(r);
    rig_submit(r, FROM, "a@[127.0.0.10]");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "refuse_networks");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, an_address_literal_is_told_as_its_address)
{
    struct rig *r = rig_of(1, false);

    r->config.n_routes = 0;
    r->domain = "[127.0.0.10]";
    rig_start(r);
    rig_submit(r, FROM, "a@[127.0.0.10]");
    rig_pump_until_logged(r, "status=", 1);
    rig_must_log(r, "relay=[127.0.0.10]:25,");
    rig_free(&r);
}

Test(delivery, a_policy_past_its_date_is_told)
{
    struct rig *r = rig_of(1, false);

    r->policy = (struct policy_config){
        .pattern = "d.example", .tls = TLS_LEVEL_ENCRYPT, .until_ms = 1000, .note = "ticket 812"};
    r->config.policies = &r->policy;
    r->config.n_policies = 1;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    rig_must_log(r, "policy.expired: domain=d.example, policy=d.example");
    rig_free(&r);
}
