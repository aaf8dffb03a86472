/* The content of a message on its way into a client machine, in bounded steps. Private to mta/out.
 * One worker. */
#ifndef DANELAW_OUT_SESSION_BODY_H
#define DANELAW_OUT_SESSION_BODY_H

#include "config/base/limits.h"
#include "mta/mail/recode.h"
#include "mta/smtp/client.h"
#include "queue/body.h"

struct body_source { /* zeroed: empty */
    struct body *body;
    uint64_t offset; /* octets that were taken */
    char *chunk;     /* of a file: what was read ahead */
    uint64_t chunk_at;
    size_t chunk_n;
    struct recode *recode; /* NULL: it goes as it is */
    struct buf recoded;    /* not yet taken */
    bool recode_ended;
};

/* Takes a reference (NULL: none will be asked for); conversion is borrowed (NULL: none). */
void body_source_begin(struct body_source *b, struct body *body, const struct survey *conversion);
void body_source_end(struct body_source *b);
/* Feeds the machine while out has room; at the end the final dot. False: the content cannot be read
 * to its end, *out_why says so, and the session must die without the dot. */
MUST_USE bool body_source_pump(struct body_source *b, struct smtp_client *c, struct buf *out,
                               struct status *out_why);

#endif
