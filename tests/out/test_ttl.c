/* Facts that grow old while a delivery goes from host to host. RFC 6698 §8.2. */
#include "rig.h"

#define FROM "from@sender.example"

/* The first host is slow to say that it is busy. */
static struct rig *start(void)
{
    struct rig *r = rig_new(2);

    for (size_t i = 0; i < r->n_hosts; i++)
        r->hosts[i].tls = r->server_tls;
    r->hosts[0].greeting = "421 busy";
    r->hosts[0].greeting_ms = 1300;
    r->tlsa = TLSA_RIGHT;
    r->tlsa_replaced = true;
    r->config.delivery.timeouts.dns_ms = 200;
    return r;
}

Test(ttl, the_next_host_is_asked_for_again)
{
    struct rig *r = start();

    r->ttl_s = 1;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    cr_expect_eq(r->questions, 2);
    cr_expect_eq(r->hosts[0].connections, 1, "it has had its say");
    cr_expect_eq(r->hosts[1].connections, 1);
    cr_expect(rig_logged(r, "host=mx1.example"));
    cr_expect(rig_logged(r, "cause=DANE_MISMATCH"));
    rig_free(&r);
}

Test(ttl, what_lasts_is_not_asked_for_again)
{
    struct rig *r = start();

    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "tls=dane, dsn=2.0.0, status=sent", 1);
    cr_expect_eq(r->questions, 1);
    rig_free(&r);
}
