/* The link on one loop with the fake clock; the dns process is played by the test at the other end of a
 * socket pair. One rig per test process. */
#ifndef DANELAW_TEST_DNS_LINK_RIG_H
#define DANELAW_TEST_DNS_LINK_RIG_H

#include "config/base/buf.h"
#include "dns/link.h"

enum { MAX_REQUESTS = 16 };

extern struct link_rig {
    struct loop *loop;
    struct dns_link *link;
    int peer;
    struct buf in; /* what the process has read */
    struct dns_request r[MAX_REQUESTS];
    size_t n, home;
    int lost, changes;
    char detail[100];
} t;

struct asked {
    uint64_t id;
    char name[DNS_NAME_MAX];
    uint8_t kind;
    uint16_t port;
};

void link_begin(void);
void link_end(void);
void link_attach(void); /* a new process */
void link_pump(void);
void link_advance(int64_t ms);

struct dns_request *link_ask_as(const char *name, enum plan_kind kind, uint16_t port, bool no_cache,
                                int64_t timeout_ms);
struct dns_request *link_ask(const char *name); /* by MX, and pumped */
bool link_take(struct asked *out);              /* the next question; false: none */
struct asked link_take_one(const char *name);
void link_nothing_asked(const char *what);

void link_send_frame(uint8_t kind, struct slice body);
void link_send_facts(const struct asked *a, const struct dest_facts *f);
void link_answer(const struct asked *a, uint32_t ttl); /* a null MX: the smallest facts there are */
void link_answer_late(const struct asked *a, uint32_t ttl, int64_t age_ms);
void link_send_state(unsigned state, const char *detail);

#endif
