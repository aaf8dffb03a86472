/* Commands of the envelope, and the macros before each command. */
#include <stdio.h>
#include <string.h>

#include "mta/in/milter_private.h"

static const struct event {
    char command;
    uint32_t no, silent;
    uint32_t version; /* the first that knows it */
} events[] = {
    {MILTER_CONNECT, MILTER_NO_CONNECT, MILTER_SILENT_CONNECT, 2},
    {MILTER_HELO,    MILTER_NO_HELO,    MILTER_SILENT_HELO,    2},
    {MILTER_MAIL,    MILTER_NO_MAIL,    MILTER_SILENT_MAIL,    2},
    {MILTER_RCPT,    MILTER_NO_RCPT,    MILTER_SILENT_RCPT,    2},
    {MILTER_DATA,    MILTER_NO_DATA,    MILTER_SILENT_DATA,    4},
    {MILTER_HEADER,  MILTER_NO_HEADERS, MILTER_SILENT_HEADERS, 2},
    {MILTER_EOH,     MILTER_NO_EOH,     MILTER_SILENT_EOH,     2},
    {MILTER_BODY,    MILTER_NO_BODY,    MILTER_SILENT_BODY,    2},
    {MILTER_END,     0,                 0,                     2},
};

static const struct event *event_of(enum milter_command command)
{
    size_t i = 0;

    while (events[i].command != (char)command)
        REQUIRE(++i < ARRAY_LEN(events));
    return &events[i];
}

bool say_wanted(const struct milter_link *l, enum milter_command command)
{
    const struct event *e = event_of(command);
    return !(l->options.steps & e->no) && l->options.version >= e->version;
}

bool say_answered(const struct milter_link *l, enum milter_command command)
{
    return say_wanted(l, command) && !(l->options.steps & event_of(command)->silent);
}

/* ---- macros: the names are Sendmail's, as filters know them */

enum { MACROS_MAX = 16 };

struct macros {
    struct milter_macro list[MACROS_MAX];
    size_t n;
    char client_name[IP_TEXT_MAX + 2], port[8], bits[8];
};

/* What has no value is not named: filters tell the difference. */
static void add(struct macros *m, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    REQUIRE(m->n < MACROS_MAX);
    m->list[m->n++] = (struct milter_macro){name, value};
}

static void add_client(const struct in_session *s, struct macros *m)
{
    (void)snprintf(m->client_name, sizeof(m->client_name), "[%s]", s->client);
    (void)snprintf(m->port, sizeof(m->port), "%u", s->peer.port);
    add(m, "j", s->settings->config->hostname);
    add(m, "v", "Danelaw " DANELAW_VERSION);
    add(m, "_", m->client_name);
    add(m, "{daemon_name}", s->listener->name);
    add(m, "{client_addr}", s->client);
    add(m, "{client_name}", m->client_name);
    add(m, "{client_port}", m->port);
}

static void add_tls(const struct in_session *s, struct macros *m)
{
    SSL *ssl = s->conn ? conn_ssl(s->conn) : NULL;

    if (!ssl)
        return;
    (void)snprintf(m->bits, sizeof(m->bits), "%d", SSL_get_cipher_bits(ssl, NULL));
    add(m, "{tls_version}", SSL_get_version(ssl));
    add(m, "{cipher}", SSL_get_cipher_name(ssl));
    add(m, "{cipher_bits}", m->bits);
}

static void add_address(const struct address *a, bool sender, struct macros *m)
{
    add(m, sender ? "{mail_addr}" : "{rcpt_addr}", a->text);
    add(m, sender ? "{mail_host}" : "{rcpt_host}",
        a->kind == ADDRESS_DOMAIN || a->kind == ADDRESS_LITERAL ? a->domain : NULL);
    add(m, sender ? "{mail_mailer}" : "{rcpt_mailer}", "esmtp");
}

static void collect(const struct in_session *s, enum milter_command command, struct macros *m)
{
    const struct smtp_server_event *ev = stages_event(s);

    if (command == MILTER_CONNECT)
        add_client(s, m);
    else if (s->tx)
        add(m, "i", s->tx->id);
    if (command == MILTER_HELO || command == MILTER_MAIL)
        add_tls(s, m);
    if (command == MILTER_MAIL && *s->tx->message->user)
        add(m, "{auth_authen}", s->tx->message->user);
    if (command == MILTER_MAIL || command == MILTER_RCPT)
        add_address(ev->address, command == MILTER_MAIL, m);
}

bool say_macros(struct milter_link *l, enum milter_command command)
{
    struct macros m = {0};

    collect(l->all->session, command, &m);
    return milter_put_macros(conn_out(l->conn), command, m.list, m.n);
}

/* ---- commands */

/* As a client could have written them. */
static bool write_params(const struct smtp_server_event *ev, struct buf *out)
{
    const struct mail_params *p = ev->mail;

    if (!p)
        return true;
    return (!p->has_size || buf_printf(out, " SIZE=%llu", (unsigned long long)p->size)) &&
           (!p->eight_bit || buf_printf(out, " BODY=8BITMIME")) &&
           (!p->smtputf8 || buf_printf(out, " SMTPUTF8")) &&
           (!p->requiretls || buf_printf(out, " REQUIRETLS"));
}

static bool put_path(struct buf *out, enum milter_command command,
                     const struct smtp_server_event *ev)
{
    struct buf params;

    buf_init(&params, 128);
    bool ok = write_params(ev, &params) &&
              milter_put_path(out, command, ev->address->text, buf_slice(&params));
    buf_free(&params);
    return ok;
}

static bool put_helo(const struct in_session *s, struct buf *out)
{
    const struct smtp_server_event *ev = stages_event(s);
    const char *helo = s->stages.at == AT_HELO ? ev->helo : s->server.helo;

    return milter_put_text(out, MILTER_HELO, slice_of(helo));
}

static bool put_connect(const struct in_session *s, struct buf *out)
{
    char name[IP_TEXT_MAX + 2];

    (void)snprintf(name, sizeof(name), "[%s]", s->client);
    return milter_put_connect(out, name, &s->peer);
}

static bool put(const struct in_session *s, enum milter_command command, struct buf *out)
{
    if (command == MILTER_CONNECT)
        return put_connect(s, out);
    if (command == MILTER_HELO)
        return put_helo(s, out);
    if (command == MILTER_DATA)
        return milter_put_data(out, command, SLICE(""));
    return put_path(out, command, stages_event(s));
}

enum { ENVELOPE_ROOM = 8 * 1024 }; /* octets; a command with its macros is far smaller */

bool say_envelope(struct milter_link *l, enum milter_command command)
{
    struct buf *out = conn_out(l->conn);

    if (buf_room(out) < ENVELOPE_ROOM)
        return false;
    return say_macros(l, command) &&
           (!say_wanted(l, command) || put(l->all->session, command, out));
}
