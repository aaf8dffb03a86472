/* The parts of the document of `danelaw check`: plain values of the delivery code as JSON. */
#ifndef DANELAW_RUN_CHECK_DOCUMENT_H
#define DANELAW_RUN_CHECK_DOCUMENT_H

#include <jansson.h>

#include "tls/dane.h"

json_t *check_status_json(const struct status *s);
json_t *check_tls_json(const struct tls_outcome *o);
/* Members "verdict", "addresses" (empty) and, if the host must not be used, "skipped". */
void check_add_verdict(json_t *host, const struct verdict *v);
/* Member "dns": every step of the lookup plan. */
void check_add_steps(json_t *hop, const struct dest_facts *facts);

#endif
