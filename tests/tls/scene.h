/* What DNS says about a destination, in a line of text that reads like the summaries of the lookup
 * plan's tests:
 *
 *   [blind] [audit] [DEMAND] KIND SECURITY [NAME][>EXPANDED] { | HOST[>EXPANDED] ADDRESSES[/ALIAS] [tlsa
 * TLSA] } literal
 *
 *   blind      our resolver does not validate
 *   audit      audit-only mode
 *   DEMAND     of the message (RFC 8689): requiretls, notification, tls-optional
 *   KIND       MX, IMPLICIT, HOST, NULL_MX, NXDOMAIN, ERROR
 *   SECURITY   S secure, I insecure, B bogus, F failed, E both of these two in turn
 *   NAME       the next hop; left out: d.example
 *   ADDRESSES  data:S, nd:S, nx:I, err:E, …
 *   ALIAS      security of the alias alone, where it is another than that of the addresses
 *   TLSA       none (not asked; so is leaving it out), nd, nx, err:E, or the base and the records
 *   a record   usage, selector and matching type, 311 or 3.1.255, and :32 for data of so many
 * octets */
#ifndef DANELAW_TESTS_TLS_SCENE_H
#define DANELAW_TESTS_TLS_SCENE_H

#include "tls/verdict.h"

enum { SCENE_HOSTS = 3, SCENE_RECORDS = 4, SCENE_TEXT = 400 };

struct scene {
    struct dest_facts dest;
    struct host_facts hosts[SCENE_HOSTS];
    struct tlsa_record records[SCENE_HOSTS][SCENE_RECORDS];
    bool literal, blind, audit;
    enum verdict_demand demand;
    char text[SCENE_TEXT]; /* the names' storage */
};

/* error: the letter that E stands for. Text that is not of the form above ends the test. */
void scene_read(struct scene *s, const char *text, char error);
struct verdict scene_verdict(const struct scene *s, enum tls_level level, size_t host);

/* A verdict in words:
 *   "dane, base mx.d.example, also d.example, usable 1"   SNI and names; numbers of usable records
 *   "half-dane, base mx.d.example, usable 1 2"            the MX RRset was not secure
 *   "encrypt, base mx.d.example, usable none"
 *   "may, or clear"                                       what may be tried after a failure
 *   "may despite TLSA_LOOKUP, or clear"                   audit-only: what it would have been
 * skipped for "pkix, names mx.d.example" "skip TLSA_LOOKUP, retry"                             the
 * cause; retry or bounce if no host is left Returns text. */
const char *verdict_text(const struct verdict *v, char text[SCENE_TEXT]);

#endif
