/* The verb table, the checks and the acts. A check looks and may refuse, but changes nothing; an
 * act runs only after its check said OK. RFC 5321 §4.1.1, §4.1.4; RFC 3030, RFC 3207, RFC 4954.
 * Pure, any thread. */
#include "mta/smtp/verbs.h"

#include <string.h>

#include "mta/smtp/server_internal.h"

enum {
    IN_GREET = 1 << PHASE_GREET,
    IN_READY = 1 << PHASE_READY,
    IN_MAIL = 1 << PHASE_MAIL,
    IN_RCPT = 1 << PHASE_RCPT,
    IN_CHUNKS = 1 << PHASE_CHUNKS,
    ANY = IN_GREET | IN_READY | IN_MAIL | IN_RCPT | IN_CHUNKS,
};

static struct status ok(void)
{
    return status_of(CAUSE_OK);
}

/* --- Checks --- */

static struct status check_hello(const struct smtp_server *s, struct command *c)
{
    if (address_helo_ok(c->argument) && slice_copy(c->argument, c->helo, sizeof(c->helo)))
        return ok();
    return status_make(CAUSE_BAD_ARGUMENT, "Error: syntax: a domain or address literal is needed");
}

static struct status check_no_argument(const struct smtp_server *s, struct command *c)
{
    return c->argument.n ? status_make(CAUSE_BAD_ARGUMENT, "Error: no argument is allowed") : ok();
}

static struct status check_some_argument(const struct smtp_server *s, struct command *c)
{
    return c->argument.n ? ok() : status_of(CAUSE_BAD_ARGUMENT);
}

static struct status check_anything(const struct smtp_server *s, struct command *c)
{
    return ok();
}

static struct status check_not_offered(const struct smtp_server *s, struct command *c)
{
    return status_of(CAUSE_NOT_OFFERED);
}

static struct status check_foreign(const struct smtp_server *s, struct command *c)
{
    return status_of(CAUSE_WRONG_PROTOCOL);
}

/* "FROM:" or "TO:" in any case, with no space before or after the colon (§4.1.1.2, §4.1.1.3), then
 * the path. What follows the path stays in *rest: nothing or " parameters". */
static struct status parse_path(struct command *c, struct slice prefix, enum address_use use,
                                bool allow_utf8, struct slice *rest)
{
    *rest = c->argument;
    if (!slice_casestarts(*rest, prefix))
        return status_of(CAUSE_BAD_ARGUMENT);
    *rest = slice_skip(*rest, prefix.n);
    return status_of(address_parse_path(rest, use, allow_utf8, &c->address));
}

/* What MAIL asks for and this session does not have. RFC 6531 §3.5: 550 for MAIL. */
static struct status check_offers(const struct smtp_server *s, const struct command *c)
{
    const struct mail_params *m = &c->mail;
    uint64_t max = s->cfg.max_message_size;
    struct status needs_utf8 = status_of(CAUSE_NEEDS_SMTPUTF8);

    needs_utf8.code = 550;
    if (c->address.utf8 && !m->smtputf8)
        return needs_utf8;
    if ((m->auth && !s->cfg.auth) || (m->requiretls && !s->cfg.offer_requiretls))
        return status_of(CAUSE_BAD_PARAMETER);
    if (m->requiretls && !s->tls)
        return status_of(CAUSE_REQUIRETLS_IN_CLEAR);
    return max && m->size > max ? status_of(CAUSE_MESSAGE_TOO_BIG) : ok();
}

static struct status check_mail(const struct smtp_server *s, struct command *c)
{
    struct slice rest;
    struct status st;

    if (s->cfg.require_auth && !s->authenticated)
        return status_of(CAUSE_AUTH_REQUIRED);
    if (s->cfg.max_mails && s->mails >= s->cfg.max_mails)
        return status_of(CAUSE_TOO_MANY_MESSAGES);
    st = parse_path(c, SLICE("FROM:"), ADDRESS_SENDER, true, &rest);
    if (st.cause == CAUSE_OK)
        st = params_parse_mail(rest, &c->mail);
    return st.cause == CAUSE_OK ? check_offers(s, c) : st;
}

static struct status check_rcpt(const struct smtp_server *s, struct command *c)
{
    struct slice rest;
    struct status st = parse_path(c, SLICE("TO:"), ADDRESS_RECIPIENT, s->smtputf8, &rest);

    if (st.cause == CAUSE_OK)
        st = params_parse_rcpt(rest, s->smtputf8, &c->rcpt);
    if (st.cause != CAUSE_OK)
        return st;
    return s->rcpts >= s->cfg.max_rcpts ? status_of(CAUSE_TOO_MANY_RECIPIENTS) : ok();
}

/* After MAIL but without a recipient DATA is in sequence, there is only nobody to send to (§3.3).
 */
