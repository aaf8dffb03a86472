/* MAIL and RCPT of the client with their parameters, and what is known before they are sent.
 * RFC 5321 §4.1.1.2, §4.1.1.3; RFC 1870; RFC 6152; RFC 6531 §3.4; RFC 3461 §4, §5.2.1; RFC 8689
 * §4.2.1. Pure, any thread. */
#include "mta/smtp/client_internal.h"
#include "mta/smtp/xtext.h"

/* A parameter is written whole or not at all; ok is false once out was full. */
struct command {
    struct buf *out;
    bool ok;
};

static void put(struct command *w, struct slice s)
{
    w->ok = w->ok && buf_append(w->out, s);
}

static void put_xtext(struct command *w, const char *text)
{
    w->ok = w->ok && xtext_encode(slice_of(text), w->out);
}

/* Half a command is none: without room nothing of it stays. */
static bool end_command(struct command *w, size_t before)
{
    put(w, SLICE("\r\n"));
    if (!w->ok)
        buf_truncate(w->out, before);
    return w->ok;
}

/* ---- MAIL ---- */

static void put_size(struct command *w, uint64_t size)
{
    w->ok = w->ok && buf_printf(w->out, " SIZE=%llu", (unsigned long long)size);
}

static void put_ret(struct command *w, enum dsn_ret ret)
{
    if (ret != DSN_RET_UNSAID)
        put(w, ret == DSN_RET_FULL ? SLICE(" RET=FULL") : SLICE(" RET=HDRS"));
}

static void put_envid(struct command *w, const char *envid)
{
    if (!envid)
        return;
    put(w, SLICE(" ENVID="));
    put_xtext(w, envid);
}

bool client_write_mail(const struct smtp_client *c, struct buf *out)
{
    const struct smtp_transaction *t = c->t;
    struct command w = {out, true};
    unsigned caps = c->caps.mask;
    size_t before = out->n;

    put(&w, SLICE("MAIL FROM:<"));
    put(&w, slice_of(t->sender));
    put(&w, SLICE(">"));
    if ((caps & CAP_SIZE) && t->size)
        put_size(&w, t->size);
    if ((caps & CAP_8BITMIME) && t->eight_bit)
        put(&w, SLICE(" BODY=8BITMIME"));
    if (t->smtputf8)
        put(&w, SLICE(" SMTPUTF8"));
    if (t->requiretls)
        put(&w, SLICE(" REQUIRETLS"));
    if (caps & CAP_DSN) {
        put_ret(&w, t->ret);
        put_envid(&w, t->envid);
    }
    return end_command(&w, before);
}

/* ---- RCPT ---- */

static void put_notify(struct command *w, unsigned notify)
{
    static const struct {
        unsigned bit;
        struct slice word;
    } words[] = {
        {NOTIFY_SUCCESS, {"SUCCESS", 7}},
        {NOTIFY_FAILURE, {"FAILURE", 7}},
        {NOTIFY_DELAY,   {"DELAY", 5}  }
    };
    bool first = true;

    if (!notify)
        return;
    put(w, SLICE(" NOTIFY="));
    if (notify & NOTIFY_NEVER) {
        put(w, SLICE("NEVER"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!(notify & words[i].bit))
            continue;
        put(w, first ? SLICE("") : SLICE(","));
        put(w, words[i].word);
        first = false;
    }
}

/* The one that was given, letter for letter (RFC 3461 §5.2.1 d). None is added: addresses are not
 * rewritten here, so it could only repeat what RCPT says. An address of type utf-8 goes as it is
 * where SMTPUTF8 is spoken (RFC 6533 §3). */
static void put_orcpt(struct command *w, const char *orcpt, bool smtputf8)
{
    struct slice s = slice_of(orcpt), type = slice_head(s, slice_find(s, ';'));
    struct slice address = slice_skip(s, type.n + 1);

    if (!orcpt)
        return;
    put(w, SLICE(" ORCPT="));
    put(w, type);
    put(w, SLICE(";"));
    if (slice_caseeq(type, SLICE("utf-8")))
        w->ok = w->ok && xtext_encode_utf8(address, smtputf8, w->out);
    else
        w->ok = w->ok && xtext_encode(address, w->out);
}

bool client_write_rcpt(const struct smtp_client *c, const struct smtp_rcpt *r, struct buf *out)
{
    struct command w = {out, true};
    size_t before = out->n;

    put(&w, SLICE("RCPT TO:<"));
    put(&w, slice_of(r->address));
    put(&w, SLICE(">"));
    if (c->caps.mask & CAP_DSN) {
        put_notify(&w, r->notify);
        put_orcpt(&w, r->orcpt, c->t->smtputf8);
    }
    return end_command(&w, before);
}

/* ---- before anything is sent ---- */

/* What was parsed once is never parsed again, but a command is only built from what cannot end it.
 */
static bool is_printable(const char *s)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static bool is_sendable(const struct smtp_transaction *t)
{
    bool ok = is_printable(t->sender) && is_printable(t->envid);

    for (size_t i = 0; i < t->n_rcpts; i++)
        ok = ok && is_printable(t->rcpts[i].address) && is_printable(t->rcpts[i].orcpt);
    return ok;
}

/* RFC 8689 §4.2.1 (5): offered after STARTTLS, or it does not count. */
static bool offers_requiretls(const struct smtp_client *c)
{
    return c->tls && (c->caps.mask & CAP_REQUIRETLS);
}

enum cause client_foresee(const struct smtp_client *c, const struct smtp_transaction *t)
{
    if (!is_sendable(t))
        return CAUSE_LOCAL_ERROR;
    if (t->requiretls && !offers_requiretls(c))
        return CAUSE_REMOTE_NO_REQUIRETLS;
    if (t->smtputf8 && !(c->caps.mask & CAP_SMTPUTF8))
        return CAUSE_REMOTE_NO_SMTPUTF8;
    if (t->eight_bit && !(c->caps.mask & CAP_8BITMIME))
        return CAUSE_REMOTE_NO_8BITMIME;
    return c->caps.max_size && t->size > c->caps.max_size ? CAUSE_REMOTE_TOO_BIG : CAUSE_OK;
}
