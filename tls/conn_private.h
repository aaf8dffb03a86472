/* The inside of a connection, shared by conn.c, conn_loop.c and conn_io.c.
 *
 * conn_io.c moves octets and notes in `due` what the owner is to be told; it calls nobody.
 * conn_loop.c tells, and only from the loop. So no callback is ever reached from inside a conn_
 * call. conn.c has the birth and the owner's calls. */
#ifndef DANELAW_TLS_CONN_PRIVATE_H
#define DANELAW_TLS_CONN_PRIVATE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "tls/conn.h"

enum conn_state {
    CONN_CONNECTING,
    CONN_OPEN,     /* clear, or TLS after its handshake */
    CONN_TLS_WAIT, /* conn_tls was called, the last clear octets are on their way */
    CONN_HANDSHAKE,
    CONN_LINGER, /* conn_finish: all is sent, waiting for the peer's end */
    CONN_DEAD,   /* no I/O and, once `due` is told, no callback any more */
};

/* What the owner is to be told, in the order of telling. */
enum conn_due {
    DUE_CONNECTED = 1 << 0,
    DUE_TLS = 1 << 1,
    DUE_READABLE = 1 << 2,
    DUE_DRAINED = 1 << 3,
    DUE_CLOSED = 1 << 4,
    DUE_TIMEOUT = 1 << 5,
};

/* What TLS waits for before the call that was made can go on. */
enum conn_want { WANT_NOTHING, WANT_READ, WANT_WRITE };

struct conn {
    struct loop *loop;
    int fd;
    enum conn_state state;
    unsigned due;
    SSL *ssl;
    enum conn_want handshake_wants, read_wants, write_wants;
    bool tls_up;           /* the handshake ended well */
    bool tls_broken;       /* a fatal TLS error: not even close_notify may follow */
    bool blocked;          /* the socket took no more; conn_out goes on when it does */
    bool paused;           /* by the owner */
    bool ended;            /* end of file was read */
    bool was_above;        /* conn_out was above half its maximum since the last on_drained */
    bool finishing;        /* conn_finish: no owner any more */
    bool in_loop;          /* an event is being handled; callbacks may come */
    bool freed;            /* conn_free during a callback: the handler releases the memory */
    bool reading, writing; /* which events are added */
    size_t step;           /* octets to ask the socket for at once */
    struct buf in, out;
    const struct conn_ops *ops;
    void *arg;
    struct status *why; /* for on_closed; NULL until there is one */
    char *tls_error;    /* for on_tls; NULL: none */
    struct ip_port peer, local;
    struct event read_event, write_event;
    struct timer deadline, soon;
};

/* conn_io.c */
/* Reads what is there, within a turn's budget. */
void conn_io_read(struct conn *c);
/* Writes what the socket takes now. */
void conn_io_write(struct conn *c);
void conn_io_handshake(struct conn *c);
/* Sends what still can be sent, and says goodbye in TLS; best effort. */
void conn_io_goodbye(struct conn *c);
/* Whether the TLS layer holds decrypted octets, which no event would tell. */
bool conn_io_pending(const struct conn *c);
/* The connection is over: state DEAD, on_closed due. */
void conn_io_lost(struct conn *c, struct status why);

/* conn.c */
void conn_note_local(struct conn *c);
void conn_connect_failed(struct conn *c, int error);

/* conn_loop.c */
void conn_loop_start(struct conn *c);
/* Sets the events for what the connection waits for. */
void conn_loop_update(struct conn *c);
/* Ends every conn_ call that may have changed something. */
void conn_loop_poke(struct conn *c);
/* Writes; begins the handshake when the last clear octets are gone. */
void conn_loop_write(struct conn *c);
/* The next step of conn_finish; outside a handler c may be gone afterwards. */
void conn_loop_finish(struct conn *c);
void conn_loop_destroy(struct conn *c);
void conn_loop_on_deadline(struct timer *t);

#endif
