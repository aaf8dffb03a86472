/* The login to a next hop: when a password may be said, what it becomes, whom a failure hurts; and
 * mail stores by LMTP. */
#include "rig.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "config/base/base64.h"
#include "mta/out/login.h"
#include "mta/smtp/client.h"

#define FROM "from@sender.example"

static struct rig *rig_with_login(void)
{
    struct rig *r = rig_of(1, true);

    r->hop.username = "user";
    r->password = base_strdup("pencil");
    r->hosts[0].offers = "AUTH PLAIN";
    return r;
}

static void end(struct rig *r)
{
    free(r->password);
    rig_free(&r);
}

Test(login, by_plain_under_dane)
{
    struct rig *r = rig_with_login();

    r->tlsa = TLSA_RIGHT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    cr_expect(fake_heard(&r->hosts[0], "AUTH PLAIN AHVzZXIAcGVuY2ls\n"));
    cr_expect_not(rig_logged(r, "pencil"));
    cr_expect_not(rig_logged(r, "AHVzZXIAcGVuY2ls"));
    end(r);
}

/* Each without proof of who the server is: nobody is connected to, the message waits, and the
 * operator is told what to do. */
Test(login, waits_where_the_server_is_not_authenticated)
{
    for (int row = 0; row < 3; row++) {
        struct rig *r = rig_with_login();
        r->tlsa = row == 1 ? TLSA_RIGHT : TLSA_NONE;
        r->mx_insecure = row == 1; /* half-DANE: an unsigned MX record chose the host */
        r->config.delivery.tls = row == 2 ? TLS_LEVEL_MAY : TLS_LEVEL_DANE;
        rig_start(r);
        rig_submit(r, FROM, "a@d.example");
        rig_pump_until_logged(r, "status=deferred", 1);
        rig_must_log(r, "the password of this next hop is not sent without authenticated TLS");
        rig_must_log(r, "fault=this relay");
        cr_expect_eq(r->hosts[0].connections, 0, "row %d", row);
        end(r);
    }
}

/* RFC 7672 §2.2 lets mail go unauthenticated where no record is usable; a password is no mail. */
Test(login, waits_where_no_record_turns_out_usable)
{
    struct rig *r = rig_with_login();

    r->tlsa = TLSA_USELESS;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "none of the TLSA records is usable");
    cr_expect_not(fake_heard(&r->hosts[0], "AUTH"));
    end(r);
}

Test(login, without_proof_where_the_operator_says_so)
{
    struct rig *r = rig_with_login();

    r->config.delivery.tls = TLS_LEVEL_ENCRYPT;
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=sent", 1);
    end(r);
}

/* RFC 4954 §6: 535. A wrong password is ours to mend; no message bounces for it. */
Test(login, a_refused_login_defers)
{
    struct rig *r = rig_with_login();

    r->tlsa = TLSA_RIGHT;
    r->hosts[0].login = "535 5.7.8 bad credentials";
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred", 1);
    rig_must_log(r, "the next hop refused the login: 535 5.7.8 bad credentials");
    rig_must_log(r, "fault=this relay");
    cr_expect_not(fake_heard(&r->hosts[0], "MAIL FROM"));
    end(r);
}

/* ---- the mechanisms, against libgsasl's server ---- */

struct exchange {
    struct smtp_client *client;
    struct buf in, out;
    struct out_login login;
    struct status why;
    bool ready, failed;
};

static void run(struct exchange *x)
{
    enum smtp_client_event ev;

    while ((ev = smtp_client_step(x->client, &x->in, &x->out)) != CLIENT_WAIT) {
        if (ev == CLIENT_AUTH && !out_login_answer(&x->login, x->client, &x->why))
            smtp_client_abort(x->client, &x->why);
        x->ready |= ev == CLIENT_READY;
        x->failed |= ev == CLIENT_FAILED;
    }
}

static void hear(struct exchange *x, const char *text)
{
    buf_clear(&x->out);
    cr_assert(buf_append(&x->in, slice_of(text)));
    run(x);
}

static void begin(struct exchange *x, const char *mechanism)
{
    struct smtp_client_config cfg = {
        .hostname = "relay.example", .tls_from_start = true, .login = true};
    char ehlo[100];

    *x = (struct exchange){
        .login = {.username = "user", .password = "pencil"}
    };
    x->client = smtp_client_new(&cfg);
    buf_init(&x->in, 4096);
    buf_init(&x->out, 16384);
    (void)snprintf(ehlo, sizeof(ehlo), "250-x\r\n250 AUTH %s\r\n", mechanism);
    hear(x, "220 hi\r\n");
    hear(x, ehlo);
}

static void finish(struct exchange *x)
{
    out_login_end(&x->login);
    smtp_client_free(&x->client);
    buf_free(&x->in);
    buf_free(&x->out);
}

