/* A connection: non-blocking socket, optional TLS, bounded buffers, one deadline. One code path for
 * plain and TLS. Raw libevent events with SSL_set_fd.
 *
 * The owner reads conn_in and consumes, appends to conn_out and calls conn_flush. Callbacks come
 * only from the loop, never from inside a conn_ call; a callback may conn_free its connection. After
 * on_closed or on_timeout no further callback comes; the owner frees.
 *
 * STARTTLS: conn_tls requires conn_in empty (bytes before the handshake end the session: the caller
 * checks conn_in(c)->n and treats them as injection) and waits itself until conn_out is drained.
 *
 * SIGPIPE must be ignored by the process: OpenSSL writes to the socket itself.
 * Thread: that of the loop given. */
#ifndef DANELAW_TLS_CONN_H
#define DANELAW_TLS_CONN_H

#include <openssl/ssl.h>

#include "config/base/buf.h"
#include "config/base/ip.h"
#include "config/base/loop.h"
#include "config/base/status.h"

struct conn;

struct conn_ops {
    void (*on_connected)(void *arg);  /* conn_connect: the TCP connection stands */
    void (*on_readable)(void *arg);   /* conn_in has new octets */
    void (*on_drained)(void *arg);    /* conn_out fell to half its maximum or less after being above,
                                         or became empty */
    void (*on_tls)(void *arg, bool ok, const char *error); /* the handshake ended; if !ok the
                                         connection is still there for conn_ssl, then free it */
    void (*on_closed)(void *arg, const struct status *why); /* end of file (CONNECTION_LOST) or error
                                         (CONNECT_FAILED before it stood) */
    void (*on_timeout)(void *arg);    /* the deadline passed */
};

/* Takes fd (accepted, non-blocking). in_max, out_max: of the buffers, octets. */
struct conn *conn_accept(struct loop *loop, int fd, size_t in_max, size_t out_max,
                         const struct conn_ops *ops, void *arg);
/* Starts connecting. Errors, even immediate ones, arrive by on_closed. */
struct conn *conn_connect(struct loop *loop, const struct ip_port *to, size_t in_max,
                          size_t out_max, const struct conn_ops *ops, void *arg);
/* The same to a local socket; of a path too long the error arrives as any other. */
struct conn *conn_connect_local(struct loop *loop, const char *path, size_t in_max, size_t out_max,
                                const struct conn_ops *ops, void *arg);
/* New owner of an open connection (kept connections). */
void conn_adopt(struct conn *c, const struct conn_ops *ops, void *arg);
/* Closes (TLS: close_notify first, best effort). NULLs the pointer. */
void conn_free(struct conn **c);

struct buf *conn_in(struct conn *c);
struct buf *conn_out(struct conn *c);
void conn_flush(struct conn *c); /* write what can be written now, the rest when possible */
/* Stops and resumes reading (back-pressure). Reading stops by itself while conn_in is full; whoever
 * makes room outside on_readable calls conn_resume (or conn_flush) afterwards.
 * Resuming with octets still in conn_in calls on_readable from the loop. An end of file behind octets
 * that the owner has paused on is told after conn_resume; until on_closed, answers can be sent. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Absolute from now; replaces the one before; 0 clears. Not moved by single octets arriving. */
void conn_deadline(struct conn *c, int64_t delay_ms);
/* Takes ssl. server: SSL_accept, else SSL_connect. */
void conn_tls(struct conn *c, SSL *ssl, bool server);
int conn_fd(const struct conn *c);  /* for a look without reading */
SSL *conn_ssl(struct conn *c); /* NULL in clear; borrows */
const struct ip_port *conn_peer(const struct conn *c);
const struct ip_port *conn_local(const struct conn *c);
/* The octets written and flushed, then close: for a last reply. Frees itself; NULLs the pointer. */
void conn_finish(struct conn **c);

#endif
