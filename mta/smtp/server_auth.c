/* AUTH, RFC 4954 §4: from the command to the end of its exchange. A line of the exchange is never read
 * as a command, and what it decodes to is wiped once it is answered. Pure. */
#include <stdlib.h>
#include <string.h>

#include "config/base/base64.h"
#include "mta/smtp/server_internal.h"

void smtp_server_forget_secret(struct smtp_server *s)
{
    if (s->secret)
        explicit_bzero(s->secret, s->secret_n);
    free(s->secret);
    s->secret = NULL;
    s->secret_n = 0;
    s->has_secret = false;
}

bool smtp_server_take_secret(struct smtp_server *s, struct slice text)
{
    smtp_server_forget_secret(s);
    s->secret = base_alloc(text.n + 1);
    s->secret_n = text.n; /* all of it is wiped, however much is decoded */
    bool ok = base64_decode(text, s->secret, text.n, &s->secret_n);
    if (!ok) {
        s->secret_n = text.n;
        smtp_server_forget_secret(s);
    }
    s->has_secret = ok;
    return ok;
}

void smtp_server_auth_failed(struct smtp_server *s, enum cause cause)
{
    struct status st = status_of(cause);

    s->in_auth = false;
    smtp_server_refuse(s, &st);
    if (!s->closing)
        smtp_server_raise(s, SERVER_AUTH_GONE);
}

/* One line with its end. An empty one is an empty response; "=" stands for that only behind the
 * command. */
static void take_line(struct smtp_server *s, struct slice line)
{
    struct slice text = slice_head(line, line.n - 2);

    if (line.n < 2 || line.p[line.n - 2] != '\r')
        smtp_server_auth_failed(s, CAUSE_AUTH_BASE64);
    else if (slice_eq(text, SLICE("*")))
        smtp_server_auth_failed(s, CAUSE_AUTH_CANCELLED);
    else if (!smtp_server_take_secret(s, text))
        smtp_server_auth_failed(s, CAUSE_AUTH_BASE64);
    else
        smtp_server_raise(s, SERVER_AUTH_LINE);
}

bool smtp_server_step_auth(struct smtp_server *s, struct buf *in)
{
    struct slice left = buf_slice(in);
    size_t lf = slice_find(slice_head(left, LIMIT_AUTH_LINE), '\n');

    if (lf >= LIMIT_AUTH_LINE)
        return smtp_server_discard_line(s, in);
    if (lf == left.n)
        return false;
    s->in_auth = false; /* until the answer is another challenge */
    take_line(s, slice_head(left, lf + 1));
    explicit_bzero(in->p + in->head, lf + 1);
    buf_consume(in, lf + 1);
    return true;
}

bool smtp_server_auth_challenge(struct smtp_server *s, struct slice challenge)
{
    REQUIRE(s->awaiting && (s->awaited == SERVER_AUTH || s->awaited == SERVER_AUTH_LINE));
    if (challenge.n > SMTP_SERVER_CHALLENGE)
        return false;
    s->awaiting = false;
    s->in_auth = true;
    REQUIRE(buf_append(s->out, SLICE("334 ")) && base64_encode(challenge, s->out) &&
            buf_append(s->out, SLICE("\r\n")));
    return true;
}
