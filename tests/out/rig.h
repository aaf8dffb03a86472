/* A worker that delivers: loops that are pumped in turn, the memory store, DNS from a script,
 * receivers on the loopback. Time is real; nothing here waits long. */
#ifndef DANELAW_TEST_OUT_RIG_H
#define DANELAW_TEST_OUT_RIG_H

#include <criterion/criterion.h>

#include "facts.h"
#include "fake.h"
#include "mta/worker_ctx.h"
#include "tests/tls/certs.h"

enum { RIG_HOSTS = 3 };

struct rig {
    char dir[64];
    struct config config;
    struct hop_host hop_host;
    struct next_hop_config hop;
    char *password; /* of the hop */
    struct route_config route;
    struct policy_config policy;
    struct settings *settings;
    struct loop *main, *queue_loop, *sync_loop, *loop;
    struct store *store;
    struct queue *queue;
    struct dns_link *dns;
    struct worker_ctx worker;
    struct fake hosts[RIG_HOSTS]; /* mx0.example at 127.0.0.10, mx1 at .11, … same port, preference
                                     10, 20, … */
    size_t n_hosts;
    struct cert cert; /* of all hosts that have TLS */
    SSL_CTX *server_tls;
    enum { TLSA_NONE, TLSA_RIGHT, TLSA_WRONG, TLSA_ERROR, TLSA_USELESS } tlsa;
    enum dest_kind kind;
    bool mx_insecure;
    bool equal; /* all hosts have one preference */
    int questions;      /* asked of DNS so far */
    bool tlsa_replaced; /* from the second question on nothing matches any more */
    uint32_t ttl_s;     /* of the facts; 0: five minutes */
    int64_t age_ms;     /* of the next message submitted */
    void (*adjust)(struct message *m); /* of each message before it is submitted; NULL: as it is */
    const char *content;               /* of the next message; NULL: a marked one */
    const char *domain; /* of its recipients; NULL: as their addresses have it */
    enum resolver_state resolver;
    bool resolver_silent; /* no step of the facts was answered */
    struct buf log;
    struct queue_submit submit;
    bool submitted;
    struct message *found[8]; /* of rig_messages */
    size_t n_found;
};

/* hosts receivers, not yet started; change them and the configuration, then rig_start. */
struct rig *rig_new(size_t hosts);
struct rig *rig_of(size_t hosts, bool tls); /* all of them with TLS, or none */
void rig_host_has_tls(struct rig *r, size_t i);
void rig_start(struct rig *r);
void rig_free(struct rig **r);
void rig_pump_until_logged(struct rig *r, const char *text, int times);
void rig_pump_ms(struct rig *r, int ms);
/* A message from sender to recipients, separated by blanks, all of d.example. */
void rig_submit(struct rig *r, const char *sender, const char *recipients);
void rig_submit_sized(struct rig *r, const char *sender, const char *recipients, size_t size);
bool rig_logged(struct rig *r, const char *text);
void rig_must_log(struct rig *r, const char *text);
/* What is in the store now, with bodies; valid until the next call. */
size_t rig_messages(struct rig *r);

#endif
