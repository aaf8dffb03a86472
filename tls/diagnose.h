/* Why DANE failed, or is weaker than it was meant to be: from what was seen to the likely cause,
 * whose fault it is, the record that would mend it, and the clause. Behind `danelaw check` and the
 * delivery log's remedy. Explains only: nothing here decides whether mail goes (tls/verdict.h,
 * tls/dane.h do).
 *
 * Each function writes at most max findings, the likeliest cause first, and returns how many. What
 * comes from a peer or from DNS is escaped and cut. Pure; any thread (but an SSL's own). */
#ifndef DANELAW_TLS_DIAGNOSE_H
#define DANELAW_TLS_DIAGNOSE_H

#include "tls/certificate.h"
#include "tls/dane.h"

enum finding_id {
#define FINDING(id, name, fault, effect, clause, words) FINDING_##id,
#include "tls/findings.def"
#undef FINDING
    FINDING_COUNT
};

enum finding_effect {
    EFFECT_STOPS, /* mail waits */
    EFFECT_COSTS, /* mail goes, with less assurance than was meant */
    EFFECT_HINT,  /* all is well today */
};

struct finding_info {
    const char *name; /* "key-renewed" */
    enum fault fault;
    enum finding_effect
        effect;         /* as a rule; if the connection was accepted, STOPS did not stop it */
    const char *clause; /* "RFC 7671 section 8.1"; "" if only our own floor decides */
    const char *words;
};
const struct finding_info *finding_info(enum finding_id id);

enum { FINDING_TEXT = 480, FINDING_MEND = 440 };

struct finding {
    enum finding_id id;
    char text[FINDING_TEXT]; /* one line: the words, and the particulars of this case */
    /* What to publish, in zone file form, made of the certificate that was seen:
     * "_25._tcp.mx.example.org. IN TLSA 3 1 1 …"; "" if no record would mend it. */
    char mend[FINDING_MEND];
};

/* One attempt to get TLS. All pointers are borrowed. */
struct tls_diagnosis {
    const struct verdict *v;
    const struct tls_outcome *o; /* NULL: TLS did not begin */
    const struct status *status; /* why the session ended; NULL: as o says */
    SSL *ssl;                    /* for the certificates sent; NULL: none are known */
    const char *host; /* name of the host, where there is no TLSA base domain; NULL: unknown */
    uint16_t port;
    int64_t now_s;       /* Unix seconds */
    uint32_t tlsa_ttl_s; /* 0: unknown */
    unsigned soon_days;  /* what "expires soon" is; 0: two weeks, less for short-lived ones */
    bool one_key_type;   /* we would take only one type of key: to have none of it is no fault */
    /* Public authorities, to recognise one that was not sent; NULL: none. */
    X509_STORE *known;
};
size_t tls_diagnose_handshake(const struct tls_diagnosis *in, struct finding *out, size_t max);

/* The record set by itself, whatever the server shows. Some of it tls_diagnose_handshake finds too,
 * and mends better, as it knows the certificate. */
size_t tls_diagnose_records(const struct verdict *v, uint16_t port, struct finding *out,
                            size_t max);

/* The lookups. host: index into facts->hosts; SIZE_MAX: the destination as a whole (MX records,
 * hosts without records beside hosts with them). now_s: of our clock, to compare signatures with.
 */
size_t tls_diagnose_dns(const struct dest_facts *facts, size_t host, int64_t now_s,
                        struct finding *out, size_t max);

/* The same server asked twice, once for each type of key; leaf: what it showed, NULL: nothing. */
struct tls_key_type {
    const struct tls_outcome *o;
    const struct certificate *leaf;
};
size_t tls_diagnose_key_types(const struct verdict *v, uint16_t port, const struct tls_key_type *a,
                              const struct tls_key_type *b, struct finding *out, size_t max);

#endif
