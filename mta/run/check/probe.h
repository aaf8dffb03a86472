/* One connection to one address of one host, up to where MAIL FROM would be said. */
#ifndef DANELAW_RUN_CHECK_PROBE_H
#define DANELAW_RUN_CHECK_PROBE_H

#include "mta/out/hops.h"
#include "mta/out/session.h"
#include "mta/run/check/private.h"
#include "tls/certificate.h"

struct probe_start {
    struct check_ctx *ctx;
    const struct hop *hop;
    struct dest_facts *facts; /* NULL: the hop is an address */
    const char *host;         /* unexpanded */
    struct ip_port to;
    struct verdict verdict; /* borrows from facts */
    enum tls_level level;
    struct tls_probe tls;
    uint32_t tlsa_ttl_s; /* of the TLSA RRset, 0: unknown */
};

struct probe_result {
    struct status status; /* OK: ready for MAIL FROM */
    bool no_tls;          /* it failed for want of the TLS that the verdict asks for */
    bool has_tls;         /* a handshake was made; tls says how it ended */
    struct tls_outcome tls;
    enum tls_key key;        /* of the certificate seen; ANY: none was */
    struct certificate leaf; /* unless key is ANY */
    char remote[320];
    json_t *json; /* the probe's object; the receiver's reference */
};

/* done is called once, from the loop, and its result is valid only inside; the probe is gone by
 * then. */
void probe_open(const struct probe_start *start,
                void (*done)(void *arg, const struct probe_result *result), void *arg);

#endif