static struct status check_data(const struct smtp_server *s, struct command *c)
{
    if (c->argument.n)
        return check_no_argument(s, c);
    return s->phase == PHASE_MAIL ? status_of(CAUSE_NO_RECIPIENTS) : ok();
}

/* Its argument was read before, as the octets that follow must be consumed in any case. */
static struct status check_bdat(const struct smtp_server *s, struct command *c)
{
    uint64_t max = s->cfg.max_message_size ? s->cfg.max_message_size : UINT64_MAX;

    if (s->phase == PHASE_MAIL)
        return status_of(CAUSE_NO_RECIPIENTS);
    return s->chunk.size > max - s->chunk.taken ? status_of(CAUSE_MESSAGE_TOO_BIG) : ok();
}

/* The mechanism's name in upper case, if it is one of those offered; that decides how long it is. */
static bool take_mechanism(struct slice offered, struct slice name, char *out)
{
    while (offered.n) {
        struct slice one = slice_head(offered, slice_find(offered, ' '));
        if (slice_caseeq(one, name))
            return slice_copy(one, out, SASL_MECHANISM_MAX + 1);
        offered = slice_skip(offered, one.n + 1);
    }
    return false;
}

/* RFC 4954 §4: once, not in a transaction, and not in clear (§6: 538). */
static struct status check_auth(const struct smtp_server *s, struct command *c)
{
    struct slice name = slice_head(c->argument, slice_find(c->argument, ' '));

    if (!s->cfg.auth)
        return status_of(CAUSE_NOT_OFFERED);
    if (!s->tls)
        return status_of(CAUSE_AUTH_IN_CLEAR);
    if (s->phase != PHASE_READY)
        return status_of(CAUSE_BAD_SEQUENCE);
    if (s->authenticated)
        return status_make(CAUSE_BAD_SEQUENCE, "Error: already authenticated");
    if (name.n == 0)
        return status_make(CAUSE_BAD_ARGUMENT, "Error: syntax: AUTH MECHANISM [RESPONSE]");
    if (!take_mechanism(slice_of(s->cfg.auth), name, c->mechanism))
        return status_of(CAUSE_AUTH_MECHANISM);
    return ok();
}

/* Not in a transaction. That a peer may say it does not depend on whom it then says it is. */
static struct status check_xclient(const struct smtp_server *s, struct command *c)
{
    if (!s->cfg.allow_xclient)
        return status_of(CAUSE_NOT_OFFERED);
    if (s->phase > PHASE_READY)
        return status_of(CAUSE_BAD_SEQUENCE);
    return xclient_parse(c->argument, &c->xclient);
}

/* RFC 3207 §4: 501 with an argument. Twice is out of sequence whatever the phase is. Octets behind
 * it would be plaintext that acts inside TLS (CVE-2011-0411). */
static struct status check_starttls(const struct smtp_server *s, struct command *c)
{
    if (c->argument.n)
        return check_no_argument(s, c);
    if (s->tls)
        return status_make(CAUSE_BAD_SEQUENCE, "Error: TLS already active");
    if (!s->cfg.offer_starttls)
        return status_of(CAUSE_NOT_OFFERED);
    return smtp_server_has_more(s) ? status_of(CAUSE_TALKS_EARLY) : ok();
}

/* --- Acts --- */

/* The reply, and what it changes, come with the answer: a client that is not taken as what it says it
 * is stays where it was (§4.1.4). */
static void act_hello(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, SERVER_HELO);
}

static void act_mail(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, SERVER_MAIL);
}

static void act_rcpt(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, SERVER_RCPT);
}

static void act_data(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, SERVER_DATA);
}

/* "=" is an empty initial response, none at all is something else (RFC 4954 §4). */
static void act_auth(struct smtp_server *s, const struct command *c)
{
    struct slice name = slice_head(c->argument, slice_find(c->argument, ' '));
    struct slice initial = slice_skip(c->argument, name.n + 1);

    if (slice_eq(initial, SLICE("=")))
        initial.n = 0;
    else if (initial.n == 0) {
        smtp_server_raise(s, SERVER_AUTH);
        return;
    }
    if (smtp_server_take_secret(s, initial))
        smtp_server_raise(s, SERVER_AUTH);
    else
        smtp_server_auth_failed(s, CAUSE_AUTH_BASE64);
}

static void act_xclient(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, SERVER_XCLIENT);
}

static void act_rset(struct smtp_server *s, const struct command *c)
{
    smtp_server_reset(s);
    smtp_server_say(s, 250, (struct esc){2, 0, 0}, "Ok");
}

static void act_noop(struct smtp_server *s, const struct command *c)
{
    smtp_server_say(s, 250, (struct esc){2, 0, 0}, "Ok");
}

