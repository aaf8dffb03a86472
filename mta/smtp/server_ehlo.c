/* The reply to EHLO: what is offered, as of now. RFC 5321 §4.1.1.1. Pure. */
#include "mta/smtp/server_internal.h"

static void append(struct smtp_server *s, struct slice text)
{
    REQUIRE(buf_append(s->out, text));
}

/* RFC 9422: only limits that are kept. */
static void append_limits(struct smtp_server *s)
{
    REQUIRE(buf_printf(s->out, "250-LIMITS RCPTMAX=%u", s->cfg.max_rcpts));
    if (s->cfg.max_mails)
        REQUIRE(buf_printf(s->out, " MAILMAX=%u", s->cfg.max_mails));
    append(s, SLICE("\r\n"));
}

static void append_xclient(struct smtp_server *s)
{
    append(s, SLICE("250-XCLIENT"));
    for (int a = 0; a < XCLIENT_ATTRIBUTES; a++)
        REQUIRE(buf_printf(s->out, " %s", xclient_attribute_name((enum xclient_attribute)a)));
    append(s, SLICE("\r\n"));
}

/* Before and after the handshake it differs: what is meant for TLS is not offered in clear (RFC 4954
 * §4, RFC 8689 §2). */
void smtp_server_reply_ehlo(struct smtp_server *s)
{
    REQUIRE(buf_printf(s->out, "250-%s\r\n250-PIPELINING\r\n", s->cfg.hostname));
    if (s->cfg.max_message_size)
        REQUIRE(
            buf_printf(s->out, "250-SIZE %llu\r\n", (unsigned long long)s->cfg.max_message_size));
    else
        append(s, SLICE("250-SIZE\r\n"));
    if (s->cfg.offer_starttls && !s->tls)
        append(s, SLICE("250-STARTTLS\r\n"));
    if (s->cfg.auth && s->tls)
        REQUIRE(buf_printf(s->out, "250-AUTH %s\r\n", s->cfg.auth));
    if (s->cfg.offer_requiretls && s->tls)
        append(s, SLICE("250-REQUIRETLS\r\n"));
    if (s->cfg.allow_xclient)
        append_xclient(s);
    if (s->cfg.offer_chunking)
        append(s, SLICE("250-CHUNKING\r\n"));
    append_limits(s);
    append(s, SLICE("250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"));
}
