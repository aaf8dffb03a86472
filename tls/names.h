/* The names of our own certificates, to choose among them by the server name of a ClientHello. */
#ifndef DANELAW_TLS_NAMES_H
#define DANELAW_TLS_NAMES_H

#include <openssl/x509.h>

#include "config/base/hostname.h"

/* Lower case A-labels; a wildcard's '*' is the whole left-most label. */
struct tls_names {
    char **v;
    size_t n; /* at most LIMIT_SNI_NAMES */
};

/* Adds the dNSName entries of a certificate; its CN if it has none (RFC 7672 §3.2.3). What no
 * server name can match is left out. False: there are more than LIMIT_SNI_NAMES. */
MUST_USE bool tls_names_add(struct tls_names *names, X509 *cert);
void tls_names_free(struct tls_names *names);

enum tls_name_match { NAME_DIFFERS, NAME_BY_WILDCARD, NAME_EXACT };
/* RFC 6125 §6.4.1, §6.4.3: a wildcard stands for exactly one label, the left-most. Partial
 * wildcards are not known. name: normalised. Pure. */
enum tls_name_match tls_name_match(const char *presented, const char *name);
/* The best match of all. */
enum tls_name_match tls_names_match(const struct tls_names *names, const char *name);

#endif
