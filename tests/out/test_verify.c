/* What a next hop says of recipients: asked once, kept, and never more than it said. */
#include <stdlib.h>
#include <string.h>

#include "mta/out/verify.h"
#include "rig.h"

enum { ASKERS = 4 };

static struct scene {
    struct rig *r;
    struct verifier *v;
    struct verify_request asked[ASKERS];
    size_t n, home;
} x;

static void done(struct verify_request *r)
{
    x.home++;
}

static void begin(bool tls)
{
    memset(&x, 0, sizeof(x));
    x.r = rig_of(1, tls);
}

static void start(void)
{
    rig_start(x.r);
    x.v = verifier_new(&x.r->worker);
}

static void end(void)
{
    verifier_free(&x.v);
    rig_free(&x.r);
}

static struct verify_request *ask(const char *address)
{
    struct verify_request *r = &x.asked[x.n++];

    *r = (struct verify_request){
        .home = x.r->loop, .done = done, .address = address, .domain = "d.example"};
    verifier_ask(x.v, r);
    return r;
}

static void wait_home(void)
{
    for (int i = 0; i < 400 && x.home < x.n; i++)
        rig_pump_ms(x.r, 10);
    cr_assert_eq(x.home, x.n, "%zu of %zu", x.home, x.n);
}

static struct verify_request *answer_to(const char *address)
{
    struct verify_request *r = ask(address);

    wait_home();
    return r;
}

Test(verify, accepted_and_kept)
{
    begin(false);
    start();
    cr_expect_eq(answer_to("a@d.example")->answer, VERIFY_ACCEPT);
    cr_expect_eq(answer_to("a@d.example")->answer, VERIFY_ACCEPT);
    cr_expect_eq(fake_count(&x.r->hosts[0], "RCPT TO:<a@d.example>"), 1);
    cr_expect_eq(fake_count(&x.r->hosts[0], "MAIL FROM:<>"), 1);
    cr_expect_eq(fake_count(&x.r->hosts[0], "DATA"), 0);
    cr_expect_eq(x.r->hosts[0].messages, 0);
    rig_must_log(x.r, "smtp.verify: to=<a@d.example>, relay=mx0.example[127.0.0.10]");
    rig_must_log(x.r, "result=accepted");
    end();
}

Test(verify, refused_with_its_words)
{
    begin(false);
    start();
    struct verify_request *r = answer_to("reject@d.example");
    cr_expect_eq(r->answer, VERIFY_REFUSE);
    cr_expect(r->status.from_peer && r->status.code == 550, "%u %s", r->status.code, r->status.text);
    cr_expect_eq(answer_to("reject@d.example")->answer, VERIFY_REFUSE);
    cr_expect_eq(fake_count(&x.r->hosts[0], "RCPT TO:<reject@d.example>"), 1);
    end();
}

Test(verify, deferred_by_it)
{
    begin(false);
    start();
    struct verify_request *r = answer_to("tempfail@d.example");
    cr_expect_eq(r->answer, VERIFY_UNKNOWN);
    cr_expect_eq(r->status.code, 450);
    end();
}

Test(verify, one_question_for_all_who_ask)
{
    begin(false);
    x.r->hosts[0].greeting_ms = 200;
    start();
    for (int i = 0; i < ASKERS; i++)
        (void)ask("a@d.example");
    wait_home();
    for (int i = 0; i < ASKERS; i++)
        cr_expect_eq(x.asked[i].answer, VERIFY_ACCEPT);
    cr_expect_eq(fake_count(&x.r->hosts[0], "RCPT TO:"), 1);
    end();
}

/* A refusal of the null reverse-path says nothing about the recipient. */
Test(verify, hop_that_cannot_be_asked)
{
    begin(false);
    x.r->hosts[0].mail_null = "550 5.7.1 no bounces";
    start();
    cr_expect_eq(answer_to("reject@d.example")->answer, VERIFY_ACCEPT);
    rig_must_log(x.r, "result=cannot be asked");
    end();
}

Test(verify, hop_that_will_not_talk)
{
    begin(false);
    x.r->hosts[0].greeting = "554 5.7.1 go away";
    start();
    cr_expect_eq(answer_to("a@d.example")->answer, VERIFY_UNKNOWN, "not the recipient's fault");
    end();
}

/* The law holds for probes too: no command of a transaction without the TLS that the policy asks for. */
Test(verify, by_the_policy)
{
    begin(true);
    x.r->tlsa = TLSA_WRONG;
    start();
    struct verify_request *r = answer_to("a@d.example");
    cr_expect_eq(r->answer, VERIFY_UNKNOWN);
    cr_expect_eq(r->status.cause, CAUSE_DANE_MISMATCH);
    cr_expect_eq(fake_count(&x.r->hosts[0], "MAIL"), 0);
    end();
}

/* Deliveries and probes share connections; what a probe began is reset. */
Test(verify, over_a_kept_connection)
{
    begin(true);
    x.r->tlsa = TLSA_RIGHT;
    start();
    cr_expect_eq(answer_to("a@d.example")->answer, VERIFY_ACCEPT);
    cr_expect_eq(answer_to("b@d.example")->answer, VERIFY_ACCEPT);
    rig_submit(x.r, "from@sender.example", "a@d.example");
    rig_pump_until_logged(x.r, "status=sent", 1);
    cr_expect_eq(x.r->hosts[0].connections, 1);
    cr_expect_eq(fake_count(&x.r->hosts[0], "RSET"), 2);
    cr_expect_eq(x.r->hosts[0].messages, 1);
    rig_must_log(x.r, "result=accepted");
    end();
}

/* When the relay stops, probes end, and whoever waits is told to come back. */
Test(verify, stopped)
{
    begin(false);
    x.r->hosts[0].greeting_ms = 3000;
    start();
    struct verify_request *r = ask("a@d.example");
    rig_pump_ms(x.r, 100);
    cr_expect_eq(x.home, 0);
    x.r->worker.stopping = true;
    verifier_stop(x.v);
    rig_pump_ms(x.r, 20);
    cr_expect_eq(x.home, 1);
    cr_expect_eq(r->answer, VERIFY_UNKNOWN);
    cr_expect_eq(answer_to("b@d.example")->answer, VERIFY_UNKNOWN);
    end();
}
