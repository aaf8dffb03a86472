/* What a filter says, parsed as hostile input: a filter may decide about mail, but not about our
 * memory, our replies' form or the lines of a header. Pure. */
#ifndef DANELAW_MILTER_REPLY_H
#define DANELAW_MILTER_REPLY_H

#include "config/base/status.h"
#include "mta/milter/packet.h"

struct milter_options {
    uint32_t version, actions, steps;
};

/* Which members are set is said by kind. Slices borrow from the packet. */
struct milter_reply {
    enum milter_answer kind;
    uint32_t index;     /* INSERT_HEADER, CHANGE_HEADER */
    struct slice name;  /* of a header field */
    struct slice text;  /* its value; an address; a reason; part of a body */
    struct slice extra; /* parameters of an address, empty if there are none */
    uint16_t code;      /* REPLY: 400 to 559 */
    struct esc esc;     /* likewise; class 0: the filter gave none */
    char words[STATUS_TEXT_MAX]; /* likewise: one line without control characters */
};

/* False if it is no answer of the protocol or not of its form: unknown, data where none belongs, strings
 * without their end, a code that does not refuse, words with control characters. */
MUST_USE bool milter_reply_parse(const struct milter_packet *p, struct milter_reply *out);

/* The filter's side of the negotiation. NULL and *out is set; or what is wrong with it. */
const char *milter_options_parse(const struct milter_packet *p, struct milter_options *out);

/* Whether this filter may say this as an answer to that command, as far as it is no change: each
 * command has its answers. */
bool milter_answer_fits(enum milter_command to, enum milter_answer answer, uint32_t steps);
/* Whether it is a change, and one that was agreed on. */
bool milter_is_change(enum milter_answer answer);
bool milter_may_change(enum milter_answer answer, uint32_t actions);

#endif
