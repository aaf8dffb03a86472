/* The verb table, the checks and the acts. A check looks and may refuse, but changes nothing; an
 * act runs only after its check said OK. RFC 5321 §4.1.1, §4.1.4; RFC 3207. Pure, any thread. */
#include "mta/smtp/verbs.h"

#include "mta/smtp/server_internal.h"

enum {
    IN_GREET = 1 << PHASE_GREET,
    IN_READY = 1 << PHASE_READY,
    IN_MAIL = 1 << PHASE_MAIL,
    IN_RCPT = 1 << PHASE_RCPT,
    ANY = IN_GREET | IN_READY | IN_MAIL | IN_RCPT,
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
                                struct slice *rest)
{
    *rest = c->argument;
    if (!slice_casestarts(*rest, prefix))
        return status_of(CAUSE_BAD_ARGUMENT);
    *rest = slice_skip(*rest, prefix.n);
    return status_of(address_parse_path(rest, use, false, &c->address));
}

static struct status check_mail(const struct smtp_server *s, struct command *c)
{
    struct slice rest;
    struct status st = parse_path(c, SLICE("FROM:"), ADDRESS_SENDER, &rest);

    if (st.cause == CAUSE_OK)
        st = params_parse_mail(rest, &c->mail);
    if (st.cause != CAUSE_OK)
        return st;
    uint64_t max = s->cfg.max_message_size;
    return max && c->mail.size > max ? status_of(CAUSE_MESSAGE_TOO_BIG) : ok();
}

static struct status check_rcpt(const struct smtp_server *s, struct command *c)
{
    struct slice rest;
    struct status st = parse_path(c, SLICE("TO:"), ADDRESS_RECIPIENT, &rest);

    if (st.cause == CAUSE_OK)
        st = params_parse_rcpt(rest);
    if (st.cause != CAUSE_OK)
        return st;
    return s->rcpts >= LIMIT_RECIPIENTS ? status_of(CAUSE_TOO_MANY_RECIPIENTS) : ok();
}

/* After MAIL but without a recipient DATA is in sequence, there is only nobody to send to (§3.3).
 */
static struct status check_data(const struct smtp_server *s, struct command *c)
{
    if (c->argument.n)
        return check_no_argument(s, c);
    return s->phase == PHASE_MAIL ? status_of(CAUSE_NO_RECIPIENTS) : ok();
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
    struct smtp_server_event ev = {.kind = SERVER_HELO, .helo = c->helo};

    ev.esmtp = slice_eq(c->verb->name, SLICE("EHLO"));
    smtp_server_raise(s, &ev);
}

static void act_mail(struct smtp_server *s, const struct command *c)
{
    struct smtp_server_event ev = {.kind = SERVER_MAIL, .address = &c->address, .mail = &c->mail};
    smtp_server_raise(s, &ev);
}

static void act_rcpt(struct smtp_server *s, const struct command *c)
{
    struct smtp_server_event ev = {.kind = SERVER_RCPT, .address = &c->address, .rcpt = &c->rcpt};
    smtp_server_raise(s, &ev);
}

static void act_data(struct smtp_server *s, const struct command *c)
{
    smtp_server_raise(s, &(struct smtp_server_event){.kind = SERVER_DATA});
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
    smtp_server_raise(s, &(struct smtp_server_event){.kind = SERVER_STARTTLS});
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
    {NAME("RSET"),     ANY,               0,                      check_no_argument,   act_rset},
    {NAME("NOOP"),     ANY,               BEFORE | LAST,          check_anything,      act_noop},
    {NAME("VRFY"),     ANY,               LAST,                   check_some_argument, act_vrfy},
    {NAME("HELP"),     ANY,               0,                      check_anything,      act_help},
    {NAME("QUIT"),     ANY,               BEFORE | USEFUL | LAST, check_no_argument,   act_quit},
    {NAME("STARTTLS"), IN_READY,          BEFORE | USEFUL | LAST, check_starttls,      act_starttls},
    /* Known, not offered. BDAT closes: its chunk would be read as commands (CVE-2017-16943). */
    {NAME("BDAT"),     ANY,               VERB_CLOSES,            check_not_offered,   NULL},
    NOT_OFFERED("EXPN"),
    NOT_OFFERED("AUTH"),
    NOT_OFFERED("ETRN"),
    NOT_OFFERED("TURN"),
    NOT_OFFERED("ATRN"),
    NOT_OFFERED("SEND"),
    NOT_OFFERED("SOML"),
    NOT_OFFERED("SAML"),
    NOT_OFFERED("XCLIENT"),
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
    };
    REQUIRE((unsigned)p < PHASE_COUNT);
    return names[p];
}
