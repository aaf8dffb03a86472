/* What the files of the diagnosis share. Private to tls/diagnose*.c. */
#ifndef DANELAW_TLS_DIAGNOSE_PRIVATE_H
#define DANELAW_TLS_DIAGNOSE_PRIVATE_H

#include "config/base/limits.h"
#include "tls/chain.h"
#include "tls/diagnose.h"
#include "tls/tlsa.h"

struct findings {
    struct finding *out;
    size_t n, max;
};

/* Adds a finding: its words and, in brackets, the particulars ("" for none). Returns it, or NULL if
 * there is no room. */
struct finding *finding_add(struct findings *f, enum finding_id id, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The record "_port._tcp.base. IN TLSA u s m hex" as what mends; finding NULL is fine. */
void finding_mend(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                  unsigned selector, unsigned mtype, const char *hex);
/* The same with the data of r under other parameters; nothing if it is too long to print. */
void finding_mend_data(struct finding *finding, uint16_t port, const char *base, unsigned usage,
                       unsigned selector, unsigned mtype, const struct tlsa_record *r);

enum { RECORD_TEXT = 40 };
/* "3 1 1 87dc5be7..." */
const char *record_text(const struct tlsa_record *r, char text[RECORD_TEXT]);
enum { DAY_TEXT = 24 };
const char *day_text(int64_t unix_s, char text[DAY_TEXT]); /* "2026-09-01" */
bool is_usable(const struct verdict *v, size_t i);
/* The matching type that a new record must have to count beside those that are there (RFC 7671 §9).
 */
int mtype_that_counts(const struct verdict *v, int usage, int selector);
bool is_empty_digest(const struct tlsa_record *r);
/* The digest whose hexadecimal text the record holds, into out; its length, or 0. */
size_t hex_of_hex(const struct tlsa_record *r, uint8_t out[CERTIFICATE_DIGEST]);

/* ---- what records may have been made of (diagnose_object.c) ---- */

enum object_form { OBJECT_CERT, OBJECT_SPKI, OBJECT_CERT_PEM, OBJECT_KEY_PEM, OBJECT_BARE_KEY };

struct object {
    enum object_form form;
    size_t depth; /* of the certificate, 0: leaf */
    uint8_t *data;
    size_t n;
    uint8_t sha256[32], sha512[64];
};

enum { DIAGNOSE_CERTS = LIMIT_VERIFY_DEPTH, OBJECTS_PER_CERT = 12 };
struct objects {
    struct object list[DIAGNOSE_CERTS * OBJECTS_PER_CERT];
    size_t n;
};
void objects_make(STACK_OF(X509) * sent, struct objects *out);
void objects_free(struct objects *o);
/* What r's data is made of, and in which form (a matching type); NULL: nothing that was sent. */
const struct object *objects_find(const struct objects *o, const struct tlsa_record *r,
                                  int *out_mtype);

/* ---- one attempt (diagnose.c) ---- */

struct diagnosis {
    const struct tls_diagnosis *in;
    const struct verdict *v;
    STACK_OF(X509) * sent; /* NULL: none */
    struct certificate certs[DIAGNOSE_CERTS];
    size_t n;
    struct objects objects;
    struct findings *f;
};

/* The record 3 1 1 of the leaf, or 3 1 2 where that is what counts. */
void mend_with_leaf(const struct diagnosis *d, struct finding *finding);
/* Usage 2 with the certificate at that depth. */
void mend_with_issuer(const struct diagnosis *d, struct finding *finding, int selector,
                      size_t depth);
/* Whether the leaf carries one of the names that count. */
bool leaf_is_named(const struct diagnosis *d);

void diagnose_no_match(const struct diagnosis *d);         /* diagnose_match.c */
void diagnose_combinations(const struct diagnosis *d);     /* of an accepted connection */
void diagnose_chain(const struct diagnosis *d, long code); /* diagnose_chain.c; an X509_V_ERR_ */
void diagnose_soon(const struct diagnosis *d);

#endif
