/* One filter: its connection, what is due to be said, its answers, its failures. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/base/log.h"
#include "mta/in/milter_private.h"

/* ---- failures */

void link_close(struct milter_link *l)
{
    if (l->conn)
        conn_free(&l->conn);
    l->open = false;
    l->told = TOLD_NOTHING;
    l->awaited = 0;
}

void link_fail(struct milter_link *l, const char *why)
{
    const struct in_session *s = l->all->session;
    bool passed = l->config->on_error == MILTER_IS_PASSED;

    COUNT(milter_failed);
    LOG(SMTPD_MILTER_FAILED, s->tx && s->tx->id[0] ? s->tx->id : NULL,
        F_STR("milter", l->config->name), F_STR("client", s->client), F_STR("reason", why),
        F_STR("mail", passed ? "goes on without it" : "has to wait"));
    link_close(l);
    l->failed = true;
    l->passed_message = false;
    if (l == &l->all->links[l->all->turn])
        changes_drop(l->all); /* they are its own */
}

void link_deadline(struct milter_link *l, int64_t ms)
{
    int64_t left = l->give_up_ms - loop_now_ms(l->all->session->worker->loop);

    left = left < 1 ? 1 : left;
    conn_deadline(l->conn, ms < left ? ms : left);
}

static int64_t patience(const struct milter_link *l)
{
    return l->all->at == AT_END ? l->config->timeout_content_ms : l->config->timeout_command_ms;
}

/* ---- answers */

/* Before any connection there is a number for each refusal; filters may give their own. */
static struct status refusal_of(const struct milter_link *l, const struct milter_reply *r)
{
    bool greeting = l->all->at == AT_CONNECT; /* RFC 5321 §4.3.2: 220, 421, 554 */
    bool temporary = r->kind == MILTER_TEMPFAIL || r->kind == MILTER_SHUTDOWN ||
                     (r->kind == MILTER_REPLY && r->code < 500);
    struct status st = status_of(temporary ? CAUSE_MILTER_TEMPFAIL : CAUSE_MILTER_REJECT);

    if (r->kind == MILTER_REPLY) {
        st = status_make(st.cause, "%s", r->words);
        st.code = r->code;
        st.esc = r->esc.cls ? r->esc : st.esc;
    }
    if (r->kind == MILTER_SHUTDOWN)
        st.code = 421;
    if (greeting)
        st.code = temporary ? 421 : 554;
    return st;
}

static void log_verdict(const struct milter_link *l, enum milter_command to,
                        const struct milter_reply *r)
{
    const struct transaction *tx = l->all->session->tx;
    char command[2] = {(char)to}, answer[2] = {(char)r->kind};

    LOG(SMTPD_MILTER, tx && tx->id[0] ? tx->id : NULL, F_STR("milter", l->config->name),
        F_STR("command", command), F_STR("answer", answer));
}

static void note_told(struct milter_link *l, enum milter_command command)
{
    switch (command) {
    case MILTER_CONNECT:
        l->told = TOLD_CONNECT;
        break;
    case MILTER_HELO:
        l->told = TOLD_HELO;
        break;
    case MILTER_MAIL:
        l->told = TOLD_MAIL;
        break;
    case MILTER_RCPT:
    case MILTER_DATA:
        l->said = true;
        break;
    case MILTER_END:
        l->told = TOLD_HELO;
        l->passed_message = true;
        break;
    case MILTER_ABORT:
    case MILTER_BODY:
    case MILTER_MACROS:
    case MILTER_HEADER:
    case MILTER_EOH:
    case MILTER_OPTIONS:
    case MILTER_QUIT:
        break;
    }
}

static void accept_by(struct milter_link *l, enum milter_command to)
{
    if (to == MILTER_CONNECT || to == MILTER_HELO)
        l->passed_session = true;
    else
        l->passed_message = true;
}

static void refused_by(struct milter_link *l, enum milter_command to, const struct milter_reply *r)
{
    l->all->refusal = refusal_of(l, r);
    if (l->all->at == AT_MAIL && to != MILTER_MAIL)
        l->told = TOLD_NOTHING; /* it heard of the client late, and does not want it */
}

