/* Deliveries end to end: what the receiver heard, what the log line says, what is left in the
 * queue. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define FROM "from@sender.example"

static void host_has_tls(struct rig *r, size_t i)
{
    r->hosts[i].tls = r->server_tls;
}

static struct rig *start_with(size_t hosts, bool tls)
{
    struct rig *r = rig_new(hosts);

    for (size_t i = 0; i < hosts && tls; i++)
        host_has_tls(r, i);
    return r;
}

static void logged(struct rig *r, const char *text)
{
    cr_assert(rig_logged(r, text), "no \"%s\" in\n%s", text, buf_cstr(&r->log));
}

Test(delivery, in_clear)
{
    struct rig *r = start_with(1, false);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert(fake_heard(&r->hosts[0], "MAIL FROM:<from@sender.example>"));
    cr_assert(fake_heard(&r->hosts[0], "..dot\nmarked body\n"));
    logged(r, "from=<from@sender.example>");
    logged(r, "to=<a@d.example>, relay=mx0.example[127.0.0.10]:");
    logged(r, "tls=none, dsn=2.0.0, status=sent (250 2.0.0 stored)");
    cr_assert_eq(rig_messages(r), 0u);
    rig_free(&r);
}

Test(delivery, by_dane)
{
    struct rig *r = start_with(1, true);

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    logged(r, ", depth=0, protocol=TLSv1.3, from=<from@sender.example>");
    logged(r, "tls=dane, dsn=2.0.0, status=sent (250 2.0.0 stored), mx=secure, base=mx0.example, "
              "usable=1/1, record=3 1 1 ");
    cr_assert_eq(fake_count(&r->hosts[0], "EHLO"), 2, "EHLO again after STARTTLS");
    rig_free(&r);
}

Test(delivery, half_dane)
{
    struct rig *r = start_with(1, true);

    r->tlsa = TLSA_RIGHT;
    r->mx_insecure = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    logged(r, "tls=half-dane");
    logged(r, "smtp.half_dane");
    logged(r, "host=mx0.example");
    rig_free(&r);
}

/* The law: whatever fails, a host with usable TLSA records never sees MAIL FROM without its match.
 */
static const struct {
    const char *name;
    int tlsa;
    bool tls, drops;
    const char *starttls;
    const char *dsn, *fault;
} refused[] = {
    {"mismatch",                               TLSA_WRONG, true,  false, NULL,              "dsn=4.7.5, status=deferred",
     "the receiving server"                                                                                                                     },
    {"STARTTLS not offered",                   TLSA_RIGHT, false, false, NULL,              "dsn=4.7.4, status=deferred",
     "the receiving server"                                                                                                                     },
    {"STARTTLS refused",                       TLSA_RIGHT, true,  false, "454 4.7.0 later", "dsn=4.7.0, status=deferred",
     "the receiving server"                                                                                                                     },
    {"STARTTLS refused for good is no bounce", TLSA_RIGHT, true,  false, "550 5.7.0 never",
     "dsn=4.7.0, status=deferred",                                                                                        "the receiving server"},
    {"handshake dropped",                      TLSA_RIGHT, true,  true,  NULL,              "dsn=4.7.5, status=deferred",
     "the receiving server"                                                                                                                     },
};

Test(delivery, dane_never_sees_mail_from_without_a_match)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct rig *r = start_with(1, refused[i].tls);

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
        cr_assert(rig_logged(r, refused[i].fault), "%s", refused[i].name);
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
        struct rig *r = start_with(2, false);

        r->hosts[0].greeting = firsts[i].greeting;
        r->hosts[0].mail = firsts[i].mail;
        rig_start(r);
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", 1);
        cr_assert_eq(r->hosts[0].connections, 1, "%s", firsts[i].name);
        cr_assert_eq(r->hosts[1].messages, 1, "%s", firsts[i].name);
        logged(r, "relay=mx1.example[127.0.0.11]:");
        rig_free(&r);
    }
}

