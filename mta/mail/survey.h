/* What a message's content asks of its way: whether it has octets above 127, in a header or at all, and
 * whether and how each part could go in 7-bit form (RFC 6152 §3). Streams; an octet of memory per part.
 * Pure. */
#ifndef DANELAW_MAIL_SURVEY_H
#define DANELAW_MAIL_SURVEY_H

#include "mta/mail/mime.h"

/* What becomes of a part. */
enum survey_form {
    FORM_AS_IS,
    FORM_LABEL, /* a container that says 8bit or binary: 7bit, as its parts are now */
    FORM_QUOTED,
    FORM_BASE64,
};

struct survey {
    bool eight_bit;        /* anywhere */
    bool header_eight_bit; /* in a header section, at any level (RFC 6531 §3.2) */
    const char *why;       /* static: why it cannot go in 7-bit form; NULL: it can */
    uint8_t *forms;        /* by index of the entity; survey_free */
    size_t n_forms;
    /* private */
    struct mime_walk walk;
    struct mime_lines lines;
    size_t leaf;                  /* index of the one that is read */
    uint64_t octets, high, other; /* of it: all, above 127, others that quoted-printable encodes */
};

struct survey *survey_new(void);
void survey_free(struct survey **s);
void survey_feed(struct survey *s, struct slice content);
void survey_end(struct survey *s);

#endif