/* The one answer to a command. NULL, or what is wrong with it. */
static const char *take_verdict(struct milter_link *l, const struct milter_reply *r)
{
    enum milter_command to = (enum milter_command)l->awaited;

    if (r->kind == MILTER_CONNECT_FAIL)
        return "it does not want this connection";
    l->awaited = 0;
    conn_deadline(l->conn, 0);
    log_verdict(l, to, r);
    note_told(l, to);
    if (r->kind == MILTER_CONTINUE)
        return to == MILTER_END ? changes_make(l) : NULL;
    if (r->kind == MILTER_SKIP)
        content_skip(l->all, to);
    else if (r->kind == MILTER_DISCARD)
        l->all->session->tx->discarded = true;
    else if (r->kind != MILTER_ACCEPT)
        refused_by(l, to, r);
    else if (to == MILTER_END)
        return changes_make(l);
    else
        accept_by(l, to);
    return NULL;
}

static const char *take_answer(struct milter_link *l, const struct milter_packet *p)
{
    struct milter_reply r;

    if (!l->open) {
        const char *why = milter_options_parse(p, &l->options);
        l->open = !why;
        conn_deadline(l->conn, 0);
        return why;
    }
    if (!l->awaited)
        return "it speaks out of turn";
    if (!milter_reply_parse(p, &r))
        return "its answer is malformed";
    if (!milter_answer_fits((enum milter_command)l->awaited, r.kind, l->options.steps))
        return "its answer does not fit the command";
    if (r.kind == MILTER_PROGRESS) {
        link_deadline(l, patience(l));
        return NULL;
    }
    if (!milter_is_change(r.kind))
        return take_verdict(l, &r);
    link_deadline(l, patience(l));
    return milter_may_change(r.kind, l->options.actions) ? change_take(l, &r)
                                                         : "it changes what was not agreed on";
}

static void on_readable(void *arg)
{
    struct milter_link *l = arg;
    struct milter_packet p;
    enum milter_found found;
    const char *why = NULL;

    while (!why && (found = milter_packet_next(buf_slice(conn_in(l->conn)), &p)) != MILTER_MORE) {
        why = found == MILTER_PACKET ? take_answer(l, &p) : "its answer has a wrong length";
        if (!why)
            buf_consume(conn_in(l->conn), p.octets);
    }
    if (why)
        link_fail(l, why);
    if (!l->conn || (l->open && !l->awaited))
        milters_go_on(l->all, l);
}

/* ---- the connection */

static void on_drained(void *arg)
{
    struct milter_link *l = arg;

    if (l->open && !l->awaited)
        milters_go_on(l->all, l);
}

/* Whether it is missed now: in a transaction that it has heard of, or while we wait for it. */
static bool is_missed(const struct milter_link *l)
{
    bool its_turn = l->all->waiting && l == &l->all->links[l->all->turn];
    return its_turn || (l->told == TOLD_MAIL && !l->passed_message);
}

static void lost(struct milter_link *l, const char *why)
{
    if (is_missed(l))
        link_fail(l, why);
    else
        link_close(l);
    milters_go_on(l->all, l);
}

static void on_closed(void *arg, const struct status *why)
{
    lost(arg, why->text);
}

static void on_timeout(void *arg)
{
    struct milter_link *l = arg;
    bool over = loop_now_ms(l->all->session->worker->loop) >= l->give_up_ms;

    lost(l, over ? "it takes longer than the client waits" : "it does not answer in time");
}

static void say_options(struct milter_link *l)
{
    REQUIRE(milter_put_options(conn_out(l->conn), MILTER_ACTIONS, MILTER_STEPS));
    link_deadline(l, l->config->timeout_command_ms);
    conn_flush(l->conn);
}

static void on_connected(void *arg)
{
    say_options(arg);
}

static const struct conn_ops link_ops = {
    .on_connected = on_connected,
    .on_readable = on_readable,
    .on_drained = on_drained,
    .on_closed = on_closed,
    .on_timeout = on_timeout,
};

