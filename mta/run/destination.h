/* The destination that a person names on a command line. Pure. */
#ifndef DANELAW_RUN_DESTINATION_H
#define DANELAW_RUN_DESTINATION_H

#include "dns/name.h"

/* A domain ("example.org", U-labels too), an address literal with or without its brackets, or a mail address,
 * of which the domain counts. out: normalised, as the delivery code knows it. False: it is none of
 * these; out is untouched. */
MUST_USE bool destination_parse(const char *text, char out[DNS_NAME_MAX]);

#endif
