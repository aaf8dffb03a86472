/* Parameters of MAIL and RCPT, checked to the letter; duplicates and unknown ones are refused
 * (RFC 5321 §4.1.1.11). One table row per parameter. Pure. */
#ifndef DANELAW_SMTP_PARAMS_H
#define DANELAW_SMTP_PARAMS_H

#include "config/base/status.h"

struct mail_params {
    bool has_size, eight_bit;
    uint64_t size; /* RFC 1870 */
};

/* rest: what follows the path, e.g. " SIZE=10 BODY=8BITMIME". RCPT takes none yet. On anything but OK
 * (BAD_ARGUMENT, BAD_PARAMETER, PARAMETER_VALUE) *out is undefined. */
struct status params_parse_mail(struct slice rest, struct mail_params *out);
struct status params_parse_rcpt(struct slice rest);

#endif
