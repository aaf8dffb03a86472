/* The session's side of the server machine: greeting, its answers, the end of the handshake. Pure,
 * any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "mta/smtp/reply.h"
#include "mta/smtp/server_internal.h"

static void greet(struct smtp_server *s)
{
    REQUIRE(buf_printf(s->out, "220 %s ESMTP Danelaw\r\n", s->cfg.hostname));
}

void smtp_server_greet(struct smtp_server *s, bool talks_early)
{
    struct status early = status_of(CAUSE_TALKS_EARLY);

    s->greeted = true;
    if (talks_early)
        smtp_server_refuse_and_close(s, &early);
    else
        greet(s);
}

static bool came_by(const struct smtp_server *s, struct slice verb)
{
    return slice_eq(s->cmd->verb->name, verb);
}

static void set_helo(struct smtp_server *s, const char *helo)
{
    free(s->helo);
    s->helo = base_strdup(helo);
}

static void accept_helo(struct smtp_server *s, const struct status *st)
{
    smtp_server_reset(s);
    s->phase = PHASE_READY;
    s->esmtp = came_by(s, SLICE("EHLO"));
    set_helo(s, s->cmd->helo);
    if (s->esmtp)
        smtp_server_reply_ehlo(s);
    else
        REQUIRE(buf_printf(s->out, "250 %s\r\n", s->cfg.hostname));
}

static void accept_mail(struct smtp_server *s, const struct status *st)
{
    struct status said = status_of(CAUSE_SENDER_OK);

    s->phase = PHASE_MAIL;
    s->smtputf8 = s->cmd->mail.smtputf8;
    s->mails++;
    smtp_server_reply(s, &said);
}

static void accept_rcpt(struct smtp_server *s, const struct status *st)
{
    struct status said = status_of(CAUSE_RECIPIENT_OK);

    s->phase = PHASE_RCPT;
    s->rcpts++;
    smtp_server_reply(s, &said);
}

static void accept_data(struct smtp_server *s, const struct status *st)
{
    if (came_by(s, SLICE("BDAT"))) {
        smtp_server_chunk_accepted(s);
        return;
    }
    dot_reader_init(&s->reader.dot, s->cfg.convert_newlines);
    s->in_data = true;
    REQUIRE(buf_append(s->out, SLICE("354 End data with <CR><LF>.<CR><LF>\r\n")));
}

static void accept_chunk(struct smtp_server *s, const struct status *st)
{
    unsigned long long size = s->chunk.size;
    struct status said = status_make(CAUSE_OK, "Ok: %llu octets", size);

    smtp_server_reply(s, &said);
}

static void accept_message(struct smtp_server *s, const struct status *st)
{
    struct status said = *st;

    if (!slice_casestarts(slice_of(st->text), SLICE("Ok")))
        (void)snprintf(said.text, sizeof(said.text), "Ok: %.300s", st->text);
    s->errors = s->noise = 0;
    s->chunk.skipped = 0;
    smtp_server_reply(s, &said);
}

static void refuse_rest(struct smtp_server *s, const struct status *st)
{
    smtp_server_write_refusal(s, st);
}

static void refuse_data(struct smtp_server *s, const struct status *st)
{
    if (came_by(s, SLICE("BDAT"))) {
        smtp_server_chunk_refused(s, st);
        return;
    }
    smtp_server_write_refusal(s, st);
    smtp_server_after_refused_data(s);
}

static void refuse_chunk(struct smtp_server *s, const struct status *st)
{
    smtp_server_write_refusal(s, st);
    if (!s->closing)
        smtp_server_reset(s);
}

/* What became of a message is said as it is: 421 in its place would make the client send it again.
 */
static void refuse_message(struct smtp_server *s, const struct status *st)
{
    (void)smtp_server_over_budget(s, st);
    smtp_server_reply(s, st);
    if (st->code == 421)
        smtp_server_close(s);
}

/* 220 is out already, so nothing can be said in clear any more. */
static void end_starttls(struct smtp_server *s, const struct status *st)
{
    smtp_server_close(s);
}

/* What was said before it stays known: there is no security layer (RFC 4954 §4). */
static void accept_auth(struct smtp_server *s, const struct status *st)
{
    struct status said = status_of(CAUSE_AUTH_OK);

    s->authenticated = true;
    smtp_server_reply(s, &said);
}

/* Everything but the connection is forgotten. */
static void begin_anew(struct smtp_server *s)
{
    s->phase = PHASE_GREET;
    s->esmtp = s->data_refused = s->smtputf8 = s->authenticated = false;
    s->rcpts = 0;
    set_helo(s, "");
}

/* A client whose name was given has authenticated to the proxy. Who authenticated here before was
 * somebody else: the proxy itself, or its last client. */
static void accept_xclient(struct smtp_server *s, const struct status *st)
{
    bool authenticated = s->cmd->xclient.said[XCLIENT_LOGIN] == XCLIENT_GIVEN;

    begin_anew(s);
    s->authenticated = authenticated;
    greet(s);
}

static const struct answer {
    void (*yes)(struct smtp_server *s, const struct status *st);
    void (*no)(struct smtp_server *s, const struct status *st);
} answers[] = {
    [SERVER_HELO] = {accept_helo,    refuse_rest   },
    [SERVER_MAIL] = {accept_mail,    refuse_rest   },
    [SERVER_RCPT] = {accept_rcpt,    refuse_rest   },
    [SERVER_DATA] = {accept_data,    refuse_data   },
    [SERVER_CHUNK] = {accept_chunk,   refuse_chunk  },
    [SERVER_END] = {accept_message, refuse_message},
    [SERVER_STARTTLS] = {end_starttls,   end_starttls  },
    [SERVER_AUTH] = {accept_auth,    refuse_rest   },
    [SERVER_AUTH_LINE] = {accept_auth,    refuse_rest   },
    [SERVER_XCLIENT] = {accept_xclient, refuse_rest   },
};

void smtp_server_answer(struct smtp_server *s, const struct status *st)
{
    REQUIRE(s->awaiting && (size_t)s->awaited < ARRAY_LEN(answers) && answers[s->awaited].yes);
    s->awaiting = false;
    if (s->awaited == SERVER_END) {
        /* The transaction is over either way (RFC 5321 §4.1.1.4). */
        s->phase = PHASE_READY;
        s->rcpts = 0;
        s->smtputf8 = false;
        s->chunk.taken = 0;
    }
    (status_ok(st) ? answers[s->awaited].yes : answers[s->awaited].no)(s, st);
}

bool smtp_server_in_message(const struct smtp_server *s)
{
    return s->in_data || s->phase == PHASE_CHUNKS;
}

void smtp_server_tls_done(struct smtp_server *s)
{
    begin_anew(s);
    s->tls = true;
    s->awaiting = s->discarding = false;
}

void smtp_server_abort(struct smtp_server *s, const struct status *st)
{
    if (s->closing)
        return;
    if (buf_room(s->out) >= SMTP_SERVER_REPLY_ROOM)
        smtp_server_reply(s, st);
    s->has_content = false;
    smtp_server_close(s);
}
