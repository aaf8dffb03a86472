/* What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1). Keywords match whole and in any
 * case; unknown ones are ignored, and so is a value that is no sound one. Pure. */
#ifndef DANELAW_SMTP_CAPABILITY_H
#define DANELAW_SMTP_CAPABILITY_H

#include "config/base/slice.h"

enum client_capability {
    CAP_STARTTLS = 1,
    CAP_PIPELINING = 2,
    CAP_SIZE = 4,
    CAP_8BITMIME = 8,
    CAP_SMTPUTF8 = 16,
    CAP_ENHANCED = 32,
    CAP_DSN = 64,
    CAP_CHUNKING = 128,
    CAP_REQUIRETLS = 256,
    CAP_LIMITS = 512,
    CAP_AUTH = 1024,
};

/* Mechanisms that we speak, the better one the smaller. */
enum client_mechanism { MECHANISM_SCRAM_SHA_256 = 1, MECHANISM_PLAIN = 2, MECHANISM_LOGIN = 4 };

struct capabilities {
    unsigned mask;       /* of enum client_capability */
    unsigned mechanisms; /* of enum client_mechanism */
    uint64_t max_size;   /* octets, RFC 1870; 0: no limit known */
    /* RFC 9422; 0: no limit known. */
    uint64_t mail_max;        /* transactions of a session */
    uint64_t rcpt_max;        /* recipients of a transaction */
    uint64_t rcpt_domain_max; /* different recipient domains of a session */
};

/* text: the reply's lines joined by '\n'; the first is the greeting. At most LIMIT_EHLO_KEYWORDS
 * lines are looked at. */
struct capabilities capabilities_parse(struct slice text);
/* "SCRAM-SHA-256", … */
const char *mechanism_name(enum client_mechanism m);

#endif
