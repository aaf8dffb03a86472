/* PEM files of our own identities. Read in one go, so that a file which is replaced meanwhile is
 * either the old or the new one. Private to tls/. */
#ifndef DANELAW_TLS_PEM_H
#define DANELAW_TLS_PEM_H

#include <openssl/x509.h>

/* Both return NULL, or static words for why not (then nothing is set). The caller owns what is set.
 * out_rest: the certificates behind the first, never NULL. */
const char *pem_read_chain(const char *file, X509 **out_leaf, STACK_OF(X509) **out_rest);
const char *pem_read_key(const char *file, EVP_PKEY **out_key);

#endif
