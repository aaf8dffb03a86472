/* TLSA records by themselves: usability and order. Private to tls/. Pure. */
#ifndef DANELAW_TLS_TLSA_H
#define DANELAW_TLS_TLSA_H

#include "dns/facts.h"

/* RFC 6698 §7: the values SMTP works with. */
enum { TLSA_PKIX_TA = 0, TLSA_PKIX_EE = 1, TLSA_DANE_TA = 2, TLSA_DANE_EE = 3 };
enum { TLSA_CERT = 0, TLSA_SPKI = 1 };
enum { TLSA_FULL = 0, TLSA_SHA256 = 1, TLSA_SHA512 = 2 };

/* A total order over content, so that a rotated RRset compares and digests as the same. */
int tlsa_compare(const struct tlsa_record *a, const struct tlsa_record *b);

#endif
