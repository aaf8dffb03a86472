/* The verdict per MX host: one pure function from (rule, facts) to level, TLSA base domain,
 * reference identifiers and usable records, or skip with a cause. The log line, the DSN, TLSRPT and
 * `danelaw check` all print this same value. The table is in verdict.c and in the README. */
#ifndef DANELAW_TLS_VERDICT_H
#define DANELAW_TLS_VERDICT_H

#include "config/base/status.h"
#include "config/config.h"
#include "dns/facts.h"

enum verdict_mode {
    VERDICT_SKIP,          /* this host must not be used; see skip */
    VERDICT_CLEAR,         /* no TLS */
    VERDICT_OPPORTUNISTIC, /* TLS if offered, plaintext otherwise */
    VERDICT_ENCRYPT,       /* TLS or nothing, no authentication */
    VERDICT_DANE,          /* TLS and a matching TLSA record, or nothing */
    VERDICT_PKIX,          /* TLS and a publicly trusted certificate with the right name, or nothing */
};
const char *verdict_mode_name(enum verdict_mode m);

/* What the message itself asks of its way (RFC 8689). */
enum verdict_demand {
    DEMAND_NONE,
    DEMAND_REQUIRETLS,   /* §4.2.1: an authenticated server of an authenticated name, or it stays here */
    DEMAND_NOTIFICATION, /* §5: about such a message; it must not be lost, nor go in clear */
    DEMAND_TLS_OPTIONAL, /* §4.2.2, "TLS-Required: No": what the recipient's domain publishes is tried,
                            and where it fails mail goes with less. What the operator demands stays */
};

struct verdict_input {
    enum tls_level level;
    bool resolver_validates; /* the self test has passed; UNKNOWN counts as not */
    const struct dest_facts *dest; /* NULL: the next hop is an address literal (RFC 7672 §2.2) */
    size_t host;             /* index into dest->hosts */
    bool audit;              /* RFC 7672 §9.1: failures are logged, not enforced */
    enum verdict_demand demand;
};

enum { VERDICT_NAMES = 3, VERDICT_WHY = 200 };

struct verdict {
    enum verdict_mode mode;
    struct status skip;             /* if mode is SKIP; under audit also what it would have been skipped for */
    bool audit;                     /* where this mode fails, verdict_weaker may be tried: by the policy
                                       or because the message says "TLS-Required: No" */
    bool mx_secure;                 /* DNSSEC led from the next hop to this host */
    bool half_dane;                 /* DANE, but the MX RRset was not secure: never called verified */
    const char *base;               /* TLSA base domain and SNI; "" if none; borrows from the facts */
    const char *names[VERDICT_NAMES]; /* reference identifiers (RFC 7672 §3.2.2), base first */
    size_t n_names;
    const struct tlsa_record *records; /* the whole RRset, borrows from the facts */
    size_t n_records;
    uint64_t usable;                /* bit i: records[i] is usable */
    bool sole_unusable;             /* ENCRYPT because secure records exist but none is usable */
    char why[VERDICT_WHY];          /* in plain words, with the clause */
    const char *clause;             /* "RFC 7672 section 2.2.1", or the option that decides; static */
};

struct verdict verdict_decide(const struct verdict_input *in);

/* The level for tls_dane_client: at DEMAND_REQUIRETLS records that turn out useless leave nothing. */
enum tls_level verdict_session_level(enum tls_level level, enum verdict_demand demand);
/* What the demand comes to under a policy, in plain words; static. */
const char *verdict_demand_words(enum tls_level level, enum verdict_demand demand);

/* The mode that may be tried, on a new connection, after a failure to get the TLS that v asks for; SKIP
 * if nothing weaker is allowed. Opportunistic TLS goes on in clear (RFC 7672 §2.2); DANE goes on with
 * less only in audit-only mode (§9.1). implicit_tls: the port speaks TLS from the first octet. */
enum verdict_mode verdict_weaker(const struct verdict *v, bool implicit_tls);

/* Why a record is unusable for SMTP (RFC 7672 §3.1.3, RFC 6698 §4.1), or NULL if it is usable as
 * far as its fields tell; certificates and keys in full are tried by OpenSSL too (tls/dane.h). */
const char *tlsa_unusable_why(const struct tlsa_record *r);

enum { VERDICT_KEY = 32 };
/* A digest of all that decided authentication: mode, base, names, usable records. Connections may
 * be shared only between equal keys. */
void verdict_key(const struct verdict *v, uint8_t out_key[VERDICT_KEY]);

#endif
