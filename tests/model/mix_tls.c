/* A host as it is delivered to: the client machine against a scripted server, STARTTLS as a
 * handshake between two SSL objects in memory, and the rule for a second connection. */
#include <openssl/err.h>
#include <string.h>

#include "mta/out/session.h"
#include "tests/model/mix.h"

enum { SAID_MAX = 4096 };

/* One connection. */
struct talk {
    const struct mix_host *host;
    struct verdict v; /* of this connection; what OpenSSL thinks of the records is put in */
    struct smtp_client *client;
    struct buf to_client, from_client;
    SSL *ours, *theirs;
    struct tls_outcome outcome;
    struct status status;                /* of the connection */
    bool ready, tls, encrypted, greeted; /* greeted: the server read a ClientHello it can answer */
    char sni[DNS_NAME_MAX];
};

static const char *server_text(const struct mix_host *h, const char *key)
{
    const char *s = json_string_value(json_object_get(h->server, key));
    return s ? s : "";
}

/* ---- handshake ---- */

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    struct talk *t = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    t->greeted = true;
    (void)slice_copy(slice_of(name), t->sni, sizeof(t->sni));
    return SSL_TLSEXT_ERR_OK;
}

static bool wants_more(SSL *ssl, int rc)
{
    int e = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, rc);

    ERR_clear_error();
    return rc == 1 || e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

/* Both ends in turn until both are done or one gave up; a last turn takes alerts across. */
static bool handshake(struct talk *t)
{
    bool ours = true, theirs = true;

    for (int i = 0; i < 50 && ours && theirs; i++) {
        ours = wants_more(t->ours, SSL_do_handshake(t->ours));
        theirs = wants_more(t->theirs, SSL_do_handshake(t->theirs));
        if (SSL_is_init_finished(t->ours) && SSL_is_init_finished(t->theirs))
            return true;
    }
    if (ours)
        (void)wants_more(t->ours, SSL_do_handshake(t->ours));
    return false;
}

static void connect_in_memory(struct talk *t)
{
    BIO *a, *b;

    t->theirs = mix_server_new(t->host->servers, server_text(t->host, "chain"),
                               server_text(t->host, "manner"));
    SSL_CTX *ctx = SSL_get_SSL_CTX(t->theirs);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, t);
    REQUIRE(BIO_new_bio_pair(&a, 128 * 1024, &b, 128 * 1024) == 1);
    SSL_set_bio(t->ours, a, a);
    SSL_set_bio(t->theirs, b, b);
    SSL_set_connect_state(t->ours);
    SSL_set_accept_state(t->theirs);
}

static bool try_tls(struct talk *t)
{
    t->ours = tls_dane_client(t->host->clients, &t->v, t->host->level, t->host->name);
    if (!t->ours) {
        t->status = t->v.mode == VERDICT_SKIP ? t->v.skip : status_of(CAUSE_TLS_LOCAL);
        return false;
    }
    connect_in_memory(t);
    bool done = handshake(t);
    t->outcome = tls_dane_outcome(t->ours, &t->v, done, done ? NULL : "handshake failed");
    ERR_clear_error();
    t->status = t->outcome.status;
    t->tls = status_ok(&t->status);
    return t->tls;
}

/* ---- dialogue ---- */

static const char *reply_to(struct talk *t, struct slice command)
{
    bool offers = json_is_true(json_object_get(t->host->server, "starttls"));

    if (slice_casestarts(command, SLICE("EHLO")))
        return offers && !t->encrypted ? "250-mx\r\n250-SIZE 1000000\r\n250 STARTTLS\r\n"
                                       : "250-mx\r\n250 SIZE 1000000\r\n";
    if (slice_casestarts(command, SLICE("STARTTLS")))
        return json_is_true(json_object_get(t->host->server, "refuses")) ? "454 not now\r\n"
                                                                         : "220 go on\r\n";
    return "500 what?\r\n";
}

