/* The client's login (RFC 4954 §4): AUTH, challenges, success. What is answered is the session's to
 * say; here it only travels. Never in clear, and a failure never is the message's: it waits until
 * the operator has mended the password. Pure, any thread. */
#include <string.h>

#include "mta/smtp/client_internal.h"

static enum client_mechanism best_of(unsigned offered)
{
    for (unsigned m = MECHANISM_SCRAM_SHA_256; m <= MECHANISM_LOGIN; m <<= 1)
        if (offered & m)
            return (enum client_mechanism)m;
    return (enum client_mechanism)0;
}

/* LOGIN has no initial response: the server asks for the name. */
static bool has_initial_response(const struct smtp_client *c)
{
    return c->login.mechanism != MECHANISM_LOGIN;
}

void client_login_begin(struct smtp_client *c)
{
    c->login.mechanism = best_of(c->caps.mechanisms);
    c->login.begun = c->login.complete = false;
    c->login.challenge = (struct slice){"", 0};
    if (!c->tls) {
        client_fail_cause(c, CAUSE_LOGIN_UNSAFE);
    } else if (!c->login.mechanism) {
        client_fail_cause(c, CAUSE_LOGIN_NOT_OFFERED);
    } else if (has_initial_response(c)) {
        c->state = CLIENT_ST_AUTH;
        c->event = CLIENT_AUTH;
    } else {
        client_enter(c, CLIENT_ST_AUTH);
    }
}

static bool write_command(struct smtp_client *c, struct buf *out)
{
    struct slice response = buf_slice(&c->login.response);

    if (c->login.begun)
        return buf_append(out, response);
    return buf_printf(out, "AUTH %s", mechanism_name(c->login.mechanism)) &&
           (!has_initial_response(c) || buf_append(out, SLICE(" "))) &&
           buf_append(out, has_initial_response(c) && !response.n ? SLICE("=") : response);
}

static void forget_response(struct smtp_client *c)
{
    if (c->login.response.p)
        explicit_bzero(c->login.response.p, c->login.response.cap);
    buf_clear(&c->login.response);
}

bool client_send_auth(struct smtp_client *c, struct buf *out)
{
    size_t before = out->n;

    if (!write_command(c, out) || !buf_append(out, SLICE("\r\n"))) {
        buf_truncate(out, before);
        return false;
    }
    forget_response(c);
    c->login.begun = true;
    return true;
}

static void refused(struct smtp_client *c, const struct reply *r)
{
    struct status said = client_status(r);
    struct status why = status_make(CAUSE_LOGIN_FAILED, "%s: %u %.300s",
                                    cause_info(CAUSE_LOGIN_FAILED)->words, r->code, said.text);
    client_fail(c, &why);
}

/* Success that comes before the server has proved that it knows the password is none. */
void client_on_auth(struct smtp_client *c, const struct reply *r)
{
    if (r->code == 334 && r->lines == 1) {
        c->login.challenge = r->text;
        c->event = CLIENT_AUTH;
    } else if (r->code == 235 && c->login.complete) {
        client_idle(c);
    } else if (r->code == 235) {
        client_fail_cause(c, CAUSE_LOGIN_UNPROVEN);
    } else {
        (client_is_negative(r) ? refused : client_fail_reply)(c, r);
    }
}

void client_login_forget(struct smtp_client *c)
{
    forget_response(c);
    buf_free(&c->login.response);
}

enum client_mechanism smtp_client_mechanism(const struct smtp_client *c)
{
    return c->login.mechanism;
}

struct slice smtp_client_challenge(const struct smtp_client *c)
{
    return c->login.challenge;
}

void smtp_client_login(struct smtp_client *c, struct slice response, bool complete)
{
    if (c->state != CLIENT_ST_AUTH)
        return;
    forget_response(c);
    if (!buf_append(&c->login.response, response)) {
        client_fail_cause(c, CAUSE_LOCAL_ERROR);
        return;
    }
    c->login.complete = complete;
    c->unsent = true;
}
