/* The octets of a connection: socket or TLS, in and out. Calls no owner; see conn_private.h. */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/conn_private.h"

enum {
    /* One less than a power of two: struct buf keeps an octet to itself, and memory comes in
       powers. */
    STEP_MIN = 16 * 1024 - 1,
    STEP_MAX = 64 * 1024 - 1,
    TURN = 64 * 1024, /* octets read before other connections get their turn */
};

/* How one attempt to move octets ended. */
enum result { MOVED, LATER, ENDED, FAILED };

static void keep_why(struct conn *c, struct status why)
{
    if (!c->why)
        c->why = base_alloc(sizeof(*c->why));
    *c->why = why;
}

void conn_io_lost(struct conn *c, struct status why)
{
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    c->ended = false;
    keep_why(c, why);
    c->due = (c->due & DUE_READABLE) | DUE_CLOSED;
}

static void lost_by_errno(struct conn *c, int error)
{
    const char *words = strerrordesc_np(error);
    conn_io_lost(c, status_make(CAUSE_CONNECTION_LOST, "connection lost: %s",
                                words ? words : "unknown error"));
}

static const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "protocol error";
}

/* Sorts what SSL_get_error says; the error itself is told here. */
static enum result tls_result(struct conn *c, int returned, enum conn_want *out_want)
{
    int error = errno, kind = SSL_get_error(c->ssl, returned);

    *out_want = WANT_NOTHING;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        *out_want = kind == SSL_ERROR_WANT_READ ? WANT_READ : WANT_WRITE;
        return LATER;
    }
    if (kind == SSL_ERROR_ZERO_RETURN)
        return ENDED;
    c->tls_broken = true;
    if (kind == SSL_ERROR_SYSCALL)
        lost_by_errno(c, error ? error : ECONNRESET);
    else
        conn_io_lost(c,
                     status_make(CAUSE_CONNECTION_LOST, "connection lost: TLS: %s", tls_reason()));
    ERR_clear_error();
    return FAILED;
}

static enum result plain_result(struct conn *c, ssize_t n)
{
    if (n > 0)
        return MOVED;
    if (n == 0)
        return ENDED;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return LATER;
    lost_by_errno(c, errno);
    return FAILED;
}

static enum result read_some(struct conn *c, char *p, size_t room, size_t *out_n)
{
    if (!c->tls_up) {
        ssize_t n = recv(c->fd, p, room, 0);
        *out_n = n > 0 ? (size_t)n : 0;
        return plain_result(c, n);
    }
    ERR_clear_error(); /* SSL_get_error reads the thread's queue, whoever filled it */
    errno = 0;
    int returned = SSL_read_ex(c->ssl, p, room, out_n);
    c->read_wants = WANT_NOTHING;
    return returned == 1 ? MOVED : tls_result(c, returned, &c->read_wants);
}

static enum result write_some(struct conn *c, struct slice s, size_t *out_n)
{
    if (!c->tls_up) {
        ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
        *out_n = n > 0 ? (size_t)n : 0;
        return n == 0 ? LATER : plain_result(c, n);
    }
    ERR_clear_error();
    errno = 0;
    int returned = SSL_write_ex(c->ssl, s.p, s.n, out_n);
    c->write_wants = WANT_NOTHING;
    return returned == 1 ? MOVED : tls_result(c, returned, &c->write_wants);
}

bool conn_io_pending(const struct conn *c)
{
    return c->tls_up && !c->tls_broken && SSL_pending(c->ssl) > 0;
}

/* A peer that fills what we ask for gets larger steps, one that talks little gets small ones. */
static void adapt_step(struct conn *c, size_t asked, size_t got)
{
    if (got == asked && c->step < STEP_MAX)
        c->step = c->step * 2 + 1;
    else if (got < STEP_MIN / 2)
        c->step = STEP_MIN;
}

/* How much to ask for. After the turn's budget only what TLS has already decrypted is taken, since
 * no event would come for it. */
static size_t next_step(struct conn *c, size_t taken)
{
    size_t step = c->step < STEP_MIN ? STEP_MIN : c->step;
    if (taken < TURN)
        return step;
    return conn_io_pending(c) ? (size_t)SSL_pending(c->ssl) : 0;
}

/* The peer has said all it will say, but may still read: what the owner has to answer to the octets
 * before the end can be sent until on_closed was told. */
static void on_end_of_file(struct conn *c)
{
    if (c->ended || c->state == CONN_DEAD)
        return;
    c->ended = true;
    keep_why(c, status_make(CAUSE_CONNECTION_LOST, "the other side closed the connection"));
    c->due |= DUE_CLOSED;
}

void conn_io_read(struct conn *c)
{
    enum result result = MOVED;
    size_t taken = 0;
    bool more = true;

    c->step = c->step ? c->step : STEP_MIN;
    while (result == MOVED && more) {
        char *p;
        size_t n = 0, room = buf_reserve(&c->in, next_step(c, taken), &p);
        if (room == 0)
            break;
        result = read_some(c, p, room, &n);
        buf_commit(&c->in, n);
        taken += n;
        adapt_step(c, room, n);
        more = c->tls_up || n == room; /* a short read has emptied the socket */
    }
    if (taken)
        c->due |= DUE_READABLE;
    if (result == ENDED)
        on_end_of_file(c);
}

static void note_drained(struct conn *c)
{
    bool half = c->was_above && c->out.n <= c->out.max / 2;
    if (c->out.n && !half)
        return;
    c->was_above = false;
    c->due |= DUE_DRAINED;
}

void conn_io_write(struct conn *c)
{
    enum result result = MOVED;
    size_t before = c->out.n;

    c->was_above |= before > c->out.max / 2;
    while (result == MOVED && c->out.n) {
        size_t n = 0;
        result = write_some(c, buf_slice(&c->out), &n);
        buf_consume(&c->out, n);
    }
    if (result == ENDED)
        lost_by_errno(c, EPIPE);
    if (c->state == CONN_DEAD)
        return;
    c->blocked = c->out.n > 0;
    if (c->out.n == 0)
        buf_free(&c->out);
    if (c->out.n < before)
        note_drained(c);
}

/* Why a handshake failed, in the words of the alert or of the certificate's verification. */
static void keep_tls_error(struct conn *c, int kind, int error)
{
    const char *words = "the other side closed the connection";
    if (kind == SSL_ERROR_SSL)
        words = tls_reason();
    else if (kind == SSL_ERROR_SYSCALL && error)
        words = strerrordesc_np(error);
    c->tls_error = base_strdup(words ? words : "unknown error");
}

void conn_io_handshake(struct conn *c)
{
    ERR_clear_error();
    errno = 0;
    int returned = SSL_do_handshake(c->ssl);
    int error = errno, kind = returned == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, returned);

    c->handshake_wants = WANT_NOTHING;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        c->handshake_wants = kind == SSL_ERROR_WANT_READ ? WANT_READ : WANT_WRITE;
        return;
    }
    c->due = DUE_TLS;
    if (kind == SSL_ERROR_NONE) {
        c->tls_up = true;
        c->state = CONN_OPEN;
        return;
    }
    keep_tls_error(c, kind, error);
    ERR_clear_error();
    c->tls_broken = true;
    c->state = CONN_DEAD;
}

void conn_io_goodbye(struct conn *c)
{
    if (!c->tls_up || c->tls_broken || c->out.n)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(c->ssl);
    ERR_clear_error();
}