Test(delivery, the_first_failure_is_told)
{
    struct rig *r = start_with(2, false);

    r->hosts[0].greeting = "421 4.3.2 first is busy";
    r->hosts[1].greeting = "421 4.3.2 second is busy";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "relay=mx0.example");
    logged(r, "status=deferred (421 4.3.2 first is busy)");
    rig_free(&r);
}

/* RFC 7672 §2.2: opportunistic TLS that fails is followed by one connection in clear. */
Test(delivery, plaintext_retry)
{
    struct rig *r = start_with(1, true);

    r->hosts[0].tls_drops = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_assert_eq(r->hosts[0].connections, 2);
    logged(r, "tls=none, dsn=2.0.0");
    rig_free(&r);
}

Test(delivery, encrypt_does_not_fall_back)
{
    struct rig *r = start_with(1, true);

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
    struct rig *r = start_with(1, true);

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

static void all_results(bool pipelining)
{
    struct rig *r = start_with(1, false);

    r->hosts[0].pipelining = pipelining;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example tempfail@d.example reject@d.example b@d.example");
    rig_pump_until_logged(r, "status=", 4);
    logged(r, "to=<a@d.example>");
    logged(r, "dsn=4.2.0, status=deferred (450 4.2.0 come back later), fault=the receiving server");
    logged(r, "dsn=5.1.1, status=bounced (550 5.1.1 no such user)");
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
    struct rig *r = start_with(1, false);

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
    struct rig *r = start_with(1, false);

    r->kind = DEST_NULL_MX;
    r->config.n_routes = 0; /* by MX */
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=bounced", 1);
    logged(r, "relay=none");
    logged(r, "dsn=5.1.10, status=bounced");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, a_configured_hop_that_is_wrong_defers)
{
    struct rig *r = start_with(1, false);

    r->kind = DEST_NXDOMAIN;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "next hop d.example: domain d.example does not exist");
    logged(r, "fault=this relay");
    rig_free(&r);
}

/* Nothing counts as secure, and nothing as plainly insecure. */
Test(delivery, without_validation_dane_waits)
{
    struct rig *r = start_with(1, true);

    r->resolver = RESOLVER_NOT_VALIDATING;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "fault=this relay");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, refused_networks_by_mx)
{
    struct rig *r = start_with(1, false);
    struct ip_net loopback;

    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &loopback));
    r->config.delivery.refuse_networks = &loopback;
    r->config.delivery.n_refuse_networks = 1;
    r->config.n_routes = 0;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "refuse_networks");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, connections_are_kept)
{
    struct rig *r = start_with(1, true);

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    for (int i = 0; i < 5; i++) {
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", i + 1);
    }
    cr_assert_eq(r->hosts[0].connections, 1);
    cr_assert_eq(r->hosts[0].messages, 5);
    rig_pump_ms(r, 600);
    cr_assert(fake_heard(&r->hosts[0], "QUIT"), "closed after connection_idle");
    rig_free(&r);
}

/* The same address, but another TLSA set: what was authenticated then is not good enough now. */
Test(delivery, a_kept_connection_is_bound_to_its_verdict)
{
    struct rig *r = start_with(1, true);

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    r->tlsa = TLSA_WRONG;
    rig_submit(r, FROM, "a@d.example");
    rig_pump_ms(r, 500); /* the fake serves one connection at a time */
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_assert_eq(r->hosts[0].messages, 1);
    cr_assert_eq(r->hosts[0].connections, 2);
    rig_free(&r);
}

Test(delivery, a_stale_kept_connection_is_replaced)
{
    struct rig *r = start_with(1, false);

    r->hosts[0].closes_after_message = true;
    rig_start(r);
    for (int i = 0; i < 3; i++) {
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=sent", i + 1);
    }
    cr_assert_eq(r->hosts[0].messages, 3);
    cr_assert_not(rig_logged(r, "status=deferred"));
    rig_free(&r);
}

