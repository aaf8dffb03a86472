/* One status value runs through everything: a cause, from which a table derives the reply code, the
 * enhanced code (RFC 3463), retry or bounce, the TLSRPT result type (RFC 8460 §4.3), the metric
 * label, whose fault it is and the words. Plain data, passed by value. Pure. */
#ifndef DANELAW_STATUS_H
#define DANELAW_STATUS_H

#include "config/base/slice.h"

enum cause {
#define CAUSE(name, code, c, s, d, disp, fault, tlsrpt, words, remedy) CAUSE_##name,
#include "config/base/causes.def"
#undef CAUSE
    CAUSE_COUNT
};

enum disposition { DISP_DONE, DISP_RETRY, DISP_BOUNCE };

enum fault { FAULT_NONE, FAULT_SENDER, FAULT_LOCAL, FAULT_NETWORK, FAULT_RECEIVER, FAULT_RECEIVER_DNS };

struct esc { /* enhanced status code, RFC 3463 */
    uint8_t cls;
    uint16_t subject, detail;
};

struct cause_info {
    const char *name; /* upper case, as in causes.def */
    uint16_t code;
    struct esc esc;
    enum disposition disposition;
    enum fault fault;
    const char *tlsrpt; /* "" when the cause is no TLS failure */
    const char *words, *remedy;
};

enum { STATUS_TEXT_MAX = 400 };

struct status {
    enum cause cause;
    uint16_t code;   /* of the peer if it gave one, else the table's */
    struct esc esc;  /* likewise */
    bool from_peer;  /* text is the peer's reply, not our words */
    char text[STATUS_TEXT_MAX]; /* one line, printable ASCII or UTF-8, no control characters */
};

const struct cause_info *cause_info(enum cause cause);
const char *fault_words(enum fault fault); /* "the receiving domain's DNS", … */
/* The cause with that name; false if there is none (state written by another version). */
MUST_USE bool cause_from_name(struct slice name, enum cause *out_cause);

/* A status with the table's codes and words. */
struct status status_of(enum cause cause);
/* The same with words of one's own, cut to fit; control characters become '?'. */
struct status status_make(enum cause cause, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A peer's reply as a status: code and text as it gave them, the enhanced code from the start of
 * its text if it is well formed and of the same class, else x.0.0. 2yz: REMOTE_OK, 4yz:
 * REMOTE_TEMPFAIL (421: REMOTE_CLOSING), 5yz: REMOTE_PERMFAIL. */
struct status status_from_reply(uint16_t code, struct slice text);
enum disposition status_disposition(const struct status *s);
bool status_ok(const struct status *s); /* disposition DONE */
/* "4.7.5", into text of at least 16 octets; returns it. */
const char *esc_text(struct esc esc, char text[16]);

#endif
