/* Whether a recipient's next hop would take it: what the way in asks and the way out answers, without
 * seeing each other. */
#ifndef DANELAW_MTA_VERIFY_H
#define DANELAW_MTA_VERIFY_H

#include "config/base/list.h"
#include "config/base/loop.h"
#include "config/base/status.h"

enum verify_answer {
    VERIFY_ACCEPT,  /* it takes it, or it cannot be asked (it refuses every probe) */
    VERIFY_REFUSE,  /* it said 5yz to this recipient: status has its words */
    VERIFY_UNKNOWN, /* it did not say, or not for good: status says why */
};

struct verify_request {
    struct msg msg;
    struct loop *home;
    void (*done)(struct verify_request *); /* on home, exactly once */
    const char *address; /* local-part@domain; borrowed until done is called */
    const char *domain;  /* normalised */
    enum verify_answer answer;
    struct status status;
    struct verifier *verifier; /* private, as the rest */
    struct list node;
};

struct verifier;
/* Any thread. r belongs to the verifier until done is called. */
typedef void verify_fn(struct verifier *v, struct verify_request *r);

#endif
