/* XCLIENT: a trusted proxy says for whom it speaks. From its 220 on the session is that client's:
 * for relaying, rates, checks, trace and log, and for admission too, which is the main loop's, so
 * that the session waits for it as for any other stage.
 *
 * As in Postfix, what is not said of the address stays, and HELO and PROTO hold until the client's
 * own EHLO or HELO, without which there is no MAIL; so they are only told to the log. What the
 * proxy had itself, a login or a key, is not its client's. */
#include <stdlib.h>

#include "config/base/log.h"
#include "mta/in/session_private.h"

struct session_move {
    struct in_move move;
    struct in_session *session;
};

static void on_moved(struct in_move *m)
{
    struct session_move *sm = CONTAINER_OF(m, struct session_move, move);
    struct in_session *s = sm->session;
    struct status st = status_of(m->cause);

    if (m->cause == CAUSE_OK) {
        s->admitted = m->to;
        s->rates = m->rates;
    }
    free(sm);
    stages_resume(s, &st);
}

/* An address that the proxy does not know leaves the connection counted as the proxy's. */
enum stage_result stage_move(struct in_session *s, struct status *st)
{
    const struct xclient *x = stages_event(s)->xclient;

    if (x->said[XCLIENT_ADDR] != XCLIENT_GIVEN || ip_eq(&x->addr, &s->admitted))
        return STAGE_NEXT;
    struct session_move *sm = base_alloc(sizeof(*sm));
    sm->session = s;
    sm->move = (struct in_move){.home = s->worker->loop,
                                .done = on_moved,
                                .listener = s->listener,
                                .from = s->admitted,
                                .to = x->addr};
    s->on_move(s->arg, &sm->move);
    return STAGE_WAIT;
}

/* "unknown" is in no network: whoever it is, the proxy's own rights are not its. */
static void take_address(struct in_session *s, const struct xclient *x)
{
    if (x->said[XCLIENT_PORT] != XCLIENT_UNSAID)
        s->peer.port = x->port;
    if (x->said[XCLIENT_ADDR] == XCLIENT_UNSAID)
        return;
    s->peer.ip = x->addr;
    if (x->said[XCLIENT_ADDR] == XCLIENT_GIVEN)
        (void)ip_text(&s->peer.ip, s->client);
    else
        (void)slice_copy(SLICE("unknown"), s->client, sizeof(s->client));
}

static void set_text(char **member, bool given, const char *text)
{
    free(*member);
    *member = given ? base_strdup(text) : NULL;
}

static void take_names(struct in_session *s, const struct xclient *x)
{
    bool another = x->said[XCLIENT_ADDR] != XCLIENT_UNSAID;

    if (another || x->said[XCLIENT_NAME] != XCLIENT_UNSAID)
        set_text(&s->client_name, x->said[XCLIENT_NAME] == XCLIENT_GIVEN, x->name);
    set_text(&s->login, x->said[XCLIENT_LOGIN] == XCLIENT_GIVEN, x->login);
    session_forget_key(s);
}

static void tell(const struct in_session *s, const struct xclient *x, const char *proxy)
{
    struct log_field f[7];
    size_t n = 0;

    f[n++] = F_STR("proxy", proxy);
    f[n++] = F_STR("listener", s->listener->name);
    f[n++] = F_STR("client", s->client);
    if (s->client_name)
        f[n++] = F_STR("name", s->client_name);
    if (x->said[XCLIENT_HELO] == XCLIENT_GIVEN)
        f[n++] = F_STR("helo", x->helo);
    if (x->said[XCLIENT_PROTO] == XCLIENT_GIVEN)
        f[n++] = F_STR("proto", x->esmtp ? "ESMTP" : "SMTP");
    if (s->login)
        f[n++] = F_STR("user", s->login);
    log_event(EVENT_SMTPD_XCLIENT, NULL, f, n);
}

enum stage_result stage_become(struct in_session *s, struct status *st)
{
    const struct xclient *x = stages_event(s)->xclient;
    char proxy[IP_TEXT_MAX];

    (void)slice_copy(slice_of(s->client), proxy, sizeof(proxy));
    tx_reset(s);
    take_address(s, x);
    take_names(s, x);
    tell(s, x, proxy);
    return STAGE_NEXT;
}

/* A client that is refused is refused as at its connection: there is nothing to go back to. */
void session_finish_xclient(struct in_session *s, const struct smtp_server_event *ev,
                            const struct status *st)
{
    if (status_ok(st)) {
        session_answer(s, st);
        return;
    }
    session_log_reject(s, st, NULL, NULL);
    session_abort(s, st);
}

bool session_may_xclient(const struct in_session *s)
{
    return ip_nets_have(s->listener->xclients, s->listener->n_xclients, &s->peer.ip);
}

void session_forget_xclient(struct in_session *s)
{
    set_text(&s->client_name, false, "");
}
