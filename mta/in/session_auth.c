/* AUTH at the door, RFC 4954: the machine reads and writes the lines, mta/auth thinks, and what costs
 * time is judged at the desk while the session waits, as in any other stage.
 *
 * What lives from AUTH to its answer is one block, wiped at its end; it holds the password. */
#include <stdlib.h>
#include <string.h>

#include "config/base/log.h"
#include "mta/auth/desk.h"
#include "mta/in/relay.h"
#include "mta/in/session_private.h"

struct session_auth {
    struct in_session *session;
    struct auth_exchange *exchange;
    struct auth_request request;
    enum auth_step step;
};

/* ---- what is offered ---- */

static const struct users *users_of(const struct in_session *s)
{
    struct users **all = s->settings->users;
    return all ? all[s->listener - s->settings->config->listeners] : NULL;
}

/* RFC 9266 §2: before TLS 1.3 the exporter binds the channel only under conditions of its own. */
static bool has_binding(const struct in_session *s)
{
    SSL *ssl = s->conn ? conn_ssl(s->conn) : NULL;
    return ssl && SSL_version(ssl) == TLS1_3_VERSION;
}

const char *session_auth_offer(const struct in_session *s)
{
    const struct users *users = users_of(s);
    return users && s->worker->auth ? auth_offer(users, has_binding(s)) : NULL;
}

/* ---- the exchange ---- */

static struct session_auth *auth_new(struct in_session *s, const char *mechanism)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    unsigned char binding[AUTH_BINDING];
    bool bound = has_binding(s) &&
                 SSL_export_keying_material(conn_ssl(s->conn), binding, sizeof(binding), label,
                                            sizeof(label) - 1, NULL, 0, 1) == 1;
    struct auth_exchange *x =
        auth_exchange_new(auth_desk_engine(s->worker->auth), users_of(s), slice_of(mechanism),
                          bound ? (const char *)binding : NULL);
    struct session_auth *a = x ? base_alloc(sizeof(*a)) : NULL;

    explicit_bzero(binding, sizeof(binding));
    if (a) {
        a->session = s;
        a->exchange = x;
    }
    return a;
}

void session_auth_end(struct in_session *s)
{
    if (!s->auth)
        return;
    auth_exchange_free(&s->auth->exchange);
    free(s->auth);
    s->auth = NULL;
}

static void on_judged(struct auth_request *r)
{
    struct session_auth *a = CONTAINER_OF(r, struct session_auth, request);
    struct status st = status_of(CAUSE_OK);

    a->step = auth_judged(a->exchange, r->outcome == AUTH_MATCHED);
    if (r->outcome == AUTH_BUSY)
        st = status_of(CAUSE_AUTH_TEMPFAIL);
    else if (a->step == AUTH_FAILED)
        st = status_of(CAUSE_AUTH_FAILED);
    stages_resume(a->session, &st);
}

static enum stage_result proceed(struct session_auth *a, struct status *st)
{
    struct in_session *s = a->session;

    switch (a->step) {
    case AUTH_JUDGE:
        a->request = (struct auth_request){.home = s->worker->loop, .done = on_judged,
                                           .exchange = a->exchange, .client = s->peer.ip};
        auth_desk_submit(s->worker->auth, &a->request);
        return STAGE_WAIT;
    case AUTH_FAILED:
        *st = status_of(CAUSE_AUTH_FAILED);
        return STAGE_REFUSE;
    case AUTH_MALFORMED:
        *st = status_make(CAUSE_AUTH_BASE64, "Error: malformed response");
        return STAGE_REFUSE;
    case AUTH_CHALLENGE:
    case AUTH_DONE:
        break;
    }
    return STAGE_NEXT;
}

enum stage_result stage_auth(struct in_session *s, struct status *st)
{
    const struct smtp_server_event *ev = stages_event(s);

    if (ev->kind == SERVER_AUTH) {
        session_auth_end(s);
        s->auth = auth_new(s, ev->mechanism);
        if (!s->auth) {
            *st = status_of(CAUSE_AUTH_MECHANISM);
            return STAGE_REFUSE;
        }
        s->auth->step = auth_begin(s->auth->exchange, ev->has_initial ? &ev->content : NULL);
    } else {
        s->auth->step = auth_next(s->auth->exchange, ev->content);
    }
    return proceed(s->auth, st);
}

static void log_failure(const struct in_session *s, const struct status *st)
{
    const struct auth_exchange *x = s->auth->exchange;
    const char *reason = st->cause == CAUSE_AUTH_TEMPFAIL ? st->text : auth_reason(x);

    if (st->cause == CAUSE_AUTH_FAILED)
        COUNT(auth_failed);
    LOG(SMTPD_AUTH_FAILED, NULL, F_STR("client", s->client), F_STR("user", auth_name(x)),
        F_STR("mechanism", auth_mechanism_name(x)), F_STR("listener", s->listener->name),
        F_STR("reason", reason));
}

void session_forget_login(struct in_session *s)
{
    free(s->login);
    s->login = NULL;
}

static void succeed(struct in_session *s)
{
    const struct auth_exchange *x = s->auth->exchange;

    COUNT(auth_succeeded);
    session_forget_login(s);
    s->login = base_strdup(auth_name(x));
    LOG(SMTPD_AUTH, NULL, F_STR("client", s->client), F_STR("user", s->login),
        F_STR("mechanism", auth_mechanism_name(x)), F_STR("listener", s->listener->name));
}

void session_finish_auth(struct in_session *s, const struct smtp_server_event *ev,
                         const struct status *st)
{
    struct status answer = *st;

    if (status_ok(st) && s->auth->step == AUTH_CHALLENGE) {
        if (smtp_server_auth_challenge(&s->server, auth_challenge(s->auth->exchange)))
            return;
        answer = status_of(CAUSE_AUTH_TEMPFAIL);
    }
    if (status_ok(&answer))
        succeed(s);
    else if (s->auth)
        log_failure(s, &answer);
    session_auth_end(s);
    session_answer(s, &answer);
}

/* ---- what it gives ---- */

/* Which addresses an authenticated user may send as is in the users file, as RFC 6409 lets us. */
enum stage_result stage_sender(struct in_session *s, struct status *st)
{
    const struct users *users = s->login ? users_of(s) : NULL;
    const struct user *u = users ? users_find(users, slice_of(s->login)) : NULL;
    const struct address *sender = stages_event(s)->address;

    if (!u || user_may_send(u, sender))
        return STAGE_NEXT;
    *st = status_make(CAUSE_SENDER_NOT_YOURS, "<%s>: Sender address not allowed for this user",
                      sender->text);
    return STAGE_REFUSE;
}
