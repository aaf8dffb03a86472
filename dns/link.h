/* mta's end of the link to the dns process: questions, one lookup per destination in flight, the facts
 * cache by TTL, our own deadline. Lives on one loop (main); dns_link_ask is for any thread.
 *
 * If the dns process dies, open questions are asked again when the supervisor attaches a new one;
 * a question whose deadline passes first comes home with facts of kind DEST_ERROR. A frame that does
 * not parse drops the link, as if the process had died. */
#ifndef DANELAW_DNS_LINK_H
#define DANELAW_DNS_LINK_H

#include "config/base/loop.h"
#include "dns/facts.h"
#include "dns/plan.h"

enum resolver_state { RESOLVER_UNKNOWN, RESOLVER_VALIDATES, RESOLVER_NOT_VALIDATING };

struct dns_request {
    struct msg msg;
    struct loop *home;
    void (*done)(struct dns_request *); /* on home */
    enum plan_kind kind;
    char name[DNS_NAME_MAX]; /* normalised */
    uint16_t port;
    bool no_cache;           /* ask again even if cached facts are fresh */
    int64_t timeout_ms;
    struct dest_facts *facts; /* the asker's reference; never NULL when done is called */
    struct dns_link *link;    /* private below */
    int64_t deadline_ms;
    struct dns_request *next;
};

struct dns_link;

struct dns_link *dns_link_new(struct loop *loop);
void dns_link_free(struct dns_link **l); /* requests that are out never come home */
/* On the loop: takes fd (non-blocking socket to a new dns process). The old one is closed. */
void dns_link_attach(struct dns_link *l, int fd);
/* On the loop: called when the process on the other side is lost (NULL: not told). */
void dns_link_on_lost(struct dns_link *l, void (*run)(void *arg), void *arg);
/* Any thread. r belongs to the link until done is called on r->home. */
void dns_link_ask(struct dns_link *l, struct dns_request *r);
/* Any thread: what the self test last found. UNKNOWN until the first one has ended. */
enum resolver_state dns_link_resolver(const struct dns_link *l);
/* On the loop: called at each change of that state, with the detail in words. */
void dns_link_on_state(struct dns_link *l,
                       void (*run)(void *arg, enum resolver_state state, const char *detail),
                       void *arg);

/* Tests: a script instead of a process. Each question is answered by fn (one reference, not NULL). */
typedef struct dest_facts *dns_script_fn(void *arg, enum plan_kind kind, const char *name,
                                         uint16_t port);
void dns_link_script(struct dns_link *l, dns_script_fn *fn, void *arg, enum resolver_state state);

/* Frame kinds on the link. ASK: u64 id, u8 plan_kind, str name, u16 port. FACTS: u64 id, facts.
 * STATE: u8 resolver_state, str detail. QUERY: u64 id, u16 type, str name. RECORDS: u64 id, records. */
enum dns_frame {
    DNS_FRAME_ASK = 1,
    DNS_FRAME_FACTS = 2,
    DNS_FRAME_STATE = 3,
    DNS_FRAME_QUERY = 4,   /* a plain lookup (dns/query.h) */
    DNS_FRAME_RECORDS = 5,
};

#endif