/* A local socket takes a connection at once or, where its queue is full, not at all. */
static int connect_local(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    REQUIRE(slice_copy(slice_of(path), sa.sun_path, sizeof(sa.sun_path)));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static void open_link(struct milter_link *l)
{
    struct loop *loop = l->all->session->worker->loop;
    const struct milter_socket *to = &l->config->socket;

    if (!to->path) {
        l->conn = conn_connect(loop, &to->addr, LIMIT_MILTER_PACKET + 4, LIMIT_MILTER_OUT,
                               &link_ops, l);
        link_deadline(l, l->config->timeout_connect_ms);
        return;
    }
    int fd = connect_local(to->path);
    if (fd < 0) {
        link_fail(l, strerrordesc_np(errno));
        return;
    }
    l->conn = conn_accept(loop, fd, LIMIT_MILTER_PACKET + 4, LIMIT_MILTER_OUT, &link_ops, l);
    say_options(l);
}

/* ---- what is due */

/* Nothing is asked of it at this point: it has seen enough, or what it had to see. */
static bool has_passed(const struct milter_link *l)
{
    return l->passed_session || (l->passed_message && l->all->at > AT_MAIL);
}

static enum link_result without_it(struct milter_link *l)
{
    /* At the greeting and HELO nothing is lost yet: MAIL asks again. */
    if (l->config->on_error == MILTER_IS_PASSED || l->all->at < AT_MAIL)
        return LINK_DONE;
    l->all->refusal = status_of(CAUSE_MILTER_TEMPFAIL);
    return LINK_REFUSES;
}

/* The next command of the envelope, 0 if it has heard all. */
static int envelope_due(const struct milter_link *l)
{
    enum stage_point at = l->all->at;

    if (l->told < TOLD_CONNECT)
        return MILTER_CONNECT;
    if (at >= AT_HELO && l->told < TOLD_HELO)
        return MILTER_HELO;
    if (at == AT_MAIL)
        return l->told < TOLD_MAIL ? MILTER_MAIL : 0;
    if (at == AT_RCPT || at == AT_DATA)
        return l->said ? 0 : at == AT_RCPT ? MILTER_RCPT : MILTER_DATA;
    return 0;
}

/* Says what is next. 0: nothing is left. -1: there is no room for it now. */
static int say_next(struct milter_link *l)
{
    enum milter_command command;
    int due = envelope_due(l);

    if (due)
        return say_envelope(l, (enum milter_command)due) ? due : -1;
    if (l->all->at != AT_END || l->told < TOLD_MAIL)
        return 0;
    switch (content_say(l, &command)) {
    case CONTENT_SAID:
        return (int)command;
    case CONTENT_FULL:
        return -1;
    case CONTENT_OVER:
        break;
    }
    return 0;
}

static enum link_result talk(struct milter_link *l)
{
    while (status_ok(&l->all->refusal) && !has_passed(l)) {
        if (conn_in(l->conn)->n) {
            link_fail(l, "it speaks out of turn");
            return without_it(l);
        }
        int said = say_next(l);
        if (said == 0)
            return status_ok(&l->all->refusal) ? LINK_DONE : LINK_REFUSES;
        if (said > 0 && say_answered(l, (enum milter_command)said))
            l->awaited = said;
        else if (said > 0)
            note_told(l, (enum milter_command)said);
        if (said < 0 || l->awaited) {
            link_deadline(l, patience(l));
            conn_flush(l->conn);
            return LINK_WAITS;
        }
    }
    return status_ok(&l->all->refusal) ? LINK_DONE : LINK_REFUSES;
}

enum link_result link_work(struct milter_link *l)
{
    if (!status_ok(&l->all->refusal))
        return LINK_REFUSES;
    if (has_passed(l))
        return LINK_DONE;
    if (!l->conn && !l->failed && (l->all->at == AT_CONNECT || l->all->at == AT_MAIL))
        open_link(l);
    if (!l->conn)
        return l->failed ? without_it(l) : LINK_DONE;
    return l->open && !l->awaited ? talk(l) : LINK_WAITS;
}
