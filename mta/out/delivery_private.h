/* A delivery's state, shared by its flow (delivery.c), its transactions (transfer.c) and its end
 * (settle.c). Private to mta/out. One worker. */
#ifndef DANELAW_OUT_DELIVERY_PRIVATE_H
#define DANELAW_OUT_DELIVERY_PRIVATE_H

#include "config/base/arena.h"
#include "config/routes.h"
#include "mta/mail/survey.h"
#include "mta/out/demand.h"
#include "mta/out/hops.h"
#include "mta/out/outcome.h"
#include "mta/out/plan.h"
#include "mta/out/session.h"

enum { REMOTE_MAX = 320 };

/* How the last word about a recipient came: what its delivery line shows. */
struct trail {
    char remote[REMOTE_MAX]; /* "" : no host was connected to */
    char tls[16];            /* "none", "dane", … */
    char record[48];         /* "3 1 1 0123abcd…", "" if no TLSA record matched */
    int depth;               /* of the certificate that matched */
    char name[DNS_NAME_MAX]; /* of the certificate, that matched; "" if none had to */
    char base[DNS_NAME_MAX]; /* TLSA base domain, "" if none */
    char usable[16];         /* "1/2": usable records of all, "" if there is no base */
    const char *mx;          /* "secure", "insecure": whether DNSSEC led here; "" if no host was chosen */
    const char *level;       /* that the policy asked for; static */
    char protocol[16];       /* "TLSv1.3", "" in clear */
    char cipher[64];
    char audited[32];        /* the cause that did not stop it though DANE would have, "" if none */
    bool by_message;         /* for the message said so, not the policy */
    const char *asks;        /* what the message asks of its way, "" if nothing; static */
    char finding[32];        /* likeliest cause of a TLS failure (tls/findings.def), "" if none */
    int64_t ready_ms, end_ms; /* monotonic; ready_ms 0: never ready */
};

/* A recipient of the job on its way. open: neither final nor stopped. */
struct target {
    bool final;     /* delivered, or refused for good */
    bool stopped;   /* no other host in this delivery: it may have got through */
    bool noted;     /* status is set */
    unsigned round; /* of the host that last got it in a transaction; 0: none */
    bool dsn_passed; /* that host took over the duties of RFC 3461 */
    bool delivered;  /* it is where the mailboxes are: LMTP (RFC 2033) */
    struct status status;
    struct trail trail;
};

/* A look at the message's content, taken once where it is needed, in steps; zeroed: none yet. */
struct content_look {
    struct survey *survey;
    uint64_t offset;
    struct timer turn;
    bool done, lost; /* lost: it could not be read */
};

struct delivery {
    struct worker_ctx *w;
    struct job *job;
    void (*settle)(struct delivery *); /* the end: the job leaves the delivery */
    void *owner;                       /* of a probe (verify.c); NULL: a delivery */
    struct settings *settings;
    struct route route;
    struct policy policy;
    enum verdict_demand demand; /* of the message */
    struct target *targets; /* parallel to job->rcpts */
    int64_t start_ms;       /* monotonic */
    struct timer cap;       /* of the whole attempt */
    bool over;              /* the cap has passed */
    bool contact;           /* some host was ready for mail, TLS and all */

    size_t hop_at;
    struct hop hop;
    struct dns_request request;
    bool asking;
    struct dest_facts *facts; /* NULL: the hop is an address */
    int64_t facts_ms;         /* monotonic: when they came */

    struct out_plan plan;
    size_t at;      /* attempt in the plan */
    size_t tries;   /* addresses tried in all; those of this hop are noted */
    struct ip_port tried[LIMIT_ADDRESSES_PER_ATTEMPT];
    size_t n_tried;
    size_t host;    /* of the attempt before */
    unsigned round; /* grows with every host */
    struct verdict verdict;
    uint8_t key[VERDICT_KEY];

    struct out_session *session;
    bool kept;     /* the session is one that was kept open, and nothing has come back yet */
    bool weakened; /* a connection with less, after the TLS of the verdict failed */
    char audited[32]; /* the cause that did not stop it though DANE would have, "" if none */
    int64_t ready_ms;

    bool sending;
    struct smtp_transaction tx;
    struct smtp_rcpt tx_rcpts[LIMIT_RCPT_PER_TRANSACTION];
    size_t tx_targets[LIMIT_RCPT_PER_TRANSACTION];
    struct status *tx_results;
    struct content_look look;
    struct arena *names; /* addresses in another form than the message's; NULL: none */
};

/* delivery.c: the flow with another end. It may be over, and gone, when this returns. */
struct delivery *delivery_begin(struct worker_ctx *w, struct job *job,
                                void (*settle)(struct delivery *), void *owner);
void delivery_cut(struct delivery *d); /* as if it had taken too long; may be gone afterwards */

/* transfer.c: recipients and their results. */
bool transfer_has_open(const struct delivery *d);      /* at any host */
bool transfer_has_open_here(const struct delivery *d); /* not yet tried at the present host */
/* Whether the connection is one in which REQUIRETLS may be said (RFC 8689 §2). */
bool transfer_may_require_tls(const struct delivery *d);
/* The next transaction at this host; delivery_after_host if the message fits it for nobody. */
void transfer_send(struct delivery *d);
/* Takes over the results of the transaction. only_final: what is temporary stays open at this host.
 */
void transfer_absorb(struct delivery *d, bool only_final);
/* Gives every open recipient without a status this one: the first failure counts, which is that of
 * the best host. */
void transfer_note(struct delivery *d, const struct status *why);
/* No attempt in this delivery for those whom the configuration sends elsewhere than the job. */
void transfer_leave_others(struct delivery *d, int64_t now_ms);
/* This status for every open recipient, whatever it had. */
void transfer_close_all(struct delivery *d, const struct status *why);

/* What the message asks of the present hop. A local socket is no wire, and what is behind it is delivery
 * (RFC 8689 §4.4). */
static inline enum verdict_demand delivery_demand(const struct delivery *d)
{
    return d->hop.path ? DEMAND_NONE : d->demand;
}

/* delivery.c: on to the next host. */
void delivery_after_host(struct delivery *d);

/* content.c: what the session's host must offer for the message. */
bool content_must_be_known(const struct delivery *d);
void content_look(struct delivery *d);  /* then transfer_send */
void content_pause(struct delivery *d); /* the session is gone; what was seen is kept */
void content_forget(struct delivery *d);
/* The address as it may be said to this host; borrowed from the delivery. */
const char *content_address(struct delivery *d, const char *address);
/* Whether it can have the message for that recipient; *out_why says why not. */
bool content_fits(const struct delivery *d, const char *rcpt, struct status *out_why);
/* How the content is brought into 7-bit form for it; NULL: it goes as it is. */
const struct survey *content_conversion(const struct delivery *d);

/* delivery_log.c: the attempt at hand and its host, and what is told of them. */
const struct attempt *delivery_attempt(const struct delivery *d);
const char *delivery_host_name(const struct delivery *d, size_t host);
void delivery_log_host(const struct delivery *d, const char *result, const struct status *why);
void delivery_note_host(struct delivery *d, const char *result, const struct status *why);
void delivery_note_audited(struct delivery *d, const struct status *why);
void delivery_note_audited_skip(struct delivery *d);

/* trail.c: from the session, or the host that was skipped, as they are now; why: the status told. */
void trail_leave(const struct delivery *d, const struct status *why, struct trail *t);

/* settle.c: outcomes, notifications, log lines; the job goes back to the queue. */
void delivery_settle(struct delivery *d);

#endif
