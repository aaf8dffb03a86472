/* Two connections that talk to each other in one pumped loop, and what each was told. */
#ifndef DANELAW_TESTS_TLS_PAIR_H
#define DANELAW_TESTS_TLS_PAIR_H

#include "tls/conn.h"

struct end {
    struct conn *c;
    struct buf got; /* what conn_in held, if consume */
    bool consume;
    bool free_in_callback; /* conn_free in the next callback, whichever */
    int connected, readable, drained, tls_ok, tls_failed, closed, timeout;
    enum cause why;
    char error[200];
    size_t to_send; /* on_drained appends until so many octets are gone */
    size_t received;
    unsigned char next_out, next_in; /* a running pattern */
    bool pattern_ok;
};

struct pair {
    struct loop *loop;
    struct end a, b;
};

extern const struct conn_ops end_ops;

void pair_start(struct pair *p, size_t max); /* over a socket pair */
void pair_stop(struct pair *p);
void pair_pump(struct pair *p); /* until nothing moves */
void end_say(struct end *e, const char *text);
void end_fill(struct end *e); /* appends pattern until conn_out is full or to_send is 0; flushes */
/* Whether the two ends' handshakes end well. Takes both. */
bool pair_tls(struct pair *p, SSL *client, SSL *server);

#endif
