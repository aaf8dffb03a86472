/* The client's state table and the states before a transaction: greeting, EHLO, STARTTLS, QUIT.
 * RFC 5321 §3.1, §4.1.1.1, §4.3.2, §4.5.3.2; RFC 3207 §4. Pure, any thread. */
#include "mta/smtp/address.h"
#include "mta/smtp/client_internal.h"

/* --- Send --- */

static bool send_ehlo(struct smtp_client *c, struct buf *out)
{
    return buf_printf(out, "%s %s\r\n", c->cfg.lmtp ? "LHLO" : "EHLO", c->hostname);
}

static bool send_helo(struct smtp_client *c, struct buf *out)
{
    return buf_printf(out, "HELO %s\r\n", c->hostname);
}

static bool send_starttls(struct smtp_client *c, struct buf *out)
{
    return buf_append(out, SLICE("STARTTLS\r\n"));
}

static bool send_quit(struct smtp_client *c, struct buf *out)
{
    return buf_append(out, SLICE("QUIT\r\n"));
}

/* --- On reply --- */

/* A host that will not talk to us, now or ever, is one host of several: the message tries the next
 * one and waits, it does not bounce. The code and the words stay, the class becomes 4. */
static void refused_by_host(struct smtp_client *c, const struct reply *r)
{
    struct status st = client_status(r);

    st.cause = CAUSE_REMOTE_TEMPFAIL;
    st.esc.cls = 4;
    client_fail(c, &st);
}

static void on_greeting(struct smtp_client *c, const struct reply *r)
{
    struct slice name = slice_head(r->text, slice_find(r->text, '\n'));

    if (r->code != 220) {
        (client_is_negative(r) ? refused_by_host : client_fail_reply)(c, r);
        return;
    }
    name = slice_head(name, slice_find(name, ' '));
    if (address_helo_ok(name))
        (void)slice_copy(name, c->greeted, sizeof(c->greeted));
    client_enter(c, CLIENT_ST_EHLO);
}

static bool wants_tls(const struct smtp_client *c)
{
    return c->cfg.tls != CLIENT_TLS_NEVER && !c->tls;
}

static bool needs_tls(const struct smtp_client *c)
{
    return c->cfg.tls == CLIENT_TLS_REQUIRED && !c->tls;
}

/* TLS stands, or nobody asks for it. */
static void after_tls(struct smtp_client *c)
{
    if (c->cfg.login)
        client_login_begin(c);
    else
        client_idle(c);
}

static void after_hello(struct smtp_client *c)
{
    if (wants_tls(c) && (c->caps.mask & CAP_STARTTLS))
        client_enter(c, CLIENT_ST_STARTTLS);
    else if (needs_tls(c))
        client_fail_cause(c, CAUSE_STARTTLS_NOT_OFFERED);
    else
        after_tls(c);
}

/* RFC 5321 §3.2: a server that does not know EHLO gets HELO, unless we need what only EHLO can
 * offer. */
static void on_ehlo(struct smtp_client *c, const struct reply *r)
{
    if (r->code == 250) {
        c->caps = capabilities_parse(r->text);
        after_hello(c);
    } else if (r->code / 100 == 5 && needs_tls(c)) {
        client_fail_cause(c, CAUSE_STARTTLS_NOT_OFFERED);
    } else if (r->code / 100 == 5 && !c->cfg.lmtp) {
        client_enter(c, CLIENT_ST_HELO);
    } else if (client_is_negative(r)) {
        refused_by_host(c, r);
    } else {
        client_fail_reply(c, r);
    }
}

static void on_helo(struct smtp_client *c, const struct reply *r)
{
    if (r->code == 250)
        after_hello(c);
    else
        (client_is_negative(r) ? refused_by_host : client_fail_reply)(c, r);
}

static void starttls_refused(struct smtp_client *c, const struct reply *r)
{
    struct status said = client_status(r);
    struct status why = status_make(CAUSE_STARTTLS_REFUSED, "%s: %u %.300s",
                                    cause_info(CAUSE_STARTTLS_REFUSED)->words, r->code, said.text);
    client_fail(c, &why);
}

/* RFC 3207 §4: after a refusal the client decides; only where TLS is not required it goes on in
 * clear. What follows 220 in clear is looked at by the core. */
static void on_starttls(struct smtp_client *c, const struct reply *r)
{
    if (r->code == 220) {
        c->state = CLIENT_ST_TLS;
        c->event = CLIENT_STARTTLS;
    } else if (needs_tls(c)) {
        starttls_refused(c, r);
    } else if (client_is_negative(r)) {
        after_tls(c);
    } else {
        client_fail_reply(c, r);
    }
}

/* --- The table --- */

// clang-format off
#define AT(field) offsetof(struct smtp_client_config, field)
#define ROW(state) [CLIENT_ST_##state]

/* Name, phrase, deadline, send, on_reply. */
static const struct client_row rows[CLIENT_ST_COUNT] = {
    ROW(GREETING) = {"greeting", "waiting for the greeting", AT(greeting_ms), NULL, on_greeting},
    ROW(EHLO) = {"ehlo", "sending EHLO", AT(command_ms), send_ehlo, on_ehlo},
    ROW(HELO) = {"helo", "sending HELO", AT(command_ms), send_helo, on_helo},
    ROW(STARTTLS) = {"starttls", "sending STARTTLS", AT(command_ms), send_starttls, on_starttls},
    ROW(TLS) = {"tls", "negotiating TLS", AT(command_ms), NULL, NULL},
    ROW(AUTH) = {"auth", "logging in", AT(command_ms), client_send_auth, client_on_auth},
    ROW(IDLE) = {"idle", "waiting for a message", AT(command_ms), NULL, NULL},
    ROW(MAIL) = {"mail", "sending MAIL FROM", AT(command_ms), client_send_mail, client_on_mail},
    ROW(RCPT) = {"rcpt", "sending RCPT TO", AT(command_ms), client_send_rcpt, client_on_rcpt},
    ROW(DATA) = {"data", "sending DATA", AT(data_start_ms), client_send_data, client_on_data},
    ROW(BODY) = {"body", "sending the message body", AT(data_block_ms), NULL, client_on_chunk},
    ROW(DOT) = {"dot", "sending the end of data", AT(final_dot_ms), client_send_dot, client_on_dot},
    ROW(RSET) = {"rset", "sending RSET", AT(command_ms), client_send_rset, client_on_rset},
    ROW(QUIT) = {"quit", "sending QUIT", AT(command_ms), send_quit, NULL},
    ROW(DEAD) = {"dead", "closed", AT(command_ms), NULL, NULL},
};
// clang-format on

const struct client_row *client_row(enum client_state state)
{
    REQUIRE((unsigned)state < CLIENT_ST_COUNT);
    return &rows[state];
}
