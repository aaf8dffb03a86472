/* The document of `danelaw check`: plain values of the delivery code as JSON. Its members are
 * described in contrib/check.schema.json, and stay. Each function returns a new reference, or adds
 * to an object. */
#ifndef DANELAW_RUN_CHECK_DOCUMENT_H
#define DANELAW_RUN_CHECK_DOCUMENT_H

#include "mta/out/hops.h"
#include "mta/run/check/private.h"
#include "tls/diagnose.h"

enum { CHECK_FINDINGS = 16 }; /* of one subject */

/* What is known before any question: domain, time, rules, resolver. */
json_t *check_document_json(const struct check_ctx *ctx, const char *asked, const char *domain);
/* A next hop. facts: NULL for an address. with_dns: its lookups too. "hosts" is empty. */
json_t *check_hop_json(const struct check_ctx *ctx, const struct hop *hop,
                       const struct dest_facts *facts, bool with_dns);
json_t *check_status_json(const struct status *s);
json_t *check_tls_json(const struct tls_outcome *o);
/* The certificates that were sent, leaf first, each with the TLSA records it would make. */
json_t *check_chain_json(SSL *ssl);

/* Members "verdict" and, if the host must not be used, "skipped"; under audit "audited" likewise.
 */
void check_add_verdict(json_t *host, const struct check_ctx *ctx, const struct verdict *v);
/* Members "addresses_security" and "candidates". */
void check_add_host_facts(json_t *host, const struct check_ctx *ctx, const struct dest_facts *facts,
                          size_t i);
/* To member "findings", which is made if it is not there. */
void check_add_findings(json_t *o, const struct check_ctx *ctx, const struct finding *found,
                        size_t n);

#endif
