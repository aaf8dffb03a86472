#include "mta/run/check/probe.h"

#include <stdlib.h>

#include "mta/run/check/document.h"
#include "tls/diagnose.h"

struct probe {
    struct check_ctx *ctx;
    char host[DNS_NAME_MAX];
    uint16_t port;
    uint32_t tlsa_ttl_s; /* 0: unknown */
    struct tls_probe tls;
    struct out_session *session;
    void (*done)(void *arg, const struct probe_result *result);
    void *arg;
};

static int64_t judged_at_s(const struct probe *p)
{
    return p->tls.at_s ? p->tls.at_s : p->ctx->now_ms / 1000;
}

static void add_findings(const struct probe *p, const struct probe_result *r, json_t *o)
{
    const struct verdict *v = out_session_verdict(p->session);
    struct finding found[CHECK_FINDINGS];
    struct tls_diagnosis in = {
        .v = v,
        .o = r->has_tls ? &r->tls : NULL,
        .status = &r->status,
        .ssl = out_session_ssl(p->session),
        .host = p->host,
        .port = p->port,
        .now_s = judged_at_s(p),
        .tlsa_ttl_s = p->tlsa_ttl_s,
        .one_key_type = p->tls.key != TLS_KEY_ANY,
        .known = SSL_CTX_get_cert_store(p->ctx->settings->tls.pkix),
    };

    check_add_findings(o, p->ctx, found, tls_diagnose_handshake(&in, found, CHECK_FINDINGS));
}

static json_t *probe_json(struct probe *p, const struct probe_result *r)
{
    char address[IP_TEXT_MAX];
    SSL *ssl = out_session_ssl(p->session);
    json_t *o =
        json_pack("{s:s, s:s, s:b}", "address", ip_port_text(out_session_to(p->session), address),
                  "key", tls_key_name(p->tls.key), "ok", status_ok(&r->status));

    if (r->has_tls)
        (void)json_object_set_new(o, "tls", check_tls_json(&r->tls));
    if (!status_ok(&r->status))
        (void)json_object_set_new(o, "failure", check_status_json(&r->status));
    if (ssl)
        (void)json_object_set_new(o, "chain", check_chain_json(ssl));
    add_findings(p, r, o);
    return o;
}

static void end(struct probe *p, const struct status *status, bool no_tls)
{
    const struct tls_outcome *tls = out_session_tls(p->session);
    struct probe_result r = {.status = *status, .no_tls = no_tls, .has_tls = tls != NULL};
    struct probe copy = *p;

    if (tls)
        r.tls = *tls;
    r.key = tls_probe_key_seen(out_session_ssl(p->session));
    (void)tls_certificates(out_session_ssl(p->session), &r.leaf, 1);
    (void)slice_copy(slice_of(out_session_remote(p->session)), r.remote, sizeof(r.remote));
    r.json = probe_json(p, &r);
    if (status_ok(status))
        out_session_quit(&p->session);
    else
        out_session_free(&p->session);
    free(p);
    copy.done(copy.arg, &r);
}

static void on_ready(void *arg)
{
    struct status ok = status_of(CAUSE_OK);

    end(arg, &ok, false);
}

static void on_finished(void *arg)
{
    (void)arg; /* a probe has no transaction */
}

static void on_failed(void *arg, const struct status *why, bool no_tls)
{
    end(arg, why, no_tls);
}

static const struct out_session_ops calls = {on_ready, on_finished, on_failed};

void probe_open(const struct probe_start *start,
                void (*done)(void *arg, const struct probe_result *result), void *arg)
{
    struct probe *p = base_alloc(sizeof(*p));
    struct out_session_start s = {.to = start->to,
                                  .host = start->host,
                                  .verdict = start->verdict,
                                  .facts = start->facts,
                                  .level = start->level,
                                  .hop = start->hop,
                                  .probe = &p->tls};

    p->ctx = start->ctx;
    (void)slice_copy(slice_of(start->host), p->host, sizeof(p->host));
    p->port = start->hop->port;
    p->tlsa_ttl_s = start->tlsa_ttl_s;
    p->tls = start->tls;
    p->done = done;
    p->arg = arg;
    p->session = out_session_open(&p->ctx->worker, &s, &calls, p);
}
