/* An outbound session's state, shared by its flow (session.c) and its beginning (session_open.c). Private
 * to mta/out. One worker. */
#ifndef DANELAW_OUT_SESSION_PRIVATE_H
#define DANELAW_OUT_SESSION_PRIVATE_H

#include "mta/out/login.h"
#include "mta/out/session.h"
#include "mta/out/session_body.h"

enum phase { PHASE_CONNECTING, PHASE_HANDSHAKE, PHASE_TALKING, PHASE_DEAD };

struct out_session {
    struct worker_ctx *w;
    struct settings *settings;
    struct ip_port to;
    char host[DNS_NAME_MAX];
    char remote[320];
    struct verdict verdict;
    struct dest_facts *facts;
    enum tls_level level;
    bool implicit_tls, lmtp, chunking;
    struct out_login login;
    const struct tls_probe *probe;
    const struct out_session_ops *ops;
    void *arg;

    struct conn *conn;
    struct smtp_client *client;
    enum phase phase;
    enum client_state armed; /* the state the deadline was set for */
    bool finished;           /* the transaction has its results; its end is not yet told */
    bool polite;             /* QUIT is said before the connection closes */
    bool dot_sent;           /* the final dot is out, its reply is not in */
    bool has_outcome;
    struct tls_outcome outcome;
    struct body_source source;
    struct timer kick;
};

extern const struct conn_ops out_session_calls;

#endif