static int know(Gsasl *library, Gsasl_session *server, Gsasl_property wanted)
{
    bool right = wanted != GSASL_VALIDATE_SIMPLE ||
                 (strcmp(gsasl_property_fast(server, GSASL_AUTHID), "user") == 0 &&
                  strcmp(gsasl_property_fast(server, GSASL_PASSWORD), "pencil") == 0);

    if (wanted == GSASL_PASSWORD)
        return gsasl_property_set(server, GSASL_PASSWORD,
                                  (const char *)gsasl_callback_hook_get(library));
    return wanted == GSASL_VALIDATE_SIMPLE && right ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

/* What the client said last, without AUTH and the mechanism; "=" is the empty response. */
static const char *response_of(struct exchange *x, const char *mechanism)
{
    const char *said;
    char lead[64];

    buf_truncate(&x->out, x->out.n - 2);
    said = buf_cstr(&x->out);
    (void)snprintf(lead, sizeof(lead), "AUTH %s", mechanism);
    if (strncmp(said, lead, strlen(lead)) == 0)
        said += strlen(lead) + (said[strlen(lead)] == ' ');
    return said;
}

static bool logs_in(const char *mechanism, char *password)
{
    struct exchange x;
    Gsasl *library;
    Gsasl_session *server;
    int result = GSASL_NEEDS_MORE;

    cr_assert_eq(gsasl_init(&library), GSASL_OK);
    gsasl_callback_set(library, know);
    gsasl_callback_hook_set(library, password);
    cr_assert_eq(gsasl_server_start(library, mechanism, &server), GSASL_OK);
    begin(&x, mechanism);
    for (int i = 0; i < 6 && !x.ready && !x.failed; i++) {
        char *challenge = NULL, line[4096];
        bool over = result == GSASL_OK;
        if (!over)
            result = gsasl_step64(server, response_of(&x, mechanism), &challenge);
        if (over || (result == GSASL_OK && (!challenge || !challenge[0])))
            hear(&x, "235 in\r\n");
        else if (result == GSASL_OK || result == GSASL_NEEDS_MORE) {
            (void)snprintf(line, sizeof(line), "334 %s\r\n", challenge ? challenge : "");
            hear(&x, line);
        } else
            hear(&x, "535 no\r\n");
        gsasl_free(challenge);
    }
    bool in = x.ready;
    gsasl_finish(server);
    gsasl_done(library);
    finish(&x);
    return in;
}

Test(login, every_mechanism)
{
    char right[] = "pencil", wrong[] = "pen";

    cr_expect(logs_in("SCRAM-SHA-256", right));
    cr_expect_not(logs_in("SCRAM-SHA-256", wrong));
    cr_expect(logs_in("PLAIN", right));
}

/* LOGIN has no text but an expired draft: the two prompts as servers say them. libgsasl's own server reads
 * past the end of what it decoded. */
Test(login, by_the_two_prompts_of_login)
{
    struct exchange x;

    begin(&x, "LOGIN");
    hear(&x, "334 VXNlcm5hbWU6\r\n");
    cr_expect_str_eq(response_of(&x, "LOGIN"), "dXNlcg==");
    hear(&x, "334 UGFzc3dvcmQ6\r\n");
    cr_expect_str_eq(response_of(&x, "LOGIN"), "cGVuY2ls");
    hear(&x, "235 in\r\n");
    cr_expect(x.ready);
    finish(&x);
}

/* The example server of RFC 7677 §3 does not know our nonce; one that asks for a day's hashing is
 * not obeyed; neither is one that speaks no base64. */
Test(login, challenges_that_make_no_sense)
{
    static const char *const plain[] = {"r=x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                                        "r=x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000", "x", ""};

    for (size_t i = 0; i <= ARRAY_LEN(plain); i++) {
        struct exchange x;
        struct buf line;
        buf_init(&line, 4096);
        begin(&x, "SCRAM-SHA-256");
        cr_assert(buf_append(&line, SLICE("334 ")));
        if (i < ARRAY_LEN(plain))
            cr_assert(base64_encode(slice_of(plain[i]), &line));
        cr_assert(buf_append(&line, i < ARRAY_LEN(plain) ? SLICE("\r\n") : SLICE("%%%\r\n")));
        hear(&x, buf_cstr(&line));
        cr_expect(x.failed, "%zu", i);
        cr_expect_eq(smtp_client_failure(x.client)->cause, CAUSE_LOGIN_FAILED, "%zu", i);
        buf_free(&line);
        finish(&x);
    }
}

/* ---- LMTP ---- */

static struct rig *rig_with_store(const char *path)
{
    struct rig *r = rig_of(1, false);

    r->hop.protocol = HOP_LMTP;
    r->hop_host = (struct hop_host){.name = path, .is_local = true};
    r->hosts[0].path = path;
    r->hosts[0].lmtp = true;
    return r;
}

/* RFC 2033 §4.2: each recipient has its own reply to the message. */
Test(lmtp, each_recipient_has_its_result)
{
    char path[100];
    struct rig *r = rig_with_store(path);

    (void)snprintf(path, sizeof(path), "%s/lmtp", r->dir);
    rig_start(r);
    rig_submit(r, FROM, "a@d.example full@d.example reject@d.example b@d.example");
    rig_pump_until_logged(r, "status=", 5); /* the notification too */
    rig_must_log(r, "to=<b@d.example>, relay=localhost[/tmp/danelaw-out-");
    rig_must_log(r, "status=sent (250 2.0.0 in the box)");
    rig_must_log(r, "dsn=4.2.2, status=deferred (452 4.2.2 mailbox full)");
    rig_must_log(r, "dsn=5.1.1, status=bounced");
    cr_expect(fake_heard(&r->hosts[0], "LHLO relay.example"));
    rig_free(&r);
}

Test(lmtp, a_store_that_is_not_there_defers)
{
    struct rig *r = rig_of(1, false);

    r->hop.protocol = HOP_LMTP;
    r->hop_host = (struct hop_host){.name = "/nonexistent/lmtp", .is_local = true};
    rig_start(r);
    rig_submit(r, FROM, "a@d.example");
    rig_pump_until_logged(r, "status=deferred (connection failed: No such file or directory)", 1);
    rig_free(&r);
}
