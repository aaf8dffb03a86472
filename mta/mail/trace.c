/* The Received line of a message taken in: RFC 5321 §4.4 (grammar), RFC 3848 and RFC 6531 §4.3 (the
 * keyword after "with"). What the client said was checked before; here it is quoted once more, so
 * that nothing it could have said opens or closes a comment or a line. Pure. */
#include "mta/mail/trace.h"

#include <string.h>

#include "config/base/clock.h"

enum {
    TRACE_LINE = 78,        /* RFC 5322 §2.1.1: lines should not be longer */
    TRACE_TOKEN_MAX = 1024, /* octets between two places where a line may be folded */
};

struct folder {
    struct buf *out;
    size_t column;
    bool ok;
};

static void fold_append(struct folder *f, struct slice s)
{
    f->ok = f->ok && buf_append(f->out, s);
    f->column += s.n;
}

/* Writes a token after a space, or on a new line if it would pass the margin. */
static void fold_token(struct folder *f, struct buf *token)
{
    struct slice s = buf_slice(token);

    if (f->column + 1 + s.n > TRACE_LINE) {
        fold_append(f, SLICE("\r\n\t"));
        f->column = 8;
    } else {
        fold_append(f, SLICE(" "));
    }
    fold_append(f, s);
    buf_clear(token);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": RFC 5321 §4.1.3. */
static bool put_literal(struct buf *b, const struct ip *ip)
{
    char text[IP_TEXT_MAX];

    return buf_printf(b, "[%s%s]", ip->v6 ? "IPv6:" : "", ip_text(ip, text));
}

/* A domain or an address literal, which may stand outside a comment as it is. */
static bool is_plain_host(const char *s)
{
    return *s &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]") ==
               strlen(s);
}

/* Text inside a comment: RFC 5322 §3.2.1 quotes with a backslash; controls and 8-bit become '?'. */
static bool put_comment_text(struct buf *b, const char *s)
{
    bool ok = true;

    for (; ok && *s; s++) {
        char c = *s >= ' ' && *s < 0x7f ? *s : '?';
        if (c == '(' || c == ')' || c == '\\')
            ok = buf_append_byte(b, '\\');
        ok = ok && buf_append_byte(b, c);
    }
    return ok;
}

/* TCP-info, without the bracket at its end. */
static bool put_tcp_info(struct buf *b, const struct trace *t)
{
    bool named = t->client_name && *t->client_name;

    return buf_append_byte(b, '(') &&
           (!named || buf_printf(b, "%s ", t->client_name)) && put_literal(b, &t->client);
}

/* Extended-Domain: the name the client gave, then the address it came from. A name that is neither
 * a domain nor a literal moves into the comment, and the address stands in its place. */
static void put_from(struct folder *f, const struct trace *t, struct buf *token)
{
    bool plain = is_plain_host(t->helo);

    f->ok = f->ok && buf_append(token, SLICE("from "));
    f->ok =
        f->ok && (plain ? buf_append(token, slice_of(t->helo)) : put_literal(token, &t->client));
    fold_token(f, token);
    if (plain)
        f->ok = f->ok && put_tcp_info(token, t);
    else
        f->ok = f->ok && buf_append(token, SLICE("(helo ")) && put_comment_text(token, t->helo);
    f->ok = f->ok && buf_append_byte(token, ')');
    fold_token(f, token);
}

/* RFC 3848: S after STARTTLS, A after AUTH, both only of ESMTP; RFC 6531 §4.3 has the UTF8 names.
 */
static void put_with(struct folder *f, const struct trace *t, struct buf *token)
{
    const char *base = t->utf8 ? "UTF8SMTP" : "ESMTP";

    if (t->esmtp)
        f->ok =
            f->ok && buf_printf(token, "with %s%s%s", base, t->tls ? "S" : "", t->auth ? "A" : "");
    else
        f->ok = f->ok && buf_append(token, SLICE("with SMTP"));
    fold_token(f, token);
}

static void put_tls(struct folder *f, const struct trace *t, struct buf *token)
{
    if (!t->tls || !t->tls_protocol || !t->tls_cipher)
        return;
    f->ok = f->ok && buf_append_byte(token, '(') && put_comment_text(token, t->tls_protocol) &&
            buf_append_byte(token, ' ') && put_comment_text(token, t->tls_cipher) &&
            buf_append_byte(token, ')');
    fold_token(f, token);
}

/* An address is written only if a header may hold it as it is: RFC 6532 allows 8-bit octets in a
 * message that came with SMTPUTF8 and in no other. */
static bool rcpt_may_stand(const struct trace *t)
{
    if (!t->rcpt || !*t->rcpt)
        return false;
    for (const char *p = t->rcpt; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || ((unsigned char)*p >= 0x80 && !t->utf8))
            return false;
    return true;
}

static void put_id_and_for(struct folder *f, const struct trace *t, struct buf *token)
{
    bool with_rcpt = rcpt_may_stand(t);

    f->ok = f->ok && buf_printf(token, "id %s%s", t->id, with_rcpt ? "" : ";");
    fold_token(f, token);
    if (!with_rcpt)
        return;
    f->ok = f->ok && buf_printf(token, "for <%s>;", t->rcpt);
    fold_token(f, token);
}

bool trace_received(const struct trace *t, struct buf *out)
{
    struct folder f = {.out = out, .ok = true};
    struct buf token;
    char date[CLOCK_TEXT_MAX];

    buf_init(&token, TRACE_TOKEN_MAX);
    fold_append(&f, SLICE("Received:"));
    put_from(&f, t, &token);
    f.ok = f.ok && buf_printf(&token, "by %s", t->by);
    fold_token(&f, &token);
    put_with(&f, t, &token);
    put_tls(&f, t, &token);
    put_id_and_for(&f, t, &token);
    f.ok = f.ok && buf_append(&token, slice_of(clock_rfc5322(t->wall_ms, date)));
    fold_token(&f, &token);
    fold_append(&f, SLICE("\r\n"));
    buf_free(&token);
    return f.ok;
}
