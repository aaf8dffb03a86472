/* A whole relay door in one thread: a worker, queue and sync loops that are pumped in turn, the
 * memory store, and a client on a socket pair. Time is the fake clock. */
#ifndef DANELAW_TEST_RIG_H
#define DANELAW_TEST_RIG_H

#include <criterion/criterion.h>

#include "config/base/list.h"
#include "mta/auth/desk.h"
#include "mta/in/session.h"

struct rig {
    char dir[64];
    struct config config;
    struct listener_config listener;
    struct identity_config identity;
    char pem[2][80]; /* its files */
    struct config_path files[2];
    struct domain_config domain;
    struct ip_net clients[1];
    struct settings settings;
    struct tls_identity *own;         /* NULL: no TLS */
    struct tls_door door;
    SSL_CTX *client; /* what rig_handshake uses; NULL: the library's defaults */
    struct loop *loop, *queue_loop, *sync_loop, *auth_loop;
    struct auth_desk *auth;
    struct users *users[1];
    struct store *store;
    struct queue *queue;
    struct worker_ctx worker;
    struct rates *rates;
    int ended;      /* on_end calls */
    bool (*also)(void *arg); /* pumped with the loops: true if anything moved. NULL: none */
    void *also_arg;
    enum cause move_cause; /* what admission says to XCLIENT */
    char moves[200];       /* "from to, " of each that was asked */
    int fd;         /* the client's end, -1: none */
    SSL *ssl;       /* of the client, NULL: clear */
    struct buf got; /* what the server said and nobody has looked at yet */
    bool closed;    /* the server closed */
    struct buf log;
    int send_buffer;   /* of the server's socket, octets; 0: the system's */
    const char *early; /* what the client says before the session starts */
};

struct rig *rig_new(void);
void rig_free(struct rig **r); /* closes, pumps, checks on_end and leaks */
void rig_pump(struct rig *r);  /* all loops until nothing moves */
/* Connects a client; from: its address as the server sees it. */
void rig_connect(struct rig *r, const char *from);
void rig_close(struct rig *r);
void rig_write(struct rig *r, struct slice s); /* all of it, pumping */
void rig_read(struct rig *r);                  /* what there is, into got */
#define rig_say(r, text) rig_write((r), slice_of(text))
/* Takes whole replies up to one that starts with want; fails the test if another comes first. */
void rig_expect(struct rig *r, const char *want);
void rig_ask(struct rig *r, const char *line, const char *want);
/* Says nothing more and the server has closed. */
void rig_expect_close(struct rig *r);
void rig_advance(struct rig *r, int64_t ms); /* in steps, pumping */
/* EHLO … DATA for one recipient. */
void rig_to_data(struct rig *r);
/* The messages in the store, with bodies. */
size_t rig_messages(struct rig *r, struct message **out, size_t max);
/* The one message; fails if there is another number. The caller frees it. */
struct message *rig_message(struct rig *r);
/* The content of a message after our Received field. */
char *rig_content(struct message *m, size_t *out_n);
size_t rig_files(const struct rig *r);       /* body files in the spool */
void rig_say_large(struct rig *r, size_t n); /* n octets in lines of 100 */
bool rig_logged(const struct rig *r, const char *text);
/* A self-signed certificate of that key. */
X509 *rig_certificate(EVP_PKEY *key);
void rig_identity(struct rig *r);  /* a fresh certificate for the listener */
/* A users file and a certificate for the listener. */
void rig_users(struct rig *r, enum listener_auth auth, const char *text);
void rig_handshake(struct rig *r); /* the client's side */
MUST_USE bool rig_try_handshake(struct rig *r);

#endif
