/* Parameters of MAIL and RCPT, checked to the letter; duplicates and unknown ones are refused
 * (RFC 5321 §4.1.1.11). One table row per parameter. Pure. */
#ifndef DANELAW_SMTP_PARAMS_H
#define DANELAW_SMTP_PARAMS_H

#include "config/base/limits.h"
#include "config/base/status.h"

struct mail_params {
    bool has_size, eight_bit;
    uint64_t size;               /* RFC 1870 */
    bool smtputf8;               /* RFC 6531 §3.4 */
    bool requiretls;             /* RFC 8689 §2 */
    bool auth;                   /* AUTH= was said, well formed (RFC 4954 §5); the value is forgotten: we
                                    trust nobody's word for who else sent a message */
    unsigned ret;                /* enum dsn_ret; 0: not said (RFC 3461 §4.3) */
    char envid[LIMIT_ENVID + 1]; /* decoded, printable ASCII; "": not said (RFC 3461 §4.4) */
};

struct rcpt_params {
    unsigned notify;             /* enum dsn_notify; 0: not said (RFC 3461 §4.1) */
    char orcpt[LIMIT_ORCPT + 1]; /* "type;address", decoded; "": not said (RFC 3461 §4.2) */
};

/* rest: what follows the path, e.g. " SIZE=10 BODY=8BITMIME". On anything but OK (BAD_ARGUMENT,
 * BAD_PARAMETER, PARAMETER_VALUE) *out is undefined. Whether what was said is offered at all, is
 * the caller's to judge. */
struct status params_parse_mail(struct slice rest, struct mail_params *out);
/* smtputf8: the transaction has it, so that an ORCPT may hold UTF-8 as it is (RFC 6533 §3). */
struct status params_parse_rcpt(struct slice rest, bool smtputf8, struct rcpt_params *out);

#endif
