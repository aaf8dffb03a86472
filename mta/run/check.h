/* `danelaw check DOMAIN`: the live verdict for a destination by the delivery code and the live policy.
 * It asks a dns process of its own, makes the same plan and the same verdicts as a delivery, connects
 * to each host, and stops where MAIL FROM would be said. All it finds is one JSON document; the text
 * form is printed from that document. */
#ifndef DANELAW_RUN_CHECK_H
#define DANELAW_RUN_CHECK_H

#include <jansson.h>

#include "config/config.h"

/* Takes c's reference. Returns the exit status: 0 would be delivered · 1 would not · 2 not a domain or a
 * broken configuration · 3 undetermined. */
int check_run(struct config *c, const char *domain, bool as_json);

/* The document as text for a person. */
void check_print(json_t *document);

#endif