static void serve(struct talk *t)
{
    struct slice said = buf_slice(&t->from_client);

    if (said.n)
        REQUIRE(buf_append(&t->to_client, slice_of(reply_to(t, said))));
    buf_clear(&t->from_client);
}

static bool on_starttls(struct talk *t)
{
    t->encrypted = try_tls(t);
    if (t->encrypted)
        smtp_client_tls_done(t->client);
    return t->encrypted;
}

/* Until the session could begin a transaction, or will not. */
static void dialogue(struct talk *t)
{
    for (int i = 0; i < 20 && !t->ready; i++) {
        enum smtp_client_event e = smtp_client_step(t->client, &t->to_client, &t->from_client);
        if (e == CLIENT_READY)
            t->ready = true;
        else if (e == CLIENT_STARTTLS && !on_starttls(t))
            return;
        else if (e == CLIENT_FAILED) {
            t->status = *smtp_client_failure(t->client);
            return;
        }
        serve(t);
    }
}

static void talk(struct talk *t)
{
    bool implicit = t->host->implicit_tls;
    struct smtp_client_config cfg = {.hostname = "client.example",
                                     .tls = out_session_client_tls(t->v.mode, implicit),
                                     .tls_from_start = implicit};

    t->status = status_of(CAUSE_LOCAL_ERROR); /* unless the dialogue says otherwise */
    buf_init(&t->to_client, SAID_MAX);
    buf_init(&t->from_client, SAID_MAX);
    t->client = smtp_client_new(&cfg);
    REQUIRE(buf_append(&t->to_client, SLICE("220 mx ESMTP\r\n")));
    t->encrypted = implicit && try_tls(t);
    if (!implicit || t->encrypted)
        dialogue(t);
}

static void hang_up(struct talk *t)
{
    smtp_client_free(&t->client);
    buf_free(&t->to_client);
    buf_free(&t->from_client);
    SSL_free(t->ours);
    SSL_free(t->theirs);
    ERR_clear_error();
}

/* ---- the host ---- */

static const char *achieved(const struct talk *t)
{
    if (t->ready)
        return tls_outcome_label(t->tls ? &t->outcome : NULL);
    return status_disposition(&t->status) == DISP_BOUNCE ? "bounced" : "deferred";
}

static void tell(const struct talk *t, json_t *out)
{
    const char *cause = t->ready ? "OK" : cause_info(t->status.cause)->name;

    json_object_set_new(out, "achieved", json_string(achieved(t)));
    json_object_set_new(out, "cause", json_string(cause));
    json_object_set_new(out, "record", json_integer(t->tls ? t->outcome.record : -1));
    json_object_set_new(out, "depth", json_integer(t->tls ? t->outcome.depth : -1));
    json_object_set_new(out, "peer", json_string(t->tls ? t->outcome.peer_name : ""));
}

/* What the first handshake asked for: later connections ask for less. */
static void tell_tls(const struct talk *t, json_t *out)
{
    bool client = t->ours || t->v.mode == VERDICT_SKIP;

    json_object_set_new(out, "sni", t->greeted ? json_string(t->sni) : json_null());
    json_object_set_new(out, "tls_mode",
                        client ? json_string(verdict_mode_name(t->v.mode)) : json_null());
    json_object_set_new(out, "tls_usable", client ? mix_bits(t->v.usable) : json_null());
}

void mix_connect(const struct mix_host *host, const struct verdict *v, json_t *out)
{
    struct verdict next = *v;
    bool first = true;

    for (;;) {
        struct talk t = {.host = host, .v = next};
        talk(&t);
        if (first)
            tell_tls(&t, out);
        first = false;
        /* For want of TLS: nothing else fails here. */
        enum verdict_mode weaker =
            t.ready ? VERDICT_SKIP : verdict_weaker(&next, host->implicit_tls);
        tell(&t, out);
        hang_up(&t);
        if (weaker == VERDICT_SKIP)
            return;
        next.mode = weaker;
        next.half_dane = false;
    }
}
