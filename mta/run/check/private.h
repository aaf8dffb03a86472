/* What the parts of `danelaw check` share. One loop, one thread. */
#ifndef DANELAW_RUN_CHECK_PRIVATE_H
#define DANELAW_RUN_CHECK_PRIVATE_H

#include <jansson.h>

#include "mta/worker_ctx.h"

enum { CHECK_MAX_AHEAD_DAYS = 3650 };

struct check_ctx {
    struct settings *settings;
    struct worker_ctx worker; /* what sessions want; there is no queue and no pool */
    struct loop *loop;
    struct dns_link *dns;
    bool dns_gone;               /* the dns process does not live: nothing will be answered */
    const char *resolver_detail; /* words of the self test */
    int64_t now_ms;              /* wall clock at the start: one "now" for all */
    int ahead_days;              /* 0: only now */
    bool explain;                /* with what the clauses say */
};

/* How an answer counts: the exit status of the command is the worst of all. */
enum check_answer { CHECK_YES = 0, CHECK_NO = 1, CHECK_UNDETERMINED = 3 };

/* "No" is a surer answer than "undetermined", so it stands for both. */
static inline enum check_answer check_answer_worse(enum check_answer a, enum check_answer b)
{
    return b == CHECK_NO || a == CHECK_YES ? b : a;
}

/* print.c: the document of one destination, for a person. */
void check_print(json_t *document);

/* summary.c: one line per document, in the order given, then totals. */
void check_print_summary(json_t *const *documents, size_t n);

/* explain.c: what a clause says ("RFC 7672 section 2.2.1"), in a sentence or two; NULL if it is
 * none that `check` prints. */
const char *check_clause_words(const char *clause);

#endif
