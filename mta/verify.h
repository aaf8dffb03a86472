/* Whether a recipient's next hop would take it: what the way in asks and the way out answers, without
 * seeing each other. One worker. */
#ifndef DANELAW_MTA_VERIFY_H
#define DANELAW_MTA_VERIFY_H

#include "config/base/list.h"
#include "config/base/status.h"

enum verify_answer {
    VERIFY_PENDING, /* done is called, once, from the loop */
    VERIFY_ACCEPT,  /* it takes it, or it cannot be asked (it refuses every probe) */
    VERIFY_REFUSE,  /* it said 5yz to this recipient: status has its words */
    VERIFY_UNKNOWN, /* it did not say, or not for good: status says why */
};

struct verify_request {
    const char *address; /* local-part@domain; borrowed until the answer is there */
    const char *domain;  /* normalised */
    bool smtputf8;
    void (*done)(struct verify_request *);
    enum verify_answer answer;
    struct status status;
    struct list node; /* while PENDING; to take it out with list_remove is to withdraw the request */
};

struct verifier;
/* The answer is in r too. */
typedef enum verify_answer verify_fn(struct verifier *v, struct verify_request *r);

#endif