/* §7.3: neither confirms nor denies, so that nobody learns who exists. */
static void act_vrfy(struct smtp_server *s, const struct command *c)
{
    smtp_server_say(s, 252, (struct esc){2, 5, 2}, "Cannot VRFY user, send some mail and see");
}

static void act_help(struct smtp_server *s, const struct command *c)
{
    smtp_server_say(s, 214, (struct esc){2, 0, 0}, "This server speaks SMTP as in RFC 5321");
}

static void act_quit(struct smtp_server *s, const struct command *c)
{
    smtp_server_say(s, 221, (struct esc){2, 0, 0}, "Bye");
    smtp_server_close(s);
}

static void act_starttls(struct smtp_server *s, const struct command *c)
{
    smtp_server_say(s, 220, (struct esc){2, 0, 0}, "Ready to start TLS");
    smtp_server_raise(s, SERVER_STARTTLS);
}

/* --- The table --- */

// clang-format off
#define NAME(text)        {"" text, sizeof(text) - 1}
#define NOT_OFFERED(text) {NAME(text), ANY, 0, check_not_offered, NULL}
#define FOREIGN(text)     {NAME(text), ANY, VERB_CLOSES, check_foreign, NULL}

enum { BEFORE = VERB_BEFORE_TLS, USEFUL = VERB_USEFUL, LAST = VERB_ENDS_GROUP };

/* LAST as RFC 2920 §3.1 has it. The machine enforces it where what follows could be taken for something
 * else: behind a DATA that was refused and behind STARTTLS. */
static const struct verb table[] = {
    {NAME("EHLO"),     ANY,               BEFORE | LAST,          check_hello,         act_hello},
    {NAME("HELO"),     ANY,               BEFORE,                 check_hello,         act_hello},
    {NAME("MAIL"),     IN_READY,          USEFUL,                 check_mail,          act_mail},
    {NAME("RCPT"),     IN_MAIL | IN_RCPT, USEFUL,                 check_rcpt,          act_rcpt},
    {NAME("DATA"),     IN_MAIL | IN_RCPT, USEFUL | LAST,          check_data,          act_data},
    {NAME("BDAT"),     IN_MAIL | IN_RCPT | IN_CHUNKS, USEFUL | VERB_CHUNK, check_bdat, NULL},
    {NAME("RSET"),     ANY,               0,                      check_no_argument,   act_rset},
    {NAME("NOOP"),     ANY,               BEFORE | LAST,          check_anything,      act_noop},
    {NAME("VRFY"),     ANY,               LAST,                   check_some_argument, act_vrfy},
    {NAME("HELP"),     ANY,               0,                      check_anything,      act_help},
    {NAME("QUIT"),     ANY,               BEFORE | USEFUL | LAST, check_no_argument,   act_quit},
    {NAME("STARTTLS"), IN_READY,          BEFORE | USEFUL | LAST, check_starttls,      act_starttls},
    {NAME("AUTH"),     ANY,               USEFUL | LAST | VERB_SECRET, check_auth,     act_auth},
    {NAME("XCLIENT"),  ANY,               BEFORE | USEFUL,        check_xclient,       act_xclient},
    /* Known, not offered. */
    NOT_OFFERED("EXPN"),
    NOT_OFFERED("ETRN"),
    NOT_OFFERED("TURN"),
    NOT_OFFERED("ATRN"),
    NOT_OFFERED("SEND"),
    NOT_OFFERED("SOML"),
    NOT_OFFERED("SAML"),
    NOT_OFFERED("XFORWARD"),
    NOT_OFFERED("XEXPS"),
    NOT_OFFERED("BURL"),
    /* HTTP, RTSP and SIP requests: a browser or a proxy is made to talk to us. */
    FOREIGN("GET"),
    FOREIGN("POST"),
    FOREIGN("CONNECT"),
    FOREIGN("PUT"),
    FOREIGN("HEAD"),
    FOREIGN("OPTIONS"),
    FOREIGN("DELETE"),
    FOREIGN("TRACE"),
    FOREIGN("PATCH"),
    FOREIGN("PRI"),
    FOREIGN("DESCRIBE"),
    FOREIGN("INVITE"),
    FOREIGN("REGISTER"),
};
// clang-format on

const struct verb *verb_find(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (slice_caseeq(table[i].name, word))
            return &table[i];
    return NULL;
}

const struct verb *verb_table(size_t *out_n)
{
    *out_n = ARRAY_LEN(table);
    return table;
}

const char *phase_name(enum phase p)
{
    static const char *const names[PHASE_COUNT] = {
        [PHASE_GREET] = "greet",
        [PHASE_READY] = "ready",
        [PHASE_MAIL] = "mail",
        [PHASE_RCPT] = "rcpt",
        [PHASE_CHUNKS] = "chunks",
    };
    REQUIRE((unsigned)p < PHASE_COUNT);
    return names[p];
}
