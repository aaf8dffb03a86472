/* What sessions and deliveries may reach of the worker they live on: plain data, owned by run/worker.
 * mta/in and mta/out see this and never each other. */
#ifndef DANELAW_MTA_WORKER_CTX_H
#define DANELAW_MTA_WORKER_CTX_H

#include "config/base/list.h"
#include "config/base/loop.h"
#include "dns/link.h"
#include "mta/settings.h"
#include "mta/verify.h"
#include "queue/queue.h"

struct auth_desk;
struct pool;
struct recipient_files;

struct worker_ctx {
    struct loop *loop;
    struct settings *settings; /* the current one; a session takes its own reference */
    struct queue *queue;
    struct dns_link *dns;
    struct auth_desk *auth;    /* where passwords are judged */
    struct pool *pool;         /* idle outbound connections of this worker */
    struct recipient_files *recipients; /* the current ones (in/recipient_files) */
    verify_fn *verify;         /* whether a next hop takes a recipient (out/verify) */
    struct verifier *verifier; /* one for all workers, so that all know what one has learnt */
    struct list sessions;      /* inbound sessions of this worker (in/session) */
    bool stopping;
};

#endif
