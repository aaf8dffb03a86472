/* The status process: HTTP for metrics, health and a status page. It gets snapshots from mta once a
 * second and can change nothing. GET / and /metrics (Prometheus) and /healthz (200 or 503). */
#ifndef DANELAW_RUN_STATUS_H
#define DANELAW_RUN_STATUS_H

#include <jansson.h>

#include "config/base/base.h"

/* mta's side: sends one snapshot as a frame without waiting; takes the reference. False: the link is
 * broken. A snapshot that the reader is too slow for is left out. */
MUST_USE bool status_send(int link, json_t *snapshot);

#endif
