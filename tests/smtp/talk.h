/* What the tests of mta/smtp share: feeding input in every segmentation, a session that drives the
 * server machine by simple rules, a seeded random source. */
#ifndef DANELAW_TESTS_SMTP_TALK_H
#define DANELAW_TESTS_SMTP_TALK_H

#include "mta/smtp/server.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define CHECK_LEAKS() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "leak")
#else
#define CHECK_LEAKS() ((void)0)
#endif

enum { TALK_ERRORS = 20, TALK_NOISE = 100 }; /* budgets that the tests configure */

/* How input is cut: 0 whole, 1 octet by octet, 2 + k at octet k. */
size_t talk_cuts(size_t n); /* how many ways there are for n octets */
/* The next piece of an input of which `done` octets were fed. */
struct slice talk_piece(struct slice input, size_t way, size_t done);

uint32_t talk_random(uint64_t *seed); /* xorshift; the same everywhere */

/* A session: accepts every client but refuse.example, every sender but <refuse@…>, every recipient but <bad…>
 * (5xx) and <later…> (4xx), DATA unless `refuse_data`, chunks unless `refuse_chunk`, XCLIENT unless for the
 * user nobody, and every message that is not bad. Of AUTH "good" is right, "temp" fails for now, "more" or
 * nothing is answered by a challenge, all else is wrong. Notes what happened. */
struct talk {
    struct smtp_server server;
    struct buf in, out, events, content;
    bool closed, refuse_data, refuse_chunk;
    size_t messages;
};

void talk_init(struct talk *t, const struct smtp_server_config *cfg);
void talk_free(struct talk *t);
void talk_pump(struct talk *t);                 /* handles what is in `in` */
void talk_feed(struct talk *t, struct slice s); /* appends and pumps */
unsigned talk_code(struct talk *t);             /* code of the last reply in out */

#endif