/* It may have arrived: no other host gets a copy at once. */
Test(delivery, lost_after_the_final_dot)
{
    struct rig *r = start_with(2, false);

    r->hosts[0].dot = "";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "while sending the end of data");
    cr_assert_eq(r->hosts[1].connections, 0);
    rig_free(&r);
}

Test(delivery, refused_at_the_dot)
{
    struct rig *r = start_with(2, false);

    r->hosts[0].dot = "554 5.7.1 spam";
    rig_start(r);
    rig_submit(r, "", "a@d.example");
    rig_pump_until_logged(r, "dsn=5.7.1, status=bounced", 1);
    cr_assert_eq(r->hosts[1].connections, 0);
    rig_free(&r);
}

Test(delivery, large_bodies_flow)
{
    struct rig *r = start_with(1, true);

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
    struct rig *r = start_with(1, false);

    r->hosts[0].silent_body = true;
    r->config.delivery.timeouts.data_block_ms = 500;
    rig_start(r);
    rig_submit_sized(r, FROM, "a@d.example", 12 << 20);
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "timed out while sending the message body");
    rig_free(&r);
}

Test(delivery, too_big_for_the_receiver)
{
    struct rig *r = start_with(1, false);

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
    struct rig *r = start_with(1, false);
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
    struct rig *r = start_with(1, false);

    r->tlsa = TLSA_RIGHT;
    r->age_ms = 6LL * 24 * 3600 * 1000;
    rig_start(r);
    rig_submit(r, "", "a@d.example");
    rig_pump_until_logged(r, "status=expired", 1);
    logged(r, "dsn=5.4.7, status=expired (could not be delivered before its lifetime ended: TLS is "
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
    struct rig *r = start_with(1, false);
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
    struct rig *r = start_with(1, false);
    struct queue_request q = {.done = bounced, .action = QUEUE_BOUNCE, .filter = {.all = true}};

    r->hosts[0].greeting = "421 4.3.2 busy";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    q.home = r->main;
    queue_ask(r->queue, &q);
    rig_pump_until_logged(r, "status=bounced", 1);
    logged(r, "relay=none");
    logged(r, "dsn=5.7.1, status=bounced (returned by the operator of this relay)");
    queue_request_clear(&q);
    rig_pump_until_logged(r, "status=deferred", 2); /* the notification */
    rig_free(&r);
}

Test(delivery, a_silent_resolver_is_our_fault)
{
    struct rig *r = start_with(1, false);

    r->kind = DEST_ERROR;
    r->resolver_silent = true;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred (our resolver does not answer", 1);
    logged(r, "fault=this relay");
    rig_free(&r);
}

/* RFC 5321 §4.1.3; RFC 7672 §2.2: no DANE for a literal, and refuse_networks holds. */
Test(delivery, an_address_literal)
{
    struct rig *r = start_with(1, false);
    struct ip_net loopback;

    cr_assert(ip_parse_net(SLICE("127.0.0.0/8"), &loopback));
    r->config.delivery.refuse_networks = &loopback;
    r->config.delivery.n_refuse_networks = 1;
    r->config.n_routes = 0;
    r->domain = "[127.0.0.10]";
    rig_start(r);
    rig_submit(r, FROM, "a@[127.0.0.10]");
    rig_pump_until_logged(r, "status=deferred", 1);
    logged(r, "refuse_networks");
    cr_assert_eq(r->hosts[0].connections, 0);
    rig_free(&r);
}

Test(delivery, a_policy_past_its_date_is_told)
{
    struct rig *r = start_with(1, false);

    r->policy = (struct policy_config){
        .pattern = "d.example", .tls = TLS_LEVEL_ENCRYPT, .until_ms = 1000, .note = "ticket 812"};
    r->config.policies = &r->policy;
    r->config.n_policies = 1;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    logged(r, "policy.expired: domain=d.example, policy=d.example");
    rig_free(&r);
}
